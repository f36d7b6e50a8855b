// Hot: what the owner of an account knows by heart. No IO: account.h reads it in and commits what it stages.
//
// Each mailbox has two states. `working` is what will be when everything submitted is committed: new UIDs,
// quota and conditions are judged by it. `published` is the last commit: what sessions may see. A Change is
// staged on the working state and carries the states it leads to; commit() publishes these, roll_back() makes
// working what is published. Both are cheap because an Index is immutable and shared.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mailbox/delta.h"
#include "mailbox/record.h"
#include "mailbox/session.h"
#include "store/batch.h"

namespace postroad::mailbox {

struct State {
  Summary summary{};
  std::shared_ptr<const Keywords> keywords = std::make_shared<Keywords>();
  Index index{};  // empty while the mailbox is not loaded
};

struct Mailbox {
  MailboxId id{};
  MailboxRecord record;  // its counts and keywords are those of the last fold
  State working, published;
  bool loaded = false;            // both indexes are there
  bool loading = false;           // nobody may change it meanwhile
  unsigned in_flight = 0;         // changes submitted and not answered
  NumberSet dirty;                // touched_number()s of pages that differ from what is stored
  bool fold_needs_index = false;  // unfolded deltas say more than Add
  std::shared_ptr<const MailboxInfo> info;

  void rename(std::string name);
  SnapshotPtr snapshot() const;  // of what is published; the mailbox is loaded
};

// A commit being made.
struct Change {
  explicit Change(store::Partition partition) : batch(partition) {}

  store::Batch batch;
  ModSeq modseq{};  // the version it will make
  Delta delta;
  struct Effect {
    Mailbox* mailbox;
    State after;
    NumberSet touched;
  };
  std::vector<Effect> effects;  // one for each section
  bool urgent = false;          // somebody waits to see it: publish at once
  bool prepared = false;        // commits before it wrote what only it gives a meaning
};

// Deltas since the last fold, as they lie in the store.
struct Unfolded {
  ModSeq modseq{};
  std::vector<std::string> parts;
  std::uint64_t weight = 0;
};

class Hot {
 public:
  AccountRecord record;
  std::set<std::string, std::less<>> subscribed;
  ModSeq version{};                        // of the last commit submitted
  ModSeq published{};                      // of the last one committed
  std::uint64_t octets = 0, messages = 0;  // of all mailboxes' working states: what quota is judged by
  std::deque<Unfolded> unfolded;
  std::uint64_t unfolded_octets = 0, unfolded_weight = 0;

  // --- mailboxes ---
  Mailbox& add(MailboxId id, MailboxRecord record);
  void remove(Mailbox& mailbox);
  void rename(Mailbox& mailbox, std::string name);
  Mailbox* find(std::string_view name);  // any spelling of INBOX
  Mailbox* find(MailboxId id);
  std::size_t size() const { return mailboxes_.size(); }
  template <class F>
  void each(F&& f) {  // by name
    for (auto& [name, mailbox] : names_) f(*mailbox);
  }
  TreePtr tree();  // made anew when something has changed
  void tree_changed() { tree_.reset(); }

  // --- reading in ---
  // A delta found in the store, in their order: counts, keywords, what a fold has to do.
  void replay(const Delta& delta, std::vector<std::string> parts);
  // Pages as stored become the index of both states; the mailbox has nothing in flight. Answers whether the
  // index agrees with the counts (if not, the counts now agree with the index).
  Result<bool, RecordError> load(Mailbox& mailbox, std::vector<StoredPage> pages);
  // An index that is known to be the one of the mailbox's present counts.
  void adopt(Mailbox& mailbox, Index index);
  void unload(Mailbox& mailbox);
  // What unfolded deltas did to a page since it was stored (for folding without an index).
  Result<std::vector<Entry>, RecordError> fold_page(const Mailbox& mailbox, std::uint32_t number,
                                                    const StoredPage& page) const;

  // UIDs that unfolded deltas after `since` expunged.
  NumberSet expunged_since(const Mailbox& mailbox, ModSeq since) const;

  // --- changing ---
  // Does the operations to the mailbox's working state and notes them in the change; they have been judged
  // before. A mailbox that is not loaded takes Add and NameKeyword only.
  Applied stage(Change& change, Mailbox& mailbox, std::vector<Operation> operations);
  // The change takes nothing more; what goes into the store as its delta.
  Unfolded close(Change& change);
  void commit(Change& change, Unfolded unfolded);
  // Nothing is in flight any more: whatever was staged and not committed never was.
  void roll_back();

 private:
  std::unordered_map<MailboxId, std::unique_ptr<Mailbox>> mailboxes_;
  std::map<std::string, Mailbox*, std::less<>> names_;
  TreePtr tree_;
};

// "inbox" -> "INBOX", also as the first level ("Inbox/x"); everything else as it is.
std::string canonical_name(std::string_view name);

}  // namespace postroad::mailbox
