// From outcomes to fates: what leaves the queue, what waits, what the sender is told.
#include "delivery/dispatcher.h"

#include "mime/parser.h"
#include "mime/stored.h"
#include "net/sleep.h"
#include "queue/accept.h"
#include "smtp/trace.h"

namespace postroad::delivery {
namespace {

constexpr auto pause = std::chrono::seconds(1);  // when the store does not record

std::string one_line(const Reply& reply) {
  std::string out = std::to_string(reply.code) + " ";
  if (reply.status.given()) out += reply.status.text() + " ";
  for (const char c : reply.text.substr(0, 500)) out += c == '\n' ? ' ' : c;
  return out;
}

// What the ledger is told of one step of one attempt. Deliveries into mailboxes tell it themselves.
ledger::Event event_of(const queue::Job& job, const queue::Step& step, const Outcome& outcome,
                       const Contact& contact, ledger::Type type, Time now) {
  using ledger::Field;
  ledger::Event event{.type = type, .at = now, .tenant = job.message->tenant, .queue_id = job.message->id};
  event.with(Field::Recipient, step.given.address.text());
  if (!(step.address == step.given.address)) event.with(Field::ResolvedTo, step.address.text());
  event.with(Field::Attempt, job.entry.attempts + 1);
  event.with(Field::Reply, one_line(outcome.reply)).with(Field::Class, to_text(verdict_of(outcome).klass));
  if (!contact.host.empty())
    event.with(Field::Host, contact.host).with(Field::RemoteAddress, contact.address);
  if (!contact.tls.empty()) event.with(Field::Tls, contact.tls);
  if (!job.entry.domain.empty())
    event.with(Field::Domain, job.entry.domain)
        .with(Field::Provider, contact.provider.empty() ? job.entry.domain : contact.provider);
  if (type == ledger::Type::Relayed) event.with(Field::Octets, job.message->content.octets());
  return event;
}

}  // namespace

net::task<void> Dispatcher::finish(queue::Job job, Attempt attempt) {
  const Time now = clock_.now();
  const queue::Message& message = *job.message;
  const bool local = job.entry.domain.empty();
  const Time give_up = message.accepted + options_.retry.give_up_after;
  const bool delayed_long = options_.retry.tell_delay_after.count() > 0 && !job.entry.delay_told &&
                            now - message.accepted >= options_.retry.tell_delay_after;
  std::vector<queue::Settled> fates;
  std::vector<Told> told;
  std::string last_reply;
  for (std::size_t i = 0; i < job.entry.steps.size(); ++i) {
    const queue::Step& step = job.entry.steps[i];
    Outcome& outcome = attempt.outcomes[i];
    queue::Settled settled;
    const auto tell = [&](Action action, std::optional<Time> until = {}) {
      if (wants(step.given.notify, action)) told.push_back({&step, action, outcome, until});
    };
    std::optional<Time> again;
    if (outcome.fate == Outcome::Fate::Deferred)
      again = queue::next_attempt(options_.retry, message.accepted, job.entry.attempts + 1, now);
    if (outcome.fate == Outcome::Fate::Delivered) {
      settled.fate = queue::Settled::Fate::Delivered;
      if (!local)
        settled.events.push_back(event_of(job, step, outcome, attempt.contact, ledger::Type::Relayed, now));
      if (local || !outcome.dsn_relayed) tell(local ? Action::Delivered : Action::Relayed);
    } else if (again) {
      settled.fate = queue::Settled::Fate::Deferred;
      settled.due = *again;
      settled.events.push_back(event_of(job, step, outcome, attempt.contact, ledger::Type::Deferred, now));
      settled.events.back().with(ledger::Field::NextAttempt, static_cast<std::uint64_t>(seconds(*again)));
      if (delayed_long) tell(Action::Delayed, give_up);
      last_reply = one_line(outcome.reply);
    } else {
      const bool expired = outcome.fate == Outcome::Fate::Deferred;
      settled.fate = queue::Settled::Fate::Failed;
      settled.events.push_back(event_of(job, step, outcome, attempt.contact,
                                        expired ? ledger::Type::Expired : ledger::Type::Failed, now));
      tell(Action::Failed);
    }
    fates.push_back(std::move(settled));
  }

  std::unique_ptr<store::BlobWriter> keep;  // the report's octets, until the commit has named them
  std::optional<queue::NewMail> mail;
  // While the store takes nothing, nobody sends anything more (C8).
  struct Trouble {
    Dispatcher& of;
    bool on = false;
    void begin() {
      if (!std::exchange(on, true)) ++of.troubled_;
    }
    ~Trouble() {
      if (on && --of.troubled_ == 0) of.room_.notify();
    }
  } trouble{*this};
  while (!told.empty() && !(mail = co_await report(job, told, attempt.contact, keep))) {
    trouble.begin();
    co_await net::sleep_for(pause);
  }
  if (mail && !mail->events.empty() && mail->entries.empty()) {
    // Nobody to tell; why not is part of the history.
    fates.back().events.insert(fates.back().events.end(), mail->events.begin(), mail->events.end());
    mail.reset();
  }
  while (!co_await outgoing_.settle(job, fates, mail, last_reply, attempt.contact.host, delayed_long)) {
    trouble.begin();
    co_await net::sleep_for(pause);
  }
  if (local)
    for (std::size_t i = 0; i < fates.size(); ++i)
      if (fates[i].fate == queue::Settled::Fate::Delivered) local_.confirmed(message, job.entry.steps[i]);
}

net::task<std::string> Dispatcher::read_original(const queue::Message& message, bool whole, bool& complete) {
  std::string out = message.content.prefix;
  auto blob = co_await store_.open_blob(message.content.blob);
  if (!blob) co_return std::string();
  while (out.size() - message.content.prefix.size() < (*blob)->octets() &&
         out.size() <= options_.most_returned) {
    const auto piece = co_await (*blob)->read(out.size() - message.content.prefix.size());
    if (!piece || piece->empty()) co_return std::string();
    out += *piece;
  }
  complete = whole && out.size() <= options_.most_returned;
  if (!complete) {
    const auto end = out.find("\r\n\r\n");
    out.resize(
        std::min({out.size(), options_.most_returned, end == std::string::npos ? out.size() : end + 2}));
  }
  co_return out;
}

// A report is for who sent the message; the null path and reports themselves get none (RFC 5321 §6.1, C4,
// C13).
net::task<std::optional<queue::NewMail>> Dispatcher::report(const queue::Job& job, std::vector<Told> told,
                                                            const Contact& contact,
                                                            std::unique_ptr<store::BlobWriter>& keep) {
  using ledger::Field;
  const queue::Message& cause = *job.message;
  const Time now = clock_.now();
  queue::NewMail out;
  const auto suppressed = [&](std::string_view why) {
    ledger::Event event{
        .type = ledger::Type::DsnSuppressed, .at = now, .tenant = cause.tenant, .queue_id = cause.id};
    event.with(Field::Reason, why);
    out.entries.clear();
    out.events = {std::move(event)};
    return std::optional(std::move(out));
  };
  if (cause.report || cause.envelope.reverse_path.is_null())
    co_return suppressed("the message has no sender to tell");

  queue::Submission submission{.id = outgoing_.id_near(cause.id)};
  submission.envelope.recipients.push_back({.address = *cause.envelope.reverse_path.address()});
  queue::Plan plan = queue::plan(directory_, submission, now);
  if (plan.entries.empty()) co_return suppressed("the sender's address leads nowhere");

  bool failed = false;
  for (const Told& t : told) failed |= t.action == Action::Failed;
  const bool whole = failed && cause.envelope.ret != DsnReturn::Headers;
  bool complete = false;
  const std::string original = co_await read_original(cause, whole, complete);
  const std::string kind(to_text(told.front().action));
  const std::string text = compose_report({.message = &cause,
                                           .told = std::move(told),
                                           .contact = contact,
                                           .our_name = options_.our_name,
                                           .original = original,
                                           .complete = complete,
                                           .now = now},
                                          random_);
  keep = store_.new_blob(text.size());
  keep->append(text);
  const auto blob = co_await keep->finish();
  if (!blob) {
    keep.reset();
    co_return std::nullopt;  // the store takes nothing now: the caller waits and asks again (C8)
  }
  queue::Message& message = out.message;
  message.id = submission.id;
  message.accepted = now;
  message.tenant = cause.tenant;
  message.report = true;
  message.origin = {.protocol = "LOCAL"};
  message.content = {.prefix = {}, .blob = *blob, .blob_octets = text.size(), .structure = {}};
  mime::Parser parser;
  parser.feed(text);
  message.content.structure = mime::serialize(parser.finish());
  out.entries = std::move(plan.entries);

  ledger::Event sent{.type = ledger::Type::DsnSent, .at = now, .tenant = cause.tenant, .queue_id = cause.id};
  sent.with(Field::RelatedId, message.id.text()).with(Field::DsnKind, kind);
  ledger::Event accepted{
      .type = ledger::Type::Accepted, .at = now, .tenant = cause.tenant, .queue_id = message.id};
  accepted.with(Field::Sender, "")
      .with(Field::Recipient, cause.envelope.reverse_path.text())
      .with(Field::Octets, text.size())
      .with(Field::Protocol, "LOCAL")
      .with(Field::RelatedId, cause.id.text());
  out.events = {std::move(sent), std::move(accepted)};
  co_return std::move(out);
}

}  // namespace postroad::delivery
