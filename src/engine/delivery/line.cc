#include "delivery/line.h"

#include <algorithm>

#include "delivery/greeting.h"
#include "delivery/load.h"
#include "delivery/terms.h"
#include "net/core.h"
#include "smtp/trace.h"

namespace postroad::delivery {
namespace {

using Fate = Outcome::Fate;
using Dots = smtp::DataEncoder::Dots;

// In one transaction. RFC 5321 §4.5.3.1.8: every server takes so many.
constexpr std::size_t most_recipients = 100;
// A message up to this size goes in the same write as its envelope where the server takes BDAT: one wait for
// all.
constexpr std::uint64_t small = 32 * 1024;

Outcome lost(const Contact& contact, net::Ending how) {
  return deferred(Cause::ConnectionLost, 451, {4, 4, 2},
                  contact.host + " [" + contact.address + "]: connection " + std::string(name(how)));
}

Outcome not_smtp() {
  return deferred(Cause::BadProtocol, 451, {4, 5, 0}, "What the server says is not SMTP");
}

Outcome not_tried() {
  return deferred(Cause::NotTried, 451, {4, 4, 2}, "The connection ended before this recipient's turn");
}

Outcome cannot_send(LoadError error) {
  if (error == LoadError::Unreadable)
    return deferred(Cause::StoreTrouble, 451, {4, 3, 0}, "The message cannot be read");
  return {Fate::Failed,
          Cause::NotConvertible,
          {554, {5, 6, 3}, "The message has octets or lines that this server cannot be sent"}};
}

// What is neither yes nor no where yes or no is due is no answer (RFC 5321 §4.2.1: the first digit counts).
bool is_answer(const Reply& reply) { return reply.code < 300 || reply.code >= 400; }

// By an alias of ours: the address it goes to is not the one the sender gave.
bool is_forwarded(const queue::Step& step) { return !(step.address == step.given.address); }

}  // namespace

// One transaction: who it is for, and what is known of each.
struct Line::Bunch {
  const smtp::MailFrom& mail;
  std::vector<smtp::RcptTo> to;
  std::vector<std::size_t> index;  // of the step, by recipient
  Load& load;
  std::vector<Outcome>& outcomes;     // by step
  std::vector<std::size_t> accepted;  // steps whose outcome the end of the data decides
  std::vector<std::size_t> again;     // steps for the next transaction: too many here
  bool all_sent = false;              // with its end: the server may have the message
};

Line::Line(RoutePtr route, Conversation talk, smtp::Capabilities offers, Contact contact, store::Store& store,
           const Patience& patience)
    : route_(std::move(route)),
      talk_(std::move(talk)),
      offers_(std::move(offers)),
      contact_(std::move(contact)),
      store_(store),
      patience_(patience),
      most_recipients_(std::min<std::size_t>(most_recipients, offers_.limits.rcpt_max.value_or(SIZE_MAX))) {}
Line::~Line() = default;

net::task<Attempt> Line::carry(const queue::Message& message, std::span<const queue::Step> steps) {
  Attempt attempt{.outcomes = std::vector<Outcome>(steps.size(), not_tried()), .contact = contact_};
  const auto give_all = [&](const Outcome& outcome) { attempt.outcomes.assign(steps.size(), outcome); };

  auto mail = agree(offers_, message, net::Core::here().clock().now());
  if (!mail) {
    give_all(mail.error());
    co_return attempt;
  }
  auto load = co_await Load::open(store_, message.content);
  if (!load) {
    give_all(cannot_send(load.error()));
    co_return attempt;
  }
  if (const auto carries = must_convert(offers_, message)) {
    if (auto fit = co_await load->convert(*carries); !fit) {
      give_all(cannot_send(fit.error()));
      co_return attempt;
    }
  }
  std::vector<std::size_t> waiting;
  std::vector<smtp::RcptTo> words(steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    auto rcpt = agree(offers_, steps[i], *mail);
    if (rcpt)
      words[i] = std::move(*rcpt), waiting.push_back(i);
    else
      attempt.outcomes[i] = std::move(rcpt.error());
  }

  answered_ = false;
  while (!waiting.empty() && usable_) {
    // One copy is for those the sender named, and for each address that is forwarded there is another.
    const queue::Step& first = steps[waiting.front()];
    if (!co_await begin_copy(*load, first, attempt.outcomes[waiting.front()])) {
      waiting.erase(waiting.begin());
      continue;
    }
    Bunch bunch{.mail = *mail, .to = {}, .index = {}, .load = *load, .outcomes = attempt.outcomes};
    std::vector<std::size_t> later;
    for (const std::size_t i : waiting) {
      const bool same = is_forwarded(first)
                            ? is_forwarded(steps[i]) && steps[i].given.address == first.given.address
                            : !is_forwarded(steps[i]);
      if (same && bunch.index.size() < most_recipients_)
        bunch.index.push_back(i), bunch.to.push_back(std::move(words[i]));
      else
        later.push_back(i);
    }
    waiting = std::move(later);
    std::optional<Outcome> ended;
    try {
      co_await transact(bunch);
    } catch (const net::ConnectionEnded& end) {
      ended = lost(contact_, end.how());
    } catch (const NotSmtp&) {
      ended = not_smtp();
    }
    if (ended) {
      usable_ = false;
      // A line that was kept and says nothing any more was closed while it was idle: that says nothing.
      // After the final dot the server may have the message (RFC 1047): the retry is the duplicate that is
      // allowed.
      if (bunch.all_sent) ended->stage = Stage::End;
      if (answered_ || transactions_ == 0)
        for (const std::size_t i : bunch.index)
          if (attempt.outcomes[i].cause == Cause::NotTried) attempt.outcomes[i] = *ended;
    }
    ++transactions_;
    if (offers_.limits.mail_max && transactions_ >= *offers_.limits.mail_max) usable_ = false;
    for (std::size_t k = 0; k < bunch.index.size(); ++k)
      if (std::ranges::find(bunch.again, bunch.index[k]) != bunch.again.end())
        words[bunch.index[k]] = std::move(bunch.to[k]);
    waiting.insert(waiting.begin(), bunch.again.begin(), bunch.again.end());
  }
  attempt.contact = contact_;
  co_return attempt;
}

// A copy that is forwarded for an address says so; if it does already, it runs in a circle (RFC 9228 §4).
// False: the outcome is known.
net::task<bool> Line::begin_copy(Load& load, const queue::Step& step, Outcome& outcome) {
  load.set_top({});
  if (!is_forwarded(step)) co_return true;
  const auto before = co_await load.was_delivered_to(step.given.address);
  if (!before) {
    outcome = cannot_send(before.error());
    co_return false;
  }
  if (*before) {
    outcome = {
        Fate::Failed,
        Cause::Loops,
        {554, {5, 4, 6}, "The message has been forwarded for " + step.given.address.text() + " before"}};
    co_return false;
  }
  load.set_top(smtp::delivered_to_field(step.given.address));
  co_return true;
}

// A reply that must be yes or no. After 421 the connection is as good as closed (RFC 5321 §3.8).
Reply Line::checked(Reply reply) {
  if (!is_answer(reply)) throw NotSmtp();
  answered_ = true;
  if (reply.code == 421) usable_ = false;
  return reply;
}

net::task<void> Line::transact(Bunch& bunch) {
  const bool together = offers_.pipelining;
  const bool lmtp = route_->kind == NextHop::Lmtp;
  const bool bdat = together && offers_.chunking && !lmtp && bunch.load.octets() <= small;
  smtp::StringSink text;  // for BDAT
  if (bdat) {
    bunch.load.rewind(Dots::Plain);
    const auto more = co_await bunch.load.next(text);
    if (!more || *more) {
      for (const std::size_t i : bunch.index)
        bunch.outcomes[i] = cannot_send(more ? LoadError::Unreadable : more.error());
      co_return;
    }
  }
  const bool reset = std::exchange(reset_first_, false);
  if (reset) {
    talk_.say("RSET");
    if (!together && checked(co_await talk_.reply(patience_.mail)).code >= 400) usable_ = false;
  }

  // With PIPELINING everything that needs no answer first leaves in one go (RFC 2920 §3.1, RFC 3030 §4.2).
  talk_.say(smtp::render(bunch.mail));
  Reply from;
  if (!together) from = checked(co_await talk_.reply(patience_.mail));
  std::vector<Reply> answers;
  answers.reserve(bunch.to.size());
  if (together || from.positive()) {
    for (const smtp::RcptTo& rcpt : bunch.to) {
      talk_.say(smtp::render(rcpt));
      if (together) continue;
      answers.push_back(checked(co_await talk_.reply(patience_.rcpt)));
      if (!usable_) break;
    }
  }
  const auto anybody = [&] {
    return from.positive() && std::ranges::any_of(answers, [](const Reply& r) { return r.positive(); });
  };
  const bool data = together || (usable_ && anybody());
  if (data && bdat)
    talk_.say("BDAT " + std::to_string(text.text.size()) + " LAST"), talk_.body().write(text.text),
        bunch.all_sent = true;
  else if (data)
    talk_.say("DATA");
  if (together) {
    if (reset && checked(co_await talk_.reply(patience_.mail)).code >= 400) usable_ = false;
    if (usable_) from = checked(co_await talk_.reply(patience_.mail));
    while (usable_ && answers.size() < bunch.to.size())
      answers.push_back(checked(co_await talk_.reply(patience_.rcpt)));
  }
  if (!usable_) {
    take_goodbye(bunch, from, answers);
    co_return;
  }

  if (!from.positive()) {
    for (const std::size_t i : bunch.index) bunch.outcomes[i] = refused(from, Stage::Mail, route_->provider);
  } else {
    const bool some = anybody();
    for (std::size_t k = 0; k < answers.size(); ++k) {
      const std::size_t i = bunch.index[k];
      if (answers[k].positive()) {
        bunch.accepted.push_back(i);
      } else if (some && too_many_recipients(answers[k])) {
        bunch.again.push_back(i);
      } else {
        bunch.outcomes[i] = refused(answers[k], Stage::Rcpt, route_->provider);
        if (too_many_recipients(answers[k])) bunch.outcomes[i].fate = Fate::Deferred;
      }
    }
    if (!bunch.again.empty()) most_recipients_ = std::max<std::size_t>(1, bunch.accepted.size());
  }
  if (!data) {
    reset_first_ = from.positive();
    co_return;
  }
  if (bdat) {
    co_await take_end(bunch, true);
    co_return;
  }

  const Reply go = co_await talk_.reply(patience_.data);
  if (go.code != 354) {
    checked(go);
    if (go.code < 400) throw NotSmtp();
    for (const std::size_t i : bunch.accepted) bunch.outcomes[i] = refused(go, Stage::Data, route_->provider);
    reset_first_ = from.positive();
    co_return;
  }
  if (bunch.accepted.empty()) {
    // It waits for a message to nobody: it gets none (RFC 2920 §3.1).
    talk_.say(".");
    checked(co_await talk_.reply(patience_.final_dot));
    co_return;
  }
  co_await send_body(bunch);
}

// The server ended the session within the envelope. On a line that has carried before, a 421 to RSET or MAIL
// says that it has had enough of the line: nothing of this message.
void Line::take_goodbye(Bunch& bunch, const Reply& from, const std::vector<Reply>& answers) {
  if (from.code == 0 || (from.code == 421 && transactions_ > 0)) return;
  const Reply& last = answers.empty() ? from : answers.back();
  for (std::size_t k = 0; k < bunch.index.size(); ++k) {
    const bool no = k < answers.size() && !answers[k].positive();
    bunch.outcomes[bunch.index[k]] = refused(no ? answers[k] : last, Stage::Rcpt, route_->provider);
  }
}

net::task<void> Line::send_body(Bunch& bunch) {
  bunch.load.rewind(Dots::Stuffed);
  for (bool more = true; more;) {
    const auto piece = co_await bunch.load.next(talk_.body());
    if (!piece) {
      // The message must not be completed; only closing takes it back (RFC 5321 §4.1.1.4).
      usable_ = false;
      for (const std::size_t i : bunch.accepted) bunch.outcomes[i] = cannot_send(piece.error());
      co_return;
    }
    more = *piece;
    if (!more) break;
    talk_.stream().allow(patience_.block);
    co_await talk_.send();
    if (talk_.interrupted()) {  // it does not wait for the end to say no
      usable_ = false;
      break;
    }
  }
  co_await take_end(bunch, false);
}

// The reply to the message: one, or for LMTP one for each accepted recipient, in order (RFC 2033 §4.2).
net::task<void> Line::take_end(Bunch& bunch, bool bdat) {
  const bool each = route_->kind == NextHop::Lmtp;
  bunch.all_sent = true;
  Reply end;
  for (std::size_t k = 0; k < std::max<std::size_t>(1, bunch.accepted.size()); ++k) {
    if (k == 0 || each) end = checked(co_await talk_.reply(patience_.final_dot));
    if (bunch.accepted.empty()) break;  // BDAT to nobody: refused, with the transaction still open
    bunch.outcomes[bunch.accepted[k]] =
        end.code < 300 ? Outcome{Fate::Delivered, Cause::Accepted, end, true, offers_.dsn}
                       : refused(end, Stage::End, route_->provider);
  }
  if (bdat && end.code >= 400) reset_first_ = true;
}

net::task<void> Line::quit() {
  usable_ = false;
  if (std::exchange(quit_, true)) co_return;
  try {
    talk_.say("QUIT");
    co_await talk_.reply(patience_.quit);
    co_await talk_.stream().close();
  } catch (const net::ConnectionEnded&) {
    // gone already: that is what was wanted
  } catch (const NotSmtp&) {
  }
}

}  // namespace postroad::delivery
