#include "store/batch.h"

#include <algorithm>
#include <stdexcept>

#include "base/bytes.h"
#include "crypto/checksum.h"

namespace postroad::store {

std::uint32_t value_checksum(std::string_view key, std::string_view value) {
  const std::uint64_t sum = crypto::xxh3(value) + 0x9e3779b97f4a7c15u * crypto::xxh3(key);
  return static_cast<std::uint32_t>(sum ^ (sum >> 32));
}

namespace {
void check_key(std::string_view key) {
  if (key.size() > key_limit) throw std::length_error("store: a key is longer than 1 KiB");
}
}  // namespace

void Batch::begin(Kind kind, std::size_t octets) {
  if (count_ == operation_limit) throw std::length_error("store: a batch has more than 20,000 operations");
  if (operations_.size() + octets > batch_limit) throw std::length_error("store: a batch exceeds 8 MiB");
  if (operations_.empty() && operations_.capacity() < 512)
    operations_.reserve(std::max<std::size_t>(octets + 16, 512));
  ++count_;
  operations_.push_back(static_cast<char>(kind));
}

Batch& Batch::expect_octets(std::size_t octets) {
  operations_.reserve(operations_.size() + std::min(octets, batch_limit));
  return *this;
}

Batch& Batch::op(const OpId& id) { return op_ = id, *this; }

Batch& Batch::forget(const OpId& id) {
  begin(Kind::Forget, id.octets.size());
  operations_.append(id.view());
  return *this;
}

Batch& Batch::put(std::string_view key, std::string_view value, Family family) {
  check_key(key);
  if (value.size() > value_limit)
    throw std::length_error("store: a value is longer than 64 KiB: make it a blob");
  begin(Kind::Put, key.size() + value.size());
  Writer(operations_).varint(family.number).string(key).string(value).u32(value_checksum(key, value));
  grows_ = true;
  ++puts_;
  return *this;
}

Batch& Batch::remove(std::string_view key, Family family) {
  check_key(key);
  begin(Kind::Remove, key.size());
  Writer(operations_).varint(family.number).string(key);
  return *this;
}

Batch& Batch::refer(BlobId blob, std::string_view by) {
  check_key(by);
  begin(Kind::Refer, by.size());
  Writer(operations_).u64(blob.value()).string(by);
  refers_ = grows_ = true;
  return *this;
}

Batch& Batch::release(BlobId blob, std::string_view by) {
  check_key(by);
  begin(Kind::Release, by.size());
  Writer(operations_).u64(blob.value()).string(by);
  return *this;
}

Batch& Batch::emit(std::string_view octets) {
  if (octets.size() > value_limit) throw std::length_error("store: an emitted text is longer than 64 KiB");
  begin(Kind::Emit, octets.size());
  Writer(operations_).string(octets);
  ++emits_;
  return *this;
}

Batch& Batch::trim_outbox(std::uint64_t upto) {
  begin(Kind::Trim, 8);
  Writer(operations_).u64(upto);
  return *this;
}

Batch& Batch::essential() { return essential_ = true, *this; }

Batch& Batch::expect_absent(std::string_view key, Family family) {
  check_key(key);
  Writer(expectations_).u8(static_cast<std::uint8_t>(Expect::Absent)).varint(family.number).string(key);
  expects_keys_ = true;
  return *this;
}

Batch& Batch::expect_version(std::string_view key, Version version, Family family) {
  check_key(key);
  Writer(expectations_)
      .u8(static_cast<std::uint8_t>(Expect::KeyVersion))
      .varint(family.number)
      .string(key)
      .varint(version.value());
  expects_keys_ = true;
  return *this;
}

Batch& Batch::expect_partition(Version version) {
  Writer(expectations_).u8(static_cast<std::uint8_t>(Expect::PartitionVersion)).varint(version.value());
  return *this;
}

Batch& Batch::expect_lease(LeaseToken token) {
  Writer(expectations_).u8(static_cast<std::uint8_t>(Expect::Lease)).varint(token.value());
  return *this;
}

std::optional<Batch::Operation> Batch::operation(std::size_t& at) const {
  if (at >= operations_.size()) return std::nullopt;
  Reader in(std::string_view(operations_).substr(at));
  const std::size_t before = in.rest().size();
  Operation op;
  op.kind = static_cast<Kind>(in.u8());
  switch (op.kind) {
    case Kind::Put:
      op.family.number = static_cast<std::uint32_t>(in.varint());
      op.key = in.string();
      op.value = in.string();
      op.checksum = in.u32();
      break;
    case Kind::Remove:
      op.family.number = static_cast<std::uint32_t>(in.varint());
      op.key = in.string();
      break;
    case Kind::Refer:
    case Kind::Release:
      op.blob = BlobId{in.u64()};
      op.key = in.string();
      break;
    case Kind::Forget: op.key = in.raw(16); break;
    case Kind::Emit: op.value = in.string(); break;
    case Kind::Trim: op.upto = in.u64(); break;
  }
  at += before - in.rest().size();
  return op;
}

std::optional<Batch::Expectation> Batch::expectation(std::size_t& at) const {
  if (at >= expectations_.size()) return std::nullopt;
  Reader in(std::string_view(expectations_).substr(at));
  const std::size_t before = in.rest().size();
  Expectation expect;
  expect.kind = static_cast<Expect>(in.u8());
  if (expect.kind == Expect::Absent || expect.kind == Expect::KeyVersion) {
    expect.family.number = static_cast<std::uint32_t>(in.varint());
    expect.key = in.string();
  }
  if (expect.kind != Expect::Absent) expect.number = in.varint();
  at += before - in.rest().size();
  return expect;
}

}  // namespace postroad::store
