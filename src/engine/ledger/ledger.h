// The ledger: one history for every message, and everything that is counted from it.
//
// record() puts an event into the commit that makes it true. One folder moves committed events, in commit
// order, into blocks (blobs of some thousand events, one retention class and day each), indexes and counters,
// all in one commit with its cursor: a replay changes nothing. Indexes live in one family per week, so that
// pruning drops files. Counters equal a recount of the blocks at any time (recount()).
//
// What it does not do: decide anything. Engines above ask it, never the other way round.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "ledger/event.h"
#include "mail/address.h"
#include "net/task.h"
#include "store/store.h"

namespace postroad::ledger {

// Into the same commit as the change it tells of.
void record(store::Batch& batch, const Event& event);

enum class LedgerError { Unavailable, Damaged };

// What is looked for. All that is set must match; at least one of queue_id, message_id, recipient, sender is
// set.
struct Query {
  std::optional<QueueId> queue_id{};
  std::string message_id{};            // of the header field, with or without <>
  std::optional<Address> recipient{};  // as the sender wrote it
  std::optional<Address> sender{};     // reverse-path
  std::optional<TenantId> tenant{};    // only what belongs to it
  Time from{}, to{};                   // to == Time{}: until now
  std::size_t limit = 1000;            // events
};

struct CounterKey {
  std::uint32_t hour = 0;  // since 1970-01-01 UTC
  TenantId tenant{};
  std::string stream;    // campaign or stream; empty: none
  std::string provider;  // who received it: a site's provider, "local"; empty: does not apply
  std::string source;    // the source address it left by; empty: does not apply
  friend auto operator<=>(const CounterKey&, const CounterKey&) = default;
};
struct Count {
  std::uint64_t events = 0;
  std::uint64_t octets = 0;
  friend bool operator==(const Count&, const Count&) = default;
};
using Counts = std::map<Type, Count>;

struct Status {
  std::uint64_t folded = 0;         // events since the start
  std::uint64_t waiting = 0;        // committed, not yet folded (at most; counted at the last look)
  std::chrono::milliseconds lag{};  // age of the oldest event when it was last folded
  std::uint64_t damaged = 0;        // events that could not be read and were left out
};

struct Options {
  std::chrono::days keep{90};             // histories
  std::chrono::days keep_refused{14};     // of what was never accepted
  std::chrono::milliseconds gather{250};  // how long the folder waits for company before it commits
};

class Ledger {
 public:
  // The store outlives the ledger. open() reads the cursor; run() folds until it is cancelled, on one core.
  static net::task<std::unique_ptr<Ledger>> open(store::Store& store, const Clock& clock, Options options);
  ~Ledger();

  net::task<void> run();
  // Folds what is committed now and answers when it is in: for `why` right after, tests, and the end of the
  // server.
  net::task<Result<void, LedgerError>> settle();

  // Events in order of time. Asks settle() first, so that nobody misses what just happened.
  net::task<Result<std::vector<Event>, LedgerError>> find(Query query);
  net::task<Result<std::map<CounterKey, Counts>, LedgerError>> counters(std::uint32_t from_hour,
                                                                        std::uint32_t to_hour,
                                                                        std::optional<TenantId> tenant);
  // The same from the events themselves. Equal to counters() always; slow.
  net::task<Result<std::map<CounterKey, Counts>, LedgerError>> recount(std::uint32_t from_hour,
                                                                       std::uint32_t to_hour,
                                                                       std::optional<TenantId> tenant);
  // Every event from the blocks of these days, in order, to `take`, until it answers false. For exports.
  net::task<Result<void, LedgerError>> read_all(Time from, Time to, std::function<bool(const Event&)> take);
  // Forgets what is older than its retention. run() does it once a day.
  net::task<Result<void, LedgerError>> prune();
  Status status() const;

 private:
  struct State;
  explicit Ledger(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace postroad::ledger
