// SequenceSet: the messages a command names, as written: "2,4:7,9,12:*" or "$".
//
// sequence-set (RFC 9051 §9, RFC 5182 §3). What "*" means is known only beside a mailbox, so a set is
// kept as ranges in which 0 stands for "*" and is turned into a NumberSet by resolve().
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/number_set.h"

namespace postroad::imap {

class SequenceSet {
 public:
  static constexpr std::uint32_t star = 0;

  SequenceSet() = default;
  // Nothing else in `text`; nothing when it is no sequence-set or has more than `limit` ranges.
  static std::optional<SequenceSet> parse(std::string_view text, std::size_t limit = SIZE_MAX);

  // "$" is among the set: the result that SEARCH RETURN (SAVE) kept. The caller unites it with the rest.
  bool saved_result() const { return saved_result_; }
  bool has_star() const { return has_star_; }
  // A valid set names something; a default one does not.
  bool empty() const { return ranges_.empty() && !saved_result_; }
  // As written: neither sorted nor merged, except that neighbours which touch are one.
  const std::vector<NumberSet::Range>& ranges() const { return ranges_; }
  // The largest number written, 0 if there is none but "*" and "$". RFC 9051 §9 (seq-number): a message
  // number above the number of messages is answered with BAD.
  std::uint32_t largest() const { return largest_; }

  // What is meant in a mailbox whose largest number (message number, or UID; for UIDs of an empty mailbox:
  // UIDNEXT, RFC 9051 §9) is `largest`. With 0 every range that has a "*" is dropped. "$" is not in it.
  NumberSet resolve(std::uint32_t largest) const;

  void print(std::string& out) const;
  std::string text() const;
  friend bool operator==(const SequenceSet&, const SequenceSet&) = default;

 private:
  void append(std::uint32_t first, std::uint32_t last);
  std::vector<NumberSet::Range> ranges_;  // star may be at either end
  std::uint32_t largest_ = 0;
  bool saved_result_ = false;
  bool has_star_ = false;
};

}  // namespace postroad::imap
