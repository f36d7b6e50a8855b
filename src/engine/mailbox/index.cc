#include "mailbox/index.h"

#include <algorithm>

namespace postroad::mailbox {

Index::Index(std::vector<PagePtr> pages) {
  auto slots = std::make_shared<Slots>();
  slots->reserve(pages.size());
  std::uint32_t before = 0;
  for (PagePtr& page : pages) {
    const auto count = static_cast<std::uint32_t>(page->entries.size());
    slots->push_back({std::move(page), before});
    before += count;
  }
  slots_ = std::move(slots);
}

std::uint32_t Index::size() const {
  if (empty()) return 0;
  return slots_->back().before + static_cast<std::uint32_t>(slots_->back().page->entries.size());
}

std::size_t Index::slot_for(Uid uid) const {
  const auto all = slots();
  return static_cast<std::size_t>(
      std::lower_bound(all.begin(), all.end(), uid,
                       [](const Slot& s, Uid u) { return s.page->entries.back().uid < u; }) -
      all.begin());
}

std::size_t Index::slot_for_sequence(std::uint32_t sequence) const {
  const auto all = slots();
  return static_cast<std::size_t>(
      std::lower_bound(all.begin(), all.end(), sequence,
                       [](const Slot& s, std::uint32_t n) { return s.before + s.page->entries.size() < n; }) -
      all.begin());
}

const Page* Index::page(std::uint32_t number) const {
  const auto all = slots();
  const auto at = std::lower_bound(all.begin(), all.end(), number,
                                   [](const Slot& s, std::uint32_t n) { return s.page->number < n; });
  return at != all.end() && at->page->number == number ? at->page.get() : nullptr;
}

std::optional<Index::Found> Index::locate(Uid uid) const {
  const std::size_t s = slot_for(uid);
  const auto all = slots();
  if (s == all.size()) return std::nullopt;
  const Entry* e = all[s].page->lower_bound(uid);
  if (e == all[s].page->end() || e->uid != uid) return std::nullopt;
  return Found{all[s].before + static_cast<std::uint32_t>(e - all[s].page->entries.data()) + 1, e};
}

const Entry* Index::find(Uid uid) const {
  const auto found = locate(uid);
  return found ? found->entry : nullptr;
}

const Entry& Index::at(std::uint32_t sequence) const {
  const Slot& slot = (*slots_)[slot_for_sequence(sequence)];
  return slot.page->entries[sequence - slot.before - 1];
}

Uid Index::last_uid() const { return empty() ? Uid{} : slots_->back().page->entries.back().uid; }

std::uint32_t Index::count_from(Uid uid) const {
  const std::size_t s = slot_for(uid);
  const auto all = slots();
  if (s == all.size()) return 0;
  return size() - all[s].before -
         static_cast<std::uint32_t>(all[s].page->lower_bound(uid) - all[s].page->entries.data());
}

NumberSet Index::sequences_of(const NumberSet& uids) const {
  NumberSet out;
  each_uid(uids, [&](std::uint32_t sequence, const Entry&) { out.add(sequence); });
  return out;
}

NumberSet Index::uids_of(const NumberSet& sequences) const {
  NumberSet out;
  each_sequence(sequences, [&](std::uint32_t, const Entry& e) { out.add(e.uid.value()); });
  return out;
}

NumberSet Index::all_uids() const {
  NumberSet out;
  each([&](std::uint32_t, const Entry& e) { out.add(e.uid.value()); });
  return out;
}

// --- Editor --------------------------------------------------------------------------------------------

std::size_t Editor::lower(std::uint32_t page_number) const {
  return static_cast<std::size_t>(
      std::lower_bound(slots_.begin(), slots_.end(), page_number,
                       [](const Index::Slot& s, std::uint32_t n) { return s.page->number < n; }) -
      slots_.begin());
}

Page& Editor::own(std::size_t s) {
  const PagePtr& page = slots_[s].page;
  const auto at = std::lower_bound(owned_.begin(), owned_.end(), page->number,
                                   [](const Page* p, std::uint32_t n) { return p->number < n; });
  if (at == owned_.end() || *at != page.get()) {
    auto copy = std::make_shared<Page>(*page);
    owned_.insert(at, copy.get());
    touched_.add(touched_number(page->number));
    slots_[s].page = std::move(copy);
  }
  return const_cast<Page&>(*slots_[s].page);  // made above, and nobody else has it yet
}

bool Editor::add(const Entry& entry) {
  const std::uint32_t number = page_of(entry.uid);
  std::size_t s = slots_.empty() || slots_.back().page->number < number ? slots_.size() : lower(number);
  if (s == slots_.size() || slots_[s].page->number != number) {
    auto page = std::make_shared<Page>();
    page->number = number;
    page->entries.push_back(entry);
    const auto at = std::lower_bound(owned_.begin(), owned_.end(), number,
                                     [](const Page* p, std::uint32_t n) { return p->number < n; });
    owned_.insert(at, page.get());
    touched_.add(touched_number(number));
    slots_.insert(slots_.begin() + static_cast<std::ptrdiff_t>(s), {std::move(page), 0});
    return true;
  }
  const Page& page = *slots_[s].page;
  const auto at = page.lower_bound(entry.uid) - page.entries.data();
  if (at < static_cast<std::ptrdiff_t>(page.entries.size()) &&
      page.entries[static_cast<std::size_t>(at)].uid == entry.uid)
    return false;
  Page& mine = own(s);
  mine.entries.insert(mine.entries.begin() + at, entry);
  return true;
}

std::vector<Entry> Editor::remove(const NumberSet& uids) {
  std::vector<Entry> gone;
  bool emptied = false;
  std::size_t s = 0;
  const auto& ranges = uids.ranges();
  for (std::size_t r = 0; r < ranges.size();) {
    s = std::max(s, lower(page_of(Uid{ranges[r].first})));
    if (s == slots_.size()) break;
    const std::uint32_t number = slots_[s].page->number;
    const std::uint32_t page_first = number << 8;
    const std::uint32_t page_last = page_first | 255;
    while (r < ranges.size() && ranges[r].last < page_first) ++r;
    if (r == ranges.size()) break;
    if (ranges[r].first > page_last) continue;  // lower() finds the page of this range
    const auto leaves = [&, i = r](const Entry& e) mutable {
      while (i < ranges.size() && ranges[i].last < e.uid.value()) ++i;
      return i < ranges.size() && ranges[i].first <= e.uid.value();
    };
    std::vector<Entry> kept;
    const std::size_t before = gone.size();
    auto test = leaves;
    for (const Entry& e : slots_[s].page->entries) (test(e) ? gone : kept).push_back(e);
    if (gone.size() != before) {
      own(s).entries = std::move(kept);
      emptied |= slots_[s].page->entries.empty();
    }
    while (r < ranges.size() && ranges[r].last <= page_last) ++r;
    ++s;
  }
  if (emptied) {
    std::erase_if(owned_, [](const Page* p) { return p->entries.empty(); });
    std::erase_if(slots_, [](const Index::Slot& slot) { return slot.page->entries.empty(); });
  }
  return gone;
}

Index Editor::finish() {
  std::uint32_t before = 0;
  for (Index::Slot& slot : slots_) {
    slot.before = before;
    before += static_cast<std::uint32_t>(slot.page->entries.size());
  }
  Index index;
  index.slots_ = std::make_shared<const Index::Slots>(std::move(slots_));
  return index;
}

}  // namespace postroad::mailbox
