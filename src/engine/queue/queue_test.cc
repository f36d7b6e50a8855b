#include <gtest/gtest.h>

#include <filesystem>

#include "ledger/ledger.h"
#include "net/manual_core.h"
#include "queue/accept.h"
#include "queue/retry.h"
#include "queue/schedule.h"
#include "queue/service.h"
#include "store/embedded.h"

namespace postroad::queue {
namespace {

Address address(std::string_view text) { return *Address::parse(text); }

TEST(Retry, WaitsGrowAndTheLastOneRepeats) {
  const RetryPolicy policy;
  const Time accepted{};
  EXPECT_EQ(next_attempt(policy, accepted, 1, accepted), accepted + 1min);
  EXPECT_EQ(next_attempt(policy, accepted, 7, accepted + 1h), accepted + 5h);
  EXPECT_EQ(next_attempt(policy, accepted, 90, accepted + 1h), accepted + 5h);
}

TEST(Retry, TheLastAttemptComesWhenTheTimeIsUpAndThenNoMore) {
  const RetryPolicy policy;
  const Time accepted{}, end = accepted + policy.give_up_after;
  EXPECT_EQ(next_attempt(policy, accepted, 40, end - 1h), end);
  EXPECT_EQ(next_attempt(policy, accepted, 41, end), std::nullopt);
}

EntryName name(std::uint64_t id, std::uint16_t number = 0) { return {QueueId{id}, number}; }

TEST(Schedule, GivesWhatHasBeenDueLongest) {
  Schedule schedule;
  const Time now{100s};
  schedule.wait(name(1), "a.example", now - 1s);
  schedule.wait(name(2), "b.example", now - 3s);
  schedule.wait(name(3), "a.example", now + 1s);
  EXPECT_EQ(schedule.take(now), name(2));
  EXPECT_EQ(schedule.take(now), name(1));
  EXPECT_EQ(schedule.take(now), std::nullopt);
  EXPECT_EQ(schedule.next_due(), now + 1s);
  EXPECT_TRUE(schedule.is_out(name(1)));
  EXPECT_FALSE(schedule.is_out(name(3)));
}

TEST(Schedule, AClosedLaneHoldsUpNobodyElse) {
  Schedule schedule;
  const Time now{100s};
  schedule.close("slow.example");
  schedule.wait(name(1), "slow.example", now - 9s);
  schedule.wait(name(2), "quick.example", now - 1s);
  EXPECT_EQ(schedule.take(now), name(2));
  EXPECT_EQ(schedule.take(now), std::nullopt);
  EXPECT_EQ(schedule.take_from("slow.example", now), name(1));
  schedule.wait(name(1), "slow.example", now);
  schedule.open("slow.example");
  EXPECT_EQ(schedule.take(now), name(1));
}

TEST(Schedule, ForgetsLanesWithoutEntries) {
  Schedule schedule;
  for (std::uint64_t i = 1; i <= 100; ++i) schedule.wait(name(i), std::to_string(i) + ".example", Time{});
  for (std::uint64_t i = 1; i <= 100; ++i) schedule.remove(name(i));
  EXPECT_EQ(schedule.lanes(), 0u);
  EXPECT_EQ(schedule.size(), 0u);
}

TEST(Schedule, FlushMakesADomainDueNow) {
  Schedule schedule;
  const Time now{100s};
  schedule.wait(name(1), "a.example", now + 1h);
  schedule.wait(name(2), "b.example", now + 1h);
  EXPECT_EQ(schedule.flush("a.example", now), 1u);
  EXPECT_EQ(schedule.take(now), name(1));
  EXPECT_EQ(schedule.take(now), std::nullopt);
}

TEST(Record, MessageAndEntrySurviveTheWayToTheDiskAndBack) {
  Message m{.id = QueueId{77}, .accepted = Time{5s}, .tenant = TenantId{3}};
  m.envelope.reverse_path = ReversePath(address("a@example.org"));
  m.envelope.body = Body::EightBitMime;
  m.envelope.smtputf8 = true;
  m.envelope.ret = DsnReturn::Headers;
  m.envelope.envid = "QQ314159";
  m.envelope.hold_until = Time{9s};
  m.content = {.prefix = "Received: x\r\n", .blob = store::BlobId{12}, .blob_octets = 99, .structure = "s"};
  m.origin = {.protocol = "ESMTPSA", .client_address = "192.0.2.1", .client_name = "me", .message_id = "i@x"};
  m.origin.identity = directory::Identity{AccountId{5}, TenantId{3}, address("a@example.org"), "phone"};
  m.report = true;
  const auto back = read_message(encode(m));
  ASSERT_TRUE(back);
  EXPECT_EQ(encode(*back), encode(m));
  EXPECT_EQ(back->origin.identity->credential, "phone");
  EXPECT_EQ(back->envelope.hold_until, m.envelope.hold_until);
  EXPECT_FALSE(back->envelope.deliver_by);

  Entry e{.id = QueueId{77}, .number = 2, .domain = "x.example", .attempts = 4, .due = Time{8s}};
  Recipient given{.address = address("\"odd one\"@x.example"), .notify = {.success = true}};
  given.original = OriginalRecipient{"rfc822", "old@y.example"};
  e.steps.push_back(
      {.given = given, .account = AccountId{9}, .address = address("b@x.example"), .detail = "d"});
  const auto entry = read_entry(entry_key(e.id, e.number), encode(e));
  ASSERT_TRUE(entry);
  EXPECT_EQ(encode(*entry), encode(e));
  EXPECT_EQ(entry->steps[0].given.original->address, "old@y.example");
  const std::string octets = encode(e);
  for (std::size_t n = 0; n + 1 < octets.size(); ++n)
    EXPECT_FALSE(read_entry(entry_key(e.id, e.number), octets.substr(0, n))) << n;
}

TEST(Entries, AreOnePerDomainAndStaySmall) {
  std::vector<Step> remote;
  for (int i = 0; i < 3000; ++i) {
    const Address to = address("person" + std::to_string(i) + "@" + (i % 2 ? "a.example" : "b.example"));
    remote.push_back({.given = {.address = to}, .account = {}, .address = to});
  }
  const auto entries = entries_for(QueueId{1}, {}, remote, Time{});
  std::size_t steps = 0;
  for (const Entry& entry : entries) {
    EXPECT_LT(encode(entry).size(), store::value_limit);
    steps += entry.steps.size();
    for (const Step& step : entry.steps) EXPECT_EQ(step.address.domain().text(), entry.domain);
  }
  EXPECT_EQ(steps, 3000u);
}

// A directory of a few people, and a door that can be told what to answer.
class People final : public directory::Directory {
 public:
  bool hosts(const Domain& domain) const override { return domain.text() == "demo.test"; }
  Result<directory::Destination, directory::NoDestination> resolve(const Address& to) const override {
    if (!hosts(to.domain())) return refuse(directory::NoDestination::NotOurs);
    const auto it = people.find(to.local_part());
    if (it == people.end()) return refuse(directory::NoDestination::NoSuchMailbox);
    return directory::Destination{TenantId{1}, {{AccountId{it->second}, to, ""}}, {}};
  }
  std::optional<Address> postmaster() const override { return std::nullopt; }
  std::optional<directory::Account> account(AccountId) const override { return std::nullopt; }
  std::optional<directory::Account> account(const Address&) const override { return std::nullopt; }
  bool owns(AccountId, const Address&) const override { return false; }
  net::task<Result<directory::Identity, directory::AuthError>> check_password(std::string_view,
                                                                              std::string_view,
                                                                              directory::Scope,
                                                                              std::string_view) override {
    co_return refuse(directory::AuthError::Failed);
  }
  directory::ScramKeys scram_keys(std::string_view, directory::ScramHash, directory::Scope) const override {
    return {};
  }
  void authenticated(std::string_view, std::string_view, bool) override {}
  std::map<std::string, std::uint64_t> people{{"alice", 1}, {"bob", 2}};
};

class OneDoor final : public Door {
 public:
  net::task<Through> deliver_now(const Submission&, const directory::Local& target,
                                 std::vector<ledger::Event>) override {
    through.push_back(target.account);
    co_return answer;
  }
  net::task<bool> has_room(AccountId account, std::uint64_t) override { co_return account != full; }
  Through answer = Through::Done;
  AccountId full{};
  std::vector<AccountId> through;
};

class QueueTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/postroad-queue-XXXXXX";
    folder_ = mkdtemp(name);
    open();
  }
  void TearDown() override {
    queue_.reset();
    writers_.clear();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  // As after a kill: what is in memory is gone.
  void open() {
    queue_.reset();
    writers_.clear();
    store_.reset();
    store_ = std::move(*store::open_embedded({.data = folder_, .cores = 1, .threads = false}));
    queue_ = std::make_unique<Service>(*store_, std::vector<net::Core*>{&core_}, people_, core_.clock());
    queue_->set_door(door_);
    run(queue_->load());
  }
  template <class T>
  T run(net::task<T> task) {
    return core_.run(std::move(task));
  }
  Submission letter(std::vector<std::string> to) {
    auto writer = store_->new_blob(20);
    writer->append("Subject: x\r\n\r\nbody\r\n");
    const auto blob = run(writer->finish());
    writers_.push_back(std::move(writer));
    Submission out{.id = run(next_id())};
    out.envelope.reverse_path = ReversePath(address("me@example.org"));
    for (const std::string& text : to) out.envelope.recipients.push_back({.address = address(text)});
    out.content = {.prefix = {}, .blob = *blob, .blob_octets = 20, .structure = {}};
    return out;
  }
  net::task<QueueId> next_id() { co_return queue_->next_id(); }
  auto accept(Submission submission, bool each = false) {
    return run(queue_->accept(std::move(submission), each));
  }
  Counts counts() { return run(queue_->counts()); }

  std::string folder_;
  net::ManualCore core_;
  People people_;
  OneDoor door_;
  std::vector<std::unique_ptr<store::BlobWriter>> writers_;
  std::unique_ptr<store::EmbeddedStore> store_;
  std::unique_ptr<Service> queue_;
};

TEST_F(QueueTest, MailForOneAccountGoesStraightThrough) {
  const auto verdicts = accept(letter({"bob@demo.test"}));
  ASSERT_TRUE(verdicts);
  EXPECT_TRUE((*verdicts)[0].accepted);
  EXPECT_EQ(door_.through, std::vector{AccountId{2}});
  EXPECT_EQ(counts().messages, 0u);
}

TEST_F(QueueTest, AFullMailboxIsSaidBeforeTheMessageIsOurs) {
  door_.answer = Door::Through::OverQuota;
  const auto verdicts = accept(letter({"bob@demo.test"}));
  EXPECT_FALSE((*verdicts)[0].accepted);
  EXPECT_EQ((*verdicts)[0].reply.code, 452);
  EXPECT_EQ(counts().messages, 0u);
}

TEST_F(QueueTest, WhatIsAcceptedIsThereAfterAKill) {
  ASSERT_TRUE(
      accept(letter({"alice@demo.test", "bob@demo.test", "x@a.example", "y@a.example", "z@b.example"})));
  EXPECT_EQ(counts().entries, 3u);  // local, a.example, b.example
  open();
  EXPECT_EQ(counts().entries, 3u);
  EXPECT_EQ(counts().messages, 1u);
  const Job job = run(queue_->next());
  EXPECT_TRUE(job.entry.domain.empty());
  EXPECT_EQ(job.entry.steps.size(), 2u);
}

TEST_F(QueueTest, AnEntryThatWasTakenAndNotSettledIsDueAgainAfterAKill) {
  ASSERT_TRUE(accept(letter({"x@a.example"})));
  run(queue_->next());
  open();
  EXPECT_EQ(run(queue_->next()).entry.domain, "a.example");
}

TEST_F(QueueTest, SettlingKeepsWhatIsDeferredAndEndsWhatIsDone) {
  ASSERT_TRUE(accept(letter({"x@a.example", "y@a.example"})));
  Job job = run(queue_->next());
  const Time later = core_.clock().now() + 5min;
  std::vector<Settled> fates(2);
  fates[0].fate = Settled::Fate::Delivered;
  fates[1].fate = Settled::Fate::Deferred, fates[1].due = later;
  ASSERT_TRUE(run(queue_->settle(job, fates, std::nullopt, "451 later", "mx.a.example", false)));
  EXPECT_EQ(counts().entries, 1u);
  open();
  const auto listed = run(queue_->list(QueueId{}, 10, [](const Message&, const Entry&) { return true; }));
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].entry.attempts, 1u);
  EXPECT_EQ(listed[0].entry.last_reply, "451 later");
  ASSERT_EQ(listed[0].entry.steps.size(), 1u);
  EXPECT_EQ(listed[0].entry.steps[0].address.text(), "y@a.example");
  EXPECT_EQ(listed[0].entry.due, later);

  core_.advance(6min);
  job = run(queue_->next());
  ASSERT_TRUE(run(queue_->settle(job, {{.fate = Settled::Fate::Failed}}, std::nullopt, {}, {}, false)));
  EXPECT_EQ(counts().messages, 0u);
  open();
  EXPECT_EQ(counts().messages, 0u);
}

