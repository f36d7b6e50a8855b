// Purging: content goes when nothing refers to it any more and its time to be brought back is over.
//
// Expunged entries wait in limbo records, deleted mailboxes in graves. One purge at a time walks through what
// is due, a record or a page of entries for each commit, and releases the blobs: from then on it is the store
// that sees to their leaving the disk (DESIGN §3.8). Cut off anywhere, it begins again with what is left.
#include <algorithm>

#include "ledger/ledger.h"
#include "mailbox/account.h"
#include "mailbox/keys.h"

namespace postroad::mailbox {

namespace {

// Sessions that still show an expunged message may go on reading it for so long.
constexpr std::int64_t reading_seconds = 60;

}  // namespace

// Takes the content of entries out that nothing else refers to. False: try again another time.
task<bool> Account::purge_content(MailboxId mailbox, std::span<const Entry> entries, store::Batch& batch) {
  for (const Entry& e : entries) {
    if (e.flags & flag::shared) {
      const std::string mine = keys::reference(e.home, mailbox, e.uid);
      const auto references =
          co_await services_.store->scan(partition(), store::Range::prefix(keys::references(e.home), 8));
      if (!references) co_return false;
      batch.remove(mine);
      const bool others = std::any_of(references->begin(), references->end(), [&](const store::Entry& r) {
        return r.key != mine && std::find(purged_.begin(), purged_.end(), r.key) == purged_.end();
      });
      purged_.push_back(mine);
      if (others) continue;
    }
    const std::string key = keys::message('m', e.home);
    const auto record = co_await services_.store->get(partition(), key);
    if (!record) co_return false;
    if (*record) {
      const auto locator = decode_locator((*record)->octets);
      if (locator && locator->blob != store::BlobId{}) batch.release(locator->blob, key);
    }
    batch.remove(key);
    for (const char kind : {'t', 'h'}) {
      const auto pieces =
          co_await services_.store->scan(partition(), store::Range::prefix(keys::message(kind, e.home), 64));
      if (!pieces) co_return false;
      for (const store::Entry piece : *pieces) batch.remove(piece.key);
    }
  }
  co_return true;
}

task<void> Account::purge() {
  if (purging_) co_return;
  purging_ = true;
  struct Purging {
    Account& account;
    ~Purging() { account.purging_ = false, account.purged_.clear(), account.changed_.notify(); }
  };
  const Purging guard{*this};
  const Use use(shared_from_this());
  const auto window = std::max<std::int64_t>(services_.policy.undelete.count(), reading_seconds);
  bool left = false;

  store::Range range = store::Range::prefix("x", 16);
  for (;;) {
    // References made by commits that were submitted before are seen by the reads that follow.
    const auto ready = co_await usable();
    if (!ready) co_return;
    while (!in_flight_.empty()) co_await changed_;
    const auto page = co_await services_.store->scan(partition(), range);
    if (!page) co_return;
    for (const store::Entry record : *page) {
      const auto limbo = decode_limbo(record.value);
      if (!limbo || (!limbo->erase && limbo->at + window > wall())) {
        left |= limbo.has_value();
        continue;
      }
      store::Batch batch(partition());
      if (!co_await purge_content(limbo->mailbox, limbo->entries, batch)) co_return;
      batch.remove(record.key);
      if (!co_await commit_purge(std::move(batch))) co_return;
    }
    if (!page->more) break;
    range.from = std::string(page->back().key) + '\0';
  }
  if (!co_await purge_graves(window, left)) co_return;
  limbo_ = left;
}

task<bool> Account::commit_purge(store::Batch batch) {
  const auto ready = co_await usable();
  if (!ready) co_return false;
  Change change = begin();
  change.batch = std::move(batch);
  change.batch.expect_partition(store::Version{hot().version.value()}).essential();
  const Done done = co_await submit(std::move(change));
  purged_.clear();
  co_return done == Done::Committed;
}

task<bool> Account::purge_graves(std::int64_t window, bool& left) {
  const auto graves = co_await services_.store->scan(partition(), store::Range::prefix("g", 100));
  if (!graves) co_return false;
  left |= graves->more;
  for (const store::Entry grave : *graves) {
    const MailboxId id{Reader(grave.key.substr(1)).u32_key()};
    if (Reader(grave.value).i64() + window > wall()) {
      left = true;
      continue;
    }
    for (bool more = true; more;) {
      const auto pages =
          co_await services_.store->scan(partition(), store::Range::prefix(keys::pages(id), 1));
      if (!pages) co_return false;
      store::Batch batch(partition());
      for (const store::Entry record : *pages) {
        const auto page = decode_page(record.value);
        if (page && !co_await purge_content(id, page->entries, batch)) co_return false;
        batch.remove(record.key);
      }
      more = !pages->empty();
      if (!more) {
        const auto vanished =
            co_await services_.store->scan(partition(), store::Range::prefix(keys::vanished(id), 5'000));
        if (!vanished) co_return false;
        for (const store::Entry record : *vanished) batch.remove(record.key);
        more = vanished->more;
        if (!more) batch.remove(grave.key);
      }
      if (!co_await commit_purge(std::move(batch))) co_return false;
    }
  }
  co_return true;
}

void Account::tend() {
  if (!hot_ || uses_ > 0 || !in_flight_.empty() || failed_ || folding_ || purging_ || opening_ || alone_)
    return;
  const auto quiet = now() - last_used_;
  if (limbo_ && quiet >= std::min<Duration>(services_.policy.idle, 10s)) {
    limbo_ = false;  // purge() sets it again when something is left; tried again after the next use
    group_.spawn(purge());
    return;
  }
  if (quiet >= services_.policy.idle) {
    for (const auto& [id, weak] : boards_)
      if (const auto board = weak.lock())
        if (Mailbox* mailbox = hot().find(id)) note_recent(*mailbox, *board);
    hot_.reset();
    ++epoch_;
    std::erase_if(boards_, [](const auto& b) { return b.second.expired(); });
  }
}

bool Account::idle() const {
  return !hot_ && uses_ == 0 && in_flight_.empty() && boards_.empty() && !maildrop_locked_ &&
         forgets_.empty();
}

}  // namespace postroad::mailbox
