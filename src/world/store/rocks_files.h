// RocksDB's file system in terms of ours, so that its files fail and lose power like every other (disk.h).
#pragma once

#include <rocksdb/file_system.h>

#include <memory>

#include "disk/disk.h"

namespace postroad::store {

std::shared_ptr<rocksdb::FileSystem> rocks_files(disk::Disk& disk);

}  // namespace postroad::store