TEST_F(QueueTest, AReportGoesInWithTheFailureItTellsOf) {
  ASSERT_TRUE(accept(letter({"x@a.example"})));
  const Job job = run(queue_->next());
  Submission about = letter({"me@b.example"});
  NewMail report{.message = {.id = queue_->id_near(job.message->id)}, .entries = {}};
  report.message.content = about.content;
  report.message.report = true;
  const Address to = address("me@b.example");
  report.entries =
      entries_for(report.message.id, {}, {{.given = {.address = to}, .account = {}, .address = to}}, Time{});
  ASSERT_TRUE(run(queue_->settle(job, {{.fate = Settled::Fate::Failed}}, report, {}, {}, false)));
  open();
  const Job next = run(queue_->next());
  EXPECT_TRUE(next.message->report);
  EXPECT_EQ(next.entry.domain, "b.example");
  EXPECT_EQ(counts().messages, 1u);
}

TEST_F(QueueTest, LmtpGetsAnAnswerForEach) {
  door_.full = AccountId{1};
  const auto verdicts = accept(letter({"alice@demo.test", "bob@demo.test", "nobody@demo.test"}), true);
  ASSERT_TRUE(verdicts);
  EXPECT_EQ((*verdicts)[0].reply.code, 452);
  EXPECT_TRUE((*verdicts)[1].accepted);
  EXPECT_EQ((*verdicts)[2].reply.code, 550);
  EXPECT_EQ(run(queue_->next()).entry.steps.size(), 1u);
}

