// One core's part of the queue: what is due, in memory, and where on disk the rest lies. Not public.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "net/core.h"
#include "net/later.h"
#include "queue/schedule.h"
#include "queue/service.h"

namespace postroad::queue {

inline constexpr unsigned shards = 64;
inline store::Partition shard_partition(unsigned shard) { return {store::Realm::Queue, shard}; }

// What of one shard is on disk and not in memory. Entries lie there in the order of their due times. Behind
// `next` lies what nobody has read; it is read when it comes due, from where the last read ended and never
// from the front, where the removed ones are (DESIGN §3.9). Of what was read there was not always room:
// between `low` and `next` lies some of it, and who has room goes round there (Reading::sweep).
struct Shelf {
  static constexpr std::string_view end = "f";  // behind every entry's key
  std::string next{"e"};
  std::string low{end};
  // The same, of what is written while somebody reads.
  std::string next_meanwhile{end}, low_meanwhile{end};
  Time unreadable_until{};  // the disk did not answer

  static void lower(std::string& bound, std::string_view key) {
    if (key < bound) bound = key;
  }
  void written(std::string_view key) { lower(next, key), lower(next_meanwhile, key); }
  void left(std::string_view key) { lower(low, key), lower(low_meanwhile, key); }
};

struct Service::Lane {
  explicit Lane(net::Core& c, Schedule::Limits limits) : core(c), schedule(limits) {
    schedule.on_left([this](const Head& head) {
      shelf(head.name.id).left(entry_key(head.due, head.name));
      fresh.erase(head.name);
      if (!head.sole) part(head.name.id);
    });
  }

  net::Core& core;
  std::vector<unsigned> shards;
  std::size_t turn = 0;
  std::uint64_t kept_high = 0;
  std::uint64_t damaged = 0;
  Counts totals;
  Schedule schedule;
  net::Signal changed;  // something may be due
  std::unordered_map<unsigned, Shelf> shelves;
  bool reading = false;
  std::size_t sweep_shard = 0;  // index in shards
  std::string sweep_at;         // empty: not begun
  // A pass over what is due and does not move, now and then: who has waited too long is handed out.
  struct Overdue {
    Time next_pass{};
    bool passing = false;
    std::size_t shard = 0;                           // index in shards
    std::string at;                                  // empty: not begun
    std::deque<std::pair<Head, std::string>> found;  // with its domain
  } overdue;
  std::multimap<Time, EntryName> parked;  // could not be read; out until then
  std::set<EntryName> rewriting;          // by an administrator, on disk

  // The entries of one message, while any of them is in memory. The commit that ends the last one ends the
  // message; it expects those that are leaving at the same time to be gone before it.
  struct Kin {
    std::optional<std::uint32_t> left;  // not told how many yet: nobody has read the message
    std::uint32_t here = 0;
    std::vector<std::string> leaving;  // keys
  };
  std::unordered_map<QueueId, Kin> kin;

  // What was just accepted is tried from memory; the rest is read back when its time comes.
  static constexpr std::size_t most_fresh = 2048;
  struct Fresh {
    std::shared_ptr<const Message> message;
    Entry entry;
  };
  std::unordered_map<EntryName, Fresh> fresh;

  Shelf& shelf(QueueId id) { return shelves[id.shard()]; }

  Schedule::Offered offer(const Head& head, std::string_view domain) {
    if (rewriting.contains(head.name)) return Schedule::Offered::Known;
    if (!head.sole) ++kin[head.name.id].here;  // before: on_left parts again
    const auto offered = schedule.offer(head, domain);
    if (offered == Schedule::Offered::Known && !head.sole) part(head.name.id);
    return offered;
  }
  void part(QueueId id) {
    const auto it = kin.find(id);
    if (it != kin.end() && --it->second.here == 0) kin.erase(it);
  }
  // It is gone, or waits on disk.
  void forget(const Head& head) {
    schedule.remove(head.name);
    fresh.erase(head.name);
    if (!head.sole) part(head.name.id);
  }
  // It has just been written.
  void written(const Head& head, std::string_view domain, Time now) {
    if (head.due > now)
      shelf(head.name.id).written(entry_key(head.due, head.name));
    else
      offer(head, domain);
    changed.notify();
  }

  void enlist(const std::shared_ptr<const Message>& message, std::vector<Entry> entries, Time now) {
    totals.entries += entries.size();
    ++totals.messages;
    if (entries.size() > 1) {
      Kin& mine = kin[message->id];
      mine.left = static_cast<std::uint32_t>(entries.size());
      ++mine.here;  // keeps it until all are enlisted
    }
    for (Entry& entry : entries) {
      const Head head = head_of(entry);
      written(head, entry.domain, now);
      if (fresh.size() < most_fresh && schedule.find(head.name))
        fresh[head.name] = {message, std::move(entry)};
    }
    if (entries.size() > 1) part(message->id);
  }
};

}  // namespace postroad::queue
