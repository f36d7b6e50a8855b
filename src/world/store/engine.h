// Engine: the embedded store put together. See embedded.h for what it is, committer.h for how it writes.
#pragma once

#include <memory>

#include "net/runtime.h"
#include "store/blob_writer.h"
#include "store/committer.h"
#include "store/embedded.h"
#include "store/sweeper.h"

namespace postroad::store {

// What opening found; engine.cc and maintenance share it.
struct Opened {
  EmbeddedOptions options;
  const Clock* clock = nullptr;
  std::unique_ptr<disk::Lock> lock;
  layout::Superblock superblock;
  std::unique_ptr<Database> database;
  std::unique_ptr<Segments> segments;
  LeaseToken lease{};
  std::uint64_t next_blob = 1;
  Outbox outbox;
};

// The files of a store, by name.
struct Paths {
  explicit Paths(const std::string& data) : data(data), store(data + "/store") {}
  std::string data, store;
  std::string lock() const { return data + "/lock"; }
  std::string format() const { return store + "/FORMAT"; }
  std::string keys() const { return store + "/keys"; }
  std::string segments() const { return store + "/segments"; }
  std::string reserve() const { return store + "/reserve"; }
};

Result<std::unique_ptr<disk::Lock>, OpenFault> lock_data(disk::Disk& disk, const std::string& data);
Result<layout::Superblock, OpenFault> read_superblock(disk::Disk& disk, const Paths& paths);
// The superblock, the database and the segments of what `opened.options` name; all checked against each
// other.
enum class Access : std::uint8_t { ReadWrite, ReadOnly };
Result<void, OpenFault> open_parts(Opened& opened, Access access);
OpenFault open_fault(const Paths& paths, const DatabaseFault& fault);
OpenFault open_fault(const std::string& path, disk::IoError error);

class Engine final : public EmbeddedStore {
 public:
  explicit Engine(Opened opened);
  ~Engine() override;

  net::task<CommitResult> commit(Batch batch) override;
  void submit(Batch batch, Completion done) override;
  net::task<Result<std::optional<Version>, ReadError>> outcome(Partition partition, OpId op) override;

  net::task<Result<std::optional<Value>, ReadError>> get(Partition partition, std::string key,
                                                         Family family) override;
  net::task<Result<Page, ReadError>> scan(Partition partition, Range range, Family family) override;
  net::task<Result<Version, ReadError>> version(Partition partition) override;
  net::task<Result<std::vector<Partition>, ReadError>> partitions(Realm realm, std::uint64_t from,
                                                                  std::size_t limit) override;
  std::unique_ptr<Watch> watch(Partition partition, std::function<void()> changed) override;

  net::task<Result<std::vector<OutboxEntry>, ReadError>> outbox(std::uint64_t after,
                                                                std::size_t limit) override;
  std::unique_ptr<Watch> watch_outbox(std::function<void()> changed) override;

  std::unique_ptr<BlobWriter> new_blob(std::uint64_t expected) override;
  net::task<Result<std::unique_ptr<BlobReader>, BlobError>> open_blob(BlobId id) override;

  net::task<Result<Family, Outcome>> family(std::string name) override;
  std::vector<std::string> families() const override { return opened_.database->names(); }
  net::task<Outcome> drop_family(std::string name) override;

  unsigned owner(Partition partition) const override;
  bool owned_here(Partition partition) const override;
  LeaseToken lease() const override { return opened_.lease; }

  StoreStatus status() const override;
  std::uint32_t restored_generation() const override { return opened_.superblock.restored; }

  void backup(Sink& sink) override;
  void export_partition(Partition partition, Sink& sink) override;
  Outcome import_partition(Partition partition, Source& source) override;

  void tend() override;
  void sweep() override;

 private:
  void keep();
  template <class Read>
  net::task<std::invoke_result_t<Read&, rocksdb::ReadOptions>> read(Read read);
  net::task<Outcome> between_groups(std::function<void()> work);
  Database& database() const { return *opened_.database; }

  Opened opened_;
  Condition condition_;
  FreshBlobs fresh_;
  BlobIds ids_;
  Watches watches_;
  Shelf shelf_;
  std::unique_ptr<net::Pool> pool_;
  std::unique_ptr<Sweeper> sweeper_;
  std::unique_ptr<Committer> committer_;
  std::mutex tending_;  // one round at a time
  std::mutex backing_up_, importing_;
  std::mutex keeper_mutex_;
  std::condition_variable keeper_wakes_;
  bool stopping_ = false;
  std::thread keeper_;
};

}  // namespace postroad::store
