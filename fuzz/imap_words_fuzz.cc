// The small words of IMAP against their plain definitions: names and dates come back as they went out, sets
// hold the numbers they name, patterns match what they mean.
#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>

#include "base/utf8.h"
#include "imap/date_time.h"
#include "imap/list_pattern.h"
#include "imap/mailbox_name.h"
#include "imap/sequence_set.h"

namespace {

using namespace postroad;

bool matches(std::string_view pattern, std::string_view name, std::size_t& steps) {
  if (++steps > 20'000) return false;
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*' || pattern[0] == '%') {
    if (matches(pattern.substr(1), name, steps)) return true;
    return !name.empty() && (pattern[0] == '*' || name[0] != '/') && matches(pattern, name.substr(1), steps);
  }
  return !name.empty() && name[0] == pattern[0] && matches(pattern.substr(1), name.substr(1), steps);
}

void names(std::string_view text) {
  if (const auto decoded = imap::from_modified_utf7(text)) {
    if (!utf8::valid(*decoded)) std::abort();
    std::string encoded;
    imap::append_modified_utf7(encoded, *decoded);
    if (encoded != text) std::abort();  // one spelling only
  }
  if (utf8::valid(text)) {
    std::string encoded;
    imap::append_modified_utf7(encoded, text);
    if (imap::from_modified_utf7(encoded) != text) std::abort();
  }
}

void sets(std::string_view text) {
  const auto set = imap::SequenceSet::parse(text);
  if (!set) return;
  if (imap::SequenceSet::parse(set->text()) != *set) std::abort();
  if (set->largest() > 2'000) return;
  for (const std::uint32_t largest : {0u, 1u, 7u, 1'000u}) {
    const NumberSet numbers = set->resolve(largest);
    std::set<std::uint32_t> model;
    for (auto [first, last] : set->ranges()) {
      if (largest == 0 && (first == 0 || last == 0)) continue;
      if (first == 0) first = largest;
      if (last == 0) last = largest;
      for (auto n = std::min(first, last); n <= std::max(first, last); ++n) model.insert(n);
    }
    if (numbers.size() != model.size()) std::abort();
    numbers.each([&](std::uint32_t n) {
      if (!model.contains(n)) std::abort();
    });
  }
}

void dates(std::string_view text) {
  if (const auto date = imap::parse_date(text)) {
    std::string out;
    imap::append_date(out, *date);
    if (imap::parse_date(out) != date) std::abort();
  }
  if (const auto when = imap::parse_date_time(text)) {
    std::string out;
    imap::append_date_time(out, *when);
    if (imap::parse_date_time(std::string_view(out).substr(1, out.size() - 2)) != when) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  names(text);
  sets(text);
  dates(text);

  const std::size_t cut = data[0] % (text.size() + 1);
  const std::string_view pattern = text.substr(0, cut), name = text.substr(cut);
  const auto match = imap::ListPattern(pattern, '/').match(name);
  const auto is_inbox = [](std::string_view n) { return n == "INBOX" || n.starts_with("INBOX/"); };
  std::size_t steps = 0;
  if (pattern.size() + name.size() <= 24 && !is_inbox(name)) {
    const bool expected = matches(pattern, name, steps);
    if (steps <= 20'000 && expected != (match == imap::PatternMatch::Yes)) std::abort();
  }
  return 0;
}
