// Identifiers of the trade. Each is its own type: a ModSeq where a Uid is wanted does not compile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/encoding.h"
#include "base/strong.h"

namespace postroad {

using TenantId = Strong<std::uint32_t, struct TenantIdTag>;    // 1 is "default"; 0 is nobody
using AccountId = Strong<std::uint64_t, struct AccountIdTag>;  // never reused; 0 is nobody
using MailboxId = Strong<std::uint32_t, struct MailboxIdTag>;  // within an account, never reused
using Uid = Strong<std::uint32_t, struct UidTag>;              // RFC 9051 §2.3.1.1
using UidValidity = Strong<std::uint32_t, struct UidValidityTag>;
using ModSeq = Strong<std::uint64_t, struct ModSeqTag>;  // RFC 7162 §3.1: 63 bits

// UIDs only grow within one UIDVALIDITY; this is the one arithmetic they allow.
constexpr Uid next(Uid uid) { return Uid{uid.value() + 1}; }

// One accepted message with its envelope, from the 250 until every recipient's fate is known; it names
// the message in replies, Received fields, the ledger and `postroad why`. It sorts by time of acceptance:
// 42 bits of milliseconds since 2020-01-01, 6 bits of queue shard, 16 bits that tell the rest apart.
class QueueId {
 public:
  constexpr QueueId() = default;
  constexpr explicit QueueId(std::uint64_t number) : number_(number) {}
  static std::optional<QueueId> parse(std::string_view text) {
    const auto number = from_base32(text);
    if (!number || *number == 0) return std::nullopt;
    return QueueId{*number};
  }
  constexpr std::uint64_t number() const { return number_; }
  constexpr unsigned shard() const { return number_ >> 16 & 63; }
  std::string text() const { return base32(number_); }  // 13 characters, 0-9a-v
  friend constexpr auto operator<=>(QueueId, QueueId) = default;

 private:
  std::uint64_t number_ = 0;
};

}  // namespace postroad

template <>
struct std::hash<postroad::QueueId> {
  std::size_t operator()(postroad::QueueId id) const noexcept {
    return std::hash<std::uint64_t>{}(id.number());
  }
};
