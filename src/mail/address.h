// Address and Domain: an envelope address, proved valid once, at the door.
//
// RFC 5321 §4.1.2 (Mailbox), RFC 6531 §3.3 (UTF-8 in both halves), RFC 5890 (A-labels). Code that holds an
// Address never checks it again. Limits: local part 64 octets, domain 255, label 63 (RFC 5321 §4.5.3.1).
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace postroad {

enum class DomainError { Empty, TooLong, BadLabel, BadIdn, BadLiteral };

// A host or mail domain, or an address literal. Kept as lower-case A-labels without a final dot:
// "BÜCHER.example" and "xn--bcher-kva.example" are one Domain. A literal keeps its brackets:
// "[192.0.2.1]", "[IPv6:2001:db8::1]", normalised.
class Domain {
 public:
  static Result<Domain, DomainError> parse(std::string_view text);
  const std::string& text() const { return text_; }  // A-labels or literal
  std::string unicode() const;                       // U-labels, for people
  bool is_literal() const { return text_.front() == '['; }
  friend auto operator<=>(const Domain&, const Domain&) = default;

 private:
  explicit Domain(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

enum class AddressError { Empty, NoDomain, BadLocalPart, LocalPartTooLong, BadDomain, ControlCharacter, BadUtf8 };

class Address {
 public:
  // A Mailbox: local-part "@" (domain / address-literal). A quoted string that needs no quotes loses them
  // (RFC 5321 §4.1.2: both are the same mailbox); comments and folding white space are refused (RFC 5321
  // has none). `text` holds nothing else.
  static Result<Address, AddressError> parse(std::string_view text);

  const std::string& local_part() const { return local_part_; }  // unquoted; its case is the owner's business
  const Domain& domain() const { return domain_; }
  std::string text() const;        // as it goes on the wire: quoted again where needed, A-labels
  std::string unicode() const;     // with U-labels, for people
  bool needs_smtputf8() const;     // a local part outside ASCII (RFC 6531 §3.3)
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

std::string_view describe(AddressError error);  // a clause for a reply: "the domain is not valid"

}  // namespace postroad
