// What leaves the queue. What an administrator may do to what has not is in editing.cc.
#include <algorithm>

#include "ledger/ledger.h"
#include "net/wait_for.h"
#include "queue/lane.h"
#include "queue/leaving.h"

namespace postroad::queue {
namespace {

constexpr auto longest_sleep = std::chrono::seconds(60);  // the wall clock may jump; timers are monotonic

}  // namespace

// An entry that is not there any more was read before it was settled: nothing is wrong with it.
net::task<std::optional<Job>> Service::read_job(Lane& lane, EntryName name) {
  const Head head = *lane.schedule.find(name);
  Job job;
  if (const auto it = lane.fresh.find(name); it != lane.fresh.end()) {
    job = {std::move(it->second.message), std::move(it->second.entry)};
    lane.fresh.erase(it);
  } else {
    const store::Partition shard = shard_partition(name.id.shard());
    const std::string key = entry_key(head.due, name);
    const auto stored = co_await store_.get(shard, key);
    const auto kept = co_await store_.get(shard, message_key(name.id));
    const bool gone = stored && !*stored;
    auto entry = stored && *stored ? read_entry(key, (*stored)->octets) : std::nullopt;
    auto message = kept && *kept ? read_message((*kept)->octets) : std::nullopt;
    const auto unavailable = [](const auto& got) {
      return !got && got.error() == store::ReadError::Unavailable;
    };
    if (unavailable(stored) || (!gone && unavailable(kept))) {
      lane.parked.insert({clock_.now() + 10s, name});
      co_return std::nullopt;
    }
    if (!entry || !message) {  // damaged: set aside until somebody looks (C19)
      if (!gone) ++lane.damaged;
      lane.forget(head);
      co_return std::nullopt;
    }
    job = {std::make_shared<const Message>(std::move(*message)), std::move(*entry)};
  }
  if (!head.sole && !lane.kin[name.id].left) {
    const std::uint32_t left = co_await count_left(*job.message);
    // Whoever counted first did so before anything of the message could leave.
    if (Lane::Kin& kin = lane.kin[name.id]; !kin.left) kin.left = left;
  }
  co_return job;
}

net::task<Job> Service::next() {
  Lane& lane = here();
  for (;;) {
    if (!held_) {
      const bool read_some = !lane.reading && co_await load_due(lane);
      if (const auto name = lane.schedule.take()) {
        if (auto job = co_await read_job(lane, *name)) co_return std::move(*job);
        continue;
      }
      if (read_some) continue;
      co_await look_for_overdue(lane);
      if (auto job = co_await take_overdue(lane)) co_return std::move(*job);
      if (lane.overdue.passing) continue;
      if (!lane.reading && lane.schedule.hungry() && co_await sweep(lane)) continue;
    }
    Duration sleep = longest_sleep;
    if (const auto due = next_due(lane); due && !held_)
      sleep = std::clamp<Duration>(*due - clock_.now(), 1ms, sleep);
    co_await net::wait_for(lane.changed, sleep);
  }
}

net::task<std::optional<Job>> Service::next_for(std::string_view site) {
  Lane& lane = here();
  const std::string wanted(site);
  for (bool looked = false;;) {
    if (held_) co_return std::nullopt;
    if (const auto name = lane.schedule.take_from(wanted)) {
      if (auto job = co_await read_job(lane, *name)) co_return job;
      continue;
    }
    if (looked || lane.reading) co_return std::nullopt;
    looked = !co_await load_due(lane);
    if (looked && lane.schedule.hungry()) looked = !co_await sweep(lane);
  }
}

net::task<std::vector<Job>> Service::siblings(const Job& job, std::string_view site, std::size_t steps) {
  Lane& lane = here();
  const std::string wanted(site);
  std::vector<Job> out;
  std::size_t have = job.entry.steps.size();
  if (held_ || job.entry.sole) co_return out;
  for (std::uint16_t number = 0; number < job.message->entries && have < steps; ++number) {
    const EntryName name{job.message->id, number};
    if (!lane.schedule.waits_for(name, wanted)) continue;
    lane.schedule.hold(name);
    auto one = co_await read_job(lane, name);
    if (!one) continue;
    have += one->entry.steps.size();
    out.push_back(std::move(*one));
  }
  co_return out;
}

void Service::close(std::string_view site) { here().schedule.close(site); }

void Service::open(std::string_view site) {
  here().schedule.open(site);
  here().changed.notify();
}

void Service::pause(std::string_view site, bool on) {
  here().schedule.pause(site, on);
  if (!on) here().changed.notify();
}

void Service::regroup(std::string_view domain, std::string_view site) {
  here().schedule.regroup(domain, site);
  here().changed.notify();
}

std::string Service::site_of(std::string_view domain) { return here().schedule.site_of(domain); }
void Service::doubt(std::string_view site, bool doubtful) { here().schedule.doubt(site, doubtful); }

net::task<bool> Service::settle(const Job& job, std::vector<Settled> fates, std::optional<NewMail> report,
                                std::optional<std::string> last_reply, std::optional<std::string> last_host,
                                bool delay_told) {
  Lane& lane = of(job.message->id);
  store::Batch batch(shard_partition(job.message->id.shard()));
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
  Leaving leaving(lane, batch);
  if (!rest.steps.empty()) {
    batch.remove(entry_key(job.entry.due, name_of(job.entry)));
    rest.due = *due;
    rest.moved = true;
    batch.put(entry_key(rest.due, name_of(rest)), encode(rest));
    batch.put(moved_key(name_of(rest)), encode_due(rest.due));
  } else {
    leaving.add(*job.message, job.entry);
  }
  if (report) {
    stamp(report->message, report->entries);
    const std::string at = message_key(report->message.id);
    batch.put(at, encode(report->message)).refer(report->message.content.blob, at);
    for (const Entry& entry : report->entries) batch.put(entry_key(entry.due, name_of(entry)), encode(entry));
    for (const ledger::Event& event : report->events) ledger::record(batch, event);
  }
  batch.essential();  // what the other side has taken must be recorded, or it is sent again
  if (!co_await store_.commit(std::move(batch))) co_return false;

  leaving.done();
  lane.forget(head_of(job.entry));
  const Time now = clock_.now();
  if (!rest.steps.empty()) lane.written(head_of(rest), rest.domain, now);
  if (report)
    lane.enlist(std::make_shared<const Message>(std::move(report->message)), std::move(report->entries), now);
  co_return true;
}

void Service::put_back(Job job) {
  Lane& lane = of(job.message->id);
  const EntryName name = name_of(job.entry);
  lane.schedule.put_back(name);
  if (lane.fresh.size() < Lane::most_fresh) lane.fresh[name] = {std::move(job.message), std::move(job.entry)};
  lane.changed.notify();
}

}  // namespace postroad::queue
