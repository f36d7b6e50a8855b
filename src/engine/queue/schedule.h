// What waits in one shard, in memory: which entry is due next. A few dozen octets an entry, whatever is in
// it. Not public.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "mail/ids.h"

namespace postroad::queue {

struct EntryName {
  QueueId id;
  std::uint16_t number = 0;
  friend auto operator<=>(const EntryName&, const EntryName&) = default;
};

// Every domain has a lane; local delivery is the lane "". A lane that is closed (its site has all the
// connections it may have, or is suspended) costs nothing while it is, however much waits in it.
class Schedule {
 public:
  void wait(EntryName name, std::string_view domain, Time due);
  void remove(EntryName name);
  // The entry that has been due longest in an open lane; it is out then, until wait() or remove().
  std::optional<EntryName> take(Time now);
  // The next of one lane, though it be closed: for a connection that is open already.
  std::optional<EntryName> take_from(std::string_view domain, Time now);
  void close(std::string_view domain);
  void open(std::string_view domain);

  std::optional<Time> next_due() const;  // in the open lanes
  std::size_t size() const { return entries_.size(); }
  std::size_t lanes() const { return lanes_.size(); }
  // The entry behind `name` in the order of names, in whatever state.
  std::optional<EntryName> after(EntryName name) const;
  bool is_out(EntryName name) const;
  void hold(EntryName name);  // out, though nobody took it
  std::string domain_of(EntryName name) const;
  // Makes what waits for `domain` due at `now`; answers how many.
  std::size_t flush(std::string_view domain, Time now);

 private:
  struct Lane {
    std::string domain;
    std::set<std::pair<Time, EntryName>> waiting;
    std::size_t entries = 0;  // waiting and out: a lane without any is forgotten
    bool closed = false;
  };
  struct Slot {
    Lane* lane = nullptr;
    Time due{};
    bool out = false;
  };
  Lane& lane(std::string_view domain);
  void leave(Lane& lane);
  void list(Lane& lane);  // by its earliest entry among the open lanes
  void unlist(Lane& lane);
  EntryName take_first(Lane& lane);

  std::unordered_map<std::string, Lane> lanes_;
  std::map<EntryName, Slot> entries_;
  std::set<std::pair<Time, Lane*>> open_;
};

}  // namespace postroad::queue
