// Mailboxes as wholes: making, naming, deleting, subscribing, counting. Each change is made alone: nothing
// else is under way in the account meanwhile.
#include <algorithm>

#include "base/ascii.h"
#include "base/utf8.h"
#include "mailbox/account.h"
#include "mailbox/keys.h"

namespace postroad::mailbox {

namespace {

constexpr std::size_t name_octets = 512;
constexpr std::size_t name_levels = 50;

bool below(std::string_view name, std::string_view parent) {
  return name.size() > parent.size() && name.starts_with(parent) && name[parent.size()] == '/';
}

}  // namespace

bool valid_mailbox_name(std::string_view name) {
  if (name.empty() || name.size() > name_octets) return false;
  std::size_t levels = 1;
  char before = '/';
  for (const char c : name) {
    if (c == '/' && (before == '/' || ++levels > name_levels)) return false;
    before = c;
  }
  if (before == '/') return false;
  for (std::string_view rest = name; !rest.empty();) {
    const auto point = utf8::take(rest);
    if (!point || *point < 0x20 || (*point >= 0x7f && *point < 0xa0) || *point == 0x2028 || *point == 0x2029)
      return false;
  }
  return true;
}

task<Result<TreePtr, Refusal>> Account::tree() {
  const auto ready = co_await usable();
  if (!ready) co_return refuse(ready.error());
  co_return hot().tree();
}

task<Result<MailboxInfo, Refusal>> Account::create(std::string name, SpecialUse use) {
  if (name.ends_with('/')) name.pop_back();
  name = canonical_name(name);
  if (!valid_mailbox_name(name)) co_return refuse(Refusal::BadName);
  const auto guard = co_await alone();
  if (!guard) co_return refuse(guard.error());
  if (hot().find(name)) co_return refuse(Refusal::AlreadyExists);
  if (hot().size() >= services_.policy.mailboxes) co_return refuse(Refusal::TooMany);
  bool taken = false;
  hot().each([&](const Mailbox& other) { taken |= use != SpecialUse::None && other.record.use == use; });
  if (taken) co_return refuse(Refusal::UseAttrTaken);

  Change change = begin();
  AccountRecord account = hot().record;
  account.last_uid_validity = UidValidity{std::max(
      account.last_uid_validity.value() + 1, static_cast<std::uint32_t>(std::max<std::int64_t>(wall(), 1)))};
  const MailboxId id{account.next_mailbox++};
  MailboxRecord made{
      .name = name, .uid_validity = account.last_uid_validity, .space = account.next_space++, .use = use};
  made.created = wall();
  made.as_of = made.summary.highest = made.vanished_from = change.modseq;
  change.batch.put(keys::account(), encode(account)).put(keys::mailbox(id), encode(made));
  const Done done = co_await submit(std::move(change));
  if (done != Done::Committed) co_return refuse(refusal(done));
  hot().record = account;
  co_return *hot().add(id, std::move(made)).info;
}

task<Result<void, Refusal>> Account::remove(std::string name) {
  const auto guard = co_await alone();
  if (!guard) co_return refuse(guard.error());
  Mailbox* mailbox = hot().find(name);
  if (!mailbox) co_return refuse(Refusal::NoSuchMailbox);
  if (mailbox->record.name == "INBOX") co_return refuse(Refusal::NotPermitted);
  // Its grave is its pages: they must say all.
  const MailboxId id = mailbox->id;
  co_await fold();
  if (!hot_) co_return refuse(Refusal::Unavailable);
  mailbox = hot().find(id);
  if (!mailbox || !mailbox->dirty.empty()) co_return refuse(Refusal::Unavailable);
  Change change = begin();
  const Grave grave{.at = wall(), .mailbox = mailbox->record};
  change.batch.remove(keys::mailbox(id)).put(keys::grave(id), encode(grave)).essential();
  const Done done = co_await submit(std::move(change));
  if (done != Done::Committed) co_return refuse(refusal(done));
  if (const auto board = boards_[id].lock()) board->close();
  boards_.erase(id);
  hot().remove(*mailbox);
  limbo_ = true;
  co_return {};
}

task<Result<void, Refusal>> Account::rename(std::string from, std::string to) {
  if (to.ends_with('/')) to.pop_back();
  to = canonical_name(to);
  from = canonical_name(from);
  if (!valid_mailbox_name(to)) co_return refuse(Refusal::BadName);
  if (from == "INBOX") {
    // RFC 9051 §6.3.6: its messages move into the new mailbox, INBOX stays and so do those below it.
    const auto made = co_await create(to, SpecialUse::None);
    if (!made) co_return refuse(made.error());
    const auto inbox = co_await status(from);
    if (!inbox) co_return refuse(inbox.error());
    const auto moved = co_await move(inbox->mailbox, NumberSet::of({{1, UINT32_MAX}}), to);
    if (!moved) co_return refuse(moved.error());
    co_return {};
  }
  const auto guard = co_await alone();
  if (!guard) co_return refuse(guard.error());
  if (below(to, from) || to == "INBOX")
    co_return refuse(to == "INBOX" ? Refusal::AlreadyExists : Refusal::NotPermitted);
  std::vector<std::pair<Mailbox*, std::string>> renamed;
  bool exists = false;
  hot().each([&](Mailbox& mailbox) {
    const std::string& name = mailbox.record.name;
    if (name != from && !below(name, from)) return;
    renamed.emplace_back(&mailbox, to + name.substr(from.size()));
    exists |= hot().find(renamed.back().second) != nullptr;
  });
  // A level that only has mailboxes below it can be renamed too.
  if (renamed.empty()) co_return refuse(Refusal::NoSuchMailbox);
  if (exists || hot().find(to)) co_return refuse(Refusal::AlreadyExists);
  for (const auto& [mailbox, name] : renamed)
    if (!valid_mailbox_name(name)) co_return refuse(Refusal::BadName);

  Change change = begin();
  for (const auto& [mailbox, name] : renamed) {
    MailboxRecord record = mailbox->record;
    record.name = name;
    change.batch.put(keys::mailbox(mailbox->id), encode(record));
  }
  const Done done = co_await submit(std::move(change));
  if (done != Done::Committed) co_return refuse(refusal(done));
  for (const auto& [mailbox, name] : renamed) hot().rename(*mailbox, name);
  co_return {};
}

task<Result<void, Refusal>> Account::subscribe(std::string name, bool subscribed) {
  if (name.ends_with('/')) name.pop_back();
  name = canonical_name(name);
  if (!valid_mailbox_name(name)) co_return refuse(Refusal::BadName);
  const auto guard = co_await alone();
  if (!guard) co_return refuse(guard.error());
  if (hot().subscribed.contains(name) == subscribed) co_return {};
  if (subscribed && hot().subscribed.size() >= services_.policy.subscriptions)
    co_return refuse(Refusal::TooMany);
  Change change = begin();
  if (subscribed)
    change.batch.put(keys::subscription(name), "");
  else
    change.batch.remove(keys::subscription(name));
  const Done done = co_await submit(std::move(change));
  if (done != Done::Committed) co_return refuse(refusal(done));
  if (subscribed)
    hot().subscribed.insert(name);
  else
    hot().subscribed.erase(name);
  hot().tree_changed();
  co_return {};
}

task<Result<Status, Refusal>> Account::status(std::string name) {
  const auto ready = co_await usable();
  if (!ready) co_return refuse(ready.error());
  Mailbox* mailbox = hot().find(name);
  if (!mailbox) co_return refuse(Refusal::NoSuchMailbox);
  co_return status_of(*mailbox);
}

task<Result<std::vector<Status>, Refusal>> Account::statuses() {
  const auto ready = co_await usable();
  if (!ready) co_return refuse(ready.error());
  std::vector<Status> all;
  all.reserve(hot().size());
  hot().each([&](Mailbox& mailbox) { all.push_back(status_of(mailbox)); });
  co_return all;
}

Status Account::status_of(Mailbox& mailbox) {
  if (const auto at = boards_.find(mailbox.id); at != boards_.end())
    if (const auto board = at->second.lock()) note_recent(mailbox, *board);
  return {.mailbox = mailbox.id,
          .uid_validity = mailbox.record.uid_validity,
          .summary = mailbox.published.summary};
}

task<Result<QuotaUsage, Refusal>> Account::quota() {
  const auto ready = co_await usable();
  if (!ready) co_return refuse(ready.error());
  QuotaUsage usage{.mailboxes = hot().size()};
  hot().each([&](const Mailbox& mailbox) {
    usage.octets += mailbox.published.summary.octets;
    usage.messages += mailbox.published.summary.messages;
  });
  const auto account = services_.directory->account(id_);
  if (!account) co_return refuse(Refusal::NoSuchAccount);
  usage.octet_limit = account->quota.octets;
  usage.message_limit = account->quota.messages;
  co_return usage;
}

task<Result<bool, Refusal>> Account::lock_maildrop() {
  const auto ready = co_await usable();
  if (!ready) co_return refuse(ready.error());
  if (maildrop_locked_) co_return refuse(Refusal::InUse);
  maildrop_locked_ = true;
  co_return true;
}

}  // namespace postroad::mailbox
