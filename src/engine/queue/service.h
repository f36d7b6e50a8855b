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

class Service final : public Queue, public Outgoing, public Inspection {
 public:
  // `cores` are those that own shards, by index. Everything outlives the service.
  Service(store::Store& store, std::vector<net::Core*> cores, const directory::Directory& directory,
          const Clock& clock, Schedule::Limits limits = {});
  ~Service() override;

  // Reads what waits. Throws std::runtime_error with a line for an administrator if the store cannot be read.
  net::task<void> load();
  void set_door(Door& door) { door_ = &door; }
  // After what time a sender hears of a delay, and has his message back, though it waits behind others.
  void set_patience(Duration tell_delay_after, Duration give_up_after) {
    tell_delay_after_ = tell_delay_after, give_up_after_ = give_up_after;
  }

  QueueId next_id() override;
  net::task<Result<std::vector<Verdict>, AcceptError>> accept(Submission submission,
                                                              bool per_recipient) override;

  net::task<Job> next() override;
  net::task<std::optional<Job>> next_for(std::string_view site) override;
  net::task<std::vector<Job>> siblings(const Job& job, std::string_view site, std::size_t steps) override;
  void close(std::string_view site) override;
  void open(std::string_view site) override;
  void pause(std::string_view site, bool on) override;
  void regroup(std::string_view domain, std::string_view site) override;
  std::string site_of(std::string_view domain) override;
  void doubt(std::string_view site, bool doubtful) override;
  net::task<bool> settle(const Job& job, std::vector<Settled> fates, std::optional<NewMail> report,
                         std::optional<std::string> last_reply, std::optional<std::string> last_host,
                         bool delay_told) override;
  void put_back(Job job) override;
  QueueId id_near(QueueId near) override;

  net::task<Counts> counts() override;
  net::task<std::vector<Listed>> list(QueueId after, std::size_t limit, Want want) override;
  net::task<std::vector<Listed>> show(QueueId id) override;
  net::task<Done> count(Selection which) override;
  net::task<Done> retry(Selection which) override;
  net::task<Done> cancel(Selection which) override;
  void hold(bool held) override;
  bool held() const override { return held_; }

 private:
  struct Lane;  // of one core: its schedule and what it remembers of fresh messages
  Lane& here();
  Lane& of(QueueId id);
  QueueId make_id(unsigned shard);
  net::task<void> load_shard(Lane& lane, unsigned shard);
  net::task<void> load_core(Lane& lane);
  net::task<std::optional<Job>> read_job(Lane& lane, EntryName name);
  net::task<std::uint32_t> count_left(const Message& message);
  // One page of what has come due; one page of what there was no room for. False: nothing to read.
  net::task<bool> load_due(Lane& lane);
  net::task<bool> sweep(Lane& lane);
  std::optional<Time> next_due(const Lane& lane) const;
  // One page of the pass for what has waited too long.
  net::task<void> look_for_overdue(Lane& lane);
  net::task<std::optional<Job>> take_overdue(Lane& lane);
  bool is_overdue(const Lane& lane, const Head& head, std::string_view domain) const;

  class Leaving;  // entries that a commit takes out
  class Claim;    // an entry that an administrator works on
  struct Group;   // of such, in one commit
  class Browser;
  net::task<std::optional<std::vector<Entry>>> read_entries(const Message& message);
  net::task<std::vector<Listed>> list_here(Lane& lane, QueueId after, std::size_t limit, const Want& want);
  net::task<Counts> counts_here(Lane& lane);
  enum class Edit : std::uint8_t { Count, Retry, Cancel };
  net::task<Done> edit(Selection which, Edit what);
  net::task<Done> edit_here(Lane& lane, const Selection& which, Edit what);
  net::task<Done> edit_page(Lane& lane, std::vector<std::shared_ptr<const Message>> messages,
                            const Selection& which, Edit what);
  net::task<void> edit_message(Lane& lane, Group& group, std::shared_ptr<const Message> message,
                               const Selection& which, Edit what);
  net::task<std::vector<Listed>> show_here(Lane& lane, QueueId id);
  net::task<bool> keep_high(std::uint64_t sequence);

  store::Store& store_;
  const directory::Directory& directory_;
  const Clock& clock_;
  Door* door_ = nullptr;
  Duration tell_delay_after_ = 4h, give_up_after_ = std::chrono::days(5);
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<std::uint64_t> sequence_{0};  // milliseconds << 16 | counter, of the last id
  std::atomic<bool> held_{false};
};

}  // namespace postroad::queue
