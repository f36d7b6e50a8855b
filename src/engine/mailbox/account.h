// Account: the owner of one account's mailboxes. It lives on one core and nowhere else.
//
// Everything that changes mailboxes goes through here: judged by what it knows by heart (hot.h), staged
// there, and committed in order, each commit expecting the version the one before makes, none waiting for it.
// When one fails, those after it conflict; what was staged is taken back and they are tried again from the
// start. A commit of unknown outcome makes the owner forget all and read the store again. Sessions see only
// what is committed (C16, C17).
//
// Sharing. Content lies under the Home of the message's first entry. As long as an entry was never copied it
// is the only one with its Home. COPY sets flag::shared on both and writes one reference key for each; from
// then on content goes when the last reference does (purge.cc).
//
// The implementation: account.cc opens and commits, arrive.cc takes messages in, change.cc flags and
// expunges, copy.cc copies and moves, names.cc is about mailboxes, fold.cc rewrites pages, purge.cc removes
// content.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "directory/directory.h"
#include "mailbox/board.h"
#include "mailbox/engine.h"
#include "mailbox/hot.h"
#include "mailbox/session.h"
#include "net/later.h"
#include "net/task_group.h"

namespace postroad::mailbox {

// A message ready to be given its UID: made where the caller is, not on the owner.
struct Prepared {
  Locator locator;
  std::string structure;  // mime::serialize()
  std::string fields;     // HeaderFields::encode()
  std::uint32_t octets = 0;
  std::int64_t internal_date = 0;
  std::uint8_t flags = 0;
  std::vector<std::string> keywords;
};

// Where messages go and on what terms.
struct Arrival {
  std::string mailbox;
  bool create = false;      // make the mailbox if it is not there
  bool inbox_else = false;  // or take INBOX
  bool overshoot = false;   // past the quota, and while the disk is tight: it was promised
  std::optional<store::OpId> op{};
  std::vector<ledger::Event> events{};
};

// Levels between "/", none of them empty, no control character (RFC 9051 §5.1, RFC 5198 §2), not too long.
bool valid_mailbox_name(std::string_view name);

// What a session gets for its SELECT.
struct Opened {
  std::shared_ptr<Board> board;
  SnapshotPtr snapshot;
};

class Account : public std::enable_shared_from_this<Account> {
 public:
  Account(const Services& services, net::TaskGroup& group, AccountId id);
  ~Account();
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  AccountId id() const { return id_; }

  // --- arrive.cc ---
  task<Result<std::vector<Stored>, Refusal>> arrive(Arrival arrival, std::vector<Prepared> messages);
  void forget(store::OpId op) { forgets_.push_back(op); }

  // --- change.cc ---
  task<Result<Opened, Refusal>> select(std::string name);
  task<Result<StoredFlags, Refusal>> store_flags(MailboxId mailbox, NumberSet uids, FlagChange change,
                                                 std::optional<ModSeq> unchanged_since,
                                                 std::vector<ledger::Event> events);
  task<Result<NumberSet, Refusal>> expunge(MailboxId mailbox, NumberSet uids, Which which, Fate fate);
  task<Result<NumberSet, Refusal>> vanished(MailboxId mailbox, ModSeq since, NumberSet among);

  // --- copy.cc ---
  task<Result<Copied, Refusal>> copy(MailboxId mailbox, NumberSet uids, std::string target);
  task<Result<Copied, Refusal>> move(MailboxId mailbox, NumberSet uids, std::string target);

  // --- names.cc ---
  task<Result<TreePtr, Refusal>> tree();
  task<Result<MailboxInfo, Refusal>> create(std::string name, SpecialUse use);
  task<Result<void, Refusal>> remove(std::string name);
  task<Result<void, Refusal>> rename(std::string from, std::string to);
  task<Result<void, Refusal>> subscribe(std::string name, bool subscribed);
  task<Result<Status, Refusal>> status(std::string name);
  task<Result<std::vector<Status>, Refusal>> statuses();
  task<Result<QuotaUsage, Refusal>> quota();

  // --- purge.cc ---
  task<bool> purge_due();

  // --- undelete.cc ---
  task<Result<std::vector<DeletedMessage>, Refusal>> deleted_messages();
  task<Result<std::vector<DeletedMailbox>, Refusal>> deleted_mailboxes();
  task<Result<std::vector<Uid>, Refusal>> undelete(std::vector<Home> homes, std::string to);
  task<Result<MailboxInfo, Refusal>> undelete_mailbox(MailboxId id, std::string name);
  task<Result<void, Refusal>> erase_all();

  // POP3's exclusive maildrop (RFC 1939 §4).
  task<Result<bool, Refusal>> lock_maildrop();
  void unlock_maildrop() { maildrop_locked_ = false; }
  void keep_recent(MailboxId mailbox, const Board& board);  // a session that showed some has ended

  // --- keeping house, by the engine ---
  // While it lives the account is in use and stays.
  class Use {
   public:
    explicit Use(std::shared_ptr<Account> account) : account_(std::move(account)) { ++account_->uses_; }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use() { --account_->uses_, account_->last_used_ = account_->now(); }

   private:
    std::shared_ptr<Account> account_;
  };
  // Nothing happens and nobody watches: it may be dropped.
  bool idle() const;
  // Nothing has happened for a while: folds what is worth it, purges what is due, forgets what can be read
  // again.
  void tend();
  // Everything submitted has been answered.
  task<void> settle();

