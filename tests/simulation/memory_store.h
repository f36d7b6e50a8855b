// MemoryStore: the store's contract (store/store.h) over a map, as fast as a simulation of 200,000 histories
// needs it. What it holds is durable: it outlives the process that used it. It takes its time, refuses,
// fails in the middle of a commit and loses what was not committed when the process ends.
//
// It has no families, no outbox to read and no backup: the queue and the delivery use none.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>

#include "net/later.h"
#include "net/manual_core.h"
#include "store/store.h"

namespace postroad::simulation {

class MemoryStore final : public store::Store, private net::Timer {
 public:
  struct Trouble {
    bool tight = false;  // what grows is refused
    bool away = false;   // nothing is read or written
    bool stall = false;  // commits take up to half a minute
    // The next commit fails in the middle (Unknown); from then on none is taken until the next start.
    bool fail_next = false;
  };
  // `disk` is the core that its timer runs on: it goes on when the process is killed.
  MemoryStore(net::ManualCore& disk, std::uint64_t seed) : disk_(disk), random_(seed) {}
  ~MemoryStore() override { disk_.disarm(*this); }

  Trouble trouble;
  bool failed() const { return failed_; }
  bool idle() const { return pending_.empty(); }  // nothing is under way
  // For a control: says Committed before anything is.
  bool acknowledge_first = false;
  // Sees every batch at the moment it becomes durable.
  void on_commit(std::function<void(const store::Batch&)> watch) { watch_ = std::move(watch); }
  // The process has ended: of what was under way the first few become durable, by chance.
  void cut();

  std::size_t keys() const { return keys_.size(); }
  std::vector<std::string> keys_in(store::Realm realm) const;
  std::size_t blobs() const { return blobs_.size(); }
  const std::string& blob(store::BlobId id) const { return *blobs_.at(id.value()).octets; }
  std::uint64_t commits = 0, refused = 0;

  net::task<store::CommitResult> commit(store::Batch batch) override;
  void submit(store::Batch batch, Completion done) override;
  net::task<Result<std::optional<store::Version>, store::ReadError>> outcome(store::Partition,
                                                                             store::OpId) override;
  net::task<Result<std::optional<store::Value>, store::ReadError>> get(store::Partition partition,
                                                                       std::string key,
                                                                       store::Family) override;
  net::task<Result<store::Page, store::ReadError>> scan(store::Partition partition, store::Range range,
                                                        store::Family) override;
  net::task<Result<store::Version, store::ReadError>> version(store::Partition partition) override;
  net::task<Result<std::vector<store::Partition>, store::ReadError>> partitions(store::Realm, std::uint64_t,
                                                                                std::size_t) override;
  std::unique_ptr<store::Watch> watch(store::Partition, std::function<void()>) override { return {}; }
  net::task<Result<std::vector<store::OutboxEntry>, store::ReadError>> outbox(std::uint64_t,
                                                                              std::size_t) override;
  std::unique_ptr<store::Watch> watch_outbox(std::function<void()>) override { return {}; }
  std::unique_ptr<store::BlobWriter> new_blob(std::uint64_t expected) override;
  net::task<Result<std::unique_ptr<store::BlobReader>, store::BlobError>> open_blob(
      store::BlobId id) override;
  net::task<Result<store::Family, store::Outcome>> family(std::string) override;
  std::vector<std::string> families() const override { return {}; }
  net::task<store::Outcome> drop_family(std::string) override;
  unsigned owner(store::Partition) const override { return 0; }
  bool owned_here(store::Partition) const override { return true; }
  store::LeaseToken lease() const override { return store::LeaseToken{1}; }
  store::StoreStatus status() const override { return {}; }
  std::uint32_t restored_generation() const override { return 0; }
  void backup(store::Sink&) override;
  void export_partition(store::Partition, store::Sink&) override;
  store::Outcome import_partition(store::Partition, store::Source&) override;

 private:
  class Writer;
  class Reader;
  using Key = std::pair<store::Partition, std::string>;
  struct Kept {
    std::string octets;
    store::Version version;
  };
  struct Blob {
    std::shared_ptr<const std::string> octets;
    std::set<Key> references{};
    bool written = false;  // its writer lives
  };
  struct Pending {
    store::Batch batch;
    Completion done;
    Instant due;
  };
  void fired() override;
  store::CommitResult apply(const store::Batch& batch);
  bool chance(unsigned percent) { return random_.below(100) < percent; }
  void drop_if_unnamed(std::uint64_t blob);
  net::task<void> some_time();

  net::ManualCore& disk_;
  SeededRandom random_;
  std::function<void(const store::Batch&)> watch_;
  std::map<Key, Kept> keys_;
  std::map<store::Partition, store::Version> versions_;
  std::map<std::uint64_t, Blob> blobs_;
  std::uint64_t last_blob_ = 0;
  std::deque<Pending> pending_;
  bool failed_ = false;
};

}  // namespace postroad::simulation
