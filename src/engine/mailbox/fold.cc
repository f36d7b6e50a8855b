// Folding: what deltas say goes into pages and counts, and the deltas go. Keeps opening an account short.
//
// A fold tells of the state after some commit P. Pages go first, in as many commits as they need, each saying
// that it is as of P; the last commit brings the counts and takes the deltas up to P away. Cut off anywhere,
// what is stored still says the same: a delta is not played over a page that has it (Hot::load).
#include <algorithm>
#include <map>

#include "mailbox/account.h"
#include "mailbox/keys.h"

namespace postroad::mailbox {

bool Account::fold_due() const {
  const Policy& policy = services_.policy;
  return hot_->unfolded.size() >= policy.fold_deltas || hot_->unfolded_octets >= policy.fold_octets ||
         hot_->unfolded_weight >= policy.fold_weight;
}

// Those pages of a mailbox without index that a fold will change: their stored state.
task<bool> Account::read_dirty(MailboxId id, std::map<std::uint32_t, StoredPage>& pages) {
  const std::uint64_t epoch = epoch_;
  for (;;) {
    const Mailbox* mailbox = hot().find(id);
    if (!mailbox || mailbox->loaded) co_return true;
    std::optional<std::uint32_t> missing;
    mailbox->dirty.each([&](std::uint32_t touched) {
      if (!missing && !pages.contains(touched - 1)) missing = touched - 1;
    });
    if (!missing) co_return true;
    const auto stored = co_await services_.store->get(partition(), keys::page(id, *missing));
    if (epoch != epoch_ || !stored) co_return false;
    StoredPage page;
    if (*stored) {
      auto read = decode_page((*stored)->octets);
      if (!read) co_return false;
      page = std::move(*read);
    }
    pages.emplace(*missing, std::move(page));
  }
}

task<void> Account::fold() {
  if (folding_ || !hot_) co_return;
  folding_ = true;
  struct Folding {
    Account& account;
    ~Folding() { account.folding_ = false, account.changed_.notify(); }
  };
  const Folding guard{*this};
  const Use use(shared_from_this());
  while (loads_ > 0) co_await changed_;

  // What has to be read first. What comes meanwhile may add to it.
  const std::uint64_t epoch = epoch_;
  std::map<MailboxId, std::map<std::uint32_t, StoredPage>> stored;
  for (bool complete = false; !complete;) {
    if (!hot_ || failed_) co_return;
    complete = true;
    std::vector<MailboxId> changed;
    hot().each([&](const Mailbox& m) {
      if (!m.dirty.empty() || m.fold_needs_index) changed.push_back(m.id);
    });
    for (const MailboxId id : changed) {
      if (const Mailbox* m = hot().find(id); m && m->fold_needs_index && !m->loaded) {
        complete = false;
        const auto loaded = co_await load(id, true);
        if (!loaded || epoch != epoch_ || !hot_) co_return;
      }
      const std::size_t before = stored[id].size();
      if (!co_await read_dirty(id, stored[id])) co_return;
      complete &= stored[id].size() == before;
    }
  }
  if (!hot_ || failed_) co_return;

  // From here to the last submit nothing is awaited: all of it tells of P.
  const ModSeq p = hot().published;
  std::vector<net::Later<Done>> answers;
  std::vector<std::pair<MailboxId, NumberSet>> cleaned;
  std::vector<std::pair<MailboxId, MailboxRecord>> records;
  Change change = begin();
  const auto next_if_full = [&] {
    if (!change.batch.full()) return;
    answers.push_back(submit(std::move(change)));
    change = begin();
  };
  bool readable = true;
  hot().each([&](Mailbox& m) {
    if (m.dirty.empty() && m.published.summary == m.record.summary) return;
    m.dirty.each([&](std::uint32_t touched) {
      const std::uint32_t number = touched - 1;
      std::span<const Entry> entries;
      std::vector<Entry> made;
      if (m.loaded) {
        if (const Page* page = m.published.index.page(number)) entries = page->entries;
      } else if (auto folded = hot().fold_page(m, number, stored[m.id][number])) {
        made = std::move(*folded);
        entries = made;
      } else {
        readable = false;
      }
      if (entries.empty())
        change.batch.remove(keys::page(m.id, number));
      else
        change.batch.put(keys::page(m.id, number), encode_page(p, entries));
      next_if_full();
    });
    cleaned.emplace_back(m.id, std::exchange(m.dirty, {}));
    MailboxRecord record = m.record;
    record.as_of = p;
    record.summary = m.published.summary;
    record.keywords = *m.published.keywords;
    change.batch.put(keys::mailbox(m.id), encode(record));
    records.emplace_back(m.id, std::move(record));
    next_if_full();
  });
  std::size_t folded = 0;
  for (const Unfolded& delta : hot().unfolded) {
    if (delta.modseq > p) break;
    ++folded;
    put_vanished(change, delta);
    for (std::uint32_t part = 0; part < delta.parts.size(); ++part)
      change.batch.remove(keys::delta(delta.modseq, part));
    next_if_full();
  }
  change.batch.essential();
  bool done = readable;
  if (readable) answers.push_back(submit(std::move(change)));
  for (net::Later<Done>& answer : answers) {
    const Done one = co_await answer;
    done &= one == Done::Committed;
  }
  if (!hot_ || epoch != epoch_) co_return;
  if (!done) {
    for (auto& [id, dirty] : cleaned)
      if (Mailbox* m = hot().find(id)) m->dirty = unite(m->dirty, dirty);
    co_return;
  }
  for (auto& [id, record] : records)
    if (Mailbox* m = hot().find(id)) {
      record.name = m->record.name;
      m->record = std::move(record);
    }
  for (; folded > 0; --folded) {
    Unfolded& first = hot().unfolded.front();
    for (const std::string& part : first.parts) hot().unfolded_octets -= part.size();
    hot().unfolded_weight -= first.weight;
    hot().unfolded.pop_front();
  }
}

// UIDs that were expunged get a record of their own for QRESYNC, by the MODSEQ at which they went.
void Account::put_vanished(Change& change, const Unfolded& unfolded) {
  const std::vector<std::string_view> views(unfolded.parts.begin(), unfolded.parts.end());
  const auto delta = decode_delta(unfolded.modseq, views);
  if (!delta) return;
  for (const Section& section : delta->sections) {
    std::uint32_t part = 0;
    for (const Operation& operation : section.operations) {
      const auto* expunge = std::get_if<Expunge>(&operation);
      if (!expunge) continue;
      std::string uids;
      encode_set(uids, expunge->uids);
      change.batch.put(keys::vanished(section.mailbox, unfolded.modseq, part++), uids);
    }
  }
}

}  // namespace postroad::mailbox
