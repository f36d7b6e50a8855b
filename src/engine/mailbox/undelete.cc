// Bringing back what was expunged or deleted and has not been purged; and the end of an account.
#include <algorithm>
#include <map>

#include "mailbox/account.h"
#include "mailbox/keys.h"

namespace postroad::mailbox {

task<Result<std::vector<DeletedMessage>, Refusal>> Account::deleted_messages() {
  if (!co_await caught_up()) co_return refuse(Refusal::Unavailable);
  std::vector<DeletedMessage> all;
  const Visit limbo = [&](std::string_view, std::string_view value) {
    const auto read = decode_limbo(value);
    if (!read || read->erase) return true;
    for (const Entry& e : read->entries)
      all.push_back({read->mailbox, time_of_micros(read->at * 1'000'000), e});
    return true;
  };
  const auto done = co_await each_entry("x", limbo);
  if (!done) co_return refuse(done.error());
  co_return all;
}

task<Result<std::vector<DeletedMailbox>, Refusal>> Account::deleted_mailboxes() {
  if (!co_await caught_up()) co_return refuse(Refusal::Unavailable);
  std::vector<DeletedMailbox> all;
  const Visit grave = [&](std::string_view key, std::string_view value) {
    const auto read = decode_grave(value);
    if (read)
      all.push_back({MailboxId{Reader(key).u32_key()}, read->mailbox.name,
                     time_of_micros(read->at * 1'000'000), read->mailbox.summary.messages});
    return true;
  };
  const auto done = co_await each_entry("g", grave);
  if (!done) co_return refuse(done.error());
  co_return all;
}

// They come back as new messages: what is expunged once stays so under its UID (RFC 9051 §2.3.1.1).
task<Result<std::vector<Uid>, Refusal>> Account::undelete(std::vector<Home> homes, std::string to) {
  const auto guard = co_await alone();
  if (!guard) co_return refuse(guard.error());
  while (purging_) co_await changed_;
  if (!hot_) co_return refuse(Refusal::Unavailable);
  Mailbox* target = hot().find(to);
  if (!target) co_return refuse(Refusal::NoSuchMailbox);
  std::sort(homes.begin(), homes.end());

  Change change = begin();
  change.urgent = true;
  Add add;
  std::vector<Uid> uids;
  Uid uid = target->working.summary.uid_next;
  const Visit limbo = [&](std::string_view key, std::string_view value) {
    auto read = decode_limbo(value);
    if (!read || read->erase) return true;
    const std::size_t before = read->entries.size();
    std::erase_if(read->entries, [&](const Entry& e) {
      const auto at = std::find(homes.begin(), homes.end(), e.home);
      if (at == homes.end()) return false;
      homes.erase(at);
      Entry back = e;
      back.uid = uid;
      back.flags &= static_cast<std::uint8_t>(~flag::deleted);
      back.keywords = 0;  // they were the old mailbox's
      back.save_date = static_cast<std::uint32_t>(wall());
      if (e.flags & flag::shared) {
        change.batch.remove(keys::reference(e.home, read->mailbox, e.uid));
        change.batch.put(keys::reference(e.home, target->id, uid), "");
      }
      add.entries.push_back(back);
      uids.push_back(uid);
      uid = next(uid);
      return true;
    });
    if (read->entries.size() == before) return true;
    const std::string whole = std::string("x").append(key);
    if (read->entries.empty())
      change.batch.remove(whole);
    else
      change.batch.put(whole, encode(*read));
    return !change.batch.full();
  };
  const auto done = co_await each_entry("x", limbo);
  if (!done)
    co_return refuse(done.error() == Refusal::Unavailable && change.batch.full() ? Refusal::TooMany
                                                                                 : done.error());
  if (uids.empty()) co_return refuse(Refusal::Expunged);
  std::uint64_t octets = 0;
  for (const Entry& e : add.entries) octets += e.octets;
  if (const auto refused = over_quota(*target, octets, uids.size(), Scope::Account))
    co_return refuse(*refused);
  std::vector<Operation> operations;
  operations.push_back(std::move(add));
  hot().stage(change, *target, std::move(operations));
  const Done committed = co_await submit(std::move(change));
  if (committed != Done::Committed) co_return refuse(refusal(committed));
  co_return uids;
}

// A mailbox comes back as it was, UIDs and all: nobody else had its UIDVALIDITY meanwhile.
task<Result<MailboxInfo, Refusal>> Account::undelete_mailbox(MailboxId id, std::string name) {
  name = canonical_name(name);
  if (!valid_mailbox_name(name)) co_return refuse(Refusal::BadName);
  const auto guard = co_await alone();
  if (!guard) co_return refuse(guard.error());
  while (purging_) co_await changed_;
  if (!hot_) co_return refuse(Refusal::Unavailable);
  if (hot().find(name)) co_return refuse(Refusal::AlreadyExists);
  if (hot().size() >= services_.policy.mailboxes) co_return refuse(Refusal::TooMany);
  const auto found = co_await services_.store->get(partition(), keys::grave(id));
  if (!found) co_return refuse(Refusal::Unavailable);
  const auto grave = *found ? decode_grave((*found)->octets) : refuse(RecordError::Damaged);
  if (!grave) co_return refuse(Refusal::NoSuchMailbox);
  MailboxRecord record = grave->mailbox;
  record.name = name;
  hot().each([&](const Mailbox& other) {
    if (other.record.use == record.use) record.use = SpecialUse::None;
  });
  Change change = begin();
  change.batch.put(keys::mailbox(id), encode(record)).remove(keys::grave(id));
  const Done done = co_await submit(std::move(change));
  if (done != Done::Committed) co_return refuse(refusal(done));
  co_return *hot().add(id, std::move(record)).info;
}

// The account is not in the directory any more: all of it goes.
task<Result<void, Refusal>> Account::erase_all() {
  if (services_.directory->account(id_)) co_return refuse(Refusal::NotPermitted);
  while (!in_flight_.empty() || failed_ || folding_ || purging_ || opening_ || alone_ || loads_ > 0)
    co_await changed_;
  alone_ = true;
  const Alone guard(*this);
  hot_.reset();
  ++epoch_;
  for (const auto& [id, weak] : boards_)
    if (const auto board = weak.lock()) board->close();
  boards_.clear();
  for (;;) {
    const auto page = co_await services_.store->scan(partition(), {.limit = 2'000}, {});
    if (!page) co_return refuse(Refusal::Unavailable);
    if (page->empty()) co_return {};
    store::Batch batch(partition());
    for (const store::Entry entry : *page) {
      if (entry.key.starts_with('m'))
        if (const auto locator = decode_locator(entry.value); locator && locator->blob != store::BlobId{})
          batch.release(locator->blob, entry.key);
      batch.remove(entry.key);
    }
    const auto result = co_await services_.store->commit(std::move(batch));
    if (!result) co_return refuse(Refusal::Unavailable);
  }
}

}  // namespace postroad::mailbox
