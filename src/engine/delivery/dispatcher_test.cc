#include "delivery/dispatcher.h"

#include "delivery/server_testing.h"
#include "directory/directory_testing.h"
#include "ledger/ledger.h"
#include "queue/service.h"

namespace postroad::delivery::testing {
namespace {

class DispatcherTest : public CourierTest {
 protected:
  void SetUp() override {
    CourierTest::SetUp();
    names_.mx["c.example"] = names_.mx["a.example"];  // another domain of the same hosts
    names_.addresses["dead.example"] = {ip("192.0.2.66")};
    names_.addresses["live.example"] = {ip("192.0.2.77")};
    wires_.hosts["192.0.2.1"] = wires_.hosts["192.0.2.77"] = {};
    make_courier();
    queue_ =
        std::make_unique<queue::Service>(*store_, std::vector<net::Core*>{&core_}, directory_, core_.clock());
    core_.run(queue_->load());
    mailboxes_ = std::make_unique<mailbox::Engine>(mailbox::Services{
        .store = store_.get(), .directory = &directory_, .cores = {&core_}, .clock = &core_.clock()});
    local_ = std::make_unique<Local>(*mailboxes_, core_.clock());
    pacing_ = std::make_unique<egress::Pacing>(core_.clock());
    dispatcher_ = std::make_unique<Dispatcher>(*queue_, directory_, *local_, *courier_, *pacing_, *store_,
                                               core_.clock(), random_,
                                               DispatcherOptions{.our_name = "mail.here.example"});
  }
  void TearDown() override {
    working_.cancel();
    core_.settle();
    dispatcher_.reset(), local_.reset(), mailboxes_.reset(), queue_.reset();
    letters_.clear();
    CourierTest::TearDown();
  }
  void start() { working_.spawn(dispatcher_->run()); }
  QueueId accept(const std::vector<std::string>& to) {
    auto writer = store_->new_blob(20);
    writer->append("Subject: x\r\n\r\nbody\r\n");
    const auto blob = core_.run(writer->finish());
    letters_.push_back(std::move(writer));
    queue::Submission mail{.id = core_.run(next_id())};
    mail.envelope.reverse_path = ReversePath(address("me@live.example"));
    for (const std::string& text : to) mail.envelope.recipients.push_back({.address = address(text)});
    mail.content = {.prefix = {}, .blob = *blob, .blob_octets = 20, .structure = {}};
    const QueueId id = mail.id;
    EXPECT_TRUE(core_.run(queue_->accept(std::move(mail), false)));
    return id;
  }
  net::task<QueueId> next_id() { co_return queue_->next_id(); }
  std::uint64_t waiting() { return core_.run(queue_->counts()).entries; }
  std::size_t connections(const std::string& to) const {
    return static_cast<std::size_t>(std::ranges::count(wires_.tried, to));
  }

