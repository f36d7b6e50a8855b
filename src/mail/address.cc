// Address: local part "@" domain, as RFC 5321 §4.1.2 and RFC 6531 §3.3 have it.
#include "mail/address.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include <stdexcept>

#include "base/ascii.h"
#include "base/cursor.h"
#include "base/utf8.h"

namespace postroad {
namespace {

constexpr std::size_t longest_local_part = 64, longest_address = 254;

// RFC 5322 §3.2.3; octets above 127 are checked to be UTF-8 before any rule is asked.
constexpr bool is_atext(char c) {
  return ascii::is_alnum(c) || ascii::is_8bit(c) ||
         std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}
constexpr bool is_qtext(char c) { return !ascii::is_control(c) && c != '"' && c != '\\'; }

// The C1 controls and the two separators that many a program takes for an end of line.
constexpr bool is_unicode_control(char32_t c) {
  return (c >= 0x80 && c < 0xa0) || c == 0x2028 || c == 0x2029;
}

// Characters no part of an address may have, whatever the grammar around them.
std::optional<AddressError> forbidden_characters(std::string_view text) {
  for (char c : text)
    if (ascii::is_control(c)) return AddressError::ControlCharacter;
  while (!text.empty()) {
    const auto point = utf8::take(text);
    if (!point) return AddressError::BadUtf8;
    if (is_unicode_control(*point)) return AddressError::ControlCharacter;
  }
  return std::nullopt;
}

// Dot-string = Atom *("." Atom)
bool take_dot_string(Cursor& in) {
  do {
    if (in.take_while(is_atext).empty()) return false;
  } while (in.take('.'));
  return true;
}

// Quoted-string = DQUOTE *QcontentSMTP DQUOTE; the backslash quotes printable ASCII only.
std::optional<std::string> take_quoted_string(Cursor& in) {
  if (!in.take('"')) return std::nullopt;
  std::string content;
  for (;;) {
    content += in.take_while(is_qtext);
    if (in.take('"')) return content;
    if (!in.take('\\') || in.at_end() || ascii::is_8bit(in.peek())) return std::nullopt;
    content += in.skip(1);
  }
}

bool is_dot_string(std::string_view text) {
  Cursor in(text);
  return take_dot_string(in) && in.at_end();
}

}  // namespace

Result<Address, AddressError> Address::parse(std::string_view text) {
  if (text.empty()) return refuse(AddressError::Empty);
  if (const auto error = forbidden_characters(text)) return refuse(*error);

  Cursor in(text);
  std::string local_part;
  if (in.peek() == '"') {
    auto content = take_quoted_string(in);
    if (!content) return refuse(AddressError::BadLocalPart);
    local_part = std::move(*content);
  } else {
    const auto before = in.rest();
    if (!take_dot_string(in)) return refuse(AddressError::BadLocalPart);
    local_part = before.substr(0, before.size() - in.rest().size());
  }
  // The limit is on what was written, quotes and backslashes with it.
  if (text.size() - in.rest().size() > longest_local_part) return refuse(AddressError::LocalPartTooLong);
  if (in.at_end()) return refuse(AddressError::NoDomain);
  if (!in.take('@')) return refuse(AddressError::BadLocalPart);
  if (in.at_end()) return refuse(AddressError::NoDomain);

  auto domain = Domain::parse(in.rest());
  if (!domain) return refuse(AddressError::BadDomain);
  return make(local_part, std::move(*domain));
}

Result<Address, AddressError> Address::make(std::string_view local_part, Domain domain) {
  if (const auto error = forbidden_characters(local_part)) return refuse(*error);
  const std::size_t octets = quoted_local_part(local_part).size();
  if (octets > longest_local_part) return refuse(AddressError::LocalPartTooLong);
  if (octets + 1 + domain.text().size() > longest_address) return refuse(AddressError::TooLong);
  return Address(std::string(local_part), std::move(domain));
}

std::string Address::text() const { return quoted_local_part(local_part_) + '@' + domain_.text(); }
std::string Address::unicode() const { return quoted_local_part(local_part_) + '@' + domain_.unicode(); }
bool Address::needs_smtputf8() const { return !utf8::is_ascii(local_part_); }
std::string Address::folded() const {
  return quoted_local_part(fold_case(local_part_)) + '@' + domain_.text();
}

std::string quoted_local_part(std::string_view local_part) {
  if (is_dot_string(local_part)) return std::string(local_part);
  std::string out = "\"";
  for (char c : local_part) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + '"';
}

std::string fold_case(std::string_view text) {
  if (utf8::is_ascii(text)) return ascii::to_lower(text);
  UErrorCode error = U_ZERO_ERROR;
  const auto* nfc = icu::Normalizer2::getNFCInstance(error);
  if (U_FAILURE(error)) throw std::runtime_error("ICU has no NFC data: is its data library installed?");
  const auto normal =
      nfc->normalize(icu::UnicodeString::fromUTF8({text.data(), static_cast<int32_t>(text.size())}), error);
  icu::UnicodeString folded;
  for (int32_t i = 0; i < normal.length(); i = normal.moveIndex32(i, 1))
    folded.append(u_foldCase(normal.char32At(i), U_FOLD_CASE_DEFAULT));
  std::string out;
  nfc->normalize(folded, error).toUTF8String(out);  // folding can leave what composes again
  return out;
}

Subaddress split_subaddress(std::string_view local_part, std::string_view separators) {
  const auto at = local_part.find_first_of(separators, 1);
  if (at == std::string_view::npos) return {local_part, std::nullopt};
  return {local_part.substr(0, at), local_part.substr(at + 1)};
}

std::string_view describe(AddressError error) {
  switch (error) {
    case AddressError::Empty: return "the address is empty";
    case AddressError::NoDomain: return "the address has no domain";
    case AddressError::BadLocalPart: return "the part before the @ is not valid";
    case AddressError::LocalPartTooLong: return "the part before the @ is longer than 64 octets";
    case AddressError::BadDomain: return "the domain is not valid";
    case AddressError::TooLong: return "the address is longer than 254 octets";
    case AddressError::ControlCharacter: return "the address has a control character";
    case AddressError::BadUtf8: return "the address is not valid UTF-8";
  }
  return "the address is not valid";
}

}  // namespace postroad
