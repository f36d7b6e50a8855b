// The queue against a model, with hardly any memory: whatever lies on disk comes out when it is due, once,
// and nothing else does, however often the process dies.
#include "queue/queue_testing.h"

#include <random>

namespace postroad::queue {
namespace {

class ShelfTest : public QueueTest {
 protected:
  struct Known {
    Time due{};
    std::size_t steps = 1;
  };

  void SetUp() override {
    limits_ = {.all = 24, .lane = 6, .closed = 2, .sender = 2, .doubtful = 100};
    QueueTest::SetUp();
  }
  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(dice_);
  }
  Time now() { return core_.clock().now(); }
  void close(const std::string& at) { run(set(*queue_, at, true)); }
  void reopen(const std::string& at) { run(set(*queue_, at, false)); }
  static net::task<void> set(Service& queue, std::string at, bool closed) {
    closed ? queue.close(at) : queue.open(at);
    co_return;
  }
  static std::string site(std::size_t n) { return std::string(1, static_cast<char>('a' + n)) + ".example"; }

  void accept_some() {
    std::vector<std::string> to;
    const std::size_t ways = 1 + below(3);
    for (std::size_t i = 0; i < ways; ++i) to.push_back("x@" + site((below(2) * 3 + i) % 5));
    Submission mail = letter(to);
    mail.envelope.reverse_path = ReversePath(address("sender" + std::to_string(below(3)) + "@here.example"));
    mail.envelope.priority = static_cast<std::int8_t>(below(3));
    if (below(4) == 0) mail.envelope.hold_until = now() + std::chrono::seconds(below(4000));
    const Time due = mail.envelope.hold_until.value_or(now());
    const QueueId id = mail.id;
    ASSERT_TRUE(accept(std::move(mail)));
    for (const Listed& listed : run(queue_->show(id)))
      model_[name_of(listed.entry)] = {due, listed.entry.steps.size()};
    writers_.clear();
  }
  // One job, if one is due at a site that is open.
  void work_one() {
    const bool due = std::ranges::any_of(model_, [&](const auto& known) {
      return known.second.due <= now() && !out_.contains(known.first) &&
             !closed_.contains(domain_[known.first]);
    });
    if (!due) return;
    std::optional<Job> taken;
    {
      net::TaskGroup group(core_, [](std::exception_ptr e) { std::rethrow_exception(e); });
      group.spawn(take(*queue_, taken));
      core_.settle();
      if (!taken) core_.advance(61s);
      ASSERT_TRUE(taken) << "what is due does not come out";
      group.cancel();
      core_.settle();
    }
    Job job = std::move(*taken);
    const EntryName name = name_of(job.entry);
    ASSERT_TRUE(model_.contains(name)) << "what is settled came out again";
    ASSERT_FALSE(out_.contains(name)) << "came out twice";
    ASSERT_LE(model_[name].due, now()) << "came out before its time";
    ASSERT_FALSE(closed_.contains(job.entry.domain)) << "came out of a lane that is closed";
    out_.emplace(name, std::move(job));
  }
  static net::task<void> take(Service& queue, std::optional<Job>& taken) { taken = co_await queue.next(); }
  void settle_one() {
    if (out_.empty()) return;
    auto it = std::next(out_.begin(), static_cast<std::ptrdiff_t>(below(out_.size())));
    const EntryName name = it->first;
    std::vector<Settled> fates(it->second.entry.steps.size());
    const bool defer = below(2) == 0;
    const Time again = now() + std::chrono::seconds(below(3000));
    for (Settled& fate : fates) {
      fate.fate = defer ? Settled::Fate::Deferred : Settled::Fate::Delivered;
      fate.due = again;
    }
    ASSERT_TRUE(run(queue_->settle(it->second, fates, std::nullopt, {}, {}, false)));
    if (defer)
      model_[name].due = again;
    else
      model_.erase(name);
    out_.erase(it);
  }
  void check() {
    std::set<QueueId> ids;
    for (const auto& [name, known] : model_) ids.insert(name.id);
    const Counts all = counts();
    ASSERT_EQ(all.entries, model_.size());
    ASSERT_EQ(all.messages, ids.size());
    ASSERT_LE(all.loaded, limits_.all + out_.size());
    const auto listed = run(queue_->list(QueueId{}, 10'000, {}));
    ASSERT_EQ(listed.size(), model_.size());
    for (std::size_t i = 0; i < listed.size(); ++i) {
      ASSERT_TRUE(model_.contains(name_of(listed[i].entry)));
      ASSERT_EQ(listed[i].entry.due, model_[name_of(listed[i].entry)].due);
      if (i) ASSERT_LT(name_of(listed[i - 1].entry), name_of(listed[i].entry));
    }
  }
  void learn_domains() {
    for (const Listed& listed : run(queue_->list(QueueId{}, 10'000, {})))
      domain_[name_of(listed.entry)] = listed.entry.domain;
  }

  std::mt19937 dice_;
  std::map<EntryName, Known> model_;
  std::map<EntryName, Job> out_;
  std::map<EntryName, std::string> domain_;
  std::set<std::string> closed_;
};

TEST_F(ShelfTest, WhateverIsKeptComesOutWhenItIsDueAndOnce) {
  for (unsigned seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    dice_.seed(seed);
    for (int step = 0; step < 600 && !HasFatalFailure(); ++step) {
      switch (below(12)) {
        case 0:
        case 1:
        case 2: accept_some(), learn_domains(); break;
        case 3:
        case 4:
        case 5: work_one(); break;
        case 6:
        case 7: settle_one(); break;
        case 8: core_.advance(std::chrono::seconds(below(900))); break;
        case 9: {
          const std::string at = site(below(5));
          if (closed_.erase(at))
            reopen(at);
          else
            close(at), closed_.insert(at);
          break;
        }
        case 10:
          if (below(6) == 0) out_.clear(), closed_.clear(), open();  // killed
          break;
        case 11: {
          if (model_.empty() || below(3)) break;
          const auto it = std::next(model_.begin(), static_cast<std::ptrdiff_t>(below(model_.size())));
          const std::string domain = domain_[it->first];
          Selection which{.want = [domain](const Listed& l) { return l.entry.domain == domain; }};
          std::size_t meant = 0, busy = 0;
          for (const auto& [name, known] : model_)
            if (domain_[name] == domain) (out_.contains(name) ? busy : meant) += 1;
          const bool cancel = below(2) == 0;
          const Done counted = run(queue_->count(which));
          const Done done = run(cancel ? queue_->cancel(which) : queue_->retry(which));
          ASSERT_EQ(done.entries, meant);
          ASSERT_EQ(done.busy, busy);
          ASSERT_EQ(counted.entries, meant);
          for (auto at = model_.begin(); at != model_.end();) {
            const bool ours = domain_[at->first] == domain && !out_.contains(at->first);
            if (ours && cancel) {
              at = model_.erase(at);
              continue;
            }
            if (ours) at->second.due = std::min(at->second.due, now());
            ++at;
          }
          break;
        }
      }
      if (step % 20 == 0) check();
    }
    // Everything comes out in the end.
    for (const std::string& at : closed_) reopen(at);
    closed_.clear();
    core_.advance(2h);
    while (!HasFatalFailure() && model_.size() > out_.size()) work_one();
    check();
    while (!HasFatalFailure() && !out_.empty()) settle_one();
    if (HasFatalFailure()) return;
    run(queue_->cancel({}));
    model_.clear();
    check();
    open();
    check();
  }
}

TEST_F(ShelfTest, TheDeadSitesBacklogKeepsNoOtherWaitingAfterAStart) {
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(accept(letter({"x@dead.example"})));
  ASSERT_TRUE(accept(letter({"y@live.example"})));
  open();
  close("dead.example");
  EXPECT_EQ(run(queue_->next()).entry.domain, "live.example");  // and is not settled
  EXPECT_LE(counts().loaded, limits_.closed + 1);
  reopen("dead.example");
  for (int i = 0; i < 400; ++i) {
    const Job job = run(queue_->next());
    ASSERT_TRUE(run(queue_->settle(job, {{.fate = Settled::Fate::Delivered}}, std::nullopt, {}, {}, false)));
  }
  EXPECT_EQ(counts().entries, 1u);
}

TEST_F(ShelfTest, WhatIsNotDueTakesNoMemory) {
  for (int i = 0; i < 100; ++i) {
    Submission later = letter({"x@a.example"});
    later.envelope.hold_until = now() + 1h;  // RFC 4865
    ASSERT_TRUE(accept(std::move(later)));
  }
  EXPECT_EQ(counts().loaded, 0u);
  const Time before = now();
  run(queue_->next());
  EXPECT_GE(now(), before + 1h);
}

TEST_F(ShelfTest, WhatWaitsTooLongBehindAClosedLaneIsHandedOutToBeToldOf) {
  tell_after_ = 1h;
  open();
  close("a.example");
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(accept(letter({"x@a.example"})));  // more than there is room for
  std::set<EntryName> told;
  for (int i = 0; i < 20; ++i) {
    const Job job = run(queue_->next());
    EXPECT_TRUE(job.overdue);
    EXPECT_GE(now(), job.message->accepted + 1h);
    EXPECT_TRUE(told.insert(name_of(job.entry)).second);
    const Settled later{.fate = Settled::Fate::Deferred, .due = now() + 1h};
    ASSERT_TRUE(run(queue_->settle(job, {later}, std::nullopt, {}, {}, true)));
  }
  EXPECT_LE(now(), Time{std::chrono::days(20'000)} + 1h + 15min);
}

TEST_F(ShelfTest, AClockThatGoesBackNeitherHidesNorHurriesAnything) {
  ASSERT_TRUE(accept(letter({"x@a.example"})));
  Job job = run(queue_->next());
  core_.manual_clock().jump(-24h);
  const Time again = now() + 5min;
  ASSERT_TRUE(run(
      queue_->settle(job, {{.fate = Settled::Fate::Deferred, .due = again}}, std::nullopt, {}, {}, false)));
  job = run(queue_->next());
  EXPECT_GE(now(), again);
  EXPECT_LE(now(), again + 61s);
}

TEST_F(ShelfTest, TwoEntriesThatEndAtOnceEndTheirMessage) {
  ASSERT_TRUE(accept(letter({"x@a.example", "y@b.example"})));
  const Job one = run(queue_->next()), two = run(queue_->next());
  net::TaskGroup group(core_, [](std::exception_ptr e) { std::rethrow_exception(e); });
  const auto end = [](Service& queue, const Job& job) -> net::task<void> {
    EXPECT_TRUE(
        co_await queue.settle(job, {{.fate = Settled::Fate::Delivered}}, std::nullopt, {}, {}, false));
  };
  group.spawn(end(*queue_, one));
  group.spawn(end(*queue_, two));
  core_.settle();
  EXPECT_EQ(counts().messages, 0u);
  EXPECT_TRUE(run(queue_->list(QueueId{}, 10, {})).empty());
}

}  // namespace
}  // namespace postroad::queue
