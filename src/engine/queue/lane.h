// One core's part of the queue. Not public.
#pragma once

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "net/core.h"
#include "net/later.h"
#include "queue/schedule.h"
#include "queue/service.h"

namespace postroad::queue {

struct Service::Lane {
  explicit Lane(net::Core& c) : core(c) {}

  net::Core& core;
  std::vector<unsigned> shards;
  std::size_t turn = 0;
  std::uint64_t kept_high = 0;
  std::uint64_t damaged = 0;
  Schedule schedule;
  net::Signal changed;                              // something may be due
  std::unordered_map<QueueId, std::uint32_t> left;  // entries of a message that are not settled

  // What was just accepted is tried from memory; the rest is read back when its time comes.
  static constexpr std::size_t most_fresh = 2048;
  struct Fresh {
    std::shared_ptr<const Message> message;
    Entry entry;
  };
  std::map<EntryName, Fresh> fresh;

  void enlist(const std::shared_ptr<const Message>& message, std::vector<Entry> entries) {
    left[message->id] += static_cast<std::uint32_t>(entries.size());
    for (Entry& entry : entries) {
      const EntryName name{entry.id, entry.number};
      schedule.wait(name, entry.domain, entry.due);
      if (fresh.size() < most_fresh) fresh[name] = {message, std::move(entry)};
    }
    changed.notify();
  }
};

}  // namespace postroad::queue
