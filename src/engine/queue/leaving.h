// Entries that a commit takes out of the queue, and with the last of them their message. Not public.
#pragma once

#include "queue/lane.h"

namespace postroad::queue {

// Two entries of a message may be ended by two commits at once, and only the second may end the message. It
// expects the first to have come through: if that failed, it conflicts, and whoever asked for it asks again.
class Service::Leaving {
 public:
  Leaving(Lane& lane, store::Batch& batch) : lane_(lane), batch_(batch) {}
  Leaving(const Leaving&) = delete;
  Leaving& operator=(const Leaving&) = delete;
  ~Leaving() {
    for (const One& one : all_) take_back(one);
  }

  // The entry must be out; of a message with several the number left must be known.
  void add(const Message& message, const Entry& entry) {
    const std::string key = entry_key(entry.due, name_of(entry));
    batch_.remove(key);
    if (entry.moved) batch_.remove(moved_key(name_of(entry)));
    One one{.id = message.id, .key = key, .sole = entry.sole};
    bool last = entry.sole;
    if (!entry.sole) {
      Lane::Kin& kin = lane_.kin.at(message.id);
      last = --*kin.left == 0;
      if (last)
        for (const std::string& sibling : kin.leaving)
          if (!is_ours(sibling)) batch_.expect_absent(sibling);
      kin.leaving.push_back(key);
    }
    if (last) {
      const std::string at = message_key(message.id);
      batch_.remove(at).release(message.content.blob, at);
    }
    one.last = last;
    all_.push_back(std::move(one));
  }
  // The commit came through.
  void done() {
    for (const One& one : all_) {
      --lane_.totals.entries;
      lane_.totals.messages -= one.last;
      if (!one.sole) std::erase(lane_.kin.at(one.id).leaving, one.key);
    }
    all_.clear();
  }

 private:
  struct One {
    QueueId id;
    std::string key;
    bool sole = false, last = false;
  };
  bool is_ours(const std::string& key) const {
    return std::ranges::any_of(all_, [&](const One& one) { return one.key == key; });
  }
  void take_back(const One& one) {
    if (one.sole) return;
    Lane::Kin& kin = lane_.kin.at(one.id);
    ++*kin.left;
    std::erase(kin.leaving, one.key);
  }
  Lane& lane_;
  store::Batch& batch_;
  std::vector<One> all_;
};

}  // namespace postroad::queue
