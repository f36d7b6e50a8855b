// SEARCH (RFC 9051 §6.4.4; RFC 4731 ESEARCH, RFC 5182 SEARCHRES, RFC 5032 WITHIN).
//
// Without an index of words the messages themselves are read, one at a time, each only as far as the answer
// still depends on it. What is held is one header and a quarter of a megabyte of text.
#include "imapd/search.h"

#include <algorithm>

#include "base/ascii.h"
#include "imapd/body.h"
#include "imapd/session.h"
#include "mime/parser.h"
#include "mime/text.h"
#include "mime/transfer.h"
#include "net/sleep.h"

namespace postroad::imapd {
namespace {

constexpr std::size_t most_header = 256 * 1024;
constexpr std::size_t most_text = 256 * 1024;

// Decoded octets of a text part become UTF-8 by whole lines, so that no character is cut in two.
void look(std::string& decoded, std::string_view charset, bool end, Finder& finder) {
  std::size_t whole = decoded.size();
  if (!end) {
    if (decoded.size() < most_text) return;
    if (const std::size_t lf = decoded.rfind('\n'); lf != std::string::npos) whole = lf + 1;
  }
  const std::string_view octets = std::string_view(decoded).substr(0, whole);
  finder.look(charset.empty() ? mime::octets_to_utf8(octets) : mime::to_utf8(octets, charset),
              Finder::Where::Body);
  decoded.erase(0, whole);
}

net::task<void> look_through(Octets& octets, Finder& finder) {
  // The first way through tells what parts there are and in which charset; the second reads them.
  mime::Parser parser;
  for (std::uint64_t at = 0; at < octets.size();) {
    const std::string_view piece = co_await octets.piece(at, octets.size());
    parser.feed(piece);
    at += piece.size();
  }
  const mime::Message message = parser.finish();
  for (std::size_t i = 0; i < message.parts().size() && !finder.all_found(); ++i) {
    for (const mime::Field& field : message.header(i)) {
      finder.look(std::string(field.name) + ": " + mime::decode_text(field.value), Finder::Where::Header);
      finder.end_part();
    }
    const mime::Part& part = message.parts()[i];
    if (part.kind != mime::Kind::Leaf || part.reading == mime::Reading::None) continue;
    const mime::Content content = message.content(i);
    const std::string* const charset = content.type.parameters.find("charset");
    const std::string_view name = charset ? std::string_view(*charset) : std::string_view();
    mime::TransferDecoder decoder(part.encoding);
    std::string decoded;
    for (std::uint64_t at = part.body_start; at < part.body_end && !finder.all_found();) {
      const std::string_view piece = co_await octets.piece(at, part.body_end);
      decoder.feed(piece, decoded);
      at += piece.size();
      look(decoded, name, false, finder);
    }
    decoder.finish(decoded);
    look(decoded, name, true, finder);
    finder.end_part();
  }
}

}  // namespace

net::task<Answer> Session::on(const imap::Search& command) {
  const std::string& charset = command.program.charset;
  if (!charset.empty() && !ascii::iequals(charset, "UTF-8") && !ascii::iequals(charset, "US-ASCII"))
    co_return Answer::no(imap::code::bad_charset, "Search in UTF-8");
  const mailbox::SnapshotPtr shown = selected_->shown();
  const Searcher searcher(command.program, *shown, selected_->recent(), saved_,
                          seconds(services_.clock.now()));
  if (searcher.asks_mod_seq()) condstore_ = true;

  SearchResult result;
  std::optional<mailbox::Refusal> trouble;
  for (const mailbox::Index::Slot& slot : shown->index.slots()) {
    std::vector<mailbox::Entry> entries;
    std::vector<std::uint32_t> numbers;
    std::vector<Truth> truths;
    for (std::uint32_t i = 0; i < slot.page->entries.size(); ++i) {
      const mailbox::Entry& entry = slot.page->entries[i];
      const Truth known = searcher.decide({.number = slot.before + i + 1, .entry = &entry});
      if (known == Truth::No) continue;
      entries.push_back(entry), numbers.push_back(slot.before + i + 1), truths.push_back(known);
    }
    if (std::ranges::find(truths, Truth::Unknown) != truths.end()) {
      const auto failed = co_await search_inside(searcher, entries, numbers, truths);
      if (failed) trouble = failed;
    }
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (truths[i] == Truth::Yes) result.found.push_back({numbers[i], entries[i].uid, entries[i].modseq});
    co_await net::yield();
  }
  // Half a result would be taken for a whole one (RFC 5182 §2.1: then "$" is empty).
  if (trouble) {
    if (command.wants(imap::SearchReturn::Save)) saved_ = {};
    co_return refused(*trouble);
  }
  say_found(command, result, searcher.asks_mod_seq());
  co_return Answer::ok("Searched");
}

// Decides what the index could not.
net::task<std::optional<mailbox::Refusal>> Session::search_inside(const Searcher& searcher,
                                                                  const std::vector<mailbox::Entry>& entries,
                                                                  const std::vector<std::uint32_t>& numbers,
                                                                  std::vector<Truth>& truths) {
  const bool by_fields = mailbox::HeaderFields::keeps(searcher.fields());
  auto locators = co_await selected_->read(mailbox::Kept::Locator, entries);
  if (!locators) co_return locators.error();
  auto fields = co_await selected_->read(mailbox::Kept::Fields, entries);
  if (!fields) co_return fields.error();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (truths[i] != Truth::Unknown) continue;
    SearchFacts facts{.number = numbers[i], .entry = &entries[i]};
    if (by_fields) {
      const auto kept = mailbox::HeaderFields::decode((*fields)[i]);
      if (kept && *kept) facts.header = **kept;
      truths[i] = searcher.decide(facts);
      if (truths[i] != Truth::Unknown) continue;
    }
    Octets octets(*selected_, (*locators)[i]);
    const auto refusal = co_await octets.open();
    if (refusal) {
      // What is gone, or damaged, has nothing to be found in it.
      truths[i] = Truth::No;
      if (*refusal == mailbox::Refusal::Unavailable) co_return refusal;
      continue;
    }
    std::string header;
    if (!facts.header) {
      header = co_await octets.text({.offset = 0, .octets = octets.size()}, most_header);
      header.resize(mime::header_octets(header));
      facts.header = header;
      truths[i] = searcher.decide(facts);
      if (truths[i] != Truth::Unknown) continue;
    }
    Finder finder(searcher);
    co_await look_through(octets, finder);
    facts.found_in_text = &finder.found();
    truths[i] = searcher.decide(facts);
    co_await net::yield();
  }
  co_return std::nullopt;
}

