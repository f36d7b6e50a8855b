// Index: all entries of a mailbox at one moment, immutable and cheap to hold.
//
// A list of pages. Two indexes of a mailbox share the pages in which they do not differ, so that holding
// many of them costs little and comparing them costs what changed between them. Any thread may read one.
// An Editor makes the next one and copies only the pages it touches.
//
// Message sequence numbers (RFC 9051 §2.3.1.2) are positions in an Index, from 1.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/number_set.h"
#include "mailbox/page.h"

namespace postroad::mailbox {

class Index {
 public:
  struct Slot {
    PagePtr page;
    std::uint32_t before = 0;  // entries in the pages before this one
  };
  struct Found {
    std::uint32_t sequence;
    const Entry* entry;  // valid as long as the index
  };

  Index() = default;
  // Pages with rising numbers, none of them empty.
  explicit Index(std::vector<PagePtr> pages);

  std::uint32_t size() const;
  bool empty() const { return !slots_ || slots_->empty(); }
  std::span<const Slot> slots() const {
    return slots_ ? std::span<const Slot>(*slots_) : std::span<const Slot>();
  }

  const Page* page(std::uint32_t number) const;
  const Entry* find(Uid uid) const;
  std::optional<Found> locate(Uid uid) const;
  // 1 <= sequence <= size().
  const Entry& at(std::uint32_t sequence) const;
  Uid last_uid() const;                     // Uid{0} when empty
  std::uint32_t count_from(Uid uid) const;  // entries with this UID or above

  // Those that exist of `uids`, in rising order: f(sequence, entry).
  template <class F>
  void each_uid(const NumberSet& uids, F&& f) const;
  // Those that exist of the sequence numbers.
  template <class F>
  void each_sequence(const NumberSet& sequences, F&& f) const;
  template <class F>
  void each(F&& f) const {
    for (const Slot& slot : slots())
      for (std::uint32_t i = 0; i < slot.page->entries.size(); ++i)
        f(slot.before + i + 1, slot.page->entries[i]);
  }
  // From UIDs to sequence numbers and back; what does not exist is left out.
  NumberSet sequences_of(const NumberSet& uids) const;
  NumberSet uids_of(const NumberSet& sequences) const;
  NumberSet all_uids() const;

  friend bool operator==(const Index& a, const Index& b) { return a.slots_ == b.slots_; }  // the same object

 private:
  friend class Editor;
  using Slots = std::vector<Slot>;
  // The first slot whose last UID (or last sequence number) is not below.
  std::size_t slot_for(Uid uid) const;
  std::size_t slot_for_sequence(std::uint32_t sequence) const;
  std::shared_ptr<const Slots> slots_;
};

// Makes an index from another. Entries must not be changed in their UID.
class Editor {
 public:
  explicit Editor(const Index& base) { slots_.assign(base.slots().begin(), base.slots().end()); }

  // In its place; false if the UID is there already. At the end it is O(1) (but for copying the page once).
  bool add(const Entry& entry);
  // change(entry) -> bool: whether it did; pages in which nothing changes stay shared.
  template <class F>
  void change(const NumberSet& uids, F&& change);
  // Takes them out; answers what was there, in rising order.
  std::vector<Entry> remove(const NumberSet& uids);
  // The editor is spent.
  Index finish();
  // Numbers of the pages touched so far, those that became empty among them.
  const NumberSet& touched() const { return touched_; }

 private:
  std::size_t lower(std::uint32_t page_number) const;
  Page& own(std::size_t slot);  // a copy, unless it is ours already
  std::vector<Index::Slot> slots_;
  std::vector<const Page*> owned_;  // rising by number
  NumberSet touched_;               // page numbers + 1: a NumberSet has no 0
};

// Page numbers begin with 0, a NumberSet with 1.
inline std::uint32_t touched_number(std::uint32_t page_number) { return page_number + 1; }

// --- the templates -------------------------------------------------------------------------------------

template <class F>
void Index::each_uid(const NumberSet& uids, F&& f) const {
  const auto all = slots();
  for (const NumberSet::Range& range : uids.ranges()) {
    for (std::size_t s = slot_for(Uid{range.first}); s < all.size(); ++s) {
      const Page& page = *all[s].page;
      const Entry* e = page.lower_bound(Uid{range.first});
      for (; e != page.end() && e->uid.value() <= range.last; ++e)
        f(all[s].before + static_cast<std::uint32_t>(e - page.entries.data()) + 1, *e);
      if (e != page.end()) break;
    }
  }
}

template <class F>
void Index::each_sequence(const NumberSet& sequences, F&& f) const {
  const auto all = slots();
  for (const NumberSet::Range& range : sequences.ranges()) {
    for (std::size_t s = slot_for_sequence(range.first); s < all.size(); ++s) {
      const auto& entries = all[s].page->entries;
      if (all[s].before >= range.last) break;
      const std::uint32_t from = range.first > all[s].before ? range.first - all[s].before : 1;
      for (std::uint32_t i = from; i <= entries.size() && all[s].before + i <= range.last; ++i)
        f(all[s].before + i, entries[i - 1]);
    }
  }
}

template <class F>
void Editor::change(const NumberSet& uids, F&& change) {
  std::size_t s = 0;
  for (const NumberSet::Range& range : uids.ranges()) {
    s = std::max(s, lower(page_of(Uid{range.first})));
    for (; s < slots_.size() && slots_[s].page->number <= page_of(Uid{range.last}); ++s) {
      const Page* page = slots_[s].page.get();
      for (std::size_t i =
               static_cast<std::size_t>(page->lower_bound(Uid{range.first}) - page->entries.data());
           i < page->entries.size() && page->entries[i].uid.value() <= range.last; ++i) {
        Entry changed = page->entries[i];
        if (!change(changed)) continue;
        Page& mine = own(s);
        mine.entries[i] = changed;
        page = &mine;
      }
      if (range.last < (page->number + 1) * 256u || page->number == 0xffffff)
        break;  // the next range may begin here
    }
  }
}

}  // namespace postroad::mailbox
