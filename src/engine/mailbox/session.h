// Session: one client's door to one account. What imapd and pop3d stand on.
//
//   auto session = engine.session(account);                        // any core; stays on that core
//   auto selected = co_await session.select("INBOX", Access::ReadWrite);
//   ... selected->shown()                                          // a Snapshot: counts, entries, sequence
//   numbers co_await stream.wait(&selected->changed());                    // IDLE const auto next =
//   selected->latest();                          // what has been committed since
//   say(compare(*selected->shown(), *next)); selected->show(next);
//
// All that must be atomic in IMAP is here, none of its syntax. Reading needs nobody's permission: a Selected
// holds an immutable Snapshot and content never changes. Every change travels to the account's owner, becomes
// one commit there, and is visible to anyone, its author included, only when that commit is durable (C1,
// C17). When a change has been answered, latest() shows it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/number_set.h"
#include "base/result.h"
#include "mailbox/mailbox.h"
#include "mailbox/record.h"
#include "mailbox/snapshot.h"
#include "net/later.h"
#include "net/task.h"
#include "store/store.h"

namespace postroad::mailbox {

class Engine;
class Board;

// Why not. In brackets what RFC 5530 calls it.
enum class Refusal : std::uint8_t {
  NoSuchAccount,
  NoSuchMailbox,    // [NONEXISTENT]; [TRYCREATE] for APPEND, COPY and MOVE
  AlreadyExists,    // [ALREADYEXISTS]
  BadName,          // [CANNOT]: empty level, control character, too long, too deep, not UTF-8
  NotPermitted,     // [CANNOT]: INBOX cannot be deleted; renaming a mailbox below itself
  UseAttrTaken,     // [USEATTR]: another mailbox has this special use (RFC 6154 §3)
  ReadOnly,         // [READ-ONLY]: selected by EXAMINE
  OverQuota,        // [OVERQUOTA]
  TooMany,          // [LIMIT]: mailboxes of the account, subscriptions
  TooManyKeywords,  // [LIMIT]: of the mailbox
  Expunged,         // [EXPUNGEISSUED]: the message is not there any more
  Damaged,          // [SERVERBUG]: this one message fails its checksum; others are not affected (C19)
  InUse,            // [IN-USE]: another POP3 session has the maildrop (RFC 2449 §8.1.2)
  Unavailable,      // [UNAVAILABLE]: the store takes nothing now
  DiskFull,         // [UNAVAILABLE] too; deleting still works
  Unknown,          // the disk failed in the middle: done or not. No answer would be true; the session ends
};

// --- The account's mailboxes ---------------------------------------------------------------------------

struct MailboxInfo {
  MailboxId id{};  // MAILBOXID (RFC 8474)
  std::string name;
  UidValidity uid_validity{};
  SpecialUse use = SpecialUse::None;
};
// All mailboxes at one moment. Names are UTF-8 with "/" between the levels; levels above a mailbox need not
// exist. Sorted by name, octet by octet, with INBOX among them in capitals.
struct Tree {
  std::vector<std::shared_ptr<const MailboxInfo>> mailboxes;
  std::set<std::string, std::less<>> subscribed;         // names; a mailbox of that name need not exist
  const MailboxInfo* find(std::string_view name) const;  // any spelling of INBOX
  // Is there a mailbox below this name?
  bool has_children(std::string_view name) const;
};
using TreePtr = std::shared_ptr<const Tree>;

struct Status {
  MailboxId mailbox{};
  UidValidity uid_validity{};
  Summary summary{};
};

struct QuotaUsage {
  std::uint64_t octets = 0, octet_limit = 0;  // limit 0: none
  std::uint64_t messages = 0, message_limit = 0;
  std::uint64_t mailboxes = 0;
};

// What an undelete window still holds (Policy::undelete). Never what POP3 erased.
struct DeletedMessage {
  MailboxId mailbox{};  // where it was
  Time at{};            // when it was expunged
  Entry entry{};
};
struct DeletedMailbox {
  MailboxId mailbox{};
  std::string name;
  Time at{};
  std::uint32_t messages = 0;
};

// --- Changes -------------------------------------------------------------------------------------------

enum class Access : std::uint8_t { ReadOnly, ReadWrite };

struct FlagChange {
  enum class How : std::uint8_t { Replace, Add, Remove };
  How how = How::Replace;
  std::uint8_t system = 0;            // flag:: bits; \Recent is nobody's to change
  std::vector<std::string> keywords;  // compared without case
};

struct StoredFlags {
  ModSeq
      modseq{};  // of the change; entries with this MODSEQ were changed by it. 0: nothing had to be changed
  NumberSet changed;   // UIDs
  NumberSet modified;  // UIDs that UNCHANGEDSINCE kept from being changed (RFC 7162 §3.1.3)
};

enum class Which : std::uint8_t { FlaggedDeleted, All };
enum class Fate : std::uint8_t {
  Undeletable,  // kept for the undelete window of the policy, if there is one
  Erased,       // its octets leave the disk within seven days (DESIGN §3.8)
};

struct Copied {
  UidValidity uid_validity{};       // of the target
  std::vector<Uid> source, target;  // in the same order (COPYUID, RFC 4315 §3)
  ModSeq modseq{};
};

// --- Content -------------------------------------------------------------------------------------------

// What is kept of each message beside its entry.
enum class Kept : char {
  Locator = 'm',    // for Selected::open()
  Structure = 't',  // mime::Stored reads it: ENVELOPE, BODYSTRUCTURE, part tree, summary
  Fields = 'h',     // HeaderFields::decode()
};
// Records of a run of entries, [i] belonging to the i-th. Empty: the message is gone or its record is
// damaged.
class Records {
 public:
  std::string_view operator[](std::size_t i) const { return views_[i]; }
  std::size_t size() const { return views_.size(); }

