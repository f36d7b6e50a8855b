#include "smtp_client.h"

#include <fmt/format.h>

#include <algorithm>

namespace postroad::bench {
namespace {

constexpr std::string_view kLine =
    "The post road carries this line from one town to the next, and loses none..\r\n";

// 64 KiB of lines, shared by all.
const std::string& block() {
  static const std::string lines = [] {
    std::string text;
    while (text.size() + kLine.size() <= 65536) text += kLine;
    return text;
  }();
  return lines;
}

std::string header_of(const SmtpPlan& plan, std::uint64_t number, std::string_view recipient) {
  return fmt::format(
      "Date: Sat, 01 Mar 2025 12:00:00 +0000\r\nFrom: Load <{}>\r\nTo: <{}>\r\n"
      "Subject: load {}\r\nMessage-ID: <{}.{}@load.test>\r\n\r\n",
      plan.sender, recipient, number, plan.run, number);
}

}  // namespace

void SmtpClient::connected() {
  in_.clear();
  out_.clear();
  sent_ = body_left_ = 0;
  expected_.assign(1, Expect::Greeting);
  secured_ = false;
  begun_here_ = 0;
}

void SmtpClient::tls_started() {
  secured_ = true;
  in_.clear();
  say(Expect::Hello, plan_.lmtp ? "LHLO load.example.com" : "EHLO load.example.com");
}

void SmtpClient::say(Expect expect, std::string_view line) {
  out_ += line;
  out_ += "\r\n";
  expected_.push_back(expect);
}

void SmtpClient::sent(std::size_t octets, Clock::time_point now) {
  sent_ += octets;
  if (dot_said_ && !dot_sent_ && sent_ >= dot_ends_at_) dot_sent_ = now;
  if (sent_ == out_.size()) {
    out_.clear();
    sent_ = 0;
    if (body_left_ > 0) send_more_body();
  }
}

// A reply is one or more lines; the last has no '-' after its code (RFC 5321 §4.2.1).
SmtpClient::State SmtpClient::feed(std::string_view bytes) {
  in_ += bytes;
  State state = State::Talking;
  std::size_t at = 0;
  for (std::size_t end; state == State::Talking && (end = in_.find("\r\n", at)) != std::string::npos;
       at = end + 2) {
    const std::string_view line = std::string_view(in_).substr(at, end - at);
    if (line.size() < 3 || line[0] < '2' || line[0] > '5') return State::Confused;
    if (line.size() > 3 && line[3] == '-') continue;
    const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    if (expected_.empty()) return State::Confused;  // 421 at any time: the connection is going
    state = on_reply(code, line);
  }
  in_.erase(0, at);
  return state;
}

SmtpClient::State SmtpClient::on_reply(int code, std::string_view) {
  const Expect expect = expected_.front();
  expected_.pop_front();
  const bool yes = code / 100 == 2;
  switch (expect) {
    case Expect::Greeting:
      if (!yes) return State::Confused;
      say(Expect::Hello, plan_.lmtp ? "LHLO load.example.com" : "EHLO load.example.com");
      return State::Talking;
    case Expect::Hello:
      if (!yes) return State::Confused;
      if (plan_.starttls && !secured_) {
        say(Expect::StartTls, "STARTTLS");
        return State::Talking;
      }
      if (!plan_.auth_plain.empty()) {
        say(Expect::Auth, "AUTH PLAIN " + plan_.auth_plain);
        return State::Talking;
      }
      return begin_message();
    case Expect::StartTls: return yes ? State::StartTls : State::Confused;
    case Expect::Auth: return yes ? begin_message() : State::Confused;
    case Expect::Mail:
      mail_refused_ = !yes;
      if (!yes && !refusal_) refusal_ = code;
      break;
    case Expect::Rcpt:
      if (yes)
        ++accepted_;
      else if (!refusal_)
        refusal_ = code;
      break;
    case Expect::Data:
      data_refused_ = code != 354;
      if (data_refused_ && !refusal_) refusal_ = code;
      if (code == 354) {
        // RFC 2920 §3.1: a server may say 354 though no recipient was accepted; then send just the dot.
        if (accepted_ == 0) {
          out_ += ".\r\n";
          expected_.push_front(Expect::Rset);
          return State::Talking;
        }
        send_body();
        return State::Talking;
      }
      break;
    case Expect::Final:
      on_final(code);
      if (message_) return State::Talking;
      return after_message();
    case Expect::Rset: break;
    case Expect::Quit: return State::Finished;
  }
  if (!expected_.empty()) return State::Talking;
  const bool nobody = accepted_ == 0 && recipients_said_ == plan_.recipients_per_message;
  if (message_ && (mail_refused_ || data_refused_ || nobody)) {
    end_message(Fate::Refused, refusal_);
    say(Expect::Rset, "RSET");
    return State::Talking;
  }
  if (!message_) return after_message();  // RSET was answered
  advance();
  return State::Talking;
}

// LMTP answers once for each recipient that was accepted (RFC 2033 §4.2); SMTP once.
void SmtpClient::on_final(int code) {
  ++answered_;
  if (code / 100 == 2)
    delivered_ += plan_.lmtp ? 1 : accepted_;
  else if (!refusal_)
    refusal_ = code;
  const std::size_t answers = plan_.lmtp ? accepted_ : 1;
  if (answered_ < answers) return;
  end_message(delivered_ > 0 ? Fate::Acknowledged : Fate::Refused, code);
}

void SmtpClient::end_message(Fate fate, int code) {
  const auto waited = dot_sent_ ? Clock::now() - *dot_sent_ : Clock::duration::zero();
  const Ended ended{*message_, fate, code, waited, delivered_};
  message_.reset();
  dot_said_ = false;
  dot_sent_.reset();
  ended_(ended);
}

SmtpClient::State SmtpClient::after_message() {
  if (begun_here_ < plan_.messages_per_connection) return begin_message();
  say(Expect::Quit, "QUIT");
  return State::Talking;
}

SmtpClient::State SmtpClient::begin_next() { return begin_message(); }

SmtpClient::State SmtpClient::begin_message() {
  message_ = next_();
  if (!message_) return State::Idle;
  ++begun_here_;
  recipients_said_ = accepted_ = answered_ = delivered_ = 0;
  next_recipient_ = (*message_ * plan_.recipients_per_message) % plan_.recipients.size();
  mail_said_ = mail_refused_ = data_said_ = data_refused_ = dot_said_ = false;
  refusal_ = 0;
  dot_sent_.reset();
  advance();
  return State::Talking;
}

// Says the next command, or with PIPELINING all that may go together.
void SmtpClient::advance() {
  do {
    if (!mail_said_) {
      mail_said_ = true;
      say(Expect::Mail, fmt::format("MAIL FROM:<{}>", plan_.sender));
    } else if (recipients_said_ < plan_.recipients_per_message) {
      const auto& recipient =
          plan_.recipients[(next_recipient_ + recipients_said_++) % plan_.recipients.size()];
      say(Expect::Rcpt, fmt::format("RCPT TO:<{}>", recipient));
    } else if (plan_.chunking) {
      // In one burst only a lone recipient is sure to be the one that was accepted; else wait.
      if (plan_.pipelining && !expected_.empty() && plan_.lmtp) return;
      send_body();
      return;
    } else if (!data_said_) {
      data_said_ = true;
      say(Expect::Data, "DATA");
      return;
    } else {
      return;
    }
  } while (plan_.pipelining);
}

// A message of exactly plan.octets (or the length of its header, if that is more), CRLF at the end, no
// line that begins with a dot.
void SmtpClient::send_body() {
  const std::string header = header_of(plan_, *message_, plan_.recipients[next_recipient_]);
  const std::size_t octets = std::max(plan_.octets, header.size() + 2);
  if (plan_.chunking) out_ += fmt::format("BDAT {} LAST\r\n", octets);
  out_ += header;
  body_left_ = octets - header.size();
  const std::size_t answers = plan_.lmtp ? accepted_ : 1;
  for (std::size_t i = 0; i < answers; ++i) expected_.push_back(Expect::Final);
  send_more_body();
}

void SmtpClient::send_more_body() {
  if (body_left_ >= block().size() + 2) {
    out_ += block();
    body_left_ -= block().size();
    return;
  }
  const auto lines = (body_left_ - 2) / kLine.size() * kLine.size();
  out_.append(block(), 0, lines);
  out_.append(body_left_ - lines - 2, 'x');
  out_ += plan_.chunking ? "\r\n" : "\r\n.\r\n";
  body_left_ = 0;
  dot_said_ = true;
  dot_ends_at_ = out_.size();
}

void SmtpClient::connection_lost() {
  if (message_) end_message(dot_said_ ? Fate::Unknown : Fate::Dropped, 0);
}

}  // namespace postroad::bench
