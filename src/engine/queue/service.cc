// Taking mail in, and reading back what waits at the start. What goes out is in outgoing.cc.
#include "queue/service.h"

#include <stdexcept>
#include <unordered_set>

#include "base/bytes.h"
#include "ledger/ledger.h"
#include "queue/accept.h"
#include "queue/lane.h"

namespace postroad::queue {
namespace {

constexpr store::Partition system_partition{store::Realm::System, 1};
constexpr std::string_view high_key = "queue/ids";
constexpr auto ids_begin = std::chrono::sys_days{std::chrono::year{2020} / 1 / 1};
constexpr std::uint64_t ids_ahead = std::uint64_t{3'600'000} << 16;  // an hour

std::uint64_t sequence_at(Time now) {
  const auto since = std::chrono::floor<std::chrono::milliseconds>(now - Time(ids_begin)).count();
  return since <= 0 ? 0 : static_cast<std::uint64_t>(since) << 16;
}

QueueId id_of(std::uint64_t sequence, unsigned shard) {
  return QueueId{(sequence >> 16) << 22 | static_cast<std::uint64_t>(shard) << 16 | (sequence & 0xffff)};
}

}  // namespace

Service::Service(store::Store& store, std::vector<net::Core*> cores, const directory::Directory& directory,
                 const Clock& clock, Schedule::Limits limits)
    : store_(store), directory_(directory), clock_(clock) {
  for (net::Core* core : cores) lanes_.push_back(std::make_unique<Lane>(*core, limits));
  for (unsigned shard = 0; shard < shards; ++shard)
    lanes_[store_.owner(shard_partition(shard))]->shards.push_back(shard);
}

Service::~Service() = default;

Service::Lane& Service::here() { return *lanes_[net::Core::here().index()]; }
Service::Lane& Service::of(QueueId id) { return *lanes_[store_.owner(shard_partition(id.shard()))]; }

// Ids rise for ever, also when the clock goes back: none is given out above what the store remembers, and the
// next start begins there (attack 122).
net::task<bool> Service::keep_high(std::uint64_t sequence) {
  store::Batch batch(system_partition);
  std::string value;
  Writer(value).u64(sequence);
  batch.put(high_key, value).essential();
  co_return static_cast<bool>(co_await store_.commit(std::move(batch)));
}

net::task<void> Service::load() {
  const auto high = co_await store_.get(system_partition, std::string(high_key));
  if (!high) throw std::runtime_error("the queue cannot be read: run `postroad verify`");
  const std::uint64_t used = *high ? Reader((*high)->octets).u64() : 0;
  const std::uint64_t begin = std::max(used, sequence_at(clock_.now()));
  sequence_ = begin;
  if (!co_await keep_high(begin + ids_ahead))
    throw std::runtime_error("the store takes no changes: see `postroad check`");
  for (auto& lane : lanes_) {
    lane->kept_high = begin + ids_ahead;
    co_await net::run_on(lane->core, load_core(*lane));
  }
}

net::task<void> Service::load_core(Lane& lane) {
  for (const unsigned shard : lane.shards) co_await load_shard(lane, shard);
}

// Counts, and finds where to begin. Nothing is kept: what is due is read again when its turn comes.
net::task<void> Service::load_shard(Lane& lane, unsigned shard) {
  Shelf& shelf = lane.shelves[shard];
  shelf.next = Shelf::end;
  store::Range range{.from = "e", .to = std::string(Shelf::end), .limit = 2000};
  std::unordered_set<QueueId> families;
  for (;;) {
    const auto page = co_await store_.scan(shard_partition(shard), range);
    if (!page) throw std::runtime_error("the queue cannot be read: run `postroad verify`");
    lane.damaged += page->damaged;
    for (const store::Entry stored : *page) {
      Shelf::lower(shelf.next, stored.key);
      const auto head = read_head(stored.key, stored.value);
      if (!head) {
        ++lane.damaged;
        continue;
      }
      ++lane.totals.entries;
      if (head->first.sole || families.insert(head->first.name.id).second) ++lane.totals.messages;
    }
    if (!page->more || page->empty()) co_return;
    range.from = std::string(page->back().key) + '\0';
  }
}

QueueId Service::make_id(unsigned shard) {
  const std::uint64_t floor = sequence_at(clock_.now());
  std::uint64_t last = sequence_.load(std::memory_order_relaxed);
  std::uint64_t mine = 0;
  do mine = std::max(last + 1, floor);
  while (!sequence_.compare_exchange_weak(last, mine, std::memory_order_relaxed));
  return id_of(mine, shard);
}

QueueId Service::next_id() {
  Lane& lane = here();
  if (lane.shards.empty()) return make_id(static_cast<unsigned>(lane.turn++ % shards));
  return make_id(lane.shards[lane.turn++ % lane.shards.size()]);
}

QueueId Service::id_near(QueueId near) { return make_id(near.shard()); }

net::task<Result<std::vector<Verdict>, AcceptError>> Service::accept(Submission submission,
                                                                     bool per_recipient) {
  const Time now = clock_.now();
  Lane& lane = here();
  // An hour's worth of ids is promised to the store in advance; half of it gone, promise again.
  const std::uint64_t used = sequence_.load(std::memory_order_relaxed);
  if (used + ids_ahead / 2 > lane.kept_high) {
    if (!co_await keep_high(used + ids_ahead)) co_return refuse(AcceptError::Unavailable);
    lane.kept_high = used + ids_ahead;
  }

  Plan plan = queue::plan(directory_, submission, now);
  std::vector<Verdict> verdicts(submission.envelope.recipients.size());
  std::size_t taken = 0;
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    verdicts[i].accepted = !plan.refused[i];
    if (plan.refused[i]) verdicts[i].reply = *plan.refused[i];
    taken += verdicts[i].accepted;
  }
  if (taken == 0) co_return verdicts;

