// Batch: what one commit changes, and what must be true for it.
//
//   store::Batch batch(partition);
//   batch.expect_partition(version).put(key, value).refer(blob, key);
//   const auto result = co_await store.commit(std::move(batch));
//
// All of it happens or nothing. Operations lie one after the other in one string, so that filling a batch
// costs one or two allocations however many there are. Keys and values are any octets; limits in types.h,
// whoever exceeds one gets std::length_error: chunk larger commands by full().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/types.h"

namespace postroad::store {

class Batch {
 public:
  explicit Batch(Partition partition) : partition_(partition) {}

  // The name of this commit. A batch whose name the partition remembers changes nothing and is answered as
  // the first one was. Names are remembered until forget(), which belongs into the commit after the source
  // confirmed.
  Batch& op(const OpId& id);
  Batch& forget(const OpId& id);

  // What must hold; the first that does not is the conflict. Keys are compared with what this batch finds,
  // not with its own puts.
  Batch& expect_absent(std::string_view key, Family family = {});
  Batch& expect_version(std::string_view key, Version version, Family family = {});
  Batch& expect_partition(Version version);
  Batch& expect_lease(LeaseToken token);

  // The last operation on a key wins. A key's version becomes that of the commit.
  Batch& put(std::string_view key, std::string_view value, Family family = {});
  Batch& remove(std::string_view key, Family family = {});

  // A blob lives as long as it is referred to. `by` tells the references of a partition to one blob apart
  // (usually the key that holds the BlobId); saying the same twice is saying it once. A blob that does not
  // exist is a conflict (expect = no_such_blob).
  Batch& refer(BlobId blob, std::string_view by);
  Batch& release(BlobId blob, std::string_view by);
  static constexpr std::uint32_t no_such_blob = UINT32_MAX;

  // Tells of this commit: the octets go to the store's one outbox, in the order of commits over all
  // partitions, as part of this commit. At most value_limit octets. Whoever reads the outbox (the ledger)
  // takes what it read out again by trim_outbox(number of the last), in the commit that keeps what it made of
  // it.
  Batch& emit(std::string_view octets);
  Batch& trim_outbox(std::uint64_t upto);

  // Commits while the disk is tight: for what frees space or records what cannot be undone (a delivery, an
  // erasure). A batch of nothing but remove and release always may.
  Batch& essential();

  // About so many octets of keys and values will be put: a hint that saves copies while the batch grows.
  Batch& expect_octets(std::size_t octets);

  Partition partition() const { return partition_; }
  std::size_t octets() const { return operations_.size(); }
  std::size_t operations() const { return count_; }
  // Time to commit and begin another: half of what the limits permit.
  bool full() const { return operations_.size() >= batch_limit / 2 || count_ >= operation_limit / 2; }

  // --- for engines: the batch read back in order -------------------------------------------------------

  enum class Kind : std::uint8_t { Put = 1, Remove, Refer, Release, Forget, Emit, Trim };
  struct Operation {
    Kind kind{};
    Family family{};
    std::string_view key;        // Put, Remove; Refer, Release: `by`; Forget: the OpId
    std::string_view value;      // Put
    std::uint32_t checksum = 0;  // Put: value_checksum(key, value)
    BlobId blob{};               // Refer, Release
    std::uint64_t upto = 0;      // Trim
  };
  enum class Expect : std::uint8_t { Absent = 1, KeyVersion, PartitionVersion, Lease };
  struct Expectation {
    Expect kind{};
    Family family{};
    std::string_view key;
    std::uint64_t number = 0;  // the version, the token
  };
  // Each advances `at`, which begins at 0, and answers nothing at the end.
  std::optional<Operation> operation(std::size_t& at) const;
  std::optional<Expectation> expectation(std::size_t& at) const;

  const std::optional<OpId>& op() const { return op_; }
  bool expects_keys() const { return expects_keys_; }
  bool refers() const { return refers_; }
  bool grows() const { return grows_ && !essential_; }
  std::size_t puts() const { return puts_; }
  std::size_t emits() const { return emits_; }

 private:
  void begin(Kind kind, std::size_t octets);
  Partition partition_;
  std::optional<OpId> op_;
  std::string operations_;
  std::string expectations_;
  std::uint32_t count_ = 0;
  std::uint32_t puts_ = 0;
  std::uint32_t emits_ = 0;
  bool expects_keys_ = false;
  bool refers_ = false;
  bool grows_ = false;
  bool essential_ = false;
};

// What a stored value is checked against when it is read: it covers the key, so that a value found under a
// wrong key does not pass either.
std::uint32_t value_checksum(std::string_view key, std::string_view value);

}  // namespace postroad::store
