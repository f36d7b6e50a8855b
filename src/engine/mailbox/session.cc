#include "mailbox/session.h"

#include "mailbox/account.h"
#include "mailbox/ask.h"
#include "mailbox/prepare.h"
#include "mailbox/records.h"

namespace postroad::mailbox {

// --- Session -------------------------------------------------------------------------------------------

task<Result<TreePtr, Refusal>> Session::tree() { return engine_.ask(account_, &Account::tree); }
task<Result<MailboxInfo, Refusal>> Session::create(std::string name, SpecialUse use) {
  return engine_.ask(account_, &Account::create, std::move(name), use);
}
task<Result<void, Refusal>> Session::remove(std::string name) {
  return engine_.ask(account_, &Account::remove, std::move(name));
}
task<Result<void, Refusal>> Session::rename(std::string from, std::string to) {
  return engine_.ask(account_, &Account::rename, std::move(from), std::move(to));
}
task<Result<void, Refusal>> Session::subscribe(std::string name) {
  return engine_.ask(account_, &Account::subscribe, std::move(name), true);
}
task<Result<void, Refusal>> Session::unsubscribe(std::string name) {
  return engine_.ask(account_, &Account::subscribe, std::move(name), false);
}
task<Result<Status, Refusal>> Session::status(std::string name) {
  return engine_.ask(account_, &Account::status, std::move(name));
}
task<Result<std::vector<Status>, Refusal>> Session::statuses() {
  return engine_.ask(account_, &Account::statuses);
}
task<Result<QuotaUsage, Refusal>> Session::quota() { return engine_.ask(account_, &Account::quota); }

task<Result<std::unique_ptr<Selected>, Refusal>> Session::select(std::string name, Access access) {
  auto opened = co_await engine_.ask(account_, &Account::select, std::move(name));
  if (!opened) co_return refuse(opened.error());
  co_return std::unique_ptr<Selected>(
      new Selected(engine_, account_, access, std::move(opened->board), std::move(opened->snapshot)));
}

task<Result<std::vector<Stored>, Refusal>> Session::append(std::string name,
                                                           std::vector<NewMessage> messages) {
  std::vector<Prepared> prepared;
  for (NewMessage& message : messages) {
    auto one = co_await prepare(*engine_.services_.store, *engine_.services_.clock, std::move(message));
    if (!one) co_return refuse(one.error());
    prepared.push_back(std::move(*one));
  }
  Arrival arrival{.mailbox = std::move(name)};
  co_return co_await engine_.ask(account_, &Account::arrive, std::move(arrival), std::move(prepared));
}

task<Result<MaildropLock, Refusal>> Session::lock_maildrop() {
  const auto locked = co_await engine_.ask(account_, &Account::lock_maildrop);
  if (!locked) co_return refuse(locked.error());
  co_return MaildropLock(engine_, account_);
}

task<Result<std::vector<DeletedMessage>, Refusal>> Session::deleted_messages() {
  return engine_.ask(account_, &Account::deleted_messages);
}
task<Result<std::vector<DeletedMailbox>, Refusal>> Session::deleted_mailboxes() {
  return engine_.ask(account_, &Account::deleted_mailboxes);
}
task<Result<std::vector<Uid>, Refusal>> Session::undelete(std::vector<Home> messages, std::string to) {
  return engine_.ask(account_, &Account::undelete, std::move(messages), std::move(to));
}
task<Result<MailboxInfo, Refusal>> Session::undelete_mailbox(MailboxId mailbox, std::string name) {
  return engine_.ask(account_, &Account::undelete_mailbox, mailbox, std::move(name));
}

MaildropLock::~MaildropLock() {
  if (engine_) engine_->tell(account_, [](Account& account) { account.unlock_maildrop(); });
}

// --- Selected ------------------------------------------------------------------------------------------

Selected::Selected(Engine& engine, AccountId account, Access access, std::shared_ptr<Board> board,
                   SnapshotPtr shown)
    : engine_(engine),
      account_(account),
      access_(access),
      board_(std::move(board)),
      shown_(std::move(shown)),
      core_(net::Core::here()) {
  board_->join(*this);
  claim_recent(Uid{0});
}

Selected::~Selected() {
  board_->leave(*this);
  // The board may end with this session; what was shown as \Recent must not be so again to the next one.
  if (access_ == Access::ReadOnly || recent_.empty()) return;
  engine_.tell(account_, [board = board_, mailbox = mailbox()](Account& account) {
    account.keep_recent(mailbox, *board);
  });
}

SnapshotPtr Selected::latest() const { return board_->latest(); }
bool Selected::gone() const { return board_->gone(); }

void Selected::show(SnapshotPtr next) {
  const Uid known = shown_->summary.uid_next;
  shown_ = std::move(next);
  claim_recent(known);
}

// Of the messages from `known` on, those that no session has shown yet become this one's \Recent. Who only
// examines sees them as such and leaves them to others.
void Selected::claim_recent(Uid known) {
  const Uid upto = shown_->summary.uid_next;
  const Uid from = access_ == Access::ReadWrite ? board_->claim_recent(upto) : board_->recent_from();
  if (std::max(from, known) < upto) recent_.add(std::max(from, known).value(), upto.value() - 1);
}

task<Result<StoredFlags, Refusal>> Selected::store(NumberSet uids, FlagChange change,
                                                   std::optional<ModSeq> unchanged_since,
                                                   std::vector<ledger::Event> events) {
  if (access_ == Access::ReadOnly) co_return refuse(Refusal::ReadOnly);
  co_return co_await engine_.ask(account_, &Account::store_flags, mailbox(), std::move(uids),
                                 std::move(change), unchanged_since, std::move(events));
}

task<Result<NumberSet, Refusal>> Selected::expunge(NumberSet uids, Which which, Fate fate) {
  if (access_ == Access::ReadOnly) co_return refuse(Refusal::ReadOnly);
  co_return co_await engine_.ask(account_, &Account::expunge, mailbox(), std::move(uids), which, fate);
}

task<Result<Copied, Refusal>> Selected::copy(NumberSet uids, std::string target) {
  return engine_.ask(account_, &Account::copy, mailbox(), std::move(uids), std::move(target));
}

task<Result<Copied, Refusal>> Selected::move(NumberSet uids, std::string target) {
  if (access_ == Access::ReadOnly) co_return refuse(Refusal::ReadOnly);
  co_return co_await engine_.ask(account_, &Account::move, mailbox(), std::move(uids), std::move(target));
}

task<Result<NumberSet, Refusal>> Selected::vanished(ModSeq since, NumberSet among) {
  return engine_.ask(account_, &Account::vanished, mailbox(), since, std::move(among));
}

// --- Content -------------------------------------------------------------------------------------------

task<Result<Records, Refusal>> Selected::read(Kept kind, std::span<const Entry> entries) {
  return read_records(*engine_.services_.store, {store::Realm::Account, account_.value()}, kind, entries);
}

task<Result<std::unique_ptr<Content>, Refusal>> Selected::open(Entry entry) {
  auto records = co_await read(Kept::Locator, {&entry, 1});
  if (!records) co_return refuse(records.error());
  if ((*records)[0].empty()) co_return refuse(Refusal::Expunged);
  co_return co_await open((*records)[0]);
}

task<Result<std::unique_ptr<Content>, Refusal>> Selected::open(std::string_view record) {
  auto locator = decode_locator(record);
  if (!locator) co_return refuse(Refusal::Damaged);
  std::unique_ptr<store::BlobReader> reader;
  if (locator->blob != store::BlobId{} && locator->blob_octets > 0) {
    auto blob = co_await engine_.services_.store->open_blob(locator->blob);
    if (!blob) co_return refuse(content_refusal(blob.error()));
    reader = std::move(*blob);
  }
  co_return std::make_unique<Content>(std::move(*locator), std::move(reader));
}

Refusal content_refusal(store::BlobError error) {
  switch (error) {
    case store::BlobError::NoSuchBlob: return Refusal::Expunged;
    case store::BlobError::Damaged: return Refusal::Damaged;
    case store::BlobError::NoSpace: return Refusal::DiskFull;
    default: return Refusal::Unavailable;
  }
}

task<Result<std::string_view, Refusal>> Content::read(std::uint64_t offset) {
  const std::uint64_t prefix = locator_.prefix.size();
  if (offset < prefix) co_return std::string_view(locator_.prefix).substr(offset);
  if (!blob_ || offset >= octets()) co_return std::string_view();
  const auto piece = co_await blob_->read(offset - prefix);
  if (!piece) co_return refuse(content_refusal(piece.error()));
  co_return *piece;
}

}  // namespace postroad::mailbox
