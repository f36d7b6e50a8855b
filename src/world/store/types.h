// The words of the store's contract (DESIGN §3), shared by all engines behind it.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/strong.h"

namespace postroad::store {

// What a partition belongs to. Atomic batches and ordered scans live inside one partition.
enum class Realm : std::uint8_t { System = 1, Tenant = 2, Account = 3, Queue = 4, List = 5, Ledger = 6 };

struct Partition {
  Realm realm{};
  std::uint64_t id = 0;
  friend constexpr auto operator<=>(const Partition&, const Partition&) = default;
};

// One rising counter per partition: 0 before its first commit, one more with each. It is also the mailbox's
// MODSEQ (RFC 7162), so it stays below 2^63.
using Version = Strong<std::uint64_t, struct VersionTag>;
constexpr Version next(Version version) { return Version{version.value() + 1}; }

// An immutable run of octets, named for ever. 0 is none. The upper 24 bits are the store's own, drawn when it
// was created, so that partitions moved between stores keep their blobs' names.
using BlobId = Strong<std::uint64_t, struct BlobIdTag>;

// Who may write: the token of the owner's lease on a partition. It rises with every new owner.
using LeaseToken = Strong<std::uint64_t, struct LeaseTokenTag>;

// Names one commit for ever, chosen by the caller, so that a repeat changes nothing.
struct OpId {
  std::array<std::uint8_t, 16> octets{};
  static OpId draw(Random& random = system_random()) {
    OpId id;
    random.fill(id.octets);
    return id;
  }
  std::string_view view() const { return {reinterpret_cast<const char*>(octets.data()), octets.size()}; }
  friend constexpr auto operator<=>(const OpId&, const OpId&) = default;
};

// A set of keys that can be dropped as a whole, its files with it (the ledger's indexes: one per week). Valid
// in the process that got it from Store::family(). Family{} is the one that is always there.
struct Family {
  std::uint32_t number = 0;
  friend constexpr auto operator<=>(const Family&, const Family&) = default;
};

// Limits of the contract, the same for every engine.
inline constexpr std::size_t key_limit = 1024;               // octets
inline constexpr std::size_t value_limit = 64 * 1024;        // octets; larger: a blob
inline constexpr std::size_t batch_limit = 8 * 1024 * 1024;  // octets of keys and values
inline constexpr std::size_t operation_limit = 20'000;       // puts, removes, references

enum class Outcome : std::uint8_t {
  Committed,  // durable
  Conflict,   // an expectation failed; nothing changed
  NoSpace,    // refused because the disk is (nearly) full; nothing changed (452 4.3.1, IMAP NO [UNAVAILABLE])
  Unavailable,  // the store does not take commits; nothing changed, now or later
  Unknown,      // may or may not be durable: ask outcome() later. Answer the peer neither 2yz nor 5yz/4yz
  Fenced,       // somebody else owns the partition; nothing changed
};

struct CommitResult {
  Outcome outcome = Outcome::Unavailable;
  Version version{};         // of the partition: after this commit, or as found when it conflicts
  std::uint32_t expect = 0;  // Conflict: which expectation, counted from 0 in the order they were stated
  bool repeated = false;     // Committed: by an earlier commit with the same OpId, whose version this is
  explicit operator bool() const { return outcome == Outcome::Committed; }
};

enum class ReadError : std::uint8_t {
  Damaged,      // this one object fails its checksum; others are not affected (durability.md, attack 125)
  Unavailable,  // the disk does not answer
};

enum class BlobError : std::uint8_t {
  NoSuchBlob,   // never was, or has been erased
  Damaged,      // fails its checksum
  NoSpace,      // the disk is (nearly) full
  Unavailable,  // the disk does not answer
};

enum class Health : std::uint8_t {
  Good,
  Tight,   // free space is below the reserve: what makes the store grow is refused, the rest commits
  Failed,  // a write or sync failed: no commit until the server is started again
};

}  // namespace postroad::store

template <>
struct std::hash<postroad::store::Partition> {
  std::size_t operator()(const postroad::store::Partition& p) const noexcept {
    // Fibonacci hashing: account numbers are consecutive, cores are few.
    return static_cast<std::size_t>((p.id * 8 + static_cast<std::uint64_t>(p.realm)) * 0x9e3779b97f4a7c15u >>
                                    8);
  }
};
