// What leaves the queue, and what an administrator may do to what has not.
#include <algorithm>

#include "ledger/ledger.h"
#include "net/wait_for.h"
#include "queue/lane.h"
#include "queue/service.h"

namespace postroad::queue {
namespace {

constexpr auto longest_sleep = std::chrono::seconds(60);  // the wall clock may jump; timers are monotonic

}  // namespace

net::task<std::optional<Job>> Service::read(Lane& lane, EntryName name) {
  if (const auto it = lane.fresh.find(name); it != lane.fresh.end()) {
    Job job{std::move(it->second.message), std::move(it->second.entry)};
    lane.fresh.erase(it);
    co_return job;
  }
  const store::Partition shard = shard_partition(name.id.shard());
  const std::string key = entry_key(name.id, name.number);
  const auto stored = co_await store_.get(shard, key);
  const auto kept = co_await store_.get(shard, message_key(name.id));
  if (!stored || !kept) {
    // Damaged: set aside until somebody looks; unavailable: later.
    const bool damaged = (!stored && stored.error() == store::ReadError::Damaged) ||
                         (!kept && kept.error() == store::ReadError::Damaged);
    if (damaged)
      ++lane.damaged, lane.schedule.remove(name);
    else
      lane.schedule.wait(name, lane.schedule.domain_of(name), clock_.now() + 10s);
    co_return std::nullopt;
  }
  auto entry = *stored ? read_entry(key, (*stored)->octets) : std::nullopt;
  auto message = *kept ? read_message((*kept)->octets) : std::nullopt;
  if (!entry || !message) {
    ++lane.damaged;
    lane.schedule.remove(name);
    co_return std::nullopt;
  }
  co_return Job{std::make_shared<const Message>(std::move(*message)), std::move(*entry)};
}

net::task<Job> Service::next() {
  Lane& lane = here();
  for (;;) {
    const Time now = clock_.now();
    const auto name = held_ ? std::nullopt : lane.schedule.take(now);
    if (name) {
      if (auto job = co_await read(lane, *name)) co_return std::move(*job);
      continue;
    }
    Duration sleep = longest_sleep;
    if (const auto due = lane.schedule.next_due(); due && !held_)
      sleep = std::clamp<Duration>(*due - now, 1ms, sleep);
    co_await net::wait_for(lane.changed, sleep);
  }
}

net::task<std::optional<Job>> Service::next_for(std::string_view domain) {
  Lane& lane = here();
  const std::string wanted(domain);
  for (;;) {
    const auto name = held_ ? std::nullopt : lane.schedule.take_from(wanted, clock_.now());
    if (!name) co_return std::nullopt;
    if (auto job = co_await read(lane, *name)) co_return job;
  }
}

void Service::close(std::string_view domain) { here().schedule.close(domain); }

void Service::open(std::string_view domain) {
  here().schedule.open(domain);
  here().changed.notify();
}

net::task<bool> Service::settle(const Job& job, std::vector<Settled> fates, std::optional<NewMail> report,
                                std::optional<std::string> last_reply, std::optional<std::string> last_host,
                                bool delay_told) {
  Lane& lane = of(job.message->id);
  const EntryName name{job.entry.id, job.entry.number};
  store::Batch batch(shard_partition(name.id.shard()));
  Entry rest = job.entry;
  rest.steps.clear();
  ++rest.attempts;
  rest.delay_told |= delay_told;
  if (last_reply) rest.last_reply = std::move(*last_reply);
  if (last_host) rest.last_host = std::move(*last_host);
  std::optional<Time> due;
  for (std::size_t i = 0; i < fates.size(); ++i) {
    for (const ledger::Event& event : fates[i].events) ledger::record(batch, event);
    if (fates[i].fate != Settled::Fate::Deferred) continue;
    rest.steps.push_back(job.entry.steps[i]);
    due = due ? std::min(*due, fates[i].due) : fates[i].due;
  }
  const std::string key = entry_key(name.id, name.number);
  const bool last = rest.steps.empty() && lane.left[name.id] <= 1;
  if (!rest.steps.empty()) {
    rest.due = *due;
    batch.put(key, encode(rest));
  } else {
    batch.remove(key);
    if (last) batch.remove(message_key(name.id)).release(job.message->content.blob, message_key(name.id));
  }
  if (report) {
    const std::string at = message_key(report->message.id);
    batch.put(at, encode(report->message)).refer(report->message.content.blob, at);
    for (const Entry& entry : report->entries) batch.put(entry_key(entry.id, entry.number), encode(entry));
    for (const ledger::Event& event : report->events) ledger::record(batch, event);
  }
  batch.essential();  // what the other side has taken must be recorded, or it is sent again
  if (!co_await store_.commit(std::move(batch))) co_return false;

  if (rest.steps.empty()) {
    lane.schedule.remove(name);
    if (last)
      lane.left.erase(name.id);
    else
      --lane.left[name.id];
  } else {
    lane.schedule.wait(name, rest.domain, rest.due);
    lane.changed.notify();
  }
  if (report)
    lane.enlist(std::make_shared<const Message>(std::move(report->message)), std::move(report->entries));
  co_return true;
}

void Service::put_back(const Job& job, Time due) {
  Lane& lane = of(job.message->id);
  lane.schedule.wait({job.entry.id, job.entry.number}, job.entry.domain, due);
  lane.changed.notify();
}

// --- For administrators ------------------------------------------------------------------------------------

net::task<Counts> Service::counts_here(Lane& lane) {
  co_return Counts{
      .entries = lane.schedule.size(), .messages = lane.left.size(), .lanes = lane.schedule.lanes()};
}

net::task<Counts> Service::counts() {
  Counts all;
  for (auto& lane : lanes_) {
    const Counts some = co_await net::run_on(lane->core, counts_here(*lane));
    all.entries += some.entries, all.messages += some.messages, all.lanes += some.lanes;
  }
  co_return all;
}

net::task<std::vector<Listed>> Service::list_here(
    Lane& lane, QueueId after, std::size_t limit,
    const std::function<bool(const Message&, const Entry&)>& want) {
  std::vector<Listed> out;
  std::optional<EntryName> at = lane.schedule.after({after, UINT16_MAX});
  for (; at && out.size() < limit; at = lane.schedule.after(*at)) {
    const store::Partition shard = shard_partition(at->id.shard());
    const std::string key = entry_key(at->id, at->number);
    const auto stored = co_await store_.get(shard, key);
    const auto kept = co_await store_.get(shard, message_key(at->id));
    if (!stored || !*stored || !kept || !*kept) continue;  // settled meanwhile
    auto entry = read_entry(key, (*stored)->octets);
    auto message = read_message((*kept)->octets);
    if (!entry || !message || !want(*message, *entry)) continue;
    out.push_back(
        {std::make_shared<const Message>(std::move(*message)), std::move(*entry), lane.schedule.is_out(*at)});
  }
  co_return out;
}

net::task<std::vector<Listed>> Service::list(QueueId after, std::size_t limit,
                                             std::function<bool(const Message&, const Entry&)> want) {
  std::vector<Listed> all;
  for (auto& lane : lanes_) {
    auto some = co_await net::run_on(lane->core, list_here(*lane, after, limit, want));
    all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  std::ranges::sort(all, {}, [](const Listed& l) { return EntryName{l.entry.id, l.entry.number}; });
  if (all.size() > limit) all.resize(limit);
  co_return all;
}

net::task<std::size_t> Service::retry_here(Lane& lane, std::optional<QueueId> id, std::string domain) {
  const Time now = clock_.now();
  std::size_t count = 0;
  if (id) {
    for (auto at = lane.schedule.after({QueueId{id->number() - 1}, UINT16_MAX}); at && at->id == *id;
         at = lane.schedule.after(*at)) {
      if (lane.schedule.is_out(*at)) continue;
      lane.schedule.wait(*at, lane.schedule.domain_of(*at), now);
      ++count;
    }
  } else {
    count = lane.schedule.flush(domain, now);
  }
  lane.changed.notify();
  co_return count;
}

net::task<std::size_t> Service::retry(std::optional<QueueId> id, std::string domain) {
  std::size_t count = 0;
  for (auto& lane : lanes_)
    if (!id || lane.get() == &of(*id))
      count += co_await net::run_on(lane->core, retry_here(*lane, id, domain));
  co_return count;
}

net::task<bool> Service::cancel_here(Lane& lane, QueueId id) {
  std::vector<EntryName> names;
  for (auto at = lane.schedule.after({QueueId{id.number() - 1}, UINT16_MAX}); at && at->id == id;
       at = lane.schedule.after(*at)) {
    if (lane.schedule.is_out(*at)) co_return false;
    names.push_back(*at);
  }
  if (names.empty()) co_return false;
  const auto kept = co_await store_.get(shard_partition(id.shard()), message_key(id));
  const auto message = kept && *kept ? read_message((*kept)->octets) : std::nullopt;
  if (!message) co_return false;
  for (const EntryName name : names)
    if (lane.schedule.is_out(name)) co_return false;  // somebody took it while we read

  store::Batch batch(shard_partition(id.shard()));
  for (const EntryName name : names) {
    lane.schedule.hold(name);
    batch.remove(entry_key(name.id, name.number));
  }
  batch.remove(message_key(id)).release(message->content.blob, message_key(id));
  ledger::Event event{
      .type = ledger::Type::Cancelled, .at = clock_.now(), .tenant = message->tenant, .queue_id = id};
  ledger::record(batch, event);
  const bool done = static_cast<bool>(co_await store_.commit(std::move(batch)));
  for (const EntryName name : names) {
    if (done)
      lane.schedule.remove(name), lane.fresh.erase(name);
    else
      lane.schedule.wait(name, lane.schedule.domain_of(name), clock_.now());
  }
  if (done) lane.left.erase(id);
  co_return done;
}

net::task<bool> Service::cancel(QueueId id) {
  Lane& lane = of(id);
  co_return co_await net::run_on(lane.core, cancel_here(lane, id));
}

}  // namespace postroad::queue
