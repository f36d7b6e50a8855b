#include "mailbox/snapshot.h"

namespace postroad::mailbox {

void Summary::count(const Entry& entry) {
  ++messages;
  octets += entry.octets;
  if (!(entry.flags & flag::seen)) ++unseen;
  if (entry.uid >= recent_from) ++recent;
  if (entry.flags & flag::deleted) ++deleted, deleted_octets += entry.octets;
}

void Summary::discount(const Entry& entry) {
  --messages;
  octets -= entry.octets;
  if (!(entry.flags & flag::seen)) --unseen;
  if (entry.uid >= recent_from) --recent;
  if (entry.flags & flag::deleted) --deleted, deleted_octets -= entry.octets;
}

Changes compare(const Snapshot& from, const Snapshot& to) {
  Changes changes;
  changes.keywords = from.keywords != to.keywords && *from.keywords != *to.keywords;
  const auto old_pages = from.index.slots();
  const auto new_pages = to.index.slots();

  // The two lists of pages, and inside differing pages the two lists of entries, are merged by UID.
  const auto gone = [&](const Index::Slot& slot, std::size_t i) {
    changes.gone.push_back({slot.before + static_cast<std::uint32_t>(i) + 1, slot.page->entries[i].uid});
  };
  const auto fresh = [&](const Index::Slot& slot, std::size_t i) {
    if (changes.first_new == 0) changes.first_new = slot.before + static_cast<std::uint32_t>(i) + 1;
  };
  const auto page_gone = [&](const Index::Slot& slot) {
    for (std::size_t i = 0; i < slot.page->entries.size(); ++i) gone(slot, i);
  };
  const auto page_differs = [&](const Index::Slot& was, const Index::Slot& is) {
    const auto& a = was.page->entries;
    const auto& b = is.page->entries;
    std::size_t i = 0, j = 0;
    while (i < a.size() || j < b.size()) {
      if (j == b.size() || (i < a.size() && a[i].uid < b[j].uid)) {
        gone(was, i++);
      } else if (i == a.size() || b[j].uid < a[i].uid) {
        fresh(is, j++);
      } else {
        if (a[i].modseq != b[j].modseq)
          changes.changed.push_back(is.before + static_cast<std::uint32_t>(j) + 1);
        ++i, ++j;
      }
    }
  };

  std::size_t i = 0, j = 0;
  while (i < old_pages.size() || j < new_pages.size()) {
    if (j == new_pages.size() ||
        (i < old_pages.size() && old_pages[i].page->number < new_pages[j].page->number)) {
      page_gone(old_pages[i++]);
    } else if (i == old_pages.size() || new_pages[j].page->number < old_pages[i].page->number) {
      fresh(new_pages[j++], 0);
    } else {
      if (old_pages[i].page != new_pages[j].page) page_differs(old_pages[i], new_pages[j]);
      ++i, ++j;
    }
  }
  return changes;
}

}  // namespace postroad::mailbox
