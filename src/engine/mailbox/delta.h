// Delta: what one commit did to the mailboxes of an account, in tens of octets.
//
// Pages are rewritten only now and then (fold.cc); in between, the deltas since say the rest. A delta holds
// operations on sets of UIDs, not their results: 100,000 messages marked \Seen are one range. Played again
// over the pages as they were, deltas give exactly the state the owner had: apply() is the only place that
// says what an operation does.
//
// A large one (COPY of 100,000 messages) is cut into parts. All but part 0 may be committed before, unseen;
// part 0 says how many there are and makes them count.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "mailbox/snapshot.h"

namespace postroad::mailbox {

// Entries come; their MODSEQ is the delta's.
struct Add {
  std::vector<Entry> entries;
  friend bool operator==(const Add&, const Add&) = default;
};
// Flags are taken away, then set. An entry that this leaves as it was keeps its MODSEQ.
struct ChangeFlags {
  NumberSet uids;
  std::uint8_t remove = 0, add = 0;
  std::uint64_t remove_keywords = 0, add_keywords = 0;
  friend bool operator==(const ChangeFlags&, const ChangeFlags&) = default;
};
struct Expunge {
  NumberSet uids;
  friend bool operator==(const Expunge&, const Expunge&) = default;
};
// Others may now have the same Home. Not a visible change.
struct Share {
  NumberSet uids;
  friend bool operator==(const Share&, const Share&) = default;
};
// A bit of Entry::keywords gets a name, or (empty) loses it.
struct NameKeyword {
  std::uint8_t bit = 0;
  std::string name;
  friend bool operator==(const NameKeyword&, const NameKeyword&) = default;
};
using Operation = std::variant<Add, ChangeFlags, Expunge, Share, NameKeyword>;

// What happened to one mailbox, in order, and its counts afterwards.
struct Section {
  MailboxId mailbox{};
  Summary after{};
  std::vector<Operation> operations;
  friend bool operator==(const Section&, const Section&) = default;
};

struct Delta {
  ModSeq modseq{};  // the version of its commit
  std::vector<Section> sections;
  friend bool operator==(const Delta&, const Delta&) = default;
};

// The records of a delta, none above `record_octets`; [0] is the one that makes it count.
inline constexpr std::size_t delta_record_octets = 48 * 1024;
std::vector<std::string> encode_delta(const Delta& delta, std::size_t record_octets = delta_record_octets);
// `parts` in order, all of them.
Result<Delta, RecordError> decode_delta(ModSeq modseq, std::span<const std::string_view> parts);
// How many parts there must be, from part 0.
Result<std::uint32_t, RecordError> delta_parts(std::string_view part0);

// Does it, and keeps counts and keywords. What is not in the editor is not there.
struct Applied {
  std::vector<Entry> removed;  // what an Expunge took out
  NumberSet changed;           // the UIDs that a ChangeFlags really changed
};
void apply(Editor& editor, Summary& summary, Keywords& keywords, const Operation& operation, ModSeq modseq,
           Applied* applied = nullptr);

// Rough cost of playing it again, in entries touched: what makes folding due.
std::uint64_t weight(const Section& section);

// Counts in records. `highest` stands elsewhere in them.
void encode_summary(std::string& out, const Summary& summary);
Summary decode_summary(Reader& in, ModSeq highest);
// NumberSets in records: at the end of `out`, off the front of `in`.
void encode_set(std::string& out, const NumberSet& set);
Result<NumberSet, RecordError> decode_set(std::string_view& in);

}  // namespace postroad::mailbox
