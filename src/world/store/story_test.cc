#include "store/story.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "store/conformance.h"

namespace postroad::store {
namespace {

constexpr std::size_t keys = 24;

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  return (a ^ b * 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u + b;
}

}  // namespace

OpId Story::op_of(std::uint64_t number) const {
  SeededRandom random(mix(mix(seed_, partition_.id), number));
  return OpId::draw(random);
}

Story::Step Story::step(std::uint64_t number, const State& state) const {
  SeededRandom random(mix(mix(seed_, partition_.id + 1), number));
  Step step{.changes = {}, .op = op_of(number), .forget = std::nullopt, .emits = random.below(3) == 0};
  if (number > 4 && random.below(2)) step.forget = op_of(number - 4);
  const auto any_key = [&] { return fmt::format("key {:02}", random.below(keys)); };
  for (std::uint64_t i = 0, n = 1 + random.below(4); i < n; ++i) {
    const std::string key = any_key();
    if (step.changes.contains(key)) continue;
    const std::uint64_t what = random.below(10);
    Kept kept{.text = fmt::format("{} of {}", i, number), .version = number, .body = std::nullopt};
    if (what < 3) {
      kept.text.append(random.below(300), 'x');
    } else if (what < 6) {
      static constexpr std::size_t sizes[] = {0, 500, 8191, 8192, 10'000, 65'536, 65'537, 200'000};
      const std::size_t octets =
          std::min<std::size_t>(largest_body_, sizes[random.below(8)] + random.below(3));
      kept.body = Body{.seed = mix(seed_, number * 8 + i), .octets = octets, .blob = {}};
    } else if (what < 7) {
      const auto source = state.find(any_key());  // a copy: one blob, two references
      if (source == state.end() || !source->second.body || step.changes.contains(source->first)) continue;
      kept.body = source->second.body;
    } else {
      step.changes[key] = std::nullopt;
      continue;
    }
    step.changes[key] = std::move(kept);
  }
  return step;
}

void Story::apply(State& state, const Step& step, std::uint64_t number) {
  for (const auto& [key, kept] : step.changes) {
    if (kept) {
      state[key] = *kept;
      state[key].version = number;
    } else {
      state.erase(key);
    }
  }
}

// blob, seed and length of its body, text.
std::string Story::record(const Kept& kept) {
  const Body body = kept.body.value_or(Body{});
  std::string out;
  Writer(out).u8(kept.body ? 1 : 0).u64(body.blob.value()).u64(body.seed).u64(body.octets).raw(kept.text);
  return out;
}

std::optional<Batch> Story::next(Store& store, std::vector<std::unique_ptr<BlobWriter>>& writers) {
  pending_ = step(told_ + 1, state_);
  Batch batch(partition_);
  batch.op(pending_.op).expect_partition(Version{told_});
  if (pending_.forget) batch.forget(*pending_.forget);
  if (pending_.emits) batch.emit(fmt::format("{} {}", partition_.id, told_ + 1));
  for (auto& [key, kept] : pending_.changes) {
    if (const auto old = state_.find(key); old != state_.end() && old->second.body)
      batch.release(old->second.body->blob, key);
    if (!kept) {
      batch.remove(key);
      continue;
    }
    if (kept->body && kept->body->blob == BlobId{}) {
      auto writer = store.new_blob(kept->body->octets);
      writer->append(noise(kept->body->octets, kept->body->seed));
      const auto blob = driver_.run(writer->finish());
      if (!blob) return std::nullopt;
      kept->body->blob = *blob;
      writers.push_back(std::move(writer));
    }
    batch.put(key, record(*kept));
  }
  // After the releases: a copy may keep what its source gives up.
  for (const auto& [key, kept] : pending_.changes)
    if (kept && kept->body) batch.refer(kept->body->blob, key);
  return batch;
}

void Story::go_on() { apply(state_, pending_, ++told_); }

// `found` gets the blobs' names of this store.
std::string Story::differs(Store& store, const State& expected, State& found) const {
  const auto page = driver_.run(store.scan(partition_, {.limit = 10 * keys}));
  if (!page) return "the partition cannot be read";
  if (page->damaged) return "damaged entries";
  if (page->size() != expected.size())
    return fmt::format("{} keys, {} expected", page->size(), expected.size());
  for (const Entry& entry : *page) {
    const auto kept = expected.find(std::string(entry.key));
    if (kept == expected.end()) return fmt::format("'{}' should not be there", entry.key);
    if (entry.version.value() != kept->second.version)
      return fmt::format("'{}' is of version {}, not {}", entry.key, entry.version, kept->second.version);
    Reader in(entry.value);
    Kept is{.text = {}, .version = kept->second.version, .body = std::nullopt};
    const bool has_body = in.u8() != 0;
    Body body{.seed = 0, .octets = 0, .blob = BlobId{in.u64()}};
    body.seed = in.u64();
    body.octets = in.u64();
    is.text = in.rest();
    if (has_body) is.body = body;
    if (!in.ok() || is.text != kept->second.text || is.body != kept->second.body)
      return fmt::format("'{}' has another value", entry.key);
    if (has_body) {
      const auto octets = driver_.run(read_all(store, body.blob));
      if (!octets)
        return fmt::format("the body of '{}', {} octets, cannot be read: {}", entry.key, body.octets,
                           static_cast<int>(octets.error()));
      if (*octets != noise(body.octets, body.seed)) return fmt::format("the body of '{}' differs", entry.key);
    }
    found[kept->first] = std::move(is);
  }
  return {};
}

std::string Story::resume(Store& store, std::uint64_t at_least, std::uint64_t at_most) {
  const auto version = driver_.run(store.version(partition_));
  if (!version) return "its version cannot be read";
  if (version->value() < at_least) return fmt::format("at version {}, {} were promised", *version, at_least);
  if (version->value() > at_most) return fmt::format("at version {}, only {} were tried", *version, at_most);
  state_.clear();
  for (told_ = 0; told_ < version->value(); ++told_) apply(state_, step(told_ + 1, state_), told_ + 1);
  State found;
  if (auto wrong = differs(store, state_, found); !wrong.empty())
    return fmt::format("at version {}: {}", told_, wrong);
  state_ = std::move(found);
  // The last commits can still be asked for.
  for (std::uint64_t n = told_ > 3 ? told_ - 3 : 1; n <= told_ + 1; ++n) {
    const auto outcome = driver_.run(store.outcome(partition_, op_of(n)));
    if (!outcome || *outcome != (n <= told_ ? std::optional(Version{n}) : std::nullopt))
      return fmt::format("at version {}: the outcome of commit {} is {}", told_, n,
                         outcome ? std::to_string(outcome->value_or(Version{}).value()) : "not readable");
  }
  return {};
}

namespace {

class Stories : public Conformance {};
INSTANTIATE_TEST_SUITE_P(Engines, Stories, testing::ValuesIn(subject_kinds()),
                         [](const auto& info) { return info.param.name; });

TEST_P(Stories, AreFoundAsTheyWereToldAfterEveryRestart) {
  Driver driver(&runtime_);
  std::vector<Story> stories;
  for (std::uint64_t id = 1; id <= 3; ++id) stories.emplace_back(driver, 7, Partition{Realm::Account, id});
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 40; ++i) {
      for (auto& story : stories) {
        std::vector<std::unique_ptr<BlobWriter>> writers;
        auto batch = story.next(store(), writers);
        ASSERT_TRUE(batch);
        ASSERT_TRUE(commit(std::move(*batch)));
        story.go_on();
      }
      if (i % 8 == 0) subject_->tend();
    }
    if (round % 2) subject_->reopen();
    for (auto& story : stories) EXPECT_EQ(story.resume(store(), story.told(), story.told()), "");
  }
}

}  // namespace
}  // namespace postroad::store
