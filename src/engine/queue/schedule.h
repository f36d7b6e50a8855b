// What is due, in memory: whose turn it is, and on which way. Not public.
//
// Everything in here is due now; what is due later, and what there is no room for, lies on disk (shelf.h). A
// lane is one site: a set of hosts that take mail for one or many domains, the unit that has a limited number
// of connections. Within a lane tenants take turns, within a tenant senders, by deficit round robin: however
// much one has waiting, another's single message waits for a few of his. A lane that is closed (its site has
// all the connections it may have, or does not answer) keeps little in memory and costs nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "queue/record.h"

namespace postroad::queue {

class Schedule {
 public:
  struct Limits {
    std::size_t all = 50'000;    // entries that wait in memory
    std::size_t lane = 512;      // of them in one lane; more are fetched when it is half empty
    std::size_t closed = 16;     // in a lane that is closed
    std::size_t sender = 16;     // a sender may have so many in a lane though it is full
    std::size_t doubtful = 250;  // out at once to sites that did not answer last time
  };
  Schedule() = default;
  explicit Schedule(Limits limits) : limits_(limits) {}
  // `left` hears of every entry that is let go of while it waits: it is on disk only from now on.
  void on_left(std::function<void(const Head&)> left) { left_ = std::move(left); }

  enum class Offered : std::uint8_t { Taken, Known, NoRoom };
  // An entry that is due. Not taken: it stays on disk, and its lane remembers that there is more.
  Offered offer(const Head& head, std::string_view domain);
  // Whose turn it is in the lane whose turn it is; it is out then, until put_back() or remove().
  std::optional<EntryName> take();
  // The next of one lane, though it be closed: for a connection that is open already.
  std::optional<EntryName> take_from(std::string_view site);
  // In, whatever the limits, and out at once. False: it is here, or suspended.
  bool admit(const Head& head, std::string_view domain);
  void put_back(EntryName name);
  void remove(EntryName name);
  void hold(EntryName name);  // out, though nobody took it

  void close(std::string_view site);
  void open(std::string_view site);
  bool closed(std::string_view site) const;
  // Keeps what it has, but take() passes it over.
  void pause(std::string_view site, bool on);
  // Did the site answer last time? What is tried for the second time is doubtful until it does.
  void doubt(std::string_view site, bool doubtful);
  // From now on `domain` goes by the lane of `site`; what waits for it moves there.
  void regroup(std::string_view domain, std::string_view site);
  std::string site_of(std::string_view domain) const;

  // What matches does not get in, and goes out if it is in: suspended.
  void set_suspended(std::function<bool(const Head&, std::string_view domain)> suspended);

  // Some open lane has room for what it has on disk.
  bool hungry() const {
    return !hungry_.empty() && (slots_.size() - out_ < limits_.all / 8 * 7 || !idle_.empty());
  }
  // Somebody has read everything on disk that is due, from one end to the other: what nobody has missed for a
  // whole round is not there.
  void end_round();
  void missing(std::string_view site);  // there may be more of it on disk, whatever we think

  const Head* find(EntryName name) const;
  bool is_out(EntryName name) const;
  bool waits_for(EntryName name, std::string_view site) const;
  std::string domain_of(EntryName name) const;
  bool ready() const;
  std::size_t size() const { return slots_.size(); }
  std::size_t lanes() const { return lanes_.size(); }
  std::size_t out() const { return out_; }
  // Those that wait in memory behind closed lanes.
  std::vector<EntryName> behind_closed() const;
  std::vector<EntryName> waiting_for(std::string_view site) const;  // in no order

 private:
  struct Sender {
    std::set<std::pair<Time, EntryName>> waiting;
    std::uint32_t deficit = 0;
    std::list<std::uint32_t>::iterator turn;
  };
  struct Tenant {
    std::unordered_map<std::uint32_t, Sender> senders;
    std::list<std::uint32_t> ring;
    std::uint32_t deficit = 0;
    std::list<std::uint32_t>::iterator turn;
  };
  struct Band {  // of one priority
    std::unordered_map<std::uint32_t, Tenant> tenants;
    std::list<std::uint32_t> ring;
  };
  struct Lane {
    std::string site;
    std::map<std::int8_t, Band, std::greater<>> bands;
    std::size_t waiting = 0, out = 0;
    std::uint32_t takes = 0;
    bool closed = false, paused = false, doubtful = false, known = false;
    std::optional<std::uint64_t> missing{};  // more of it is on disk: the round in which we saw that
    std::list<Lane*>* listed = nullptr;
    std::list<Lane*>::iterator turn;
  };
  struct Slot {
    Head head;
    const std::string* domain = nullptr;
    Lane* lane = nullptr;
    bool out = false;
    bool doubtful = false;  // taken from a lane that was
  };
  struct Domain {
    std::size_t entries = 0;
    std::string site{};  // empty: itself
  };

  Lane& lane(std::string_view site);
  bool room(const Lane& lane, const Head& head) const;
  void insert(Slot& slot);
  void extract(Slot& slot);
  void settle(Lane& lane);  // lists, or forgets it
  void miss(Lane& lane);
  void let_go(Slot& slot, bool missed);
  void let_go(Lane& lane, std::size_t keep);
  void release_domain(const std::string& domain);
  EntryName take_first(Lane& lane);

  Limits limits_{};
  std::function<void(const Head&)> left_;
  std::function<bool(const Head&, std::string_view)> suspended_;
  std::unordered_map<std::string, Lane> lanes_;
  std::unordered_map<std::string, Domain> domains_;
  std::unordered_map<EntryName, Slot> slots_;
  std::list<Lane*> sound_, doubtful_;
  std::set<Lane*> hungry_, missing_;
  std::set<Lane*> idle_;  // closed, with entries that wait
  std::uint64_t round_ = 0;
  std::size_t out_ = 0, doubtful_out_ = 0;
  std::uint32_t takes_ = 0;
};

}  // namespace postroad::queue
