#include "ledger/ledger.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <thread>

#include "ledger/block.h"
#include "ledger/codec.h"
#include "net/runtime.h"
#include "net/task_group.h"
#include "store/embedded.h"

namespace postroad::ledger {
namespace {

constexpr store::Partition some_account{store::Realm::Account, 7};

class LedgerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/postroad-ledger-XXXXXX";
    folder_ = mkdtemp(name);
    runtime_.start();
    open();
  }
  void TearDown() override {
    ledger_.reset();
    runtime_.stop();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void open() {
    ledger_.reset();
    store_.reset();
    store_ = std::move(*store::open_embedded({.data = folder_, .cores = 1}));
    ledger_ = run(Ledger::open(*store_, clock_, options_));
  }
  template <class T>
  T run(net::task<T> task) {
    return net::block_on(runtime_.core(0), std::move(task));
  }
  void commit(std::vector<Event> events, store::Partition partition = some_account) {
    store::Batch batch(partition);
    batch.put("k", "v");
    for (const Event& event : events) record(batch, event);
    ASSERT_TRUE(run(store_->commit(std::move(batch))));
  }
  Event event(Type type, std::uint64_t id, std::string_view recipient = "bob@demo.test") {
    Event e{.type = type, .at = clock_.now(), .tenant = TenantId{1}, .queue_id = QueueId{id}};
    e.with(Field::Recipient, recipient).with(Field::Octets, std::uint64_t{100});
    return e;
  }
  std::vector<Event> find(Query query) {
    auto found = run(ledger_->find(std::move(query)));
    EXPECT_TRUE(found);
    return std::move(*found);
  }
  void expect_counters_equal_recount() {
    const auto counted = run(ledger_->counters(0, UINT32_MAX, std::nullopt));
    const auto recounted = run(ledger_->recount(0, UINT32_MAX, std::nullopt));
    ASSERT_TRUE(counted && recounted);
    EXPECT_EQ(*counted, *recounted);
  }

  std::string folder_;
  net::Runtime runtime_{1};
  ManualClock clock_{Time{std::chrono::days{20'500}}};
  Options options_;
  std::unique_ptr<store::EmbeddedStore> store_;
  std::unique_ptr<Ledger> ledger_;
};

TEST(Event, SurvivesTheWayToTheDiskAndBack) {
  Event e{.type = Type::Relayed,
          .at = time_of_micros(123'456'789),
          .tenant = TenantId{300},
          .queue_id = QueueId{99}};
  e.with(Field::Host, "mx.example").with(Field::Reply, std::string("a\0b", 3));
  const auto back = decode(encode(e));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->type, e.type);
  EXPECT_EQ(back->at, e.at);
  EXPECT_EQ(back->tenant, e.tenant);
  EXPECT_EQ(back->queue_id, e.queue_id);
  EXPECT_EQ(back->fields, e.fields);
  const std::string octets = encode(e);
  for (std::size_t n = 0; n < octets.size(); ++n) {
    const auto cut = decode(octets.substr(0, n));
    EXPECT_TRUE(!cut || cut->fields.size() < e.fields.size()) << n;
  }
}

TEST(Index, AnAddressIsFoundHoweverItIsWritten) {
  for (const char* written : {"Bob@Example.COM", "a.b+c_d=e@x-y.example", "\"two words\"@example.com",
                              "bob@[192.0.2.1]", "bob@[IPv6:2001:db8::1]",
                              "gr\xc3\x9c\xc3\x9f"
                              "e@example.com"}) {
    const auto address = Address::parse(written);
    ASSERT_TRUE(address) << written;
    Event event;
    event.with(Field::Recipient, address->text());
    std::vector<std::string> prefixes;
    each_index_prefix(event, [&](std::string prefix) { prefixes.push_back(std::move(prefix)); });
    EXPECT_EQ(prefixes, std::vector{prefix_of_recipient(*address)}) << written;
    EXPECT_TRUE(matches({.recipient = *address}, event)) << written;
  }
}

TEST_F(LedgerTest, WhatWasCommittedIsFoundByEveryName) {
  Event accepted = event(Type::Accepted, 5);
  accepted.with(Field::MessageId, "<m1@example>").with(Field::Sender, "Alice@Example.org");
  commit({accepted, event(Type::Delivered, 5)});
  commit({event(Type::Accepted, 6, "carol@demo.test")}, {store::Realm::Queue, 3});
  EXPECT_EQ(find({.queue_id = QueueId{5}}).size(), 2u);
  EXPECT_EQ(find({.message_id = "m1@example"}).size(), 1u);
  EXPECT_EQ(find({.recipient = *Address::parse("BOB@demo.test")}).size(), 2u);
  EXPECT_EQ(find({.sender = *Address::parse("alice@example.org")}).size(), 1u);
  EXPECT_EQ(find({.queue_id = QueueId{6}})[0].get(Field::Recipient), "carol@demo.test");
  EXPECT_TRUE(find({.queue_id = QueueId{7}}).empty());
  EXPECT_TRUE(find({.queue_id = QueueId{5}, .tenant = TenantId{2}}).empty());
}

TEST_F(LedgerTest, ARefusedCommitTellsNothing) {
  store::Batch batch(some_account);
  batch.put("k", "v").expect_version("k", store::Version{99});
  record(batch, event(Type::Accepted, 1));
  EXPECT_FALSE(run(store_->commit(std::move(batch))));
  EXPECT_TRUE(find({.queue_id = QueueId{1}}).empty());
}

TEST_F(LedgerTest, HistoryComesInTheOrderItHappened) {
  for (const Type type : {Type::Accepted, Type::Deferred, Type::Deferred, Type::Relayed}) {
    commit({event(type, 9)});
    clock_.advance(std::chrono::hours(30));  // over days, blocks and weeks
  }
  const auto history = find({.queue_id = QueueId{9}});
  ASSERT_EQ(history.size(), 4u);
  EXPECT_EQ(history[0].type, Type::Accepted);
  EXPECT_EQ(history[3].type, Type::Relayed);
}

TEST_F(LedgerTest, CountersEqualARecountWhereverItIsStoppedAndStarted) {
  SeededRandom random(3);
  for (int round = 0; round < 8; ++round) {
    for (int i = 0; i < 300; ++i) {
      Event e = event(static_cast<Type>(1 + random.below(15)), 1 + random.below(1000));
      e.tenant = TenantId{static_cast<std::uint32_t>(1 + random.below(3))};
      if (random.below(2)) e.with(Field::Provider, random.below(2) ? "local" : "example.org");
      commit({e}, {store::Realm::Account, random.below(20)});
      if (random.below(50) == 0) clock_.advance(std::chrono::minutes(25));
    }
    if (round % 2) ASSERT_TRUE(run(ledger_->settle()));
    if (round % 3 == 0) open();  // with events folded and not
    expect_counters_equal_recount();
  }
  std::uint64_t total = 0;
  const auto counters = run(ledger_->counters(0, UINT32_MAX, std::nullopt));
  for (const auto& [key, counts] : *counters)
    for (const auto& [type, count] : counts) total += count.events;
  EXPECT_EQ(total, 2400u);
}

TEST_F(LedgerTest, RetentionForgetsWhatIsOldAndRefusalsSooner) {
  commit({event(Type::Accepted, 1), event(Type::Refused, 2)});
  ASSERT_TRUE(run(ledger_->settle()));
  clock_.advance(std::chrono::days(20));
  ASSERT_TRUE(run(ledger_->prune()));
  EXPECT_EQ(find({.queue_id = QueueId{1}}).size(), 1u);
  EXPECT_TRUE(find({.queue_id = QueueId{2}}).empty());
  clock_.advance(std::chrono::days(100));
  ASSERT_TRUE(run(ledger_->prune()));
  EXPECT_TRUE(find({.queue_id = QueueId{1}}).empty());
  EXPECT_TRUE(store_->families().empty());
}

TEST_F(LedgerTest, TheFolderFoldsByItself) {
  net::TaskGroup group(runtime_.core(0), [](std::exception_ptr) {});
  std::promise<void> spawned;
  runtime_.core(0).post([&] { group.spawn(ledger_->run()), spawned.set_value(); });
  spawned.get_future().wait();
  commit({event(Type::Accepted, 1)});
  for (int i = 0; i < 500 && ledger_->status().folded < 1; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(ledger_->status().folded, 1u);
  std::promise<void> ended;
  runtime_.core(0).post([&] { group.cancel(), ended.set_value(); });
  ended.get_future().wait();
  auto join = [](net::TaskGroup& g) -> net::task<void> { co_await g.join(); };
  run(join(group));
}

}  // namespace
}  // namespace postroad::ledger
