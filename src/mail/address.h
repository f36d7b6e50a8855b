// Address and Domain: an envelope address, proved valid once, at the door.
//
// RFC 5321 §4.1.2 (Mailbox), RFC 6531 §3.3 (UTF-8 in both halves), RFC 5890 (A-labels). Code that holds an
// Address never checks it again. Limits: local part 64 octets, domain 253, label 63, the whole 254, so that
// a path with its brackets has 256 (RFC 5321 §4.5.3.1; of a domain's 255 octets DNS takes two for itself).
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace postroad {

enum class DomainError { Empty, TooLong, BadLabel, BadIdn, BadLiteral, LooksLikeAnIpAddress };

// A host or mail domain, or an address literal. Kept as lower-case A-labels without a final dot:
// "BÜCHER.example" and "xn--bcher-kva.example" are one Domain. A literal keeps its brackets:
// "[192.0.2.1]", "[IPv6:2001:db8::1]", normalised.
//
// Refused beside what the grammar refuses: a final dot (RFC 5321 has none; take it off a name that comes
// from DNS), and a last label that is a number ("127.1", "0x7f.1"), which no name in DNS has but which many
// a library takes for an IP address (RFC 1123 §2.1).
class Domain {
 public:
  static Result<Domain, DomainError> parse(std::string_view text);
  const std::string& text() const { return text_; }  // A-labels or literal
  std::string unicode() const;                       // U-labels, for people
  bool is_literal() const { return text_.front() == '['; }
  // The literal's IP address as text, without brackets and "IPv6:"; empty for a name.
  std::string_view literal_ip() const;
  friend auto operator<=>(const Domain&, const Domain&) = default;

 private:
  explicit Domain(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

enum class AddressError {
  Empty,
  NoDomain,
  BadLocalPart,
  LocalPartTooLong,
  BadDomain,
  TooLong,
  ControlCharacter,
  BadUtf8
};

class Address {
 public:
  // A Mailbox: local-part "@" (domain / address-literal). A quoted string that needs no quotes loses them
  // (RFC 5321 §4.1.2: both are the same mailbox); comments and folding white space are refused (RFC 5321
  // has none). `text` holds nothing else.
  static Result<Address, AddressError> parse(std::string_view text);
  // From a local part as the owner thinks of it, unquoted: "john doe". The limits are those of its text().
  static Result<Address, AddressError> make(std::string_view local_part, Domain domain);

  // Unquoted; its case is the owner's business. May be empty: <""@example.org> is a valid address.
  const std::string& local_part() const { return local_part_; }
  const Domain& domain() const { return domain_; }
  std::string text() const;     // as it goes on the wire: quoted again where needed, A-labels
  std::string unicode() const;  // with U-labels, for people
  bool needs_smtputf8() const;  // a local part outside ASCII (RFC 6531 §3.3)
  // What two addresses of our own directory are compared by: local part case-folded by Unicode simple
  // folding and NFC, domain as it is. Never for addresses of others.
  std::string folded() const;
  friend auto operator<=>(const Address&, const Address&) = default;

 private:
  Address(std::string local_part, Domain domain)
      : local_part_(std::move(local_part)), domain_(std::move(domain)) {}
  std::string local_part_;
  Domain domain_;
};

// Clauses for a reply: "the domain is not valid".
std::string_view describe(DomainError error);
std::string_view describe(AddressError error);

// The local part as text: a Dot-string as it is, anything else as a Quoted-string.
std::string quoted_local_part(std::string_view local_part);
// Simple case folding and NFC; what folded() does to a local part. `text` is valid UTF-8.
std::string fold_case(std::string_view text);

// RFC 5233: "alice+lists" is user "alice", detail "lists". The first octet that is one of `separators` and
// not the first of all parts the two; without one there is no detail. Both view into `local_part`.
struct Subaddress {
  std::string_view user;
  std::optional<std::string_view> detail;
};
Subaddress split_subaddress(std::string_view local_part, std::string_view separators);

}  // namespace postroad

template <>
struct std::hash<postroad::Domain> {
  std::size_t operator()(const postroad::Domain& d) const noexcept {
    return std::hash<std::string>{}(d.text());
  }
};
template <>
struct std::hash<postroad::Address> {
  std::size_t operator()(const postroad::Address& a) const noexcept {
    return std::hash<std::string>{}(a.local_part()) * 31 + std::hash<postroad::Domain>{}(a.domain());
  }
};
