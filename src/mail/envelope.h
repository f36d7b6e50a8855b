// Envelope: whose message, for whom, and what was asked of its delivery (RFC 5321 §2.3.1, RFC 3461).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "mail/address.h"

namespace postroad {

// The null reverse-path "<>" is what reports travel under (RFC 5321 §4.5.5): no report ever answers it.
class ReversePath {
 public:
  ReversePath() = default;
  explicit ReversePath(Address address) : address_(std::move(address)) {}
  bool is_null() const { return !address_; }
  const std::optional<Address>& address() const { return address_; }
  std::string text() const { return address_ ? address_->text() : std::string(); }
  friend auto operator<=>(const ReversePath&, const ReversePath&) = default;

 private:
  std::optional<Address> address_;
};

enum class Body : std::uint8_t { SevenBit, EightBitMime, BinaryMime };  // RFC 6152, RFC 3030
enum class DsnReturn : std::uint8_t { Unspecified, Full, Headers };     // RFC 3461 §4.3

// RFC 3461 §4.1. Nothing set: not given by the sender, which means failure and, at our choice, delay.
struct DsnNotify {
  bool never = false, success = false, failure = false, delay = false;
  bool given() const { return never || success || failure || delay; }
  friend auto operator<=>(const DsnNotify&, const DsnNotify&) = default;
};

// RFC 3461 §4.2: address-type ";" address, xtext decoded (RFC 6533 §3 for utf-8).
struct OriginalRecipient {
  std::string type;
  std::string address;
  friend auto operator<=>(const OriginalRecipient&, const OriginalRecipient&) = default;
};

struct Recipient {
  Address address;
  DsnNotify notify{};
  std::optional<OriginalRecipient> original{};
};

struct Envelope {
  ReversePath reverse_path;
  std::vector<Recipient> recipients;
  Body body = Body::SevenBit;
  bool smtputf8 = false;
  DsnReturn ret = DsnReturn::Unspecified;
  std::string envid;                 // xtext decoded, at most 100 octets
  std::int8_t priority = 0;          // RFC 6710: -9..9
  std::optional<Time> hold_until{};  // RFC 4865
  std::optional<Time> deliver_by{};  // RFC 2852
  bool deliver_by_notify = false;    // its mode: N(otify), else R(eturn)
  bool require_tls = false;          // RFC 8689
};

}  // namespace postroad
