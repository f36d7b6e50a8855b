// From the disk into memory: what has come due, and what there is room for again.
#include <algorithm>

#include "base/bytes.h"
#include "queue/lane.h"

namespace postroad::queue {
namespace {

constexpr std::size_t page_entries = 256;
constexpr auto pass_every = std::chrono::minutes(10);

class Reading {
 public:
  explicit Reading(bool& flag) : flag_(flag) { flag_ = true; }
  ~Reading() { flag_ = false; }

 private:
  bool& flag_;
};

// Who looks below `next` may find what is being written this moment, before `next` is lowered: it is not due.
std::string read_and_due(const Shelf& shelf, Time now) {
  return std::min(shelf.next, entries_from(now + 1us));
}

}  // namespace

std::optional<Time> Service::next_due(const Lane& lane) const {
  std::optional<Time> due;
  for (const auto& [shard, shelf] : lane.shelves) {
    if (shelf.next >= Shelf::end) continue;
    Reader in(shelf.next);
    in.u8();
    const Time at = std::max(time_of_micros(static_cast<std::int64_t>(in.u64_key())), shelf.unreadable_until);
    due = due ? std::min(*due, at) : at;
  }
  if (!lane.parked.empty()) due = std::min(due.value_or(Time::max()), lane.parked.begin()->first);
  return due;
}

net::task<bool> Service::load_due(Lane& lane) {
  const Time now = clock_.now();
  while (!lane.parked.empty() && lane.parked.begin()->first <= now) {
    lane.schedule.put_back(lane.parked.begin()->second);
    lane.parked.erase(lane.parked.begin());
  }
  const std::string until = entries_from(now + 1us);
  const auto wait = [&](const auto& shelf) -> std::string_view {
    return shelf.second.unreadable_until > now ? Shelf::end : std::string_view(shelf.second.next);
  };
  const auto first = std::ranges::min_element(lane.shelves, {}, wait);
  if (first == lane.shelves.end() || wait(*first) >= until) co_return false;
  const Reading reading(lane.reading);
  const unsigned shard = first->first;
  Shelf& shelf = first->second;
  shelf.next_meanwhile = Shelf::end;
  // The page goes on behind `until`: so it tells when to look again.
  const store::Range range{.from = shelf.next, .to = std::string(Shelf::end), .limit = page_entries};
  const auto page = co_await store_.scan(shard_partition(shard), range);
  if (!page) {
    shelf.unreadable_until = now + 10s;
    co_return true;
  }
  lane.damaged += page->damaged;
  std::string next(page->more && !page->empty() ? std::string(page->back().key) + '\0' : Shelf::end);
  for (const store::Entry stored : *page) {
    if (stored.key >= until) {
      next = std::string(stored.key);
      break;
    }
    if (const auto head = read_head(stored.key, stored.value))
      lane.offer(head->first, head->second);
    else
      ++lane.damaged;
  }
  shelf.next = std::min(next, shelf.next_meanwhile);
  co_return true;
}

net::task<bool> Service::sweep(Lane& lane) {
  const Reading reading(lane.reading);
  for (std::size_t empty = 0; empty <= lane.shards.size();) {
    const unsigned shard = lane.shards[lane.sweep_shard];
    Shelf& shelf = lane.shelves[shard];
    bool more = false;
    const bool begin = lane.sweep_at.empty();
    if (begin && shelf.low < shelf.next) {
      lane.sweep_at = shelf.low;
      shelf.low_meanwhile = Shelf::end;
    }
    if (!lane.sweep_at.empty()) {
      const store::Range range{
          .from = lane.sweep_at, .to = read_and_due(shelf, clock_.now()), .limit = page_entries};
      const auto page = co_await store_.scan(shard_partition(shard), range);
      if (!page) co_return false;
      for (const store::Entry stored : *page)
        if (const auto head = read_head(stored.key, stored.value)) lane.offer(head->first, head->second);
      more = page->more && !page->empty();
      if (more)
        lane.sweep_at = std::string(page->back().key) + '\0';
      else
        shelf.low = shelf.low_meanwhile;
    }
    if (more) co_return true;
    const bool read = !lane.sweep_at.empty();
    lane.sweep_at.clear();
    if (++lane.sweep_shard == lane.shards.size()) {
      lane.sweep_shard = 0;
      lane.schedule.end_round();
    }
    if (read) co_return true;
    ++empty;
  }
  co_return false;
}

// --- What waits too long -----------------------------------------------------------------------------------

bool Service::is_overdue(const Lane& lane, const Head& head, std::string_view domain) const {
  const Duration age = clock_.now() - head.accepted;
  if (tell_delay_after_ > 0s && age >= tell_delay_after_ && !head.delay_told) return true;
  return age >= give_up_after_ && lane.schedule.closed(lane.schedule.site_of(domain));
}

net::task<void> Service::look_for_overdue(Lane& lane) {
  Lane::Overdue& pass = lane.overdue;
  const Time now = clock_.now();
  if (!pass.passing) {
    // The clock may have gone back: then the next pass is not a year away.
    if (now < pass.next_pass && pass.next_pass - now <= pass_every) co_return;
    pass = {.next_pass = now + pass_every, .passing = true};
    for (const EntryName name : lane.schedule.behind_closed()) {
      const std::string domain = lane.schedule.domain_of(name);
      if (const Head* head = lane.schedule.find(name); is_overdue(lane, *head, domain))
        pass.found.emplace_back(*head, domain);
    }
  }
  for (; pass.shard < lane.shards.size(); ++pass.shard, pass.at.clear()) {
    const unsigned shard = lane.shards[pass.shard];
    const Shelf& shelf = lane.shelves[shard];
    if (pass.at.empty()) pass.at = shelf.low;
    const store::Range range{.from = pass.at, .to = read_and_due(shelf, now), .limit = page_entries};
    if (range.from >= range.to) continue;
    const auto page = co_await store_.scan(shard_partition(shard), range);
    if (!page) continue;
    for (const store::Entry stored : *page)
      if (const auto head = read_head(stored.key, stored.value))
        if (is_overdue(lane, head->first, head->second) && !lane.schedule.find(head->first.name))
          pass.found.emplace_back(head->first, std::string(head->second));
    if (!page->more || page->empty()) continue;
    pass.at = std::string(page->back().key) + '\0';
    co_return;
  }
  pass.passing = false;
}

net::task<std::optional<Job>> Service::take_overdue(Lane& lane) {
  while (!lane.overdue.found.empty()) {
    const auto [head, domain] = std::move(lane.overdue.found.front());
    lane.overdue.found.pop_front();
    const Head* known = lane.schedule.find(head.name);
    if (lane.schedule.is_out(head.name) || lane.rewriting.contains(head.name)) continue;
    if (known && known->due != head.due) continue;
    if (known) {
      lane.schedule.hold(head.name);
    } else {
      if (!lane.schedule.admit(head, domain)) continue;
      if (!head.sole) ++lane.kin[head.name.id].here;
    }
    auto job = co_await read_job(lane, head.name);
    if (!job) continue;
    job->overdue = true;
    co_return job;
  }
  co_return std::nullopt;
}

net::task<std::uint32_t> Service::count_left(const Message& message) {
  const auto entries = co_await read_entries(message);
  co_return entries ? static_cast<std::uint32_t>(entries->size()) : message.entries;
}

// All that a message has on disk, in the order of their numbers; nothing if the disk does not answer.
net::task<std::optional<std::vector<Entry>>> Service::read_entries(const Message& message) {
  const store::Partition shard = shard_partition(message.id.shard());
  std::vector<Entry> out;
  store::Range range = store::Range::prefix(entries_of(first_due(message), message.id));
  for (;;) {  // those that lie where they were put first
    const auto page = co_await store_.scan(shard, range);
    if (!page) co_return std::nullopt;
    for (const store::Entry stored : *page)
      if (auto entry = read_entry(stored.key, stored.value)) out.push_back(std::move(*entry));
    if (!page->more || page->empty()) break;
    range.from = std::string(page->back().key) + '\0';
  }
  if (out.size() == message.entries) co_return out;
  range = store::Range::prefix(moved_of(message.id));
  for (;;) {
    const auto page = co_await store_.scan(shard, range);
    if (!page) co_return std::nullopt;
    for (const store::Entry stored : *page) {
      const auto name = read_moved_key(stored.key);
      const auto due = read_due(stored.value);
      if (!name || !due) continue;
      std::string key = entry_key(*due, *name);
      const auto value = co_await store_.get(shard, key);
      if (!value || !*value) continue;
      if (auto entry = read_entry(key, (*value)->octets)) out.push_back(std::move(*entry));
    }
    if (!page->more || page->empty()) break;
    range.from = std::string(page->back().key) + '\0';
  }
  std::ranges::sort(out, {}, &Entry::number);
  out.erase(std::unique(out.begin(), out.end(),
                        [](const Entry& a, const Entry& b) { return a.number == b.number; }),
            out.end());
  co_return out;
}

}  // namespace postroad::queue
