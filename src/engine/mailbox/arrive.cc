// Messages come: deliveries, APPEND.
#include <algorithm>

#include "base/ascii.h"
#include "ledger/ledger.h"
#include "mailbox/account.h"
#include "mailbox/keys.h"

namespace postroad::mailbox {

namespace {

// A record of a message may be longer than the store's values: then it lies in pieces, the key of each
// further one followed by its number.
void put_record(store::Batch& batch, char kind, Home home, std::string_view record) {
  const std::string key = keys::message(kind, home);
  batch.put(key, record.substr(0, keys::piece_octets));
  char piece = 0;
  for (std::size_t at = keys::piece_octets; at < record.size(); at += keys::piece_octets)
    batch.put(key + ++piece, record.substr(at, keys::piece_octets));
}

// What is written of a message beside its entry.
void put_message(store::Batch& batch, Home home, const Prepared& message) {
  put_record(batch, 't', home, message.structure);
  put_record(batch, 'h', home, message.fields);
  const std::string key = keys::message('m', home);
  Locator locator = message.locator;
  locator.pieces =
      static_cast<std::uint8_t>(std::max<std::size_t>(1, keys::pieces(message.structure.size())));
  batch.put(key, encode(locator));
  if (message.locator.blob != store::BlobId{}) batch.refer(message.locator.blob, key);
}

}  // namespace

std::optional<Refusal> Account::over_quota(const Mailbox& target, std::uint64_t octets,
                                           std::uint64_t messages, Scope scope) const {
  const auto over = [](std::uint64_t used, std::uint64_t more, std::uint64_t limit) {
    return limit != 0 && (used > limit || more > limit - used);
  };
  const Summary& there = target.working.summary;
  if (scope != Scope::Nothing && (over(there.octets, octets, target.record.octet_limit) ||
                                  over(there.messages, messages, target.record.message_limit)))
    return Refusal::OverQuota;
  if (scope != Scope::Account) return std::nullopt;
  const auto account = services_.directory->account(id_);
  if (!account) return Refusal::NoSuchAccount;
  if (over(hot_->octets, octets, account->quota.octets) ||
      over(hot_->messages, messages, account->quota.messages))
    return Refusal::OverQuota;
  return std::nullopt;
}

std::optional<std::uint64_t> Account::keyword_bits(const Mailbox& mailbox, std::span<const std::string> names,
                                                   std::vector<Operation>& operations) const {
  Keywords known = *mailbox.working.keywords;
  known.resize(keyword_limit);
  for (const Operation& operation : operations)  // names that this change gives already
    if (const auto* name = std::get_if<NameKeyword>(&operation)) known[name->bit] = name->name;
  std::uint64_t bits = 0;
  std::optional<std::uint64_t> used;  // bits that some message has; looked up only when there is no room
  for (const std::string& name : names) {
    const auto same = [&](const std::string& other) { return ascii::iequals(other, name); };
    auto at = std::find_if(known.begin(), known.end(), same);
    if (at == known.end()) at = std::find(known.begin(), known.end(), std::string());
    if (at == known.end() && mailbox.loaded) {
      // A keyword that no message has any more makes room.
      if (!used) {
        used = bits;
        mailbox.working.index.each([&](std::uint32_t, const Entry& e) { *used |= e.keywords; });
      }
      const int free = std::countr_one(*used | bits);
      if (free < static_cast<int>(keyword_limit)) at = known.begin() + free;
    }
    if (at == known.end()) return std::nullopt;
    const auto bit = static_cast<std::uint8_t>(at - known.begin());
    if (!same(*at)) operations.push_back(NameKeyword{.bit = bit, .name = *at = name});
    bits |= std::uint64_t{1} << bit;
  }
  return bits;
}

task<Result<std::vector<Stored>, Refusal>> Account::arrive(Arrival arrival, std::vector<Prepared> messages) {
  for (;;) {
    const auto ready = co_await usable();
    if (!ready) co_return refuse(ready.error());
    Mailbox* mailbox = hot().find(arrival.mailbox);
    if (!mailbox && arrival.create) {
      const auto made = co_await create(arrival.mailbox, SpecialUse::None);
      arrival.create = false;
      if (!made && made.error() != Refusal::AlreadyExists && !arrival.inbox_else)
        co_return refuse(made.error());
      continue;
    }
    if (!mailbox && arrival.inbox_else) mailbox = hot().find("INBOX");
    if (!mailbox) co_return refuse(Refusal::NoSuchMailbox);
    if (mailbox->loading) {
      co_await changed_;
      continue;
    }

    std::uint64_t octets = 0;
    for (const Prepared& message : messages) octets += message.octets;
    if (!arrival.overshoot)
      if (const auto refused = over_quota(*mailbox, octets, messages.size(), Scope::Account))
        co_return refuse(*refused);

    Change change = begin();
    change.urgent = arrival.events.empty();  // a session's own
    std::size_t written = 1024;              // entries, references, events
    for (const Prepared& message : messages)
      written += message.structure.size() + message.fields.size() + message.locator.prefix.size();
    change.batch.expect_octets(written);
    if (arrival.op) change.batch.op(*arrival.op);
    if (arrival.overshoot) change.batch.essential();
    std::vector<Operation> operations;
    Add add;
    std::vector<Stored> stored;
    Uid uid = mailbox->working.summary.uid_next;
    for (const Prepared& message : messages) {
      if (uid.value() == UINT32_MAX) co_return refuse(Refusal::TooMany);
      const Home home{mailbox->record.space, uid.value()};
      put_message(change.batch, home, message);
      std::uint64_t keywords = 0;
      // A keyword for which there is no room is no reason to lose mail.
      for (const std::string& name : message.keywords)
        keywords |= keyword_bits(*mailbox, {&name, 1}, operations).value_or(0);
      add.entries.push_back({.uid = uid,
                             .octets = message.octets,
                             .home = home,
                             .keywords = keywords,
                             .modseq = change.modseq,
                             .internal_date = message.internal_date,
                             .save_date = static_cast<std::uint32_t>(wall()),
                             .flags = message.flags});
      stored.push_back({mailbox->id, mailbox->record.uid_validity, uid});
      uid = next(uid);
    }
    if (messages.empty()) co_return stored;
    if (arrival.op) {
      std::string first;
      Writer(first)
          .u32(mailbox->id.value())
          .u32(mailbox->record.uid_validity.value())
          .u32(stored[0].uid.value());
      change.batch.put(keys::operation(arrival.op->view()), first);
    }
    for (ledger::Event& event : arrival.events) {
      const std::size_t given = event.fields.size();
      event.with(ledger::Field::Account, id_.value());
      event.with(ledger::Field::Mailbox, mailbox->id.value()).with(ledger::Field::Uid, stored[0].uid.value());
      ledger::record(change.batch, event);
      event.fields.resize(given);  // the next round may be about another mailbox
    }
    operations.push_back(std::move(add));
    hot().stage(change, *mailbox, std::move(operations));

    switch (const Done done = co_await submit(std::move(change))) {
      case Done::Committed: co_return stored;
      case Done::Again: break;
      case Done::Repeated: co_return co_await repeated(*arrival.op);
      default: co_return refuse(refusal(done));
    }
  }
}

// The same delivery was committed before: its answer is given again (C7).
task<Result<std::vector<Stored>, Refusal>> Account::repeated(store::OpId op) {
  const auto first = co_await services_.store->get(partition(), keys::operation(op.view()));
  if (!first || !*first) co_return refuse(Refusal::Unavailable);
  Reader in((*first)->octets);
  Stored stored;
  stored.mailbox = MailboxId{in.u32()};
  stored.uid_validity = UidValidity{in.u32()};
  stored.uid = Uid{in.u32()};
  std::vector<Stored> all;
  all.push_back(stored);
  co_return all;
}

}  // namespace postroad::mailbox
