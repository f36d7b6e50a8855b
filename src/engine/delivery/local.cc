#include "delivery/local.h"

#include "base/bytes.h"
#include "mailbox/session.h"
#include "mime/stored.h"
#include "smtp/trace.h"

namespace postroad::delivery {
namespace {

// The copy for one mailbox: its own trace fields on top of what all copies share.
mailbox::NewMessage copy_for(const ReversePath& reverse_path, const queue::Content& content, QueueId id,
                             const Address& to, Time now) {
  mailbox::NewMessage out;
  out.prefix = smtp::return_path_field(reverse_path) + smtp::delivered_to_field(to) + content.prefix;
  out.blob = content.blob;
  out.blob_octets = content.blob_octets;
  if (auto structure = mime::with_prefix(content.structure, out.prefix.size()))
    out.structure = std::move(*structure);
  out.internal_date = now;
  out.queue_id = id;
  return out;
}

ledger::Event delivered(QueueId id, TenantId tenant, const Address& recipient, const Address& to,
                        std::uint64_t octets, Time now) {
  using ledger::Field;
  ledger::Event event{.type = ledger::Type::Delivered, .at = now, .tenant = tenant, .queue_id = id};
  event.fields.reserve(8);
  event.with(Field::Recipient, recipient.text()).with(Field::Octets, octets).with(Field::Provider, "local");
  if (!(to == recipient)) event.with(Field::ResolvedTo, to.text());
  return event;
}

store::OpId op_of(QueueId id, AccountId account) {
  std::string octets;
  Writer(octets).u64_key(id.number()).u64_key(account.value());
  store::OpId op;
  std::copy(octets.begin(), octets.end(), op.octets.begin());
  return op;
}

}  // namespace

net::task<queue::Door::Through> Local::deliver_now(const queue::Submission& submission,
                                                   const directory::Local& target,
                                                   std::vector<ledger::Event> events) {
  const Time now = clock_.now();
  auto message =
      copy_for(submission.envelope.reverse_path, submission.content, submission.id, target.address, now);
  const TenantId tenant = events.empty() ? TenantId{} : events.front().tenant;
  events.push_back(delivered(submission.id, tenant, submission.envelope.recipients.front().address,
                             target.address, submission.content.octets(), now));
  // NOTIFY=SUCCESS asks for a report, which only the queue can send in the same commit.
  if (submission.envelope.recipients.front().notify.success && !submission.envelope.reverse_path.is_null())
    co_return Through::UseQueue;
  const auto stored =
      co_await mailboxes_.deliver(target.account, std::move(message), std::nullopt, false, std::move(events));
  if (stored) co_return Through::Done;
  switch (stored.error()) {
    case mailbox::StoreError::OverQuota: co_return Through::OverQuota;
    case mailbox::StoreError::DiskFull: co_return Through::Full;
    case mailbox::StoreError::NoSuchAccount:
    case mailbox::StoreError::NoSuchMailbox:
    case mailbox::StoreError::TooManyMailboxes: co_return Through::UseQueue;
    case mailbox::StoreError::Unknown: co_return Through::Unknown;
    case mailbox::StoreError::Unavailable: break;
  }
  co_return Through::Unavailable;
}

net::task<bool> Local::has_room(AccountId account, std::uint64_t octets) {
  mailbox::Session session(mailboxes_, account);
  const auto usage = co_await session.quota();
  if (!usage) co_return true;  // not a question of room: delivery will say what it is
  co_return (usage->octet_limit == 0 || usage->octets + octets <= usage->octet_limit) &&
      (usage->message_limit == 0 || usage->messages + 1 <= usage->message_limit);
}

net::task<Outcome> Local::deliver(const queue::Message& message, const queue::Step& step) {
  if (step.account == AccountId{})
    co_return Outcome{Outcome::Fate::Failed, Cause::NoMailbox, {550, {5, 1, 1}, "No such mailbox here"}};
  const Time now = clock_.now();
  std::vector<ledger::Event> events{
      delivered(message.id, message.tenant, step.given.address, step.address, message.content.octets(), now)};
  // What was promised is kept, quota or not (DESIGN §2: no backscatter).
  const auto stored = co_await mailboxes_.deliver(
      step.account, copy_for(message.envelope.reverse_path, message.content, message.id, step.address, now),
      op_of(message.id, step.account), true, std::move(events));
  if (stored) co_return Outcome{Outcome::Fate::Delivered, Cause::Accepted, {250, {2, 0, 0}, "Delivered"}};
  switch (stored.error()) {
    case mailbox::StoreError::NoSuchAccount:
      co_return Outcome{
          Outcome::Fate::Failed, Cause::NoMailbox, {550, {5, 1, 1}, "The mailbox does not exist any more"}};
    case mailbox::StoreError::OverQuota:
    case mailbox::StoreError::TooManyMailboxes:
      co_return Outcome{Outcome::Fate::Deferred, Cause::MailboxFull, {452, {4, 2, 2}, "The mailbox is full"}};
    default: break;
  }
  co_return Outcome{
      Outcome::Fate::Deferred, Cause::StoreTrouble, {451, {4, 3, 0}, "The mail store takes nothing now"}};
}

void Local::confirmed(const queue::Message& message, const queue::Step& step) {
  if (step.account != AccountId{}) mailboxes_.forget(step.account, op_of(message.id, step.account));
}

}  // namespace postroad::delivery
