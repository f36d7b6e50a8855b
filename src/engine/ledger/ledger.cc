// The folder, and the questions that are put to what it folded.
#include "ledger/ledger.h"

#include <algorithm>
#include <deque>
#include <set>

#include "base/bytes.h"
#include "ledger/block.h"
#include "ledger/codec.h"
#include "net/core.h"
#include "net/later.h"
#include "net/runtime.h"
#include "net/sleep.h"
#include "net/turns.h"

namespace postroad::ledger {
namespace {

constexpr std::size_t most_at_once = 4096;  // events in one fold
constexpr std::size_t page = 1000;

}  // namespace

void record(store::Batch& batch, const Event& event) { batch.emit(encode(event)); }

struct Ledger::State {
  State(store::Store& s, const Clock& c, Options o)
      : store(s), clock(c), options(o), core(net::Core::here()) {}

  store::Store& store;
  const Clock& clock;
  const Options options;
  net::Core& core;  // folds here, one at a time
  net::Turns turns;
  net::Signal something;
  std::unique_ptr<store::Watch> watch;
  std::uint64_t cursor = 0;
  std::map<std::string, store::Family, std::less<>> families;

  std::atomic<std::uint64_t> folded{0}, waiting{0}, damaged{0};
  std::atomic<std::int64_t> lag_ms{0};