 private:
  friend task<Result<Records, Refusal>> read_records(store::Store&, store::Partition, Kept,
                                                     std::span<const Entry>);
  std::vector<std::string_view> views_;
  std::vector<std::unique_ptr<store::Page>> pages_;  // what the views point into
  std::vector<std::unique_ptr<std::string>> values_;
};

Refusal content_refusal(store::BlobError error);

// The octets of one message. Reading goes on even when the message is expunged meanwhile.
class Content {
 public:
  Content(Locator locator, std::unique_ptr<store::BlobReader> blob)
      : locator_(std::move(locator)), blob_(std::move(blob)) {}
  std::uint64_t octets() const { return locator_.octets(); }
  const Locator& locator() const { return locator_; }
  // What begins at `offset`: at least one octet before the end, at most 64 KiB, verified; valid until the
  // next call. Empty at the end. Damaged or Unavailable.
  task<Result<std::string_view, Refusal>> read(std::uint64_t offset);

 private:
  Locator locator_;
  std::unique_ptr<store::BlobReader> blob_;  // none if the blob is empty
};

// --- A selected mailbox --------------------------------------------------------------------------------

class Selected {
 public:
  ~Selected();
  Selected(const Selected&) = delete;
  Selected& operator=(const Selected&) = delete;

  MailboxId mailbox() const { return shown_->mailbox; }
  Access access() const { return access_; }
  // What the client knows. Sequence numbers of commands mean this one.
  const SnapshotPtr& shown() const { return shown_; }
  void show(SnapshotPtr next);
  // The newest committed state; costs nothing.
  SnapshotPtr latest() const;
  // Notified, on this core, when latest() is a new one, or gone() has become true.
  net::Signal& changed() { return changed_; }
  // Deleted, or its UIDVALIDITY has changed, under us: end the session (RFC 9051 §6.3.4).
  bool gone() const;
  // UIDs that this session, and no other, shows as \Recent (RFC 3501 §2.3.2). Grows by show().
  const NumberSet& recent() const { return recent_; }

  // --- changes; UIDs that do not exist (any more) are passed over ---
  // `events` are recorded in the same commit, which is made for them alone if no flag has to be changed.
  task<Result<StoredFlags, Refusal>> store(NumberSet uids, FlagChange change,
                                           std::optional<ModSeq> unchanged_since = {},
                                           std::vector<ledger::Event> events = {});
  // Answers which UIDs it expunged.
  task<Result<NumberSet, Refusal>> expunge(NumberSet uids, Which which, Fate fate = Fate::Undeletable);
  // All or nothing; flags, keywords and dates go along. The target is named, so that it is found or missed at
  // the moment of the change.
  task<Result<Copied, Refusal>> copy(NumberSet uids, std::string target);
  task<Result<Copied, Refusal>> move(NumberSet uids, std::string target);