 private:
  enum class Done : std::uint8_t {
    Committed,
    Again,  // another commit came between: judge anew
    NoSpace,
    NoSuchBlob,
    Repeated,  // its OpId was committed before
    Unavailable,
    Unknown,
  };
  static Refusal refusal(Done done) {
    return done == Done::NoSpace   ? Refusal::DiskFull
           : done == Done::Unknown ? Refusal::Unknown
                                   : Refusal::Unavailable;
  }

  Instant now() const { return services_.clock->instant(); }
  std::int64_t wall() const { return seconds(services_.clock->now()); }
  store::Partition partition() const { return {store::Realm::Account, id_.value()}; }

  // --- account.cc: opening ---
  // Known by heart, and nothing exclusive or failed is under way. Whoever goes on without awaiting may judge
  // and stage.
  task<Result<void, Refusal>> usable();
  task<Result<void, Refusal>> open();
  task<Result<std::unique_ptr<Hot>, Refusal>> read_in();
  task<Result<void, Refusal>> provision(Hot& hot, bool first);
  task<Result<void, Refusal>> clean_intents(Hot& hot);
  // visit(what follows the prefix, value) for every key that begins with it; false: it is damaged.
  using Visit = std::function<bool(std::string_view, std::string_view)>;
  task<Result<void, Refusal>> each_entry(std::string prefix, const Visit& visit);
  // The mailbox's index is there, or why not. Afterwards judge anew.
  task<Result<void, Refusal>> load(MailboxId mailbox, bool for_fold = false);

  // --- account.cc: committing ---
  Change begin();
  net::Later<Done> submit(Change change);
  void completed(store::CommitResult result);
  task<void> recover();
  void note_recent(Mailbox& mailbox, const Board& board);
  bool publish(Mailbox& mailbox);  // false: somebody watches it and it is not loaded
  void publish_waiting();
  task<void> refresh();
  Hot& hot() { return *hot_; }

  // Nobody else changes anything while it lives, and nothing is in flight when alone() has answered.
  class Alone {
   public:
    explicit Alone(Account& account) : account_(&account) {}
    Alone(Alone&& other) noexcept : account_(std::exchange(other.account_, nullptr)) {}
    Alone& operator=(Alone&&) = delete;
    ~Alone() {
      if (account_) account_->alone_ = false, account_->changed_.notify();
    }

   private:
    Account* account_;
  };
  task<Result<Alone, Refusal>> alone();

  // --- helpers of the chapters ---
  // To whom `octets` and `messages` are new: nobody, the mailbox, or the whole account too.
  enum class Scope : std::uint8_t { Nothing, Mailbox, Account };
  std::optional<Refusal> over_quota(const Mailbox& target, std::uint64_t octets, std::uint64_t messages,
                                    Scope scope) const;
  struct Transfer;
  task<Result<std::optional<Transfer>, Refusal>> transfer(MailboxId from, const NumberSet& uids,
                                                          const std::string& to, bool leaves,
                                                          std::size_t most);
  task<Result<std::vector<Stored>, Refusal>> repeated(store::OpId op);
  // Bits for names, made if they are not there; nothing when there is no room.
  std::optional<std::uint64_t> keyword_bits(const Mailbox& mailbox, std::span<const std::string> names,
                                            std::vector<Operation>& operations) const;
  void put_limbo(Change& change, const Mailbox& mailbox, std::span<const Entry> entries, Fate fate);
  task<void> fold();
  bool fold_due() const;
  task<bool> read_dirty(MailboxId id, std::map<std::uint32_t, StoredPage>& pages);
  struct Fold;
  task<bool> trim_vanished(MailboxId id);
  task<void> purge();
  task<bool> purge_limbo(bool& left);
  task<bool> purge_graves(bool& left);
  task<bool> purge_content(MailboxId mailbox, std::span<const Entry> entries, store::Batch& batch);
  task<Result<bool, Refusal>> last_reference(const Entry& entry, const std::string& mine,
                                             const std::vector<std::string>& going);
  task<bool> commit_purge(store::Batch batch);
  task<bool> caught_up();
  std::int64_t purge_window() const;  // seconds
  Status status_of(Mailbox& mailbox);

  struct Flight {
    Change change;
    Unfolded unfolded;
    net::Completer<Done> completer;
    std::vector<store::OpId> forgets;
  };

  const Services& services_;
  net::TaskGroup& group_;
  const AccountId id_;
  std::unique_ptr<Hot> hot_;  // none: not known by heart
  std::uint64_t epoch_ = 0;   // one more whenever hot_ is made anew: what pointed into it is gone
  std::deque<Flight> in_flight_;
  std::unordered_map<MailboxId, std::weak_ptr<Board>> boards_;
  std::vector<MailboxId> unpublished_;
  bool publish_posted_ = false;
  std::vector<store::OpId> forgets_;
  net::Signal changed_;  // something that somebody may wait for has happened
  bool opening_ = false;
  bool alone_ = false;
  bool failed_ = false;   // a commit failed; nothing is submitted until recover() has seen to it
  bool unknown_ = false;  // of unknown outcome: read all again
  bool folding_ = false;
  bool purging_ = false;
  Instant purge_at_{};  // not before
  unsigned loads_ = 0;
  bool limbo_ = true;  // there may be something to purge
  bool maildrop_locked_ = false;
  unsigned uses_ = 0;
  Instant last_used_{};
};

}  // namespace postroad::mailbox
