#include "imapd/session.h"

#include "base/ascii.h"
#include "imapd/incoming.h"

namespace postroad::imapd {
namespace {

// So many commands that make no sense before a stranger, or a broken program, is left alone.
constexpr std::uint32_t errors_of_strangers = 5;
constexpr std::uint32_t errors_of_users = 100;
// Output is handed on in pieces of about so many octets.
constexpr std::size_t piece = 16 * 1024;

imap::Limits limits_before_login(const config::Settings& settings) {
  imap::Limits limits = imap::before_login;
  limits.literal = limits.non_synchronizing = settings.imap.preauth_literal.value();
  limits.command = std::max(limits.command, limits.literal * 2);
  return limits;
}

}  // namespace

Session::Session(net::Stream& stream, const Services& services, Seats& seats,
                 const config::Settings& settings, config::TlsMode tls)
    : stream_(stream), services_(services), seats_(seats), settings_(settings), tls_(tls) {
  dialect_.limits = limits_before_login(settings);
}

Session::~Session() = default;

std::string Session::peer() const {
  const net::Endpoint& from = stream_.peer();
  return from.is_unix() ? "unix" : from.address().text();
}

net::task<void> Session::run() {
  stream_.allow(settings_.imap.login_wait);  // for all of it, until somebody has signed in
  login_ends_ = net::Core::here().now() + settings_.imap.login_wait;
  say().untagged(imap::Condition::Ok, capability_code(), texts::greeting);
  while (!over_)
    if (!co_await step())
      co_await wait_for_client(mailboxes_ ? net::Core::here().now() + settings_.imap.idle_wait : login_ends_);
  co_await send();
  selected_.reset();  // closing may take the client's time, and others want the seat
  seat_.reset();
  co_await stream_.close();
}

// Nothing is held while we wait: neither buffers nor what the last command needed. In IDLE, and only there,
// the client is told at once what happens (RFC 2177, RFC 9051 §5.2).
net::task<void> Session::wait_for_client(Instant deadline) {
  co_await send();
  if (incoming_) {  // a message under way is waited for, also by a stop
    const bool more = co_await stream_.fill();
    if (!more) over_ = true;
    co_return;
  }
  if (!reader_.at_start()) {  // half a command: as long as a whole one may be waited for, however it dribbles
    if (half_ends_ == Instant{}) half_ends_ = deadline;
    deadline = half_ends_;
  } else {
    half_ends_ = Instant{};
  }
  net::Signal* const news = !idling_.empty() && selected_ ? &selected_->changed() : nullptr;
  switch (co_await stream_.wait(news, deadline)) {
    case net::Woke::Deadline: throw net::TimedOut();
    case net::Woke::Signalled: co_await tell_news(Expunges::May); break;
    case net::Woke::Stopping: say_goodbye(imap::code::unavailable, texts::stopping); break;
    case net::Woke::Input:
      if (mailboxes_) stream_.allow(settings_.imap.idle_wait);
      if (stream_.buffered().empty() && !co_await stream_.fill()) over_ = true;  // it has ended
  }
}

net::task<void> Session::send() {
  if (out_.empty()) co_return;
  const std::string text = std::exchange(out_, {});
  co_await stream_.write(text);
}

net::task<void> Session::send_if_much() {
  if (out_.size() < piece) co_return;
  co_await stream_.write(out_);
  out_.clear();
}

net::task<bool> Session::step() {
  std::string_view input = stream_.buffered();
  const std::size_t had = input.size();
  imap::ReaderEvent event = reader_.next(input);
  const std::size_t used = had - input.size();

  if (const auto* whole = std::get_if<imap::WholeCommand>(&event)) {
    auto command = imap::parse(whole->text, dialect_);
    stream_.consume(used);
    if (command)
      co_await obey(std::move(*command));
    else
      co_await refuse_command(command.error());
  } else if (const auto* line = std::get_if<imap::WholeLine>(&event)) {
    const bool done = ascii::iequals(line->text, "DONE");
    stream_.consume(used);
    const std::string tag = std::exchange(idling_, {});
    co_await tell_news(Expunges::May);
    answer(tag, done ? Answer::ok("IDLE is over") : Answer::bad(texts::expect_done));
  } else if (const auto* octets = std::get_if<imap::MessageOctets>(&event)) {
    const std::string_view taken = octets->octets;
    co_await message_octets(taken);
    stream_.consume(used);
  } else {
    stream_.consume(used);
    if (std::holds_alternative<imap::NeedInput>(event)) co_return false;
    if (std::holds_alternative<imap::NeedContinuation>(event)) say().continuation(texts::go_on);
    if (const auto* begins = std::get_if<imap::MessageBegins>(&event))
      co_await message_begins(*begins->target, *begins->message);
    if (std::holds_alternative<imap::MessageEnds>(event)) co_await message_ends();
    if (const auto* ends = std::get_if<imap::AppendEnds>(&event)) co_await append_ends(*ends->target);
    if (const auto* refusal = std::get_if<imap::Refusal>(&event)) co_await refuse_command(refusal->error);
  }
  co_return true;
}

net::task<void> Session::refuse_command(const imap::SyntaxError& error) {
  incoming_.reset();
  idling_.clear();
  if (error.fault == imap::Fault::NotImap) {  // nothing is said to a browser (attack 93)
    over_ = true;
    co_return;
  }
  say().raw(imap::answer(error));
  ++errors_;
  if (error.close)
    say_goodbye(imap::code::none, texts::too_many_errors);
  else if (errors_ > (mailboxes_ ? errors_of_users : errors_of_strangers))
    say_goodbye(imap::code::none, texts::too_many_errors);
}

void Session::say_goodbye(std::string_view code, std::string_view text) {
  say().untagged(imap::Condition::Bye, code, text);
  over_ = true;
}

void Session::answer(std::string_view tag, const Answer& answer) {
  if (!answer.silent) say().tagged(tag, answer.condition, answer.code, answer.text);
}

// One command, its untagged answers, what else there is to tell, its tagged answer: in this order.
net::task<void> Session::obey(imap::TaggedCommand command) {
  if (mailboxes_) stream_.allow(settings_.imap.idle_wait);
  tag_ = command.tag;
  if (std::holds_alternative<imap::Idle>(command.command)) idling_ = command.tag;
  Answer ended = Answer::bad(texts::not_offered);
  if (!mailboxes_ || offered(command.rule->capability)) ended = co_await dispatch(command.command);
  // What SELECT says is of one moment: its UIDNEXT is above all that it counts. News waits for the next
  // command.
  const bool just_opened = std::holds_alternative<imap::Select>(command.command);
  if (selected_ && !over_ && !ended.silent && !just_opened)
    co_await tell_news(expunges_after(command.command));
  answer(command.tag, ended);
  if (mailboxes_ && ended.condition == imap::Condition::Ok) errors_ = 0;
  if (std::holds_alternative<imap::StartTls>(command.command) && ended.condition == imap::Condition::Ok)
    co_await start_tls();
  if (ended.condition == imap::Condition::Bad && ++errors_ > errors_of_users)
    say_goodbye(imap::code::none, texts::too_many_errors);
}

// The variant of commands finds its overload of on(); a new command that has none does not compile.
net::task<Answer> Session::dispatch(const imap::Command& command) {
  return std::visit([this](const auto& c) { return on(c); }, command);
}

}  // namespace postroad::imapd