  // UIDs of `among` that were expunged after `since` (RFC 7162 §3.2.6); where that is not known any more: all
  // that do not exist in shown().
  task<Result<NumberSet, Refusal>> vanished(ModSeq since, NumberSet among);

  // --- content ---
  // At most 256 entries (a page) at a time; `entries` must live until this is done.
  task<Result<Records, Refusal>> read(Kept kind, std::span<const Entry> entries);
  task<Result<std::unique_ptr<Content>, Refusal>> open(Entry entry);
  // `locator`: its Kept::Locator record, for who reads many.
  task<Result<std::unique_ptr<Content>, Refusal>> open(std::string_view locator);

 private:
  friend class Session;
  friend class Board;
  Selected(Engine& engine, AccountId account, Access access, std::shared_ptr<Board> board, SnapshotPtr shown);
  void claim_recent(Uid known);
  Engine& engine_;
  AccountId account_;
  Access access_;
  std::shared_ptr<Board> board_;
  SnapshotPtr shown_;
  NumberSet recent_;
  net::Core& core_;
  net::Signal changed_;
  Selected* next_ = nullptr;  // of the board's
  Selected* prev_ = nullptr;
};

// While it lives, nobody else gets the maildrop (RFC 1939 §4). IMAP sessions are not locked out.
class MaildropLock {
 public:
  MaildropLock(Engine& engine, AccountId account) : engine_(&engine), account_(account) {}
  MaildropLock(MaildropLock&& other) noexcept
      : engine_(std::exchange(other.engine_, nullptr)), account_(other.account_) {}
  MaildropLock& operator=(MaildropLock&&) = delete;
  ~MaildropLock();

 private:
  Engine* engine_;
  AccountId account_;
};

class Session {
 public:
  Session(Engine& engine, AccountId account) : engine_(engine), account_(account) {}
  AccountId account() const { return account_; }

  task<Result<TreePtr, Refusal>> tree();
  // Levels above it are not made (they show as \NonExistent). A "/" at the end says that there will be
  // levels below it, and is dropped.
  task<Result<MailboxInfo, Refusal>> create(std::string name, SpecialUse use = SpecialUse::None);
  // Its messages go, at once for everybody; mailboxes below it stay.
  task<Result<void, Refusal>> remove(std::string name);
  // Mailboxes below it go along. Renaming INBOX moves its messages into a new mailbox (RFC 9051 §6.3.6).
  task<Result<void, Refusal>> rename(std::string from, std::string to);
  task<Result<void, Refusal>> subscribe(std::string name);
  task<Result<void, Refusal>> unsubscribe(std::string name);

  task<Result<Status, Refusal>> status(std::string name);
  // Of all mailboxes, in the order of tree() (LIST-STATUS).
  task<Result<std::vector<Status>, Refusal>> statuses();
  task<Result<QuotaUsage, Refusal>> quota();

  task<Result<std::unique_ptr<Selected>, Refusal>> select(std::string name, Access access);
  // Made by MessageWriter. All of them or none (MULTIAPPEND, RFC 3502). NewMessage::mailbox and create are
  // not looked at.
  task<Result<std::vector<Stored>, Refusal>> append(std::string name, std::vector<NewMessage> messages);
  task<Result<MaildropLock, Refusal>> lock_maildrop();

  task<Result<std::vector<DeletedMessage>, Refusal>> deleted_messages();
  task<Result<std::vector<DeletedMailbox>, Refusal>> deleted_mailboxes();
  // As new messages of `to`, without keywords; their UIDs there. Expunged: none of them is left.
  task<Result<std::vector<Uid>, Refusal>> undelete(std::vector<Home> messages, std::string to);
  // With its messages, UIDs and UIDVALIDITY, under the same or another name.
  task<Result<MailboxInfo, Refusal>> undelete_mailbox(MailboxId mailbox, std::string name);

 private:
  Engine& engine_;
  AccountId account_;
};

}  // namespace postroad::mailbox
