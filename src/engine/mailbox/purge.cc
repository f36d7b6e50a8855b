// Purging: content goes when nothing refers to it any more and its time to be brought back is over.
//
// Expunged entries wait in limbo records, deleted mailboxes in graves. One purge at a time walks through what
// is due, a record or a page of entries for each commit, and releases the blobs: from then on it is the store
// that sees to their leaving the disk (DESIGN §3.8). Cut off anywhere, it begins again with what is left.
#include <algorithm>

#include "ledger/ledger.h"
#include "mailbox/account.h"
#include "mailbox/keys.h"
#include "mailbox/records.h"

namespace postroad::mailbox {

namespace {

// Sessions that still show an expunged message may go on reading it for so long.
constexpr std::int64_t reading_seconds = 60;
// When something is left whose time has not come, the next look is taken after this.
constexpr Duration look_again = 15min;

}  // namespace

std::int64_t Account::purge_window() const {
  return std::max<std::int64_t>(services_.policy.undelete.count(), reading_seconds);
}

// Everything submitted so far is committed: reads see it.
task<bool> Account::caught_up() {
  const auto ready = co_await usable();
  if (!ready) co_return false;
  const std::uint64_t epoch = epoch_;
  const ModSeq submitted = hot().version;
  while (hot_ && epoch == epoch_ && !failed_ && hot().published < submitted) co_await changed_;
  co_return hot_&& epoch == epoch_ && !failed_;
}

// Is this the last entry with its Home? References are made by COPY before anybody can see the copy, and a
// copy can only be made of what can be seen: once nothing but purged entries refer to a Home, nothing ever
// will again.
task<Result<bool, Refusal>> Account::last_reference(const Entry& e, const std::string& mine,
                                                    const std::vector<std::string>& going) {
  const auto found = co_await services_.store->scan(
      partition(), store::Range::prefix(keys::references(e.home), going.size() + 2));
  if (!found) co_return refuse(Refusal::Unavailable);
  co_return std::none_of(found->begin(), found->end(), [&](const store::Entry& r) {
    return r.key != mine && std::find(going.begin(), going.end(), r.key) == going.end();
  });
}

// Into the batch: the content of those entries to which nothing else refers. False: try another time.
task<bool> Account::purge_content(MailboxId mailbox, std::span<const Entry> entries, store::Batch& batch) {
  std::vector<Entry> last;
  std::vector<std::string> going;  // references that this batch removes
  for (const Entry& e : entries) {
    if (e.flags & flag::shared) {
      const std::string mine = keys::reference(e.home, mailbox, e.uid);
      const auto alone = co_await last_reference(e, mine, going);
      if (!alone) co_return false;
      batch.remove(mine);
      going.push_back(mine);
      if (!*alone) continue;
    }
    last.push_back(e);
  }
  const auto owner = services_.directory->account(id_);
  for (std::size_t from = 0; from < last.size(); from += 256) {
    const std::span<const Entry> some =
        std::span(last).subspan(from, std::min<std::size_t>(256, last.size() - from));
    const auto locators = co_await read_records(*services_.store, partition(), Kept::Locator, some);
    if (!locators) co_return false;
    for (std::size_t i = 0; i < some.size(); ++i) {
      const std::string key = keys::message('m', some[i].home);
      const auto locator = decode_locator((*locators)[i]);
      std::size_t pieces = 1;
      if (locator) {
        pieces = locator->pieces;
        if (locator->blob != store::BlobId{}) batch.release(locator->blob, key);
        if (locator->queue_id != 0 && owner) {
          ledger::Event erased{
              .type = ledger::Type::Erased, .at = services_.clock->now(), .tenant = owner->tenant};
          erased.queue_id = QueueId{locator->queue_id};
          erased.with(ledger::Field::Account, id_.value()).with(ledger::Field::Mailbox, mailbox.value());
          erased.with(ledger::Field::Uid, some[i].uid.value());
          ledger::record(batch, erased);
        }
      }
      batch.remove(key).remove(keys::message('h', some[i].home));
      std::string piece = keys::message('t', some[i].home);
      batch.remove(piece);
      for (std::size_t n = 1; n < pieces; ++n) batch.remove(piece + static_cast<char>(n));
    }
  }
  co_return true;
}

task<bool> Account::commit_purge(store::Batch batch) {
  for (;;) {
    const auto ready = co_await usable();
    if (!ready) co_return false;
    Change change = begin();
    change.batch = batch;
    change.batch.expect_partition(store::Version{hot().version.value()}).essential();
    const Done done = co_await submit(std::move(change));
    if (done != Done::Again) co_return done == Done::Committed;
  }
}

task<void> Account::purge() {
  if (purging_) co_return;
  purging_ = true;
  struct Purging {
    Account& account;
    ~Purging() { account.purging_ = false, account.changed_.notify(); }
  };
  const Purging guard{*this};
  const Use use(shared_from_this());
  limbo_ = false;  // what is expunged from now on sets it again
  bool left = true;
  const bool done = co_await purge_limbo(left);
  const bool graves_done = done && co_await purge_graves(left);
  limbo_ |= !graves_done || left;
  purge_at_ = now() + look_again;
}

task<bool> Account::purge_due() {
  if (!purging_) co_await purge();
  while (purging_) co_await changed_;
  co_return true;
}

task<bool> Account::purge_limbo(bool& left) {
  left = false;
  store::Range range = store::Range::prefix("x", 16);
  for (;;) {
    if (!co_await caught_up()) co_return false;
    const auto page = co_await services_.store->scan(partition(), range);
    if (!page) co_return false;
    for (const store::Entry record : *page) {
      const auto limbo = decode_limbo(record.value);
      if (!limbo) continue;  // damaged: kept for `repair`
      if (!limbo->erase && limbo->at + purge_window() > wall()) {
        left = true;
        continue;
      }
      store::Batch batch(partition());
      if (!co_await purge_content(limbo->mailbox, limbo->entries, batch)) co_return false;
      batch.remove(record.key);
      if (!co_await commit_purge(std::move(batch))) co_return false;
    }
    if (!page->more) co_return true;
    range.from = std::string(page->back().key) + '\0';
  }
}

task<bool> Account::purge_graves(bool& left) {
  if (!co_await caught_up()) co_return false;
  const auto graves = co_await services_.store->scan(partition(), store::Range::prefix("g", 1000));
  if (!graves) co_return false;
  for (const store::Entry grave : *graves) {
    const MailboxId id{Reader(grave.key.substr(1)).u32_key()};
    const auto buried = decode_grave(grave.value);
    if (buried && buried->at + purge_window() > wall()) {
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
  left |= graves->more;
  co_return true;
}

void Account::tend() {
  if (!hot_ || uses_ > 0 || !in_flight_.empty() || failed_ || folding_ || purging_ || opening_ || alone_)
    return;
  const auto quiet = now() - last_used_;
  if (limbo_ && now() >= purge_at_ && quiet >= std::min<Duration>(services_.policy.idle, 10s)) {
    group_.spawn(purge());
  } else if (quiet >= services_.policy.idle) {
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
