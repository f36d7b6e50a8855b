// COPY and MOVE: index changes only. Content stays where it is, under its Home.
#include <algorithm>
#include <array>
#include <bit>

#include "mailbox/account.h"
#include "mailbox/keys.h"

namespace postroad::mailbox {

namespace {

// References are written in batches of their own when there are more; the commit that publishes the copies
// comes last. Until then an intent says what to remove should we be cut off.
constexpr std::size_t references_at_once = 6'000;
// A MOVE is cut into commits of so many messages: each message is moved whole, as RFC 6851 §3.3 asks, and
// what is written fits into a batch however much is shared.
constexpr std::size_t moved_at_once = 6'000;
// A COPY is whole or not at all, and the delta that publishes it must fit into one batch.
constexpr std::size_t copied_at_once = 200'000;

// The keyword bits of one mailbox as those of another, by name.
class KeywordMap {
 public:
  KeywordMap() { target_.fill(0); }
  void set(unsigned bit, std::uint64_t target) { target_[bit] = target; }
  std::uint64_t operator()(std::uint64_t bits) const {
    std::uint64_t out = 0;
    for (; bits != 0; bits &= bits - 1) out |= target_[static_cast<unsigned>(std::countr_zero(bits))];
    return out;
  }

 private:
  std::array<std::uint64_t, keyword_limit> target_;
};

}  // namespace

// What a COPY or MOVE needs to be judged: both mailboxes ready, entries that exist, room.
struct Account::Transfer {
  Mailbox* source = nullptr;
  Mailbox* target = nullptr;
  std::vector<Entry> entries;     // as they are in the source
  Add arrivals;                   // as they will be in the target
  std::vector<Operation> naming;  // keywords the target does not know yet
  Copied answer;
};

// Nothing when something had to be waited for: judge anew.
task<Result<std::optional<Account::Transfer>, Refusal>> Account::transfer(MailboxId from,
                                                                          const NumberSet& uids,
                                                                          const std::string& to, bool leaves,
                                                                          std::size_t most) {
  const auto ready = co_await usable();
  if (!ready) co_return refuse(ready.error());
  Transfer t;
  t.source = hot().find(from);
  t.target = hot().find(to);
  if (!t.source || !t.target) co_return refuse(Refusal::NoSuchMailbox);
  if (!t.source->loaded) {
    const auto loaded = co_await load(from);
    if (!loaded) co_return refuse(loaded.error());
    co_return std::nullopt;
  }
  if (t.target->loading) {
    co_await changed_;
    co_return std::nullopt;
  }
  std::uint64_t octets = 0, used = 0;  // used: keyword bits
  t.source->working.index.each_uid(uids, [&](std::uint32_t, const Entry& e) {
    if (t.entries.size() == most) return;
    t.entries.push_back(e);
    octets += e.octets;
    used |= e.keywords;
  });
  if (t.entries.empty() && t.source->in_flight > 0) {
    co_await changed_;
    co_return std::nullopt;
  }
  // What moves inside the account adds nothing to it, and inside a mailbox nothing to that.
  const Scope scope = !leaves ? Scope::Account : t.target != t.source ? Scope::Mailbox : Scope::Nothing;
  if (const auto refused = over_quota(*t.target, octets, t.entries.size(), scope)) co_return refuse(*refused);

  KeywordMap keywords;
  for (std::uint64_t rest = used; rest != 0; rest &= rest - 1) {
    const auto bit = static_cast<unsigned>(std::countr_zero(rest));
    const std::string& name = (*t.source->working.keywords)[bit];
    // A keyword for which the target has no room is left behind.
    keywords.set(bit, t.target == t.source ? std::uint64_t{1} << bit
                                           : keyword_bits(*t.target, {&name, 1}, t.naming).value_or(0));
  }
  Uid uid = t.target->working.summary.uid_next;
  t.answer.uid_validity = t.target->record.uid_validity;
  if (t.entries.size() >= UINT32_MAX - uid.value()) co_return refuse(Refusal::TooMany);
  for (const Entry& e : t.entries) {
    Entry arrival = e;
    arrival.uid = uid;
    arrival.keywords = keywords(e.keywords);
    arrival.save_date = static_cast<std::uint32_t>(wall());
    if (!leaves) arrival.flags |= flag::shared;
    t.arrivals.entries.push_back(arrival);
    t.answer.source.push_back(e.uid);
    t.answer.target.push_back(uid);
    uid = next(uid);
  }
  co_return t;
}

task<Result<Copied, Refusal>> Account::copy(MailboxId from, NumberSet uids, std::string to) {
  for (;;) {
    auto judged = co_await transfer(from, uids, to, false, copied_at_once + 1);
    if (!judged) co_return refuse(judged.error());
    if (!*judged) continue;
    Transfer t = std::move(**judged);
    if (t.entries.empty()) co_return t.answer;
    if (t.entries.size() > copied_at_once) co_return refuse(Refusal::TooMany);

    // The references: one for each copy, and one for an original that had no copy before.
    std::vector<std::string> references;
    Share share;
    for (std::size_t i = 0; i < t.entries.size(); ++i) {
      const Entry& e = t.entries[i];
      if (!(e.flags & flag::shared)) {
        share.uids.add(e.uid.value());
        references.push_back(keys::reference(e.home, t.source->id, e.uid));
      }
      references.push_back(keys::reference(e.home, t.target->id, t.arrivals.entries[i].uid));
    }
    std::vector<net::Later<Done>> before;
    std::vector<std::string> intents;
    std::size_t at = 0;
    while (references.size() - at > references_at_once) {
      Change some = begin();
      std::string intent;
      for (const std::size_t end = at + references_at_once / 2; at < end; ++at) {
        some.batch.put(references[at], "");
        Writer(intent).string(references[at]);
        if (intent.size() < keys::piece_octets && at + 1 < end) continue;
        intents.push_back(keys::intent(some.modseq, static_cast<std::uint32_t>(intents.size())));
        some.batch.put(intents.back(), std::exchange(intent, {}));
      }
      before.push_back(submit(std::move(some)));
    }
    Change change = begin();
    change.urgent = true;
    change.prepared = !intents.empty();
    for (; at < references.size(); ++at) change.batch.put(references[at], "");
    for (const std::string& intent : intents) change.batch.remove(intent);
    std::vector<Operation> leaving, arriving = std::move(t.naming);
    if (!share.uids.empty()) leaving.push_back(std::move(share));
    arriving.push_back(std::move(t.arrivals));
    t.answer.modseq = change.modseq;
    if (!leaving.empty()) hot().stage(change, *t.source, std::move(leaving));
    hot().stage(change, *t.target, std::move(arriving));
    net::Later<Done> last = submit(std::move(change));
    Done done = Done::Committed;
    for (net::Later<Done>& one : before) {
      const Done first = co_await one;
      if (done == Done::Committed) done = first;
    }
    const Done published = co_await last;
    if (done == Done::Committed) done = published;
    if (done == Done::Committed) co_return t.answer;
    if (done != Done::Again) co_return refuse(refusal(done));
  }
}

task<Result<Copied, Refusal>> Account::move(MailboxId from, NumberSet uids, std::string to) {
  Copied moved;
  for (;;) {
    auto judged = co_await transfer(from, uids, to, true, moved_at_once);
    if (!judged) co_return refuse(judged.error());
    if (!*judged) continue;
    Transfer t = std::move(**judged);
    moved.uid_validity = t.answer.uid_validity;
    if (t.entries.empty()) co_return moved;

    Change change = begin();
    change.urgent = true;
    NumberSet gone;
    for (std::size_t i = 0; i < t.entries.size(); ++i) {
      const Entry& e = t.entries[i];
      gone.add(e.uid.value());
      if (!(e.flags & flag::shared)) continue;
      change.batch.remove(keys::reference(e.home, t.source->id, e.uid));
      change.batch.put(keys::reference(e.home, t.target->id, t.arrivals.entries[i].uid), "");
    }
    std::vector<Operation> leaving, arriving = std::move(t.naming);
    leaving.push_back(Expunge{gone});
    arriving.push_back(std::move(t.arrivals));
    hot().stage(change, *t.source, std::move(leaving));
    hot().stage(change, *t.target, std::move(arriving));
    const ModSeq modseq = change.modseq;
    switch (const Done done = co_await submit(std::move(change))) {
      case Done::Committed: break;
      case Done::Again: continue;
      default: co_return refuse(refusal(done));
    }
    moved.modseq = modseq;
    moved.source.insert(moved.source.end(), t.answer.source.begin(), t.answer.source.end());
    moved.target.insert(moved.target.end(), t.answer.target.begin(), t.answer.target.end());
    uids = subtract(uids, gone);
    if (t.entries.size() < moved_at_once || uids.empty()) co_return moved;
  }
}

}  // namespace postroad::mailbox