  directory::testing::Nobody directory_;  // all mail goes elsewhere
  SeededRandom random_{1};
  std::unique_ptr<queue::Service> queue_;
  std::unique_ptr<mailbox::Engine> mailboxes_;
  std::unique_ptr<Local> local_;
  std::unique_ptr<egress::Pacing> pacing_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::vector<std::unique_ptr<store::BlobWriter>> letters_;
  net::TaskGroup working_{core_, [](std::exception_ptr e) { std::rethrow_exception(e); }};
};

TEST_F(DispatcherTest, AFewLinesCarryAllThatTheirSiteHas) {
  for (int i = 0; i < 60; ++i) accept({"x@a.example"});
  start();
  core_.settle();
  EXPECT_EQ(wires_.sink.messages.size(), 60u);
  EXPECT_LE(connections("192.0.2.1"), 20u);
  EXPECT_EQ(waiting(), 0u);
  // Lines wait a little for more, then say goodbye.
  const std::size_t before = connections("192.0.2.1");
  core_.advance(1s);
  accept({"x@a.example"});
  core_.settle();
  EXPECT_EQ(wires_.sink.messages.size(), 61u);
  EXPECT_EQ(connections("192.0.2.1"), before);
  EXPECT_EQ(said("QUIT"), 0u);
  core_.advance(5s);
  EXPECT_EQ(said("QUIT"), before);
  EXPECT_EQ(dispatcher_->jobs(), 0u);
}

TEST_F(DispatcherTest, RecipientsOfOneSiteGoInOneTransaction) {
  accept({"x@a.example", "y@c.example", "z@live.example"});
  start();
  core_.settle();
  // Before anything is known of its site each domain is one of its own; the second time all is known.
  const std::size_t before = wires_.sink.recipients.size();
  accept({"x@a.example", "y@c.example", "z@live.example"});
  core_.advance(1s);
  EXPECT_EQ(wires_.sink.recipients.size(), before + 2);
  EXPECT_EQ(waiting(), 0u);
}

TEST_F(DispatcherTest, ADeadSiteIsTriedByFewAndHoldsUpNobody) {
  for (int i = 0; i < 200; ++i) accept({"x@dead.example"});
  start();
  core_.settle();
  accept({"x@live.example"});
  core_.settle();
  EXPECT_EQ(wires_.sink.messages.size(), 1u);
  EXPECT_LE(connections("192.0.2.66"), 4u);
  core_.advance(59s);
  EXPECT_LE(connections("192.0.2.66"), 4u);
  EXPECT_EQ(waiting(), 200u);
  const auto listed = core_.run(queue_->list(QueueId{}, 1000, {}));
  const auto tried = std::ranges::count_if(listed, [](const auto& l) { return l.entry.attempts > 0; });
  EXPECT_LE(tried, 4);  // what waits behind it loses no attempts
  // It comes back: all goes, and nobody need do anything.
  wires_.hosts["192.0.2.66"] = {};
  core_.advance(10min);
  EXPECT_EQ(waiting(), 0u);
  EXPECT_EQ(wires_.sink.messages.size(), 201u);
}

TEST_F(DispatcherTest, AnAdministratorHasADeadSiteTriedAtOnce) {
  for (int i = 0; i < 10; ++i) accept({"x@dead.example"});
  start();
  core_.advance(20min);  // its pace is slow by now
  wires_.hosts["192.0.2.66"] = {};
  core_.run(queue_->retry({}));
  core_.advance(1s);
  EXPECT_EQ(wires_.sink.messages.size(), 0u);
  pacing_->forget_trouble("dead.example");
  dispatcher_->try_now({"dead.example"});
  core_.advance(1s);
  EXPECT_EQ(wires_.sink.messages.size(), 10u);
}

TEST_F(DispatcherTest, WhatOneHostRefusesForNowGoesToTheNext) {
  wires_.hosts["192.0.2.1"].mail = "451 4.3.2 going down\r\n";
  wires_.hosts["192.0.2.2"] = {};
  for (int i = 0; i < 5; ++i) accept({"x@a.example"});
  start();
  core_.settle();
  EXPECT_EQ(wires_.sink.messages.size(), 5u);
  EXPECT_EQ(waiting(), 0u);
  core_.advance(5s);
  EXPECT_EQ(said("QUIT"), connections("192.0.2.1") + connections("192.0.2.2"));
}

TEST_F(DispatcherTest, TheLedgerHearsWhoseServersTookIt) {
  const QueueId id = accept({"x@c.example"});  // whose mail servers are a.example's
  start();
  core_.settle();
  const auto ledger = core_.run(ledger::Ledger::open(*store_, core_.clock(), {}));
  const auto events = core_.run(ledger->find({.queue_id = id}));
  ASSERT_TRUE(events && !events->empty());
  EXPECT_EQ(events->back().type, ledger::Type::Relayed);
  EXPECT_EQ(events->back().get(ledger::Field::Domain), "c.example");
  EXPECT_EQ(events->back().get(ledger::Field::Provider), "a.example");
}

TEST_F(DispatcherTest, WhatIsDeferredIsTriedAgainWhenItIsDue) {
  wires_.hosts["192.0.2.1"].data = "554 5.5.1 nobody\r\n";  // for one without recipients
  wires_.hosts["192.0.2.1"].rcpt["later@a.example"] = "450 4.2.2 mailbox is full\r\n";
  accept({"later@a.example"});
  start();
  core_.settle();
  EXPECT_EQ(waiting(), 1u);
  wires_.hosts["192.0.2.1"] = {};
  core_.advance(59s);
  EXPECT_EQ(wires_.sink.messages.size(), 0u);
  core_.advance(2s);
  EXPECT_EQ(wires_.sink.messages.size(), 1u);
  EXPECT_EQ(waiting(), 0u);
}

TEST_F(DispatcherTest, AServerThatTakesFewMessagesGetsMoreLines) {
  wires_.hosts["192.0.2.1"].most_messages = 2;  // then 421
  for (int i = 0; i < 10; ++i) accept({"x@a.example"});
  start();
  core_.advance(2min);
  EXPECT_EQ(wires_.sink.messages.size(), 10u);
  EXPECT_EQ(waiting(), 0u);
}

TEST_F(DispatcherTest, WhoCannotBeReachedForFiveDaysComesBackToTheSender) {
  accept({"x@dead.example"});
  start();
  core_.advance(std::chrono::hours(5 * 24 + 5));
  EXPECT_EQ(waiting(), 0u);
  ASSERT_GE(wires_.sink.messages.size(), 2u);  // a delay report, and the failure
  EXPECT_NE(wires_.sink.messages.back().find("dead.example"), std::string::npos);
}

TEST_F(DispatcherTest, WhoeverWaitsBehindADeadSiteIsToldAndGetsHisMailBackInTime) {
  for (int i = 0; i < 40; ++i) accept({"x@dead.example"});
  const Time accepted = core_.clock().now();
  start();
  core_.advance(std::chrono::hours(4) + 15min);
  // Everybody heard of the delay, though hardly any was tried.
  EXPECT_EQ(wires_.sink.messages.size(), 40u);
  for (const auto& listed : core_.run(queue_->list(QueueId{}, 1000, {})))
    EXPECT_TRUE(listed.entry.delay_told);
  core_.advance(accepted + std::chrono::hours(5 * 24 + 5) - core_.clock().now());
  EXPECT_EQ(wires_.sink.messages.size(), 80u);
  EXPECT_EQ(waiting(), 0u);
}

// Its answers may change.
class Changing final : public dns::Resolver {
 public:
  void say(dns::FixedNames names) { now_ = std::make_unique<dns::FixedResolver>(std::move(names)); }
  dns::Lookup<dns::Mx> mx(std::string name) override { return now_->mx(std::move(name)); }
  dns::Lookup<IpAddress> a(std::string name) override { return now_->a(std::move(name)); }
  dns::Lookup<IpAddress> aaaa(std::string name) override { return now_->aaaa(std::move(name)); }
  dns::Lookup<std::string> txt(std::string name) override { return now_->txt(std::move(name)); }
  dns::Lookup<std::string> ptr(IpAddress ip) override { return now_->ptr(ip); }
  dns::Lookup<dns::TlsaRecord> tlsa(std::string name) override { return now_->tlsa(std::move(name)); }

