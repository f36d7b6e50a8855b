#include "mailbox/records.h"

#include "mailbox/keys.h"

namespace postroad::mailbox {

namespace {

// Homes with less than so much between them are read with one scan.
constexpr std::uint32_t near_enough = 8;

// The end of the run of entries from `from` on whose records lie near each other.
std::size_t run_end(std::span<const Entry> entries, std::size_t from) {
  std::size_t to = from + 1;
  while (to < entries.size() && entries[to].home.space == entries[from].home.space &&
         entries[to].home.uid > entries[to - 1].home.uid &&
         entries[to].home.uid - entries[to - 1].home.uid <= near_enough)
    ++to;
  return to;
}

}  // namespace

task<Result<Records, Refusal>> read_records(store::Store& store, store::Partition partition, Kept kind,
                                            std::span<const Entry> entries) {
  Records records;
  records.views_.resize(entries.size());
  for (std::size_t from = 0; from < entries.size();) {
    const std::size_t to = run_end(entries, from);
    store::Range range;
    range.from = keys::message(static_cast<char>(kind), entries[from].home);
    range.to = keys::message(static_cast<char>(kind), entries[to - 1].home) + '\xff';
    std::size_t at = from;
    for (bool more = true; more;) {
      auto page = co_await store.scan(partition, range);
      // A damaged record is left out of the page: its message alone has none (C19).
      if (!page) co_return refuse(Refusal::Unavailable);
      for (const store::Entry found : *page) {
        Reader key(found.key.substr(1));
        const Home home{key.u32_key(), key.u32_key()};
        while (at < to && entries[at].home < home) ++at;
        if (at == to || entries[at].home != home) continue;
        if (key.at_end()) {
          records.views_[at] = found.value;
        } else {  // a further piece of a long record
          records.values_.push_back(std::make_unique<std::string>(records.views_[at]));
          records.values_.back()->append(found.value);
          records.views_[at] = *records.values_.back();
        }
      }
      more = page->more;
      if (more) range.from = std::string(page->back().key) + '\0';
      records.pages_.push_back(std::make_unique<store::Page>(std::move(*page)));
    }
    from = to;
  }
  co_return records;
}

}  // namespace postroad::mailbox
