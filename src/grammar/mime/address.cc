// Address lists, as tolerantly as they are written.
//
// An entry is collected as text until its end is seen: a comma, a semicolon, the end of the value, or "<".
// Only then is it decided what was the name and what the address, for "Pete <pete@x.test>", "pete@x.test
// (Pete)", "pete @ x . test" and "pete@x.test <pete@x.test>" all begin alike. One pass, no recursion: nested
// comments are counted (attack 39).
#include "mime/address.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/cursor.h"
#include "mime/text.h"
#include "mime/tokens.h"

namespace postroad::mime {
namespace {

// Words and specials put together again, with single spaces where the text had blanks between words.
class Collected {
 public:
  void blank() { blank_ = true; }

  void word(std::string_view text) {
    if (text_.empty() || !blank_ || glued_)
      continue_unit();
    else
      start_unit();
    text_ += text;
    seen_ = true;
  }
  void dot() {
    // "Joe Q. Public" has a dot at the end of a word; in "pete . smith @ x" and behind an "@" the blanks mean
    // nothing.
    const bool address = blank_ || (at_ != npos && at_ >= unit_);
    if (text_.empty()) start_unit();
    text_ += '.';
    blank_ = false, glued_ = address, seen_ = true;
  }
  void at() {
    if (at_ != npos && at_ < unit_) return word("@");  // a second address in one entry: the first counts
    if (text_.empty()) unit_ = 0;
    at_ = text_.size();
    text_ += '@';
    blank_ = false, glued_ = true, seen_ = true;
    address_ = unit_;
  }
  bool seen() const { return seen_; }
  const std::string& text() const { return text_; }

  // The address of an entry without angle brackets, and the words around it as its name.
  void split(AddressEntry& entry) const {
    if (at_ == npos) {
      entry.local_part = text_;
      return;
    }
    const std::size_t end = address_end_ == npos ? text_.size() : address_end_;
    entry.local_part = text_.substr(address_, at_ - address_);
    entry.domain = text_.substr(at_ + 1, end - at_ - 1);
    entry.display_name = text_.substr(0, address_ ? address_ - 1 : 0);
    if (end < text_.size()) {
      if (!entry.display_name.empty()) entry.display_name += ' ';
      entry.display_name += text_.substr(end + 1);
    }
  }
  void clear() { *this = {}; }

 private:
  static constexpr std::size_t npos = std::string::npos;
  void continue_unit() { blank_ = glued_ = false; }
  void start_unit() {
    if (at_ != npos && address_end_ == npos) address_end_ = text_.size();
    if (!text_.empty()) text_ += ' ';
    unit_ = text_.size();
    blank_ = glued_ = false;
  }

  std::string text_;
  std::size_t unit_ = 0;            // where the current run without blanks begins
  std::size_t at_ = npos;           // the last unquoted "@" of the address
  std::size_t address_ = 0;         // where the unit with the "@" begins
  std::size_t address_end_ = npos;  // and ends, when more words follow it
  bool blank_ = false, glued_ = false, seen_ = false;
};

class AddressParser {
 public:
  using Take = std::function<void(AddressEntry&&)>;
  AddressParser(std::string_view value, std::size_t limit, const Take& take)
      : in_(value), limit_(limit), take_(take) {}

  std::size_t run() {
    while (!in_.at_end() && room()) step();
    if (room()) finish_entry();
    if (in_group_) put({.kind = AddressEntry::Kind::GroupEnd});
    return count_;
  }

 private:
  bool room() const { return count_ < limit_; }
  void put(AddressEntry&& entry) {
    ++count_;
    take_(std::move(entry));
  }

  void step() {
    const char c = in_.peek();
    if (is_space(c)) {
      in_.skip(1);
      text_.blank();
    } else if (c == '(') {
      comment_.clear();
      take_comment(in_, &comment_);
      text_.blank();
    } else if (c == '"') {
      word_.clear();
      take_quoted(in_, word_);
      text_.word(word_);
    } else if (c == '<') {
      in_.skip(1);
      take_angle();
    } else if (c == ',' || (c == ';' && !in_group_)) {
      in_.skip(1);
      finish_entry();
    } else if (c == ';') {
      in_.skip(1);
      finish_entry();
      put({.kind = AddressEntry::Kind::GroupEnd});
      in_group_ = false;
    } else if (c == ':' && !in_group_ && !angle_) {
      in_.skip(1);
      put({.kind = AddressEntry::Kind::GroupStart, .display_name = text_.text()});
      in_group_ = true;
      start_entry();
    } else {
      take_word(text_);
    }
  }

