// What SEARCH, SORT and THREAD look for (RFC 9051 §6.4.4, RFC 5256), as a flat tree.
//
// Keys stand in prefix order: an And, Or, Not or Fuzzy is followed by its operands, and `extent` tells
// where the next sibling is. "OR a OR b OR c d" is one Or with four operands, so what clients write as a
// long list is not deep. Depth and number of keys are bounded by Limits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imap/date_time.h"
#include "imap/flags.h"
#include "imap/sequence_set.h"

namespace postroad::imap {

enum class SearchOp : std::uint8_t {
  // Operators. All other operations have no operands.
  And,
  Or,
  Not,
  Fuzzy,  // RFC 6203: its one operand may match loosely
  // Everything, and messages by number or UID: `set`.
  All,
  Sequence,
  Uid,
  // Flags: `flag` for Flagged/Unflagged..., `text` for keywords.
  Flag,
  NotFlag,
  Keyword,
  NotKeyword,
  // rev1: new messages in this session.
  New,
  Old,
  Recent,
  // Text: `text`, Header with `name` (RFC 5322 field; an empty text asks only that it exists).
  Header,
  Bcc,
  Cc,
  From,
  To,
  Subject,
  Body,
  Text,
  // Days: `date`, compared without time and zone; Saved...: RFC 8514.
  Before,
  On,
  Since,
  SentBefore,
  SentOn,
  SentSince,
  SavedBefore,
  SavedOn,
  SavedSince,
  SaveDateSupported,
  // Octets, seconds, mod-sequence: `number`. Older/Younger: RFC 5032. ModSeq also has a `name`, like
  // "/flags/\\seen", and a `text`: priv, shared or all; both are empty when it was not limited to one flag.
  Larger,
  Smaller,
  Older,
  Younger,
  ModSeq,
  // Object identifiers: `text` (RFC 8474 §5.3).
  EmailId,
  ThreadId,
};

// 32 octets, so that the longest program is small and evaluating it is a walk over an array. Arguments that
// are texts or sets lie beside the keys; SearchProgram hands them out.
struct SearchKey {
  SearchOp op = SearchOp::All;
  SystemFlag flag{};         // Flag, NotFlag
  std::uint32_t extent = 1;  // this key and all keys under it
  std::uint32_t operands = 0;
  std::uint32_t argument = 0;
  Date date{};
  std::uint64_t number = 0;
  friend bool operator==(const SearchKey&, const SearchKey&) = default;
};

struct SearchProgram {
  std::string charset{};          // as written; empty: none given, which is US-ASCII in rev1, UTF-8 in rev2
  std::vector<SearchKey> keys{};  // keys[0] is an And of all that must hold
  std::vector<std::string> texts{};
  std::vector<SequenceSet> sets{};

  // The `text`, `name` and `set` of the table above. Only for keys that have one.
  const std::string& text(const SearchKey& key) const { return texts[key.argument]; }
  const std::string& name(const SearchKey& key) const { return texts[key.argument + 1]; }
  const SequenceSet& set(const SearchKey& key) const { return sets[key.argument]; }
  friend bool operator==(const SearchProgram&, const SearchProgram&) = default;
};

// RETURN (...), RFC 9051 §6.4.4 (RFC 4731), RFC 5182 SAVE, RFC 6203 RELEVANCY.
enum class SearchReturn : std::uint8_t { Min = 1, Max = 2, All = 4, Count = 8, Save = 16, Relevancy = 32 };

struct Search {
  bool uid = false;
  // Given at all, even as RETURN (): the answer is an ESEARCH. SearchReturn bits; RETURN () is All.
  std::optional<std::uint8_t> returns{};
  SearchProgram program{};
  bool wants(SearchReturn item) const { return returns && (*returns & static_cast<std::uint8_t>(item)); }
  friend bool operator==(const Search&, const Search&) = default;
};

// RFC 5256 §3, RFC 5957 (DISPLAY...), RFC 6203 (Relevancy).
enum class SortKey : std::uint8_t {
  Arrival,
  Cc,
  Date,
  From,
  Size,
  Subject,
  To,
  DisplayFrom,
  DisplayTo,
  Relevancy
};
struct SortCriterion {
  SortKey key = SortKey::Arrival;
  bool reverse = false;
  friend bool operator==(const SortCriterion&, const SortCriterion&) = default;
};

struct Sort {
  bool uid = false;
  std::optional<std::uint8_t> returns{};  // RFC 5267 §3 (ESORT)
  std::vector<SortCriterion> criteria{};
  SearchProgram program{};
  friend bool operator==(const Sort&, const Sort&) = default;
};

enum class ThreadAlgorithm : std::uint8_t { OrderedSubject, References };
struct Thread {
  bool uid = false;
  ThreadAlgorithm algorithm = ThreadAlgorithm::References;
  SearchProgram program{};
  friend bool operator==(const Thread&, const Thread&) = default;
};

// As a client would write the keys again, without the charset: for tests and logs.
void append_search_keys(std::string& out, const SearchProgram& program);

}  // namespace postroad::imap
