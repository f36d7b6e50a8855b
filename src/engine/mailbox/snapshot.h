// Snapshot: a mailbox as it was after one commit. What a session has seen, and what it may see next.
//
// Immutable; any thread may hold and read one. Sequence numbers mean positions in the snapshot a session has
// shown its client (RFC 9051 §2.3.1.2), so it keeps that one until it has told the client of the next:
// compare() says what there is to tell.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mailbox/index.h"

namespace postroad::mailbox {

inline constexpr unsigned keyword_limit = 64;  // per mailbox: bits of Entry::keywords

// Names as first written; compared without case. An empty name is a bit that is free again.
using Keywords = std::vector<std::string>;

// Counts of a mailbox; kept with every change, so that STATUS needs no index.
struct Summary {
  Uid uid_next{1};
  std::uint32_t messages = 0;
  std::uint32_t unseen = 0;
  std::uint32_t deleted = 0;  // flagged \Deleted
  std::uint64_t octets = 0;
  std::uint64_t deleted_octets = 0;
  Uid recent_from{1};        // no session has been told of this UID and those above as \Recent
  std::uint32_t recent = 0;  // how many there are of these
  ModSeq highest{};          // HIGHESTMODSEQ
  friend bool operator==(const Summary&, const Summary&) = default;

  void count(const Entry& entry);     // it came
  void discount(const Entry& entry);  // it went
};

struct Snapshot {
  MailboxId mailbox{};
  UidValidity uid_validity{};
  Summary summary{};
  Index index{};
  std::shared_ptr<const Keywords> keywords = std::make_shared<Keywords>();
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

// What changed between two snapshots of a mailbox.
struct Changes {
  struct Gone {
    std::uint32_t sequence;  // in `from`
    Uid uid;
  };
  std::vector<Gone>
      gone;  // rising; say EXPUNGE from the last to the first, then the numbers need no correction
  std::vector<std::uint32_t>
      changed;                  // sequence numbers in `to` of messages that were in `from`, other MODSEQ
  std::uint32_t first_new = 0;  // sequence number in `to`; 0: no new messages
  bool keywords = false;        // there are new ones: FLAGS and PERMANENTFLAGS have changed
  bool empty() const { return gone.empty() && changed.empty() && first_new == 0 && !keywords; }
};
// Costs what differs: shared pages are not looked at.
Changes compare(const Snapshot& from, const Snapshot& to);

}  // namespace postroad::mailbox