  // A dot, an "@", or a run of anything that is no special; encoded words whole, since many hold specials.
  void take_word(Collected& into) {
    if (in_.take('.')) return into.dot();
    if (in_.take('@')) return into.at();
    if (in_.peek() == '[') return into.word(domain_literal());
    if (const auto encoded = encoded_word(in_.rest())) return into.word(in_.skip(encoded->octets));
    const auto atom = in_.take_while(is_atom);
    if (!atom.empty()) return into.word(atom);
    in_.take('\\');
    if (!in_.at_end() && !is_space(in_.peek())) into.word(in_.skip(1));
  }

  // RFC 5322 §3.4.1: "[" *([FWS] dtext) [FWS] "]"; without "]" the bracket is a letter like others.
  std::string_view domain_literal() {
    const auto end = in_.rest().find_first_of("[] \t\r\n,;<>", 1);  // never past the next one: linear
    if (end == std::string_view::npos || in_.rest()[end] != ']') return in_.skip(1);
    return in_.skip(end + 1);
  }

  // RFC 5322 §3.4: angle-addr, and §4.4: obs-route.
  void take_angle() {
    AddressEntry& entry = entry_;
    if (angle_) {  // "<a@b> <c@d>": two entries without a comma
      finish_entry();
      if (!room()) return;
    }
    angle_ = true;
    Collected address;
    skip_space_and_comments(in_);
    if (in_.peek() == '@') take_route(entry.route);
    while (!in_.at_end() && !in_.take('>')) {
      const char c = in_.peek();
      if (c == ',' || c == ';' || c == '<') break;  // the bracket was never closed
      if (is_space(c)) {
        in_.skip(1);
        address.blank();
      } else if (c == '(') {
        take_comment(in_, nullptr);
        address.blank();
      } else if (c == '"') {
        word_.clear();
        take_quoted(in_, word_);
        address.word(word_);
      } else {
        take_word(address);
      }
    }
    AddressEntry found;
    address.split(found);
    entry.local_part = std::move(found.local_part);
    entry.domain = std::move(found.domain);
  }

  // "@a,@b:" if there is a colon before the bracket closes; else nothing is taken.
  void take_route(std::string& route) {
    const auto rest = in_.rest();
    const auto end = rest.find_first_of(":>\"(<");
    if (end == std::string_view::npos || rest[end] != ':') return;
    for (char c : in_.skip(end))
      if (!is_space(c)) route.push_back(c);
    in_.skip(1);
  }

  void start_entry() {
    entry_ = {};
    text_.clear();
    comment_.clear();
    angle_ = false;
  }

  void finish_entry() {
    if (!angle_ && !text_.seen()) return start_entry();  // "a@b,,c@d": an empty entry (RFC 5322 §4.4)
    if (angle_)
      entry_.display_name = text_.text();
    else
      text_.split(entry_);
    // RFC 822's way to give a name: "pete@x.test (Pete)".
    if (entry_.display_name.empty()) entry_.display_name = comment_;
    put(std::move(entry_));
    start_entry();
  }

  Cursor in_;
  std::size_t limit_, count_ = 0;
  const Take& take_;
  AddressEntry entry_;
  Collected text_;  // outside angle brackets
  std::string comment_, word_;
  bool angle_ = false;  // this entry had its angle brackets
  bool in_group_ = false;
};

}  // namespace

std::size_t visit_addresses(std::string_view value, std::size_t limit,
                            const std::function<void(AddressEntry&&)>& take) {
  return AddressParser(value, limit, take).run();
}

std::vector<AddressEntry> parse_addresses(std::string_view value, std::size_t limit) {
  std::vector<AddressEntry> out;
  visit_addresses(value, limit, [&](AddressEntry&& entry) { out.push_back(std::move(entry)); });
  return out;
}

std::vector<AddressEntry> parse_mailboxes(std::string_view value, std::size_t limit) {
  auto entries = parse_addresses(value, limit);
  std::erase_if(entries, [](const AddressEntry& e) { return e.kind != AddressEntry::Kind::Mailbox; });
  return entries;
}

std::string shown_name(const AddressEntry& entry) { return decode_words(entry.display_name); }

Result<Address, AddressError> envelope_address(const AddressEntry& entry) {
  if (entry.domain.empty()) return refuse(AddressError::NoDomain);
  auto domain = Domain::parse(entry.domain);
  if (!domain) return refuse(AddressError::BadDomain);
  return Address::make(entry.local_part, std::move(*domain));
}

}  // namespace postroad::mime
