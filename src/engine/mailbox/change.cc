// What sessions do to the messages of one mailbox: flags, expunging; and how they come to see it.
#include <algorithm>

#include "base/ascii.h"
#include "ledger/ledger.h"
#include "mailbox/account.h"
#include "mailbox/keys.h"

namespace postroad::mailbox {

task<Result<Opened, Refusal>> Account::select(std::string name) {
  for (;;) {
    const auto ready = co_await usable();
    if (!ready) co_return refuse(ready.error());
    Mailbox* mailbox = hot().find(name);
    if (!mailbox) co_return refuse(Refusal::NoSuchMailbox);
    if (!mailbox->loaded) {
      const auto loaded = co_await load(mailbox->id);
      if (!loaded) co_return refuse(loaded.error());
      continue;
    }
    std::weak_ptr<Board>& known = boards_[mailbox->id];
    auto board = known.lock();
    if (!board)
      known = board = std::make_shared<Board>(mailbox->snapshot());
    else if (board->latest()->summary.highest != mailbox->published.summary.highest)
      publish(*mailbox);
    co_return Opened{board, board->latest()};
  }
}

// --- Flags ---------------------------------------------------------------------------------------------

task<Result<StoredFlags, Refusal>> Account::store_flags(MailboxId id, NumberSet uids, FlagChange change,
                                                        std::optional<ModSeq> unchanged_since,
                                                        std::vector<ledger::Event> events) {
  using How = FlagChange::How;
  if (uids.empty()) co_return StoredFlags{};
  for (;;) {
    const auto ready = co_await usable();
    if (!ready) co_return refuse(ready.error());
    Mailbox* mailbox = hot().find(id);
    if (!mailbox) co_return refuse(Refusal::NoSuchMailbox);
    if (!mailbox->loaded) {
      const auto loaded = co_await load(id);
      if (!loaded) co_return refuse(loaded.error());
      continue;
    }

    std::vector<Operation> operations;
    ChangeFlags flags;
    StoredFlags answer;
    const auto given = static_cast<std::uint8_t>(change.system & flag::system);
    if (change.how == How::Remove) {
      const Keywords& known = *mailbox->working.keywords;
      for (std::size_t bit = 0; bit < known.size(); ++bit)
        for (const std::string& name : change.keywords)
          if (ascii::iequals(known[bit], name)) flags.remove_keywords |= std::uint64_t{1} << bit;
      flags.remove = given;
    } else {
      const auto bits = keyword_bits(*mailbox, change.keywords, operations);
      if (!bits) co_return refuse(Refusal::TooManyKeywords);
      flags.add = given;
      flags.add_keywords = *bits;
      if (change.how == How::Replace) flags.remove = flag::system, flags.remove_keywords = UINT64_MAX;
    }

    // What would change, and what may not (RFC 7162 §3.1.3).
    bool changes = false;
    mailbox->working.index.each_uid(uids, [&](std::uint32_t, const Entry& e) {
      if (unchanged_since && e.modseq > *unchanged_since) {
        answer.modified.add(e.uid.value());
        return;
      }
      changes |= ((e.flags & ~flags.remove) | flags.add) != e.flags ||
                 ((e.keywords & ~flags.remove_keywords) | flags.add_keywords) != e.keywords;
    });
    if (!changes && events.empty()) {
      // It is so already; but our yes must not come before the commit that made it so.
      if (mailbox->in_flight == 0) co_return answer;
      co_await changed_;
      continue;
    }
    flags.uids = uids;
    if (!answer.modified.empty()) {
      NumberSet rest;
      mailbox->working.index.each_uid(uids, [&](std::uint32_t, const Entry& e) {
        if (e.modseq <= *unchanged_since) rest.add(e.uid.value());
      });
      flags.uids = std::move(rest);
    } else if (uids.back() >= mailbox->working.summary.uid_next.value()) {
      // A set with "*" in it must not meet messages that come later.
      flags.uids = intersect(uids, NumberSet::of({{1, mailbox->working.summary.uid_next.value() - 1}}));
    }

    Change commit = begin();
    commit.urgent = true;
    answer.modseq = commit.modseq;
    for (const ledger::Event& event : events) ledger::record(commit.batch, event);
    operations.push_back(std::move(flags));
    answer.changed = hot().stage(commit, *mailbox, std::move(operations)).changed;
    switch (const Done done = co_await submit(std::move(commit))) {
      case Done::Committed: co_return answer;
      case Done::Again: break;
      default: co_return refuse(refusal(done));
    }
  }
}

// --- Expunging -----------------------------------------------------------------------------------------

void Account::put_limbo(Change& change, const Mailbox& mailbox, std::span<const Entry> entries, Fate fate) {
  constexpr std::size_t at_once = 512;  // in a record
  std::uint32_t part = 0;
  for (std::size_t i = 0; i < entries.size(); i += at_once) {
    const auto some = entries.subspan(i, std::min(at_once, entries.size() - i));
    const Limbo limbo{.mailbox = mailbox.id,
                      .at = wall(),
                      .erase = fate == Fate::Erased,
                      .entries = {some.begin(), some.end()}};
    change.batch.put(keys::limbo(change.modseq, part++), encode(limbo));
  }
  limbo_ = true;
}

task<Result<NumberSet, Refusal>> Account::expunge(MailboxId id, NumberSet uids, Which which, Fate fate) {
  constexpr std::size_t at_once = 100'000;  // in a commit
  NumberSet expunged;
  for (;;) {
    const auto ready = co_await usable();
    if (!ready) co_return refuse(ready.error());
    Mailbox* mailbox = hot().find(id);
    if (!mailbox) co_return refuse(Refusal::NoSuchMailbox);
    if (!mailbox->loaded) {
      const auto loaded = co_await load(id);
      if (!loaded) co_return refuse(loaded.error());
      continue;
    }
    NumberSet going;
    std::vector<Entry> entries;
    bool more = false;
    mailbox->working.index.each_uid(uids, [&](std::uint32_t, const Entry& e) {
      if (which == Which::FlaggedDeleted && !(e.flags & flag::deleted)) return;
      if (entries.size() == at_once) {
        more = true;
        return;
      }
      going.add(e.uid.value());
      entries.push_back(e);
    });
    if (going.empty()) {
      if (mailbox->in_flight == 0) co_return expunged;
      co_await changed_;  // as above: not before the commit that expunged them
      continue;
    }
    Change change = begin();
    change.urgent = true;
    change.batch.essential();
    put_limbo(change, *mailbox, entries, fate);
    std::vector<Operation> operations;
    operations.push_back(Expunge{going});
    hot().stage(change, *mailbox, std::move(operations));
    switch (const Done done = co_await submit(std::move(change))) {
      case Done::Committed:
        expunged = unite(expunged, going);
        if (fate == Fate::Erased && !purging_) group_.spawn(purge());
        if (!more) co_return expunged;
        break;
      case Done::Again: break;
      default: co_return refuse(refusal(done));
    }
  }
}

task<Result<NumberSet, Refusal>> Account::vanished(MailboxId id, ModSeq since, NumberSet among) {
  for (;;) {
    const auto ready = co_await usable();
    if (!ready) co_return refuse(ready.error());
    Mailbox* mailbox = hot().find(id);
    if (!mailbox) co_return refuse(Refusal::NoSuchMailbox);
    const std::uint64_t epoch = epoch_;
    NumberSet gone;
    if (since >= mailbox->record.vanished_from) {
      // Folded ones have records of their own; a fold between the two looks would hide some.
      const ModSeq folded = mailbox->record.as_of;
      const Visit record = [&](std::string_view key, std::string_view value) {
        if (ModSeq{Reader(key).u64_key()} <= since) return true;
        auto uids = decode_set(value);
        if (uids) gone = unite(gone, *uids);
        return uids.has_value();
      };
      const auto done = co_await each_entry(keys::vanished(id), record);
      if (!done) co_return refuse(done.error());
      if (epoch != epoch_ || !hot_) continue;
      mailbox = hot().find(id);
      if (!mailbox || mailbox->record.as_of != folded) continue;
      gone = unite(gone, hot().expunged_since(*mailbox, since));
      co_return intersect(gone, among);
    }
    if (!mailbox->loaded) {
      const auto loaded = co_await load(id);
      if (!loaded) co_return refuse(loaded.error());
      continue;
    }
    // Not known any more when they went: all that are not there (RFC 7162 §3.2.5.2 permits to say too much).
    const std::uint32_t last = mailbox->published.summary.uid_next.value() - 1;
    if (last == 0) co_return NumberSet{};
    co_return intersect(among, subtract(NumberSet::of({{1, last}}), mailbox->published.index.all_uids()));
  }
}

}  // namespace postroad::mailbox