  // The first day of which this class is kept.
  std::uint32_t first_kept(Keep keep, std::uint32_t today) const {
    const auto days =
        static_cast<std::uint32_t>((keep == Keep::History ? options.keep : options.keep_refused).count());
    return today > days ? today - days : 0;
  }
  net::task<Result<bool, LedgerError>> fold_once();
  net::task<Result<void, LedgerError>> fold_all();
  net::task<Result<store::Family, LedgerError>> family(std::uint32_t week);
  net::task<Result<std::vector<Event>, LedgerError>> block(store::BlobId blob);
  // A page of block entries; `from` moves behind it, and is empty after the last.
  using Entries = std::vector<std::pair<std::string, BlockEntry>>;
  net::task<Result<Entries, LedgerError>> entries(std::string& from, std::string to);
  net::task<Result<void, LedgerError>> prune(Keep keep, std::uint32_t before_day);
};

Ledger::Ledger(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ledger::~Ledger() = default;

net::task<std::unique_ptr<Ledger>> Ledger::open(store::Store& store, const Clock& clock, Options options) {
  auto state = std::make_unique<State>(store, clock, options);
  const auto cursor = co_await store.get(home, std::string(cursor_key));
  if (!cursor) throw std::runtime_error("the ledger's cursor cannot be read: run `postroad verify`");
  if (*cursor) state->cursor = Reader((*cursor)->octets).u64();
  co_return std::unique_ptr<Ledger>(new Ledger(std::move(state)));
}

net::task<Result<store::Family, LedgerError>> Ledger::State::family(std::uint32_t week) {
  const std::string name = family_name(week);
  if (const auto it = families.find(name); it != families.end()) co_return it->second;
  const auto made = co_await store.family(name);
  if (!made) co_return refuse(LedgerError::Unavailable);
  families[name] = *made;
  co_return *made;
}

// One commit: blocks, indexes, counters, cursor, and the outbox trimmed. True if there was something.
net::task<Result<bool, LedgerError>> Ledger::State::fold_once() {
  const auto entries = co_await store.outbox(cursor, most_at_once);
  if (!entries) co_return refuse(LedgerError::Unavailable);
  waiting = entries->size();
  if (entries->empty()) co_return false;

  // Sort the events into blocks, and collect what they add to each counter and index.
  using Group = std::pair<Keep, std::uint32_t>;  // class and day
  std::map<Group, std::deque<BlockBuilder>> blocks;
  std::map<CounterKey, Counts> added;
  std::vector<std::tuple<std::uint32_t, std::string, Group, std::size_t>> index;  // week, prefix, block
  Time oldest = Time::max();
  std::uint64_t unreadable = 0;
  for (const store::OutboxEntry& entry : *entries) {
    const auto event = decode(entry.octets);
    if (!event) {
      ++unreadable;
      continue;
    }
    oldest = std::min(oldest, event->at);
    const Group group{keep_of(event->type), day_of(event->at)};
    auto& builders = blocks[group];
    if (builders.empty() || builders.back().events() >= most_in_block) builders.emplace_back();
    builders.back().add(entry.octets);
    count(added[counter_of(*event)], *event);
    each_index_prefix(*event, [&](std::string prefix) {
      index.emplace_back(week_of(event->at), std::move(prefix), group, builders.size() - 1);
    });
  }

  store::Batch batch(home);
  const std::uint64_t last = entries->back().number;
  std::vector<std::unique_ptr<store::BlobWriter>> writers;  // a blob lives by its writer until it is named
  std::map<std::pair<Group, std::size_t>, store::BlobId> blobs;
  for (const auto& [group, builders] : blocks) {
    for (std::size_t i = 0; i < builders.size(); ++i) {
      const std::string packed = builders[i].finish();
      auto& writer = writers.emplace_back(store.new_blob(packed.size()));
      writer->append(packed);
      const auto blob = co_await writer->finish();
      if (!blob) co_return refuse(LedgerError::Unavailable);
      const std::string key = block_key(group.first, group.second, last * 8 + writers.size());
      batch.put(key, block_value(*blob, static_cast<std::uint32_t>(builders[i].events())));
      batch.refer(*blob, key);
      blobs[{group, i}] = *blob;
    }
  }
  std::ranges::sort(index);  // in the order of keys, each once
  index.erase(std::unique(index.begin(), index.end()), index.end());
  std::optional<std::pair<std::uint32_t, store::Family>> in;
  for (auto& [week, prefix, group, block] : index) {
    if (!in || in->first != week) {
      const auto opened = co_await family(week);
      if (!opened) co_return refuse(opened.error());
      in.emplace(week, *opened);
    }
    Writer(prefix).u64_key(blobs.at({group, block}).value());
    batch.put(prefix, {}, in->second);
  }
  for (auto& [key, counts] : added) {
    std::string at = counter_key(key);
    const auto before = co_await store.get(home, at);
    if (!before) co_return refuse(LedgerError::Unavailable);
    if (*before)
      for (const auto& [type, count] : read_counter_value((*before)->octets)) {
        counts[type].events += count.events;
        counts[type].octets += count.octets;
      }
    batch.put(at, counter_value(counts));
  }
  std::string now_at;
  Writer(now_at).u64(last);
  batch.put(cursor_key, now_at).trim_outbox(last).essential();
  if (!co_await store.commit(std::move(batch))) co_return refuse(LedgerError::Unavailable);

  cursor = last;
  folded += entries->size();
  damaged += unreadable;
  if (oldest != Time::max())
    lag_ms = std::chrono::duration_cast<std::chrono::milliseconds>(clock.now() - oldest).count();
  co_return true;
}

net::task<Result<void, LedgerError>> Ledger::State::fold_all() {
  const auto turn = co_await turns.take();
  for (;;) {
    const auto more = co_await fold_once();
    if (!more) co_return refuse(more.error());
    if (!*more) co_return {};
  }
}

net::task<void> Ledger::run() {
  State& s = *state_;
  s.watch = s.store.watch_outbox([&s] { s.something.notify(); });
  std::uint32_t pruned = 0;
  for (;;) {
    const auto done = co_await s.fold_all();
    if (!done) {
      co_await net::sleep_for(1s);  // the store is away; what is committed waits in the outbox
      continue;
    }
    if (day_of(s.clock.now()) != pruned) {
      pruned = day_of(s.clock.now());
      co_await prune();
    }
    co_await s.something;
    co_await net::sleep_for(s.options.gather);  // company makes blocks larger and commits fewer
  }
}

net::task<Result<void, LedgerError>> Ledger::settle() {
  if (&net::Core::here() == &state_->core) co_return co_await state_->fold_all();
  co_return co_await net::run_on(state_->core, state_->fold_all());
}

net::task<Result<std::vector<Event>, LedgerError>> Ledger::State::block(store::BlobId blob) {
  auto reader = co_await store.open_blob(blob);
  if (!reader && reader.error() == store::BlobError::NoSuchBlob) co_return std::vector<Event>();  // pruned
  if (!reader) co_return refuse(LedgerError::Damaged);
  std::string octets;
  while (octets.size() < (*reader)->octets()) {
    const auto piece = co_await (*reader)->read(octets.size());
    if (!piece) co_return refuse(LedgerError::Damaged);
    octets += *piece;
  }
  auto events = read_block(octets);
  if (!events) co_return refuse(LedgerError::Damaged);
  co_return std::move(*events);
}

net::task<Result<std::vector<Event>, LedgerError>> Ledger::find(Query query) {
  State& s = *state_;
  if (auto settled = co_await settle(); !settled) co_return refuse(settled.error());

  // The narrowest index first; the events themselves decide.
  std::string prefix;
  if (query.queue_id)
    prefix = prefix_of(*query.queue_id);
  else if (!query.message_id.empty())
    prefix = prefix_of_message_id(query.message_id);
  else if (query.recipient)
    prefix = prefix_of_recipient(*query.recipient);
  else if (query.sender)
    prefix = prefix_of_sender(*query.sender);
  else
    co_return std::vector<Event>();

  const std::uint32_t first = week_of(query.from);
  const std::uint32_t last = query.to == Time{} ? UINT32_MAX : week_of(query.to);
  std::set<std::uint64_t> blobs;
  for (const std::string& name : s.store.families()) {
    const auto week = week_of_family(name);
    if (!week || *week < first || *week > last) continue;
    const auto family = co_await s.store.family(name);
    if (!family) co_return refuse(LedgerError::Unavailable);
    store::Range range = store::Range::prefix(prefix, page);
    for (;;) {
      const auto got = co_await s.store.scan(home, range, *family);
      if (!got) co_return refuse(LedgerError::Unavailable);
      for (const store::Entry entry : *got) blobs.insert(Reader(entry.key.substr(prefix.size())).u64_key());
      if (!got->more || got->empty()) break;
      range.from = std::string(got->back().key) + '\0';
    }
  }
  // What has been pruned can be read for a while yet: it is forgotten all the same.
  const std::uint32_t today = day_of(s.clock.now());
  const auto forgotten = [&](const Event& event) {
    return day_of(event.at) < s.first_kept(keep_of(event.type), today);
  };
  std::vector<Event> out;
  for (const std::uint64_t blob : blobs) {
    auto events = co_await s.block(store::BlobId{blob});
    if (!events) co_return refuse(events.error());
    for (Event& event : *events)
      if (matches(query, event) && !forgotten(event)) out.push_back(std::move(event));
  }
  // Commit order within one instant, as the blocks have it: equal times must not change places.
  std::ranges::stable_sort(out, {}, &Event::at);
  if (out.size() > query.limit) out.resize(query.limit);
  co_return out;
}

net::task<Result<std::map<CounterKey, Counts>, LedgerError>> Ledger::counters(
    std::uint32_t from_hour, std::uint32_t to_hour, std::optional<TenantId> tenant) {
  State& s = *state_;
  if (auto settled = co_await settle(); !settled) co_return refuse(settled.error());
  store::Range range{.from = "c", .to = "c"};
  Writer(range.from).u32_key(from_hour);
  if (to_hour == UINT32_MAX)
    range.to = "d";
  else
    Writer(range.to).u32_key(to_hour + 1);
  std::map<CounterKey, Counts> out;
  for (;;) {
    const auto got = co_await s.store.scan(home, range);
    if (!got) co_return refuse(LedgerError::Unavailable);
    for (const store::Entry entry : *got) {
      const auto key = read_counter_key(entry.key);
      if (!key) co_return refuse(LedgerError::Damaged);
      if (!tenant || key->tenant == *tenant) out[*key] = read_counter_value(entry.value);
    }
    if (!got->more || got->empty()) co_return out;
    range.from = std::string(got->back().key) + '\0';
  }
}

net::task<Result<Ledger::State::Entries, LedgerError>> Ledger::State::entries(std::string& from,
                                                                              std::string to) {
  const auto got = co_await store.scan(home, store::Range{.from = from, .to = std::move(to), .limit = page});
  if (!got) co_return refuse(LedgerError::Unavailable);
  Entries out;
  for (const store::Entry entry : *got) {
    const auto block = read_block_entry(entry.key, entry.value);
    if (!block) co_return refuse(LedgerError::Damaged);
    out.emplace_back(entry.key, *block);
  }
  from = got->more && !out.empty() ? out.back().first + '\0' : std::string();
  co_return out;
}

net::task<Result<void, LedgerError>> Ledger::read_all(Time from, Time to,
                                                      std::function<bool(const Event&)> take) {
  State& s = *state_;
  if (auto settled = co_await settle(); !settled) co_return refuse(settled.error());
  for (const Keep keep : {Keep::History, Keep::Refused}) {
    std::string at = block_key(keep, day_of(from), 0);
    while (!at.empty()) {
      const auto page_of = co_await s.entries(at, block_key(keep, day_of(to), UINT64_MAX));
      if (!page_of) co_return refuse(page_of.error());
      for (const auto& [key, entry] : *page_of) {
        const auto events = co_await s.block(entry.blob);
        if (!events) co_return refuse(events.error());
        for (const Event& event : *events)
          if (event.at >= from && event.at < to && !take(event)) co_return {};
      }
    }
  }
  co_return {};
}

net::task<Result<std::map<CounterKey, Counts>, LedgerError>> Ledger::recount(std::uint32_t from_hour,
                                                                             std::uint32_t to_hour,
                                                                             std::optional<TenantId> tenant) {
  std::map<CounterKey, Counts> out;
  const auto hour_begins = [](std::uint64_t hour) { return Time{std::chrono::hours(hour)}; };
  const Time to =
      to_hour == UINT32_MAX ? Time{std::chrono::days(365'000)} : hour_begins(std::uint64_t{to_hour} + 1);
  const auto done = co_await read_all(hour_begins(from_hour), to, [&](const Event& event) {
    if (!tenant || event.tenant == *tenant) count(out[counter_of(event)], event);
    return true;
  });
  if (!done) co_return refuse(done.error());
  co_return out;
}

net::task<Result<void, LedgerError>> Ledger::State::prune(Keep keep, std::uint32_t before_day) {
  std::string at = block_key(keep, 0, 0);
  while (!at.empty()) {
    const auto old = co_await entries(at, block_key(keep, before_day, 0));
    if (!old) co_return refuse(old.error());
    if (old->empty()) break;
    store::Batch batch(home);
    for (const auto& [key, entry] : *old) batch.remove(key).release(entry.blob, key);
    if (!co_await store.commit(std::move(batch))) co_return refuse(LedgerError::Unavailable);
  }
  co_return {};
}

net::task<Result<void, LedgerError>> Ledger::prune() {
  State& s = *state_;
  const std::uint32_t today = day_of(s.clock.now());
  const std::uint32_t day = s.first_kept(Keep::History, today);
  if (auto done = co_await s.prune(Keep::History, day); !done) co_return refuse(done.error());
  if (auto done = co_await s.prune(Keep::Refused, s.first_kept(Keep::Refused, today)); !done)
    co_return refuse(done.error());
  // A week's index goes when nothing of that week is kept.
  for (const std::string& name : s.store.families()) {
    const auto week = week_of_family(name);
    if (!week || (*week + 1) * 7 > day) continue;
    s.families.erase(name);
    if (co_await s.store.drop_family(name) != store::Outcome::Committed)
      co_return refuse(LedgerError::Unavailable);
  }
  co_return {};
}

Status Ledger::status() const {
  const State& s = *state_;
  return {.folded = s.folded,
          .waiting = s.waiting,
          .lag = std::chrono::milliseconds(s.lag_ms),
          .damaged = s.damaged};
}

}  // namespace postroad::ledger
