#include <gtest/gtest.h>

#include "queue/accept.h"
#include "queue/queue_testing.h"
#include "queue/retry.h"

namespace postroad::queue {
namespace {

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
  const auto entry = read_entry(entry_key(e.due, name_of(e)), encode(e));
  ASSERT_TRUE(entry);
  EXPECT_EQ(encode(*entry), encode(e));
  EXPECT_EQ(entry->steps[0].given.original->address, "old@y.example");
  const std::string octets = encode(e);
  for (std::size_t n = 0; n + 1 < octets.size(); ++n)
    EXPECT_FALSE(read_entry(entry_key(e.due, name_of(e)), octets.substr(0, n))) << n;
}

TEST(Entries, AreOnePerDomainAndStaySmall) {
  std::vector<Step> remote;
  for (int i = 0; i < 3000; ++i) {
    const Address to = address("person" + std::to_string(i) + "@" + (i % 2 ? "a.example" : "b.example"));
    remote.push_back({.given = {.address = to}, .account = {}, .address = to});
  }
  const auto entries = entries_for(QueueId{1}, {}, remote);
  std::size_t steps = 0;
  for (const Entry& entry : entries) {
    EXPECT_LT(encode(entry).size(), store::value_limit);
    steps += entry.steps.size();
    for (const Step& step : entry.steps) EXPECT_EQ(step.address.domain().text(), entry.domain);
  }
  EXPECT_EQ(steps, 3000u);
}

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
  const auto listed = run(queue_->list(QueueId{}, 10, {}));
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
      entries_for(report.message.id, {}, {{.given = {.address = to}, .account = {}, .address = to}});
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
  const Done cancelled = run(queue_->cancel(
      {.id = id, .want = [&](const Listed& l) { return l.entry.domain == job.entry.domain; }}));
  EXPECT_EQ(cancelled.entries, 0u);  // somebody works on it
  EXPECT_EQ(cancelled.busy, 1u);
  ASSERT_TRUE(run(queue_->settle(job, {{.fate = Settled::Fate::Deferred, .due = core_.clock().now() + 1h}},
                                 std::nullopt, {}, {}, false)));
  EXPECT_EQ(run(queue_->retry({.id = id})).entries, 2u);
  EXPECT_EQ(run(queue_->next()).message->id, id);
  EXPECT_EQ(run(queue_->next()).message->id, id);
  open();
  EXPECT_EQ(run(queue_->cancel({.id = id})).entries, 2u);
  EXPECT_EQ(counts().entries, 0u);
  EXPECT_EQ(counts().messages, 0u);
  open();
  EXPECT_EQ(counts().messages, 0u);
}

TEST(EntryKey, ADueTimeThatIsNeverWrittenIsNotOurs) {
  std::string key = entry_key(time_of_micros(5), {QueueId{7}, 1});
  ASSERT_TRUE(read_entry_key(key));
  key[1] = '\x80';
  EXPECT_FALSE(read_entry_key(key));
}

}  // namespace
}  // namespace postroad::queue
