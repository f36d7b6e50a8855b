// What an administrator sees of the queue, and what he may do to it.
#include <algorithm>

#include "ledger/ledger.h"
#include "queue/lane.h"
#include "queue/leaving.h"

namespace postroad::queue {
namespace {

constexpr std::size_t page_messages = 200;

using Messages = std::vector<std::shared_ptr<const Message>>;

}  // namespace

net::task<Counts> Service::counts_here(Lane& lane) {
  Counts out = lane.totals;
  out.lanes = lane.schedule.lanes();
  out.loaded = lane.schedule.size();
  co_return out;
}

net::task<Counts> Service::counts() {
  Counts all;
  for (auto& lane : lanes_) {
    const Counts some = co_await net::run_on(lane->core, counts_here(*lane));
    all.entries += some.entries, all.messages += some.messages, all.lanes += some.lanes;
    all.loaded += some.loaded;
  }
  co_return all;
}

// --- Looking -----------------------------------------------------------------------------------------------

// The messages of one core in the order of their ids: each shard has its own in order, read in small pages.
class Service::Browser {
 public:
  Browser(store::Store& store, const std::vector<unsigned>& own, QueueId after, std::size_t page) {
    for (const unsigned shard : own) {
      sources_.push_back({.partition = shard_partition(shard),
                          .range = {.from = message_key(after) + '\0', .to = "n", .limit = page}});
    }
    store_ = &store;
  }
  // The next, or nothing at the end.
  net::task<std::shared_ptr<const Message>> next() {
    Source* first = nullptr;
    for (Source& source : sources_) {
      while (source.at == source.messages.size() && source.more) co_await fill(source);
      if (source.at < source.messages.size() &&
          (!first || source.messages[source.at]->id < first->messages[first->at]->id))
        first = &source;
    }
    if (!first) co_return nullptr;
    co_return std::move(first->messages[first->at++]);
  }

