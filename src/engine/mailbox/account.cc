// Opening an account, and committing to it.
#include "mailbox/account.h"

#include <algorithm>

#include "mailbox/keys.h"

namespace postroad::mailbox {

Account::Account(const Services& services, net::TaskGroup& group, AccountId id)
    : services_(services), group_(group), id_(id), last_used_(services.clock->instant()) {}

Account::~Account() = default;

// --- Opening -------------------------------------------------------------------------------------------

task<Result<void, Refusal>> Account::usable() {
  for (;;) {
    if (failed_ || alone_ || opening_) {
      co_await changed_;
    } else if (hot_) {
      co_return {};
    } else {
      const auto opened = co_await open();
      if (!opened) co_return refuse(opened.error());
    }
  }
}

namespace {

// Sets a flag for a block, and tells when it ends.
class Mark {
 public:
  Mark(bool& flag, net::Signal& changed) : flag_(flag), changed_(changed) { flag_ = true; }
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;
  ~Mark() { flag_ = false, changed_.notify(); }

 private:
  bool& flag_;
  net::Signal& changed_;
};

}  // namespace

task<Result<void, Refusal>> Account::open() {
  const Mark mark(opening_, changed_);
  if (!services_.directory->account(id_)) co_return refuse(Refusal::NoSuchAccount);
  auto read = co_await read_in();
  if (!read) co_return refuse(read.error());
  hot_ = std::move(*read);
  ++epoch_;
  // Sessions that were here before hold the index that we forgot; where it is not the newest one (a commit of
  // unknown outcome was made), they get a new one.
  bool behind = false;
  for (const auto& [id, weak] : boards_) {
    const auto board = weak.lock();
    if (!board) continue;
    const SnapshotPtr known = board->latest();
    Mailbox* mailbox = hot().find(id);
    if (!mailbox || mailbox->record.uid_validity != known->uid_validity)
      board->close();
    else if (mailbox->published.summary.highest == known->summary.highest)
      hot().adopt(*mailbox, known->index);
    else
      behind = true;
  }
  if (behind) group_.spawn(refresh());
  co_return {};
}

task<Result<void, Refusal>> Account::each_entry(std::string prefix, const Visit& visit) {
  store::Range range = store::Range::prefix(prefix);
  for (;;) {
    auto page = co_await services_.store->scan(partition(), range);
    if (!page || page->damaged > 0) co_return refuse(Refusal::Unavailable);
    for (const store::Entry entry : *page)
      if (!visit(entry.key.substr(prefix.size()), entry.value)) co_return refuse(Refusal::Unavailable);
    if (!page->more) co_return {};
    range.from = std::string(page->back().key) + '\0';
  }
}

task<Result<std::unique_ptr<Hot>, Refusal>> Account::read_in() {
  auto hot = std::make_unique<Hot>();
  const auto version = co_await services_.store->version(partition());
  if (!version) co_return refuse(Refusal::Unavailable);
  hot->version = hot->published = ModSeq{version->value()};

  auto record = co_await services_.store->get(partition(), keys::account());
  if (!record) co_return refuse(Refusal::Unavailable);
  if (*record) {
    const auto account = decode_account((*record)->octets);
    if (!account) co_return refuse(Refusal::Unavailable);
    hot->record = *account;
  }

  const Visit mailbox = [&](std::string_view key, std::string_view value) {
    auto read = decode_mailbox(value);
    if (read) hot->add(MailboxId{Reader(key).u32_key()}, std::move(*read));
    return read.has_value();
  };
  auto done = co_await each_entry("b", mailbox);
  if (!done) co_return refuse(done.error());

  const Visit subscription = [&](std::string_view key, std::string_view) {
    hot->subscribed.emplace(key);
    return true;
  };
  done = co_await each_entry("s", subscription);
  if (!done) co_return refuse(done.error());

  // Deltas in the order of their commits. Parts without a part 0 were never published: a later fold
  // overwrites or removes them.
  struct Found {
    ModSeq modseq;
    std::vector<std::pair<std::uint32_t, std::string>> parts;
  };
  std::vector<Found> deltas;
  const Visit delta = [&](std::string_view key, std::string_view value) {
    Reader in(key);
    const ModSeq modseq{in.u64_key()};
    if (deltas.empty() || deltas.back().modseq != modseq) deltas.push_back({modseq, {}});
    deltas.back().parts.emplace_back(in.u32_key(), value);
    return true;
  };
  done = co_await each_entry("d", delta);
  if (!done) co_return refuse(done.error());
  for (Found& found : deltas) {
    std::vector<std::string> parts;
    for (auto& [part, octets] : found.parts)
      if (part == parts.size()) parts.push_back(std::move(octets));
    if (parts.empty()) continue;
    const auto count = delta_parts(parts[0]);
    if (!count || parts.size() < *count) co_return refuse(Refusal::Unavailable);
    parts.resize(*count);
    const std::vector<std::string_view> views(parts.begin(), parts.end());
    const auto read = decode_delta(found.modseq, views);
    if (!read) co_return refuse(Refusal::Unavailable);
    hot->replay(*read, std::move(parts));
  }

  const bool first = !*record;
  if (first || hot->record.generation != services_.store->restored_generation()) {
    const auto provided = co_await provision(*hot, first);
    if (!provided) co_return refuse(provided.error());
  }
  const auto cleaned = co_await clean_intents(*hot);
  if (!cleaned) co_return refuse(cleaned.error());
  co_return hot;
}

// A new account gets its mailboxes. After a restore, UIDs given out since the backup are unknown: every
// UIDVALIDITY rises (C15), new messages are born in new spaces, and numbers of mailboxes leave a gap.
task<Result<void, Refusal>> Account::provision(Hot& hot, bool first) {
  store::Batch batch(partition());
  batch.expect_partition(store::Version{hot.version.value()});
  AccountRecord& record = hot.record;
  const auto next_validity = [&] {
    const auto now = static_cast<std::uint32_t>(std::max<std::int64_t>(wall(), 1));
    record.last_uid_validity = UidValidity{std::max(record.last_uid_validity.value() + 1, now)};
    return record.last_uid_validity;
  };
  const ModSeq modseq{hot.version.value() + 1};
  if (first) {
    auto wanted = services_.policy.provisions;
    wanted.insert(wanted.begin(), {"INBOX", SpecialUse::None});
    for (const auto& [name, use] : wanted) {
      MailboxRecord mailbox{
          .name = name, .uid_validity = next_validity(), .space = record.next_space++, .use = use};
      mailbox.created = wall();
      mailbox.as_of = mailbox.summary.highest = mailbox.vanished_from = modseq;
      const MailboxId id{record.next_mailbox++};
      batch.put(keys::mailbox(id), encode(mailbox));
      hot.add(id, std::move(mailbox));
      if (name != "INBOX") batch.put(keys::subscription(name), ""), hot.subscribed.insert(name);
    }
    batch.put(keys::subscription("INBOX"), "");
    hot.subscribed.insert("INBOX");
  } else {
    constexpr std::uint32_t gap = 4096;
    record.next_mailbox += gap;
    record.next_space += gap;
    hot.each([&](Mailbox& mailbox) {
      mailbox.record.uid_validity = next_validity();
      mailbox.record.space = record.next_space++;
      mailbox.rename(mailbox.record.name);
      MailboxRecord kept = mailbox.record;  // with the counts of its last fold: the deltas still follow
      batch.put(keys::mailbox(mailbox.id), encode(kept));
    });
    hot.tree_changed();
  }
  record.generation = services_.store->restored_generation();
  batch.put(keys::account(), encode(record));
  batch.essential();
  const auto result = co_await services_.store->commit(std::move(batch));
  if (!result)
    co_return refuse(result.outcome == store::Outcome::NoSpace ? Refusal::DiskFull : Refusal::Unavailable);
  hot.version = hot.published = modseq;
  co_return {};
}

// A COPY that was cut off had written references for entries that never came to be. Their UIDs will be given
// to others, so the references must be gone before anything else happens.
task<Result<void, Refusal>> Account::clean_intents(Hot& hot) {
  for (;;) {
    const auto page = co_await services_.store->scan(partition(), store::Range::prefix("i", 4));
    if (!page) co_return refuse(Refusal::Unavailable);
    if (page->empty()) co_return {};
    store::Batch batch(partition());
    batch.expect_partition(store::Version{hot.version.value()});
    for (const store::Entry entry : *page) {
      Reader in(entry.value);
      while (!in.at_end()) batch.remove(in.string());
      batch.remove(entry.key);
    }
    const auto result = co_await services_.store->commit(std::move(batch));
    if (!result) co_return refuse(Refusal::Unavailable);
    hot.version = hot.published = ModSeq{result.version.value()};
  }
}

task<Result<void, Refusal>> Account::load(MailboxId id, bool for_fold) {
  const std::uint64_t epoch = epoch_;
  Mailbox* mailbox = hot().find(id);
  if (!mailbox || mailbox->loaded) co_return {};
  if (mailbox->loading) {
    co_await changed_;
    co_return {};
  }
  // Nobody changes a mailbox that is loading; what is under way ends first. A fold rewrites pages and takes
  // deltas away, so the two exclude each other.
  struct Loading {
    Account& account;
    MailboxId id;
    std::uint64_t epoch;
    ~Loading() {
      --account.loads_;
      if (account.epoch_ == epoch && account.hot_)
        if (Mailbox* m = account.hot_->find(id)) m->loading = false;
      account.changed_.notify();
    }
  };
  if (folding_ && !for_fold) {
    co_await changed_;
    co_return {};
  }
  mailbox->loading = true;
  ++loads_;
  const Loading guard{*this, id, epoch};
  while (mailbox->in_flight > 0) {
    co_await changed_;
    if (epoch_ != epoch || !hot_) co_return {};
    mailbox = hot().find(id);
    if (!mailbox) co_return {};
  }

  std::vector<StoredPage> pages;
  bool readable = true;
  const Visit page = [&](std::string_view, std::string_view value) {
    auto read = decode_page(value);
    readable = read.has_value();
    if (readable) pages.push_back(std::move(*read));
    return readable;
  };
  const auto done = co_await each_entry(keys::pages(id), page);
  if (epoch_ != epoch || !hot_) co_return {};
  if (!done) co_return refuse(done.error());
  mailbox = hot().find(id);
  if (!mailbox) co_return {};
  const auto loaded = hot().load(*mailbox, std::move(pages));
  if (!loaded) co_return refuse(Refusal::Unavailable);
  co_return {};
}

// --- Committing ----------------------------------------------------------------------------------------

Change Account::begin() {
  Change change(partition());
  change.modseq = ModSeq{hot().version.value() + 1};
  change.batch.expect_partition(store::Version{hot().version.value()});
  return change;
}

net::Later<Account::Done> Account::submit(Change change) {
  Flight flight{.change = std::move(change), .unfolded = {}, .completer = {}, .forgets = {}};
  net::Later<Done> answer;
  flight.completer = answer.completer();
  flight.unfolded = hot().close(flight.change);
  store::Batch& batch = flight.change.batch;
  for (std::uint32_t part = 0; part < flight.unfolded.parts.size(); ++part)
    batch.put(keys::delta(flight.change.modseq, part), flight.unfolded.parts[part]);
  for (std::size_t n = 0; n < 16 && !forgets_.empty(); ++n) {
    batch.forget(forgets_.back()).remove(keys::operation(forgets_.back().view()));
    flight.forgets.push_back(forgets_.back());
    forgets_.pop_back();
  }
  store::Batch sent = std::exchange(batch, store::Batch(partition()));
  hot().version = flight.change.modseq;
  in_flight_.push_back(std::move(flight));
  services_.store->submit(std::move(sent), [weak = weak_from_this()](store::CommitResult result) {
    if (const auto account = weak.lock()) account->completed(result);
  });
  return answer;
}

// Answers come in the order of submitting.
void Account::completed(store::CommitResult result) {
  Flight flight = std::move(in_flight_.front());
  in_flight_.pop_front();
  Done done = Done::Unavailable;
  const bool expected = store::Version{flight.change.modseq.value()} == result.version && !result.repeated;
  if (result && expected && !failed_) {
    done = Done::Committed;
    hot().commit(flight.change, std::move(flight.unfolded));
    for (const Change::Effect& effect : flight.change.effects) unpublished_.push_back(effect.mailbox->id);
    if (flight.change.urgent)
      publish_waiting();
    else if (!boards_.empty() && !std::exchange(publish_posted_, true))
      group_.core().post([weak = weak_from_this()] {
        if (const auto account = weak.lock()) account->publish_waiting();
      });
    if (fold_due() && !folding_) group_.spawn(fold());
  } else {
    failed_ = true;
    unknown_ |= flight.change.prepared;  // reading in cleans up after it
    forgets_.insert(forgets_.end(), flight.forgets.begin(), flight.forgets.end());
    switch (result.outcome) {
      case store::Outcome::Committed:  // by somebody else, who should not have: read again what is true
        done = result.repeated ? Done::Repeated : Done::Unavailable;
        unknown_ |= !result.repeated;
        break;
      case store::Outcome::Conflict:
        done = result.expect == store::Batch::no_such_blob ? Done::NoSuchBlob : Done::Again;
        break;
      case store::Outcome::NoSpace: done = Done::NoSpace; break;
      case store::Outcome::Unknown:
        done = Done::Unknown;
        unknown_ = true;
        break;
      case store::Outcome::Unavailable:
      case store::Outcome::Fenced: break;
    }
  }
  if (failed_ && in_flight_.empty()) group_.spawn(recover());
  flight.completer.complete(done);
  changed_.notify();
}

// Nothing is in flight. What was staged and not committed is taken back.
task<void> Account::recover() {
  const auto keep = shared_from_this();
  if (!unknown_) {
    hot().roll_back();
    const auto version = co_await services_.store->version(partition());
    if (version)
      hot().version = hot().published = ModSeq{version->value()};
    else
      unknown_ = true;
  }
  if (unknown_) {
    hot_.reset();
    ++epoch_;
  }
  failed_ = unknown_ = false;
  changed_.notify();
}

task<Result<Account::Alone, Refusal>> Account::alone() {
  for (;;) {
    const auto ready = co_await usable();
    if (!ready) co_return refuse(ready.error());
    alone_ = true;
    Alone guard(*this);
    while (!in_flight_.empty() || failed_ || folding_ || loads_ > 0) co_await changed_;
    if (hot_) co_return std::move(guard);
  }
}

task<void> Account::settle() {
  while (!in_flight_.empty() || failed_ || folding_ || purging_ || opening_ || loads_ > 0) co_await changed_;
}

// --- Publishing ----------------------------------------------------------------------------------------

// What sessions have shown as \Recent since. It is no change of the mailbox: it goes along with the next one.
void Account::note_recent(Mailbox& mailbox, const Board& board) {
  const Uid from = board.recent_from();
  if (!mailbox.loaded || from <= mailbox.published.summary.recent_from) return;
  const auto note = [&](State& state) {
    state.summary.recent_from = from;
    state.summary.recent = state.index.count_from(from);
  };
  note(mailbox.published);
  note(mailbox.working);
  for (Flight& flight : in_flight_)
    for (Change::Effect& effect : flight.change.effects)
      if (effect.mailbox == &mailbox) note(effect.after);
}

void Account::keep_recent(MailboxId id, const Board& board) {
  if (!hot_) return;  // then it was noted when the account cooled down
  if (Mailbox* mailbox = hot().find(id)) note_recent(*mailbox, board);
}

bool Account::publish(Mailbox& mailbox) {
  const auto at = boards_.find(mailbox.id);
  if (at == boards_.end()) return true;
  const auto board = at->second.lock();
  if (!board) return boards_.erase(at), true;
  if (!mailbox.loaded) return false;
  note_recent(mailbox, *board);
  board->publish(mailbox.snapshot());
  return true;
}

void Account::publish_waiting() {
  publish_posted_ = false;
  std::vector<MailboxId> waiting = std::exchange(unpublished_, {});
  if (!hot_) return;
  std::sort(waiting.begin(), waiting.end());
  waiting.erase(std::unique(waiting.begin(), waiting.end()), waiting.end());
  bool behind = false;
  for (const MailboxId id : waiting)
    if (Mailbox* mailbox = hot().find(id)) behind |= !publish(*mailbox);
  if (behind) group_.spawn(refresh());
}

// Whatever sessions watch gets loaded and put up.
task<void> Account::refresh() {
  const Use use(shared_from_this());
  std::vector<MailboxId> watched;
  for (const auto& [id, board] : boards_)
    if (!board.expired()) watched.push_back(id);
  for (const MailboxId id : watched) {
    for (;;) {
      const auto ready = co_await usable();
      if (!ready) co_return;  // the next commit tries again
      Mailbox* mailbox = hot().find(id);
      if (!mailbox || publish(*mailbox)) break;
      const auto loaded = co_await load(id);
      if (!loaded) break;
    }
  }
}

}  // namespace postroad::mailbox
