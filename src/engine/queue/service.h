// The queue as it is: shards over the store, one schedule per core. app makes one and hands out its three
// faces.
#pragma once

#include <atomic>
#include <memory>
#include <unordered_map>
#include <vector>

#include "net/runtime.h"
#include "queue/outgoing.h"
#include "queue/queue.h"
#include "queue/schedule.h"

namespace postroad::queue {

inline constexpr unsigned shards = 64;
inline store::Partition shard_partition(unsigned shard) { return {store::Realm::Queue, shard}; }

class Service final : public Queue, public Outgoing, public Inspection {
 public:
  // `cores` are those that own shards, by index. Everything outlives the service.
  Service(store::Store& store, std::vector<net::Core*> cores, const directory::Directory& directory,
          const Clock& clock);
  ~Service();

  // Reads what waits. Throws std::runtime_error with a line for an administrator if the store cannot be read.
  net::task<void> load();
  void set_door(Door& door) { door_ = &door; }

  QueueId next_id() override;
  net::task<Result<std::vector<Verdict>, AcceptError>> accept(Submission submission,
                                                              bool per_recipient) override;

  net::task<Job> next() override;
  net::task<std::optional<Job>> next_for(std::string_view domain) override;
  void close(std::string_view domain) override;
  void open(std::string_view domain) override;
  net::task<bool> settle(const Job& job, std::vector<Settled> fates, std::optional<NewMail> report,
                         std::optional<std::string> last_reply, std::optional<std::string> last_host,
                         bool delay_told) override;
  void put_back(const Job& job, Time due) override;
  QueueId id_near(QueueId near) override;

  net::task<Counts> counts() override;
  net::task<std::vector<Listed>> list(QueueId after, std::size_t limit,
                                      std::function<bool(const Message&, const Entry&)> want) override;
  net::task<std::size_t> retry(std::optional<QueueId> id, std::string domain) override;
  net::task<bool> cancel(QueueId id) override;
  void hold(bool held) override;
  bool held() const override { return held_; }

 private:
  struct Lane;  // of one core: its schedule and what it remembers of fresh messages
  Lane& here();
  Lane& of(QueueId id);
  QueueId make_id(unsigned shard);
  net::task<void> load_shard(Lane& lane, unsigned shard);
  net::task<std::optional<Job>> read(Lane& lane, EntryName name);
  net::task<void> load_core(Lane& lane);
  net::task<std::vector<Listed>> list_here(Lane& lane, QueueId after, std::size_t limit,
                                           const std::function<bool(const Message&, const Entry&)>& want);
  net::task<std::size_t> retry_here(Lane& lane, std::optional<QueueId> id, std::string domain);
  net::task<bool> cancel_here(Lane& lane, QueueId id);
  net::task<Counts> counts_here(Lane& lane);
  net::task<bool> keep_high(std::uint64_t sequence);

  store::Store& store_;
  const directory::Directory& directory_;
  const Clock& clock_;
  Door* door_ = nullptr;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<std::uint64_t> sequence_{0};  // milliseconds << 16 | counter, of the last id
  std::atomic<bool> held_{false};
};

}  // namespace postroad::queue
