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

// What one fold does, from the moment it knows all it has to read.
struct Account::Fold {
  Account& account;
  const ModSeq p = account.hot().published;
  std::map<MailboxId, std::map<std::uint32_t, StoredPage>> stored;  // of mailboxes without index
  Change change = account.begin();
  std::vector<net::Later<Done>> answers;
  std::map<MailboxId, std::uint32_t> vanished;  // new records of expunged UIDs
  std::map<MailboxId, MailboxRecord> records;
  std::map<MailboxId, NumberSet> cleaned;
  std::size_t deltas = 0;
  bool readable = true;

  void submit() { answers.push_back(account.submit(std::move(change))); }
  void next_if_full() {
    if (!change.batch.full()) return;
    submit();
    change = account.begin();
  }

  // UIDs that were expunged get a record of their own for QRESYNC, by the MODSEQ at which they went.
  void put_vanished(const Unfolded& unfolded) {
    const std::vector<std::string_view> views(unfolded.parts.begin(), unfolded.parts.end());
    const auto delta = decode_delta(unfolded.modseq, views);
    readable &= delta.has_value();
    if (!delta) return;
    for (const Section& section : delta->sections) {
      std::uint32_t part = 0;
      for (const Operation& operation : section.operations) {
        const auto* expunge = std::get_if<Expunge>(&operation);
        if (!expunge) continue;
        std::string uids;
        encode_set(uids, expunge->uids);
        change.batch.put(keys::vanished(section.mailbox, unfolded.modseq, part++), uids);
        ++vanished[section.mailbox];
      }
    }
    next_if_full();
  }

  void put_page(const Mailbox& m, std::uint32_t number) {
    std::span<const Entry> entries;
    std::vector<Entry> made;
    if (m.loaded) {
      if (const Page* page = m.published.index.page(number)) entries = page->entries;
    } else if (auto folded = account.hot().fold_page(m, number, stored[m.id][number])) {
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
  }

  void put_mailbox(Mailbox& m) {
    if (m.dirty.empty() && m.published.summary == m.record.summary) return;
    m.dirty.each([&](std::uint32_t touched) { put_page(m, touched - 1); });
    cleaned[m.id] = std::exchange(m.dirty, {});
    MailboxRecord& record = records[m.id] = m.record;
    record.as_of = p;
    record.summary = m.published.summary;
    record.keywords = *m.published.keywords;
    record.vanished_records += vanished[m.id];
    change.batch.put(keys::mailbox(m.id), encode(record));
    next_if_full();
  }

  // All of it tells of P: nothing is awaited before the last submit, which takes the deltas away.
  void put_all() {
    for (const Unfolded& delta : account.hot().unfolded) {
      if (delta.modseq > p) break;
      put_vanished(delta);
    }
    account.hot().each([&](Mailbox& m) { put_mailbox(m); });
    for (const Unfolded& delta : account.hot().unfolded) {
      if (delta.modseq > p) break;
      ++deltas;
      for (std::uint32_t part = 0; part < delta.parts.size(); ++part)
        change.batch.remove(keys::delta(delta.modseq, part));
    }
    change.batch.essential();
    if (readable) submit();
  }

  void finished(bool done) {
    Hot& hot = account.hot();
    if (!done) {
      for (auto& [id, dirty] : cleaned)
        if (Mailbox* m = hot.find(id)) m->dirty = unite(m->dirty, dirty);
      return;
    }
    for (auto& [id, record] : records)
      if (Mailbox* m = hot.find(id)) {
        record.name = m->record.name;  // it may have been renamed meanwhile
        m->record = std::move(record);
      }
    for (; deltas > 0; --deltas) {
      const Unfolded& first = hot.unfolded.front();
      for (const std::string& part : first.parts) hot.unfolded_octets -= part.size();
      hot.unfolded_weight -= first.weight;
      hot.unfolded.pop_front();
    }
  }
};

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

  Fold work{.account = *this, .stored = std::move(stored)};
  work.put_all();
  bool done = work.readable;
  for (net::Later<Done>& answer : work.answers) {
    const Done one = co_await answer;
    done &= one == Done::Committed;
  }
  if (!hot_ || epoch != epoch_) co_return;
  work.finished(done);
  for (const auto& [id, count] : work.vanished)
    if (done && !co_await trim_vanished(id)) co_return;
}

// Records of expunged UIDs are kept for clients that come back; the oldest go when there are too many.
task<bool> Account::trim_vanished(MailboxId id) {
  const std::uint64_t epoch = epoch_;
  const std::size_t keep = services_.policy.vanished_records;
  const Mailbox* m = hot().find(id);
  if (!m || m->record.vanished_records < 2 * keep) co_return true;
  const auto oldest = co_await services_.store->scan(
      partition(), store::Range::prefix(keys::vanished(id), m->record.vanished_records - keep));
  if (!oldest || oldest->empty() || !hot_ || epoch != epoch_ || failed_) co_return false;
  Mailbox* mailbox = hot().find(id);
  if (!mailbox) co_return true;
  Change change = begin();
  for (const store::Entry record : *oldest) change.batch.remove(record.key);
  MailboxRecord record = mailbox->record;
  record.vanished_from = ModSeq{Reader(oldest->back().key.substr(5)).u64_key()};
  record.vanished_records -= static_cast<std::uint32_t>(oldest->size());
  change.batch.put(keys::mailbox(id), encode(record));
  const Done done = co_await submit(std::move(change));
  if (done != Done::Committed || !hot_ || epoch != epoch_) co_return false;
  if (Mailbox* again = hot().find(id)) {
    again->record.vanished_from = record.vanished_from;
    again->record.vanished_records = record.vanished_records;
  }
  co_return true;
}

}  // namespace postroad::mailbox
