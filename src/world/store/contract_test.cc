// The contract, point by point, against every engine.
#include <fmt/format.h>

#include <set>

#include "store/conformance.h"

namespace postroad::store {
namespace {

constexpr Partition alice{Realm::Account, 1};
constexpr Partition bob{Realm::Account, 2};

class Contract : public Conformance {};
INSTANTIATE_TEST_SUITE_P(Engines, Contract, testing::ValuesIn(subject_kinds()),
                         [](const auto& info) { return info.param.name; });

Batch put(Partition partition, std::string_view key, std::string_view value) {
  Batch batch(partition);
  batch.put(key, value);
  return batch;
}

TEST_P(Contract, WhatIsCommittedIsReadWithItsVersion) {
  const auto first = commit(put(alice, "a", "1"));
  EXPECT_EQ(first.outcome, Outcome::Committed);
  EXPECT_EQ(first.version, Version{1});
  EXPECT_EQ(commit(put(alice, "b", "2")).version, Version{2});
  EXPECT_EQ(get(alice, "a")->octets, "1");
  EXPECT_EQ(get(alice, "a")->version, Version{1});
  EXPECT_EQ(get(alice, "b")->version, Version{2});
  EXPECT_FALSE(get(alice, "c"));
  EXPECT_EQ(*run(store().version(alice)), Version{2});
}

TEST_P(Contract, PartitionsDoNotSeeEachOther) {
  commit(put(alice, "k", "alice"));
  commit(put(bob, "k", "bob"));
  commit(put({Realm::Queue, 1}, "k", "queue"));
  EXPECT_EQ(get(alice, "k")->octets, "alice");
  EXPECT_EQ(get(bob, "k")->octets, "bob");
  EXPECT_EQ(scan(alice).size(), 1u);
  EXPECT_EQ(*run(store().version(bob)), Version{1});
  EXPECT_EQ(*run(store().version({Realm::Account, 3})), Version{0});
}

TEST_P(Contract, WhatIsCommittedIsThereAfterARestart) {
  std::unique_ptr<BlobWriter> writer;
  const std::string small = "a small body", middle = noise(10'000, 1), large = noise(300'000, 2);
  const BlobId a = keep(alice, small, "a"), b = keep(alice, middle, "b"), c = keep(alice, large, "c");
  commit(put(alice, "k", "v"));
  subject_->reopen();
  EXPECT_EQ(get(alice, "k")->octets, "v");
  EXPECT_EQ(*run(store().version(alice)), Version{4});
  EXPECT_EQ(read_blob(a), small);
  EXPECT_EQ(read_blob(b), middle);
  EXPECT_EQ(read_blob(c), large);
}

TEST_P(Contract, AnExpectationThatFailsChangesNothing) {
  commit(put(alice, "k", "1"));
  Batch batch = put(alice, "k", "2");
  batch.remove("other").expect_version("k", Version{1}).expect_absent("x").expect_partition(Version{7});
  const auto refused = commit(std::move(batch));
  EXPECT_EQ(refused.outcome, Outcome::Conflict);
  EXPECT_EQ(refused.expect, 2u);
  EXPECT_EQ(refused.version, Version{1});
  EXPECT_EQ(get(alice, "k")->octets, "1");
  EXPECT_EQ(*run(store().version(alice)), Version{1});
}

TEST_P(Contract, KeysAreExpectedAbsentOrOfAVersion) {
  const auto create = [&] { return commit(std::move(put(alice, "k", "1").expect_absent("k"))).outcome; };
  EXPECT_EQ(create(), Outcome::Committed);
  EXPECT_EQ(create(), Outcome::Conflict);
  const auto update = [&](std::uint64_t v) {
    return commit(std::move(put(alice, "k", "2").expect_version("k", Version{v}))).outcome;
  };
  EXPECT_EQ(update(1), Outcome::Committed);
  EXPECT_EQ(update(1), Outcome::Conflict);
  EXPECT_EQ(update(2), Outcome::Committed);
  Batch remove(alice);
  remove.remove("k").expect_version("missing", Version{1});
  EXPECT_EQ(commit(std::move(remove)).outcome, Outcome::Conflict);
  commit(std::move(Batch(alice).remove("k")));
  EXPECT_EQ(create(), Outcome::Committed);
}

TEST_P(Contract, AWrongLeaseIsFenced) {
  EXPECT_EQ(commit(std::move(put(alice, "k", "1").expect_lease(store().lease()))).outcome,
            Outcome::Committed);
  const LeaseToken before = store().lease();
  subject_->reopen();
  EXPECT_GT(store().lease(), before);
  EXPECT_EQ(commit(std::move(put(alice, "k", "2").expect_lease(before))).outcome, Outcome::Fenced);
  EXPECT_EQ(get(alice, "k")->octets, "1");
}

TEST_P(Contract, CommitsSubmittedInOrderTakeEffectInOrder) {
  auto chain = [](Store& store, std::vector<CommitResult>& results) -> net::task<void> {
    net::Later<void> all;
    auto completer = all.completer();
    for (std::uint64_t i = 0; i < 100; ++i) {
      Batch batch = put(alice, "k", std::to_string(i));
      batch.expect_partition(Version{i});
      store.submit(std::move(batch),
                   [&results, i, completer = i == 99 ? std::move(completer) : net::Completer<void>()](
                       CommitResult result) mutable {
                     EXPECT_EQ(results.size(), i);
                     results.push_back(result);
                     if (completer) completer.complete();
                   });
    }
    co_await all;
  };
  std::vector<CommitResult> results;
  run(chain(store(), results));
  ASSERT_EQ(results.size(), 100u);
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_EQ(results[i].version, Version{i + 1});
  EXPECT_EQ(get(alice, "k")->octets, "99");
}

TEST_P(Contract, WhenOneOfAChainFailsThoseAfterItFail) {
  auto chain = [](Store& store, std::vector<Outcome>& outcomes) -> net::task<void> {
    net::Later<void> all;
    auto completer = all.completer();
    for (std::uint64_t i = 0; i < 10; ++i) {
      Batch batch = put(alice, "k", std::to_string(i));
      batch.expect_partition(Version{i});
      if (i == 4) batch.expect_version("never", Version{1});
      store.submit(std::move(batch),
                   [&outcomes, completer = i == 9 ? std::move(completer)
                                                  : net::Completer<void>()](CommitResult result) mutable {
                     outcomes.push_back(result.outcome);
                     if (completer) completer.complete();
                   });
    }
    co_await all;
  };
  std::vector<Outcome> outcomes;
  run(chain(store(), outcomes));
  for (std::size_t i = 0; i < 10; ++i)
    EXPECT_EQ(outcomes[i], i < 4 ? Outcome::Committed : Outcome::Conflict) << i;
  EXPECT_EQ(get(alice, "k")->octets, "3");
}

TEST_P(Contract, ACommitThatIsRepeatedChangesNothing) {
  const OpId op = OpId::draw();
  const auto first = commit(std::move(put(alice, "k", "1").op(op)));
  commit(put(alice, "k", "2"));
  const auto again = commit(std::move(put(alice, "k", "1").op(op)));
  EXPECT_EQ(again.outcome, Outcome::Committed);
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.version, first.version);
  EXPECT_EQ(get(alice, "k")->octets, "2");
  // Another partition knows nothing of it.
  EXPECT_FALSE(commit(std::move(put(bob, "k", "1").op(op))).repeated);
}

TEST_P(Contract, AnOutcomeIsRememberedUntilItIsForgotten) {
  const OpId op = OpId::draw();
  EXPECT_EQ(*run(store().outcome(alice, op)), std::nullopt);
  commit(std::move(put(alice, "k", "1").op(op)));
  subject_->reopen();
  EXPECT_EQ(*run(store().outcome(alice, op)), Version{1});
  commit(std::move(Batch(alice).forget(op)));
  EXPECT_EQ(*run(store().outcome(alice, op)), std::nullopt);
  EXPECT_FALSE(commit(std::move(put(alice, "k", "3").op(op))).repeated);
}

TEST_P(Contract, TheLastOperationOnAKeyWins) {
  Batch batch(alice);
  batch.put("a", "1").remove("a").put("b", "1").put("b", "2").remove("c");
  EXPECT_EQ(commit(std::move(batch)).outcome, Outcome::Committed);
  EXPECT_FALSE(get(alice, "a"));
  EXPECT_EQ(get(alice, "b")->octets, "2");
}

TEST_P(Contract, ScansAreOrderedBoundedAndGoBothWays) {
  Batch batch(alice);
  const std::string high("\xff\xff", 2), zero("\0", 1);
  for (const auto& key :
       {std::string("b"), std::string("a"), high, std::string("c"), zero, std::string("ab"), std::string()})
    batch.put(key, "value of " + key);
  commit(std::move(batch));
  commit(put(bob, "a", "not hers"));

  const auto keys = [&](Range range) {
    std::vector<std::string> found;
    for (const Entry& entry : scan(alice, range)) {
      EXPECT_EQ(entry.value, "value of " + std::string(entry.key));
      EXPECT_EQ(entry.version, Version{1});
      found.emplace_back(entry.key);
    }
    return found;
  };
  using Keys = std::vector<std::string>;
  EXPECT_EQ(keys({}), (Keys{"", zero, "a", "ab", "b", "c", high}));
  EXPECT_EQ(keys({.reverse = true}), (Keys{high, "c", "b", "ab", "a", zero, ""}));
  EXPECT_EQ(keys({.from = "a", .to = "b"}), (Keys{"a", "ab"}));
  EXPECT_EQ(keys({.from = "a", .to = "b", .reverse = true}), (Keys{"ab", "a"}));
  EXPECT_EQ(keys({.from = "aa", .limit = 2}), (Keys{"ab", "b"}));
  EXPECT_EQ(keys({.to = "b", .limit = 2, .reverse = true}), (Keys{"ab", "a"}));
  EXPECT_EQ(keys(Range::prefix("a")), (Keys{"a", "ab"}));
  EXPECT_EQ(keys(Range::prefix("\xff")), (Keys{high}));
  EXPECT_EQ(keys({.from = "d", .to = "e"}), Keys{});
  EXPECT_TRUE(scan(alice, {.limit = 6}).more);
  EXPECT_FALSE(scan(alice, {.limit = 7}).more);
  EXPECT_EQ(scan(alice, {.limit = 1}).version, Version{1});
  EXPECT_EQ(scan({Realm::Account, 9}).version, Version{0});
}

TEST_P(Contract, APageEndsWhereItIsFullButHoldsOneEntry) {
  Batch batch(alice);
  for (char c : std::string("abcd")) batch.put(std::string(1, c), std::string(10'000, c));
  commit(std::move(batch));
  const Page page = scan(alice, {.octets = 25'000});
  EXPECT_EQ(page.size(), 2u);
  EXPECT_TRUE(page.more);
  EXPECT_EQ(scan(alice, {.octets = 1}).size(), 1u);
}

TEST_P(Contract, TheLargestKeysAndValuesAreKept) {
  const std::string key = noise(key_limit, 1), value = noise(value_limit, 2);
  commit(put(alice, key, value));
  EXPECT_EQ(get(alice, key)->octets, value);
}

TEST_P(Contract, PartitionsOfARealmAreListedInOrder) {
  for (std::uint64_t id : {UINT64_MAX, std::uint64_t{1}, std::uint64_t{256}, std::uint64_t{2}})
    commit(put({Realm::Tenant, id}, "k", "v"));
  commit(put(alice, "k", "v"));
  const auto ids = [&](std::uint64_t from, std::size_t limit) {
    std::vector<std::uint64_t> found;
    for (const auto& partition : *run(store().partitions(Realm::Tenant, from, limit)))
      found.push_back(partition.id);
    return found;
  };
  EXPECT_EQ(ids(0, 10), (std::vector<std::uint64_t>{1, 2, 256, UINT64_MAX}));
  EXPECT_EQ(ids(2, 2), (std::vector<std::uint64_t>{2, 256}));
}

TEST_P(Contract, FamiliesKeepKeysApartAndAreDroppedAsAWhole) {
  const Family week = *run(store().family("ledger.2026w47"));
  EXPECT_EQ(*run(store().family("ledger.2026w47")), week);
  Batch batch(alice);
  batch.put("k", "here").put("k", "there", week).put("only", "there", week);
  commit(std::move(batch));
  EXPECT_EQ(get(alice, "k")->octets, "here");
  EXPECT_EQ(get(alice, "k", week)->octets, "there");
  EXPECT_EQ(scan(alice, {}, week).size(), 2u);
  EXPECT_EQ(scan(alice, {}, week).version, Version{1});
  EXPECT_EQ(commit(std::move(Batch(alice).remove("x").expect_absent("only"))).outcome, Outcome::Committed);
  EXPECT_EQ(commit(std::move(Batch(alice).remove("x").expect_absent("only", week))).outcome,
            Outcome::Conflict);

  subject_->reopen();
  EXPECT_EQ(store().families(), (std::vector<std::string>{"ledger.2026w47"}));
  const Family again = *run(store().family("ledger.2026w47"));
  EXPECT_EQ(get(alice, "k", again)->octets, "there");

  EXPECT_EQ(run(store().drop_family("ledger.2026w47")), Outcome::Committed);
  EXPECT_EQ(commit(std::move(Batch(alice).put("k", "v", again))).outcome, Outcome::Conflict);
  EXPECT_FALSE(get(alice, "k", again));
  EXPECT_EQ(scan(alice, {}, again).size(), 0u);
  EXPECT_TRUE(store().families().empty());
  EXPECT_EQ(get(alice, "k")->octets, "here");
  const Family anew = *run(store().family("ledger.2026w47"));
  EXPECT_FALSE(get(alice, "k", anew));
}

TEST_P(Contract, AWatcherHearsOfCommitsToItsPartition) {
  auto watch = [](Store& store) -> net::task<int> {
    int calls = 0;
    net::Signal changed;
    auto watching = store.watch(alice, [&] { ++calls, changed.notify(); });
    co_await store.commit(put(bob, "k", "v"));
    co_await store.commit(put(alice, "k", "v"));
    co_await changed;
    watching.reset();
    co_await store.commit(put(alice, "k", "v"));
    co_return calls;
  };
  EXPECT_EQ(run(watch(store())), 1);
}

TEST_P(Contract, WhatCommitsEmitComesOutInTheirOrderAndIsTrimmed) {
  const auto outbox = [&](std::uint64_t after, std::size_t limit = 100) {
    std::string all;
    for (const auto& entry : *run(store().outbox(after, limit)))
      all += fmt::format("{}:{}:{} ", entry.number, entry.partition.id, entry.octets);
    return all;
  };
  EXPECT_EQ(outbox(0), "");
  commit(std::move(Batch(alice).emit("a").emit("b")));
  commit(std::move(Batch(bob).emit("c").expect_absent("k")));
  EXPECT_EQ(commit(std::move(Batch(bob).emit("never").expect_version("k", Version{1}))).outcome,
            Outcome::Conflict);
  commit(std::move(Batch(alice).emit("d")));
  EXPECT_EQ(outbox(0), "1:1:a 1:1:b 2:2:c 3:1:d ");
  EXPECT_EQ(outbox(0, 1), "1:1:a 1:1:b ");
  EXPECT_EQ(outbox(1, 1), "2:2:c ");
  commit(std::move(Batch({Realm::Ledger, 1}).trim_outbox(1)));
  EXPECT_EQ(outbox(0), "2:2:c 3:1:d ");
  subject_->reopen();
  EXPECT_EQ(outbox(1), "2:2:c 3:1:d ");
  commit(std::move(Batch({Realm::Ledger, 1}).trim_outbox(3)));
  EXPECT_EQ(outbox(0), "");
  subject_->reopen();
  commit(std::move(Batch(alice).emit("e")));
  EXPECT_EQ(outbox(0), "4:1:e ");
  commit(std::move(Batch({Realm::Ledger, 1}).trim_outbox(1'000'000)));
  commit(std::move(Batch(alice).emit("f")));
  EXPECT_EQ(outbox(3), "5:1:f ");
}

TEST_P(Contract, MoreThanARecordHoldsIsEmittedInSeveral) {
  const std::string large(60'000, 'x');
  Batch batch(alice);
  for (int n = 0; n < 5; ++n) batch.emit(large + std::to_string(n));
  commit(std::move(batch));
  const auto entries = *run(store().outbox(0, 100));
  ASSERT_EQ(entries.size(), 5u);
  for (std::size_t n = 0; n < entries.size(); ++n) EXPECT_EQ(entries[n].octets, large + std::to_string(n));
  EXPECT_LT(entries.front().number, entries.back().number);
  commit(std::move(Batch({Realm::Ledger, 1}).trim_outbox(entries[1].number)));
  EXPECT_EQ(run(store().outbox(0, 100))->size(), 3u);
}

TEST_P(Contract, TheReaderOfTheOutboxIsWoken) {
  auto watch = [](Store& store) -> net::task<void> {
    net::Signal emitted;
    auto watching = store.watch_outbox([&] { emitted.notify(); });
    co_await store.commit(std::move(Batch(alice).emit("a")));
    co_await emitted;
  };
  run(watch(store()));
}

TEST_P(Contract, EveryPartitionHasOneOwner) {
  std::set<unsigned> owners;
  for (std::uint64_t id = 1; id < 100; ++id) {
    const Partition partition{Realm::Account, id};
    const unsigned owner = store().owner(partition);
    ASSERT_LT(owner, 2u);
    owners.insert(owner);
    auto here = [](Store& s, Partition p) -> net::task<bool> { co_return s.owned_here(p); };
    EXPECT_TRUE(run(owner, here(store(), partition)));
    EXPECT_FALSE(run(1 - owner, here(store(), partition)));
  }
  EXPECT_EQ(owners.size(), 2u);
}

// --- Blobs
// -----------------------------------------------------------------------------------------------------

TEST_P(Contract, ABlobIsReadAsItWasWrittenHoweverLarge) {
  std::uint64_t seed = 0;
  for (std::size_t octets :
       {0u, 1u, 2049u, 8191u, 8192u, 8193u, 65'535u, 65'536u, 65'537u, 131'072u, 1'000'000u, 3'000'000u}) {
    const std::string body = noise(octets, ++seed);
    std::unique_ptr<BlobWriter> writer;
    const BlobId id = write(body, writer);
    EXPECT_EQ(read_blob(id), body) << octets << ", before its commit";
    commit(std::move(Batch(alice).refer(id, "k" + std::to_string(octets))));
    EXPECT_EQ(read_blob(id), body) << octets << ", while its writer lives";
    writer.reset();
    EXPECT_EQ(read_blob(id), body) << octets;
  }
}

TEST_P(Contract, HoweverItsPiecesComeABlobIsTheSame) {
  const std::string body = noise(400'000, 7);
  for (std::size_t piece : {1'000u, 65'536u, 70'000u, 399'999u}) {
    auto writer = store().new_blob(piece % 2 ? body.size() : 0);
    for (std::size_t at = 0; at < body.size(); at += piece) {
      writer->append(std::string_view(body).substr(at, piece));
      EXPECT_TRUE(run(writer->drain()));
    }
    EXPECT_EQ(writer->octets(), body.size());
    const BlobId id = *run(writer->finish());
    commit(std::move(Batch(alice).refer(id, "k")));
    EXPECT_EQ(read_blob(id), body) << piece;
  }
}

TEST_P(Contract, ABlobIsReadFromAnyPlace) {
  const std::string body = noise(200'000, 8);
  const BlobId id = keep(alice, body, "k");
  auto read = [](Store& store, BlobId blob, std::uint64_t at) -> net::task<std::string> {
    auto reader = *co_await store.open_blob(blob);
    co_return std::string(*co_await reader->read(at));
  };
  for (std::uint64_t at : {0u, 1u, 65'535u, 65'536u, 131'073u, 199'999u}) {
    const std::string piece = run(read(store(), id, at));
    EXPECT_FALSE(piece.empty());
    EXPECT_EQ(piece, body.substr(at, piece.size()));
  }
  EXPECT_EQ(run(read(store(), id, 200'000)), "");
  EXPECT_EQ(run(read(store(), id, UINT64_MAX)), "");
}

TEST_P(Contract, ABlobThatNoCommitNamedIsGoneWithItsWriter) {
  for (std::size_t octets : {100u, 10'000u, 500'000u}) {
    std::unique_ptr<BlobWriter> writer;
    const BlobId id = write(noise(octets, 1), writer);
    writer.reset();
    EXPECT_EQ(read_blob(id), refuse(BlobError::NoSuchBlob));
    const auto result = commit(std::move(Batch(alice).refer(id, "k")));
    EXPECT_EQ(result.outcome, Outcome::Conflict);
    EXPECT_EQ(result.expect, Batch::no_such_blob);
  }
  EXPECT_EQ(*run(store().version(alice)), Version{0});
}

TEST_P(Contract, ACommitUnderWayKeepsTheBlobItNames) {
  auto race = [](Store& store) -> net::task<std::pair<CommitResult, BlobId>> {
    auto writer = store.new_blob();
    writer->append(noise(10'000, 3));
    const BlobId id = *co_await writer->finish();
    net::Later<CommitResult> later;
    store.submit(std::move(Batch(alice).refer(id, "k")),
                 [c = later.completer()](CommitResult result) mutable { c.complete(result); });
    writer.reset();
    co_return std::pair(co_await later, id);
  };
  const auto [result, id] = run(race(store()));
  EXPECT_EQ(result.outcome, Outcome::Committed);
  EXPECT_EQ(read_blob(id), noise(10'000, 3));
}

TEST_P(Contract, OneBodyServesCommitsInSeveralPartitions) {
  std::unique_ptr<BlobWriter> writer;
  for (std::size_t octets : {100u, 10'000u, 200'000u}) {
    const std::string body = noise(octets, octets);
    const BlobId id = write(body, writer);
    EXPECT_TRUE(commit(std::move(Batch(alice).refer(id, "k"))));
    EXPECT_TRUE(commit(std::move(Batch(bob).refer(id, "k"))));
    commit(std::move(Batch(alice).release(id, "k")));
    writer.reset();
    subject_->tend();
    EXPECT_EQ(read_blob(id), body);
  }
}

TEST_P(Contract, NamesOfBlobsAreNeverGivenTwice) {
  std::set<BlobId> seen;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 50; ++i) {
      std::unique_ptr<BlobWriter> writer;
      EXPECT_TRUE(seen.insert(write("body", writer)).second);
      if (i % 3 == 0) commit(std::move(Batch(alice).refer(*seen.rbegin(), "k")));
    }
    subject_->reopen();
  }
}

}  // namespace
}  // namespace postroad::store
