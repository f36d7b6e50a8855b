// Does a message have what SEARCH looks for (RFC 9051 §6.4.4)? Asked in the order of what it costs: with the
// index entry alone, then with its header, then with its text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imap/search.h"
#include "mailbox/session.h"

namespace postroad::imapd {

enum class Truth : std::uint8_t { No, Yes, Unknown };

// What is known of one message so far; what is not known yet makes a decision Unknown.
struct SearchFacts {
  std::uint32_t number = 0;
  const mailbox::Entry* entry = nullptr;
  std::optional<std::string_view> header{};          // the header section, or the fields that are asked for
  const std::vector<bool>* found_in_text = nullptr;  // [i]: the Body or Text key i has been found
};

// A program made ready: its sets resolved, its texts folded.
class Searcher {
 public:
  // `saved`: the UIDs of "$"; `now`: seconds since 1970. All but `recent` may go afterwards.
  Searcher(const imap::SearchProgram& program, const mailbox::Snapshot& shown, const NumberSet& recent,
           const NumberSet& saved, std::int64_t now);
  Truth decide(const SearchFacts& facts) const { return decide(0, facts); }
  // The header fields it needs.
  const std::vector<std::string_view>& fields() const { return fields_; }
  bool asks_mod_seq() const;

  std::size_t keys() const { return program_.keys.size(); }
  imap::SearchOp op(std::size_t key) const { return program_.keys[key].op; }
  std::string_view needle(std::size_t key) const { return needles_[key]; }

 private:
  Truth decide(std::size_t at, const SearchFacts& facts) const;  // nested no deeper than Limits::depth
  Truth in_header(std::size_t at, const SearchFacts& facts) const;

  const imap::SearchProgram& program_;
  const NumberSet& recent_;
  std::int64_t now_;
  std::vector<std::string> needles_;  // for each key, folded
  std::vector<NumberSet> sets_;       // for each key
  std::vector<std::uint64_t> bits_;   // of keywords, for each key
  std::vector<std::string_view> fields_;
};

// UTF-8 as search compares it: letters of ASCII, Latin-1, Greek and Cyrillic in lower case, all else as it is
// (§6.4.4 asks for ASCII at least).
std::string fold_case(std::string_view utf8);

// Looks for the needles of Body and Text keys in a text that comes in pieces.
class Finder {
 public:
  explicit Finder(const Searcher& searcher);
  enum class Where : std::uint8_t { Header, Body };
  void look(std::string_view utf8, Where where);
  void end_part() { tail_.clear(); }  // nothing reaches from one part into the next
  bool all_found() const { return left_ == 0; }
  const std::vector<bool>& found() const { return found_; }

 private:
  const Searcher& searcher_;
  std::vector<bool> found_;
  std::string tail_;
  std::size_t longest_ = 0, left_ = 0;
};

}  // namespace postroad::imapd
