// Domain: names in DNS and address literals.
//
// Most names are plain ASCII and never meet ICU. The rest goes through UTS #46, non-transitional, as
// browsers do it (a superset of IDNA2008: RFC 5891 with the mapping of RFC 5895), and its result is held to
// the same rules as a name that was ASCII from the start.
#include <arpa/inet.h>
#include <unicode/idna.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include <memory>
#include <stdexcept>

#include "base/ascii.h"
#include "base/cursor.h"
#include "base/utf8.h"
#include "mail/address.h"

namespace postroad {
namespace {

constexpr std::size_t longest_name = 253, longest_label = 63;
// An IDN may shrink on its way to A-labels (an A-label keeps at least one octet of each code point), but
// what is longer than this cannot end up as 253 octets.
constexpr std::size_t longest_input = 4 * longest_name;

constexpr bool is_ldh(char c) { return ascii::is_alnum(c) || c == '-'; }

// sub-domain = Let-dig [Ldh-str]  (RFC 5321 §4.1.2)
constexpr bool is_label(std::string_view label) {
  if (label.empty() || label.size() > longest_label) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  for (char c : label)
    if (!is_ldh(c)) return false;
  return true;
}

// What inet_aton(3) and its many heirs read as a number: 127, 0177, 0x7f.
bool is_number(std::string_view label) {
  Cursor in(label);
  if (in.take_keyword("0x"))
    return in.take_while([](char c) { return ascii::hex_value(c) >= 0; }), in.at_end();
  return in.take_while(ascii::is_digit), in.at_end();
}

template <class Each>
bool all_labels(std::string_view name, Each each) {
  for (;;) {
    const auto dot = name.find('.');
    if (!each(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

const icu::IDNA& idna() {
  static const std::unique_ptr<const icu::IDNA> instance = [] {
    // Which ASCII is allowed we check ourselves, in the A-label: UTS #46 since revision 33 does it so, and
    // ICU's older rule refuses U+2260 and its like, which have a valid A-label.
    UErrorCode error = U_ZERO_ERROR;
    return std::unique_ptr<const icu::IDNA>(
        icu::IDNA::createUTS46Instance(UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ |
                                           UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE,
                                       error));
  }();
  if (!instance) throw std::runtime_error("ICU has no IDNA data: is its data library installed?");
  return *instance;
}

// What UTS #46 maps since Unicode 15.1 and 16, and ICU 72 still refuses: some capitals, fillers that are
// now ignored, and five compatibility ideographs that normalisation replaces.
icu::UnicodeString with_late_mappings(std::string_view name) {
  UErrorCode error = U_ZERO_ERROR;
  const auto* nfc = icu::Normalizer2::getNFCInstance(error);
  if (U_FAILURE(error)) throw std::runtime_error("ICU has no NFC data: is its data library installed?");
  const auto text =
      nfc->normalize(icu::UnicodeString::fromUTF8({name.data(), static_cast<int32_t>(name.size())}), error);
  icu::UnicodeString out;
  for (int32_t i = 0; i < text.length(); ++i) {
    const char16_t c = text[i];
    if (c == 0x115f || c == 0x1160 || c == 0x17b4 || c == 0x17b5 || c == 0x3164 || c == 0xffa0) continue;
    const bool capital = (c >= 0x10a0 && c <= 0x10cd) || c == 0x04c0 || c == 0x2132 || c == 0x2183;
    out.append(capital ? static_cast<char16_t>(u_foldCase(c, U_FOLD_CASE_DEFAULT)) : c);
  }
  return out;
}

Result<std::string, DomainError> to_a_labels(std::string_view name) {
  if (!utf8::valid(name)) return refuse(DomainError::BadIdn);
  UErrorCode error = U_ZERO_ERROR;
  icu::IDNAInfo info;
  icu::UnicodeString result;
  idna().nameToASCII(with_late_mappings(name), result, info, error);
  if (U_FAILURE(error) || info.hasErrors()) return refuse(DomainError::BadIdn);
  std::string out;
  result.toUTF8String(out);
  return out;
}

// IPv4-address-literal / IPv6-address-literal (RFC 5321 §4.1.3). No other tag is registered. A leading
// zero is refused: some read octal where others read decimal.
Result<std::string, DomainError> literal(std::string_view text) {
  if (!text.ends_with(']') || text.size() > longest_label) return refuse(DomainError::BadLiteral);
  Cursor in(text.substr(1, text.size() - 2));
  const bool v6 = in.take_keyword("IPv6:");
  const std::string address(in.rest());
  unsigned char octets[sizeof(in6_addr)];
  char normal[INET6_ADDRSTRLEN];
  const int family = v6 ? AF_INET6 : AF_INET;
  if (address.find('\0') != std::string::npos || inet_pton(family, address.c_str(), octets) != 1 ||
      !inet_ntop(family, octets, normal, sizeof normal))
    return refuse(DomainError::BadLiteral);
  return (v6 ? "[IPv6:" : "[") + std::string(normal) + "]";
}

Result<std::string, DomainError> name(std::string_view text) {
  std::string name = ascii::to_lower(text);
  const auto starts_as_a_label = [](std::string_view label) { return !label.starts_with("xn--"); };
  if (!utf8::is_ascii(name) || !all_labels(name, starts_as_a_label)) {
    auto a_labels = to_a_labels(text);
    if (!a_labels) return refuse(a_labels.error());
    name = std::move(*a_labels);
  }
  if (name.size() > longest_name) return refuse(DomainError::TooLong);
  if (!all_labels(name, is_label)) return refuse(DomainError::BadLabel);
  const auto last_dot = name.rfind('.');
  if (is_number(std::string_view(name).substr(last_dot == std::string::npos ? 0 : last_dot + 1)))
    return refuse(DomainError::LooksLikeAnIpAddress);
  return name;
}

}  // namespace

Result<Domain, DomainError> Domain::parse(std::string_view text) {
  if (text.empty()) return refuse(DomainError::Empty);
  if (text.size() > longest_input) return refuse(DomainError::TooLong);
  auto parsed = text.front() == '[' ? literal(text) : name(text);
  if (!parsed) return refuse(parsed.error());
  return Domain(std::move(*parsed));
}

std::string Domain::unicode() const {
  if (is_literal() || text_.find("xn--") == std::string::npos) return text_;
  UErrorCode error = U_ZERO_ERROR;
  icu::IDNAInfo info;
  icu::UnicodeString result;
  idna().nameToUnicode(icu::UnicodeString::fromUTF8(text_), result, info, error);
  if (U_FAILURE(error) || info.hasErrors()) return text_;
  std::string out;
  result.toUTF8String(out);
  return out;
}

std::string_view Domain::literal_ip() const {
  if (!is_literal()) return {};
  Cursor in(std::string_view(text_).substr(1, text_.size() - 2));
  in.take("IPv6:");
  return in.rest();
}

std::string_view describe(DomainError error) {
  switch (error) {
    case DomainError::Empty: return "the domain is empty";
    case DomainError::TooLong: return "the domain is longer than 253 octets";
    case DomainError::BadLabel:
      return "a label of the domain is empty, longer than 63 octets, or has something else than letters, "
             "digits and inner hyphens";
    case DomainError::BadIdn: return "the international domain name is not valid";
    case DomainError::BadLiteral: return "the address literal is not [a.b.c.d] or [IPv6:...]";
    case DomainError::LooksLikeAnIpAddress: return "an IP address must stand in brackets";
  }
  return "the domain is not valid";
}

}  // namespace postroad