 private:
  struct Source {
    store::Partition partition;
    store::Range range;
    Messages messages{};
    std::size_t at = 0;
    bool more = true;
  };
  net::task<void> fill(Source& source) {
    source.messages.clear();
    source.at = 0;
    const auto page = co_await store_->scan(source.partition, source.range);
    source.more = page && page->more && !page->empty();
    if (!page) co_return;
    for (const store::Entry stored : *page)
      if (auto message = read_message(stored.value))
        source.messages.push_back(std::make_shared<const Message>(std::move(*message)));
    if (!page->empty()) source.range.from = std::string(page->back().key) + '\0';
    source.range.limit = std::min<std::size_t>(2 * source.range.limit, page_messages);
  }
  std::vector<Source> sources_;
  store::Store* store_ = nullptr;
};

net::task<std::vector<Listed>> Service::list_here(Lane& lane, QueueId after, std::size_t limit,
                                                  const Want& want) {
  std::vector<Listed> out;
  Browser browser(store_, lane.shards, after, std::max<std::size_t>(8, 2 * limit / shards));
  while (out.size() < limit) {
    const auto message = co_await browser.next();
    if (!message) break;
    const auto entries = co_await read_entries(*message);
    if (!entries) break;
    for (const Entry& entry : *entries) {
      Listed one{message, entry, lane.schedule.site_of(entry.domain), lane.schedule.is_out(name_of(entry))};
      if (!want || want(one)) out.push_back(std::move(one));
    }
  }
  co_return out;
}

net::task<std::vector<Listed>> Service::list(QueueId after, std::size_t limit, Want want) {
  std::vector<Listed> all;
  for (auto& lane : lanes_) {
    auto some = co_await net::run_on(lane->core, list_here(*lane, after, limit, want));
    all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  std::ranges::sort(all, {}, [](const Listed& l) { return name_of(l.entry); });
  if (all.size() > limit) all.resize(limit);
  co_return all;
}

net::task<std::vector<Listed>> Service::show_here(Lane& lane, QueueId id) {
  std::vector<Listed> out;
  const auto kept = co_await store_.get(shard_partition(id.shard()), message_key(id));
  const auto message = kept && *kept ? read_message((*kept)->octets) : std::nullopt;
  if (!message) co_return out;
  const auto shared = std::make_shared<const Message>(*message);
  if (const auto entries = co_await read_entries(*message))
    for (const Entry& entry : *entries)
      out.push_back(
          {shared, entry, lane.schedule.site_of(entry.domain), lane.schedule.is_out(name_of(entry))});
  co_return out;
}

net::task<std::vector<Listed>> Service::show(QueueId id) {
  Lane& lane = of(id);
  co_return co_await net::run_on(lane.core, show_here(lane, id));
}

// --- Changing ----------------------------------------------------------------------------------------------

net::task<Done> Service::count(Selection which) { co_return co_await edit(std::move(which), Edit::Count); }
net::task<Done> Service::retry(Selection which) { co_return co_await edit(std::move(which), Edit::Retry); }
net::task<Done> Service::cancel(Selection which) { co_return co_await edit(std::move(which), Edit::Cancel); }

net::task<Done> Service::edit(Selection which, Edit what) {
  Done all;
  for (auto& lane : lanes_) {
    if (which.id && lane.get() != &of(*which.id)) continue;
    const Done some = co_await net::run_on(lane->core, edit_here(*lane, which, what));
    all.entries += some.entries, all.messages += some.messages, all.busy += some.busy;
  }
  co_return all;
}

net::task<Done> Service::edit_here(Lane& lane, const Selection& which, Edit what) {
  Done all;
  const auto add = [&](const Done& some) {
    all.entries += some.entries, all.messages += some.messages, all.busy += some.busy;
  };
  if (which.id) {
    const auto kept = co_await store_.get(shard_partition(which.id->shard()), message_key(*which.id));
    auto message = kept && *kept ? read_message((*kept)->octets) : std::nullopt;
    if (!message) co_return all;
    Messages one{std::make_shared<const Message>(std::move(*message))};
    add(co_await edit_page(lane, std::move(one), which, what));
    co_return all;
  }
  for (const unsigned shard : lane.shards) {
    const std::vector<unsigned> only{shard};
    Browser browser(store_, only, QueueId{}, page_messages);
    for (bool more = true; more;) {
      Messages page;
      while (more && page.size() < page_messages) {
        auto message = co_await browser.next();
        more = message != nullptr;
        if (message) page.push_back(std::move(message));
      }
      if (!page.empty()) add(co_await edit_page(lane, std::move(page), which, what));
    }
  }
  co_return all;
}

// An entry that nobody takes while we look at it and write. Afterwards it waits again, or is gone.
class Service::Claim {
 public:
  Claim(Lane& lane, Entry claimed, Time now)
      : entry(std::move(claimed)), lane_(&lane), now_(now), loaded_(lane.schedule.find(name_of(entry))) {
    if (loaded_)
      lane.schedule.hold(name_of(entry));
    else
      lane.rewriting.insert(name_of(entry));
    if (!loaded_ && !entry.sole) ++lane.kin[entry.id].here;
  }
  Claim(Claim&& other) noexcept
      : entry(std::move(other.entry)),
        lane_(std::exchange(other.lane_, nullptr)),
        now_(other.now_),
        loaded_(other.loaded_),
        becomes_(std::move(other.becomes_)) {}
  ~Claim() {
    if (!lane_) return;
    const Head head = head_of(entry);
    const bool same = becomes_ && becomes_->due == entry.due;
    if (loaded_ && same) {
      lane_->schedule.put_back(head.name);
    } else if (loaded_) {
      lane_->forget(head);
    } else {
      lane_->rewriting.erase(head.name);
      if (!head.sole) lane_->part(head.name.id);
    }
    if (becomes_ && !(loaded_ && same)) lane_->written(head_of(*becomes_), becomes_->domain, now_);
    lane_->changed.notify();
  }
  // Unless told otherwise it stays what it is.
  void becomes(Entry what) {
    becomes_ = std::move(what);
    lane_->fresh.erase(name_of(entry));
  }
  void gone() { becomes_.reset(); }

  Entry entry;

 private:
  Lane* lane_;
  Time now_;
  bool loaded_;
  std::optional<Entry> becomes_{entry};
};

// What goes into one commit.
struct Service::Group {
  Group(Lane& lane, unsigned shard) : batch(shard_partition(shard)), leaving(lane, batch) {}
  store::Batch batch;
  std::vector<std::pair<Claim, std::optional<Entry>>> changed;  // and what becomes of it
  Leaving leaving;                                              // ends before the claims
  Done done{};
};

// Messages of one shard.
net::task<Done> Service::edit_page(Lane& lane, Messages messages, const Selection& which, Edit what) {
  Done all;
  std::optional<Group> group;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (!group) group.emplace(lane, messages[i]->id.shard());
    co_await edit_message(lane, *group, messages[i], which, what);
    if (!group->batch.full() && i + 1 < messages.size()) continue;
    if (group->batch.operations() > 0) {
      group->batch.essential();
      store::Batch batch = std::move(group->batch);
      if (co_await store_.commit(std::move(batch))) {
        group->leaving.done();
        for (auto& [claim, rest] : group->changed)
          if (rest)
            claim.becomes(std::move(*rest));
          else
            claim.gone();
      } else {
        group->done = Done{.busy = group->done.busy + group->done.entries};
      }
    }
    all.entries += group->done.entries, all.messages += group->done.messages;
    all.busy += group->done.busy;
    group.reset();
  }
  co_return all;
}

net::task<void> Service::edit_message(Lane& lane, Group& group, std::shared_ptr<const Message> message,
                                      const Selection& which, Edit what) {
  const Time now = clock_.now();
  const auto seen = co_await read_entries(*message);
  if (!seen) co_return;
  std::vector<Claim> claims;
  std::size_t meant = 0;
  for (const Entry& entry : *seen) {
    const Listed listed{message, entry, lane.schedule.site_of(entry.domain), false};
    if (which.want && !which.want(listed)) continue;
    if (lane.schedule.is_out(name_of(entry)) || lane.rewriting.contains(name_of(entry))) {
      ++group.done.busy;
      continue;
    }
    ++meant;
    if (what != Edit::Count) claims.emplace_back(lane, entry, now);
  }
  group.done.entries += what == Edit::Count ? meant : 0;
  group.done.messages += meant > 0;
  if (claims.empty()) co_return;

  // What was settled between our look and our claim is gone or has moved.
  const auto still = co_await read_entries(*message);
  if (!still) co_return;
  if (message->entries > 1)
    if (Lane::Kin& kin = lane.kin[message->id]; !kin.left)
      kin.left = static_cast<std::uint32_t>(still->size());
  for (Claim& claim : claims) {
    const Entry& entry = claim.entry;
    const auto now_there =
        std::ranges::find_if(*still, [&](const Entry& other) { return name_of(other) == name_of(entry); });
    if (now_there == still->end()) {
      claim.gone();
      continue;
    }
    if (now_there->due != entry.due) {
      claim.becomes(*now_there);
      continue;
    }
    ++group.done.entries;
    std::optional<Entry> rest = entry;
    if (what == Edit::Retry) {
      if (entry.due <= now) continue;  // it is its turn already
      rest->due = now, rest->moved = true;
      group.batch.remove(entry_key(entry.due, name_of(entry)));
      group.batch.put(entry_key(now, name_of(entry)), encode(*rest));
      group.batch.put(moved_key(name_of(entry)), encode_due(now));
    } else {
      const auto cancelled = [&](const Step& step) { return !which.step || which.step(step); };
      for (const Step& step : entry.steps) {
        if (!cancelled(step)) continue;
        ledger::Event event{
            .type = ledger::Type::Cancelled, .at = now, .tenant = message->tenant, .queue_id = message->id};
        event.with(ledger::Field::Recipient, step.given.address.text());
        ledger::record(group.batch, event);
      }
      std::erase_if(rest->steps, cancelled);
      if (rest->steps.empty()) {
        rest.reset();
        group.leaving.add(*message, entry);
      } else {
        group.batch.put(entry_key(entry.due, name_of(entry)), encode(*rest));
      }
    }
    group.changed.emplace_back(std::move(claim), std::move(rest));
  }
}

}  // namespace postroad::queue