void Session::say_found(const imap::Search& command, const SearchResult& result, bool mod_seq) {
  using imap::SearchReturn;
  const auto number = [&](const SearchResult::Found& f) { return command.uid ? f.uid.value() : f.number; };
  const auto& found = result.found;
  std::uint64_t highest = 0;
  for (const auto& one : found) highest = std::max(highest, one.modseq.value());
  const std::optional<std::uint64_t> told = mod_seq && !found.empty() ? std::optional(highest) : std::nullopt;
  if (!command.returns) {
    std::vector<std::uint32_t> numbers;
    for (const auto& one : found) numbers.push_back(number(one));
    say().search(numbers, told);
    return;
  }
  const bool all = command.wants(SearchReturn::All), count = command.wants(SearchReturn::Count);
  const bool min = command.wants(SearchReturn::Min), max = command.wants(SearchReturn::Max);
  if (command.wants(SearchReturn::Save)) {
    // RFC 5182 §2.1: MIN and MAX alone keep no more than they tell.
    saved_ = {};
    if ((min || max) && !all && !count) {
      if (min && !found.empty()) saved_.add(found.front().uid.value());
      if (max && !found.empty()) saved_.add(found.back().uid.value());
    } else {
      for (const auto& one : found) saved_.add(one.uid.value());
    }
    if (!all && !count && !min && !max) return;
  }
  NumberSet numbers;
  imap::ESearchValues values{.tag = tag_, .uid = command.uid};
  if (all) {
    for (const auto& one : found) numbers.add(number(one));
    values.all = &numbers;
  }
  if (min && !found.empty()) values.min = number(found.front());
  if (max && !found.empty()) values.max = number(found.back());
  if (count) values.count = static_cast<std::uint32_t>(found.size());
  values.mod_seq = told;
  // RFC 7162 §3.1.10: of MIN and MAX alone it is theirs.
  if (told && !all && !count)
    values.mod_seq = std::max(min ? found.front().modseq.value() : 0, max ? found.back().modseq.value() : 0);
  say().esearch(values);
}

}  // namespace postroad::imapd