  if (plan.only && door_ && !held_) {
    auto events = events_of(submission, plan, now);
    switch (co_await door_->deliver_now(submission, *plan.only, std::move(events))) {
      case Door::Through::Done: co_return verdicts;
      case Door::Through::OverQuota:
        verdicts[0] = {false, {452, {4, 2, 2}, "The mailbox is full"}};
        co_return verdicts;
      case Door::Through::Unavailable: co_return refuse(AcceptError::Unavailable);
      case Door::Through::Full: co_return refuse(AcceptError::Full);
      case Door::Through::Unknown: co_return refuse(AcceptError::Unknown);
      case Door::Through::UseQueue: break;
    }
  }

  if (per_recipient && door_) {
    // RFC 2033 §4.2: each has his own answer, so who has no room is told now. Who is refused loses his steps.
    for (Entry& entry : plan.entries) {
      std::vector<Step> keep;
      for (Step& step : entry.steps) {
        if (step.account != AccountId{} &&
            !co_await door_->has_room(step.account, submission.content.octets())) {
          for (std::size_t i = 0; i < verdicts.size(); ++i)
            if (submission.envelope.recipients[i].address == step.given.address)
              verdicts[i] = {false, {452, {4, 2, 2}, "The mailbox is full"}};
        } else {
          keep.push_back(std::move(step));
        }
      }
      entry.steps = std::move(keep);
    }
    std::erase_if(plan.entries, [](const Entry& entry) { return entry.steps.empty(); });
    if (plan.entries.empty()) co_return verdicts;
  } else if (taken < verdicts.size()) {
    // The directory has changed since RCPT. The sender was told yes for all, so he gets a report for these.
    std::vector<Step> lost;
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
      const Recipient& recipient = submission.envelope.recipients[i];
      if (plan.refused[i]) lost.push_back({.given = recipient, .account = {}, .address = recipient.address});
      verdicts[i].accepted = true;
    }
    for (Entry& entry : entries_for(submission.id, std::move(lost), {})) {
      entry.number = static_cast<std::uint16_t>(plan.entries.size());
      plan.entries.push_back(std::move(entry));
    }
  }

  auto message = std::make_shared<Message>();
  message->id = submission.id;
  message->accepted = now;
  message->tenant = plan.tenant;
  const auto events = events_of(submission, plan, now);
  message->envelope = std::move(submission.envelope);
  message->envelope.recipients.clear();
  message->content = std::move(submission.content);
  message->origin = std::move(submission.origin);
  message->report = submission.report;
  stamp(*message, plan.entries);

  store::Batch batch(shard_partition(message->id.shard()));
  const std::string key = message_key(message->id);
  batch.put(key, encode(*message)).refer(message->content.blob, key);
  for (const Entry& entry : plan.entries) batch.put(entry_key(entry.due, name_of(entry)), encode(entry));
  for (const ledger::Event& event : events) ledger::record(batch, event);
  const auto done = co_await store_.commit(std::move(batch));
  if (done.outcome == store::Outcome::NoSpace) co_return refuse(AcceptError::Full);
  if (done.outcome == store::Outcome::Unknown) co_return refuse(AcceptError::Unknown);
  if (!done) co_return refuse(AcceptError::Unavailable);

  // It is ours now. Its shard's core takes it from here; the message travels along, so that nothing is read
  // back.
  Lane& home = of(message->id);
  auto enlist = [&home, message, entries = std::move(plan.entries), now]() mutable {
    home.enlist(message, std::move(entries), now);
  };
  if (&home == &lane)
    enlist();
  else
    home.core.post(std::move(enlist));
  co_return verdicts;
}

void Service::hold(bool held) {
  held_ = held;
  if (!held)
    for (auto& lane : lanes_) lane->core.post([&lane] { lane->changed.notify(); });
}

}  // namespace postroad::queue