TEST_F(QueueTest, WhoDisappearsAfterRcptIsReportedOnNotLost) {
  Submission submission = letter({"bob@demo.test", "x@a.example"});
  people_.people.erase("bob");
  const auto verdicts = accept(std::move(submission));
  EXPECT_TRUE((*verdicts)[0].accepted);
  std::size_t nobody = 0;
  for (int i = 0; i < 2; ++i)
    for (const Step& step : run(queue_->next()).entry.steps)
      nobody += step.address.domain().text() == "demo.test";
  EXPECT_EQ(nobody, 1u);
}

TEST_F(QueueTest, IdsRiseThoughTheClockGoesBack) {
  const QueueId first = run(next_id());
  core_.manual_clock().jump(-std::chrono::hours(24 * 365));
  EXPECT_GT(run(next_id()), QueueId{first.number() >> 22 << 22});
  open();
  EXPECT_GT(run(next_id()).number() >> 22, first.number() >> 22);
}

TEST_F(QueueTest, HeldMeansNothingGoesOut) {
  queue_->hold(true);
  ASSERT_TRUE(accept(letter({"bob@demo.test"})));
  EXPECT_TRUE(door_.through.empty());
  EXPECT_EQ(counts().entries, 1u);
  EXPECT_FALSE(run(queue_->next_for("")));
  queue_->hold(false);
  EXPECT_TRUE(run(queue_->next_for("")));
}

TEST_F(QueueTest, AnAdministratorCancelsAndRetries) {
  Submission one = letter({"x@a.example", "y@b.example"});
  const QueueId id = one.id;
  ASSERT_TRUE(accept(std::move(one)));
  const Job job = run(queue_->next());
  EXPECT_FALSE(run(queue_->cancel(id)));  // somebody works on it
  ASSERT_TRUE(run(queue_->settle(job, {{.fate = Settled::Fate::Deferred, .due = core_.clock().now() + 1h}},
                                 std::nullopt, {}, {}, false)));
  EXPECT_EQ(run(queue_->retry(id, "")), 2u);
  EXPECT_EQ(run(queue_->next()).message->id, id);
  open();
  EXPECT_TRUE(run(queue_->cancel(id)));
  EXPECT_EQ(counts().entries, 0u);
  open();
  EXPECT_EQ(counts().messages, 0u);
}

}  // namespace
}  // namespace postroad::queue