 private:
  std::unique_ptr<dns::Resolver> now_;
};

TEST_F(DispatcherTest, WhatTheDnsSaysOfADomainIsNotSaidOfOthersOfItsSite) {
  Changing names;
  names.say(names_);
  courier_ = std::make_unique<Courier>(names, wires_, tls_, *store_, options_);
  dispatcher_ =
      std::make_unique<Dispatcher>(*queue_, directory_, *local_, *courier_, *pacing_, *store_, core_.clock(),
                                   random_, DispatcherOptions{.our_name = "mail.here.example"});
  start();
  accept({"x@a.example", "y@c.example"});  // from now on both are of one site
  core_.advance(10min);                    // and what the DNS said is old
  names_.mx["a.example"] = {{0, ""}};      // no mail any more (RFC 7505)
  names.say(names_);
  wires_.sink.recipients.clear();
  accept({"x@a.example", "y@c.example"});
  core_.advance(10s);
  EXPECT_EQ(waiting(), 0u);
  // y has his mail, and the sender a report on x.
  const std::vector<std::vector<std::string>> had{{"y@c.example"}, {"me@live.example"}};
  EXPECT_TRUE(std::ranges::is_permutation(wires_.sink.recipients, had));
}

}  // namespace
}  // namespace postroad::delivery::testing
