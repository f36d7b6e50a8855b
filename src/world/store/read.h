// Reading the database: what get, scan and their kin answer. Functions of (database, options); may be called
// by any thread, and wait for the disk only as the options permit.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/database.h"
#include "store/layout.h"
#include "store/page.h"

namespace postroad::store {

// Answered where options.read_tier forbids to wait and it would have to.
inline constexpr ReadError waits_for_disk = static_cast<ReadError>(0xff);

Result<std::optional<Version>, ReadError> read_outcome(Database&, const rocksdb::ReadOptions&, Partition,
                                                       const OpId&);
Result<std::optional<Value>, ReadError> read_value(Database&, const rocksdb::ReadOptions&, Partition,
                                                   std::string_view key, Family);
Result<Page, ReadError> read_page(Database&, const rocksdb::ReadOptions&, Partition, const Range&, Family);
Result<Version, ReadError> read_version(Database&, const rocksdb::ReadOptions&, Partition);
Result<std::vector<Partition>, ReadError> read_partitions(Database&, const rocksdb::ReadOptions&, Realm,
                                                          std::uint64_t from, std::size_t limit);
Result<std::optional<layout::Location>, ReadError> read_location(Database&, const rocksdb::ReadOptions&,
                                                                 BlobId);
Result<std::optional<std::string>, ReadError> read_body(Database&, const rocksdb::ReadOptions&, BlobId);
Result<std::vector<OutboxEntry>, ReadError> read_outbox(Database&, const rocksdb::ReadOptions&,
                                                        std::uint64_t after, std::size_t limit);

}  // namespace postroad::store
