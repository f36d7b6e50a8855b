// Story: what one partition goes through in the tests that crash the store, the same for one seed.
//
// Commit number n of a story is a function of (seed, partition, n) and of the state before it, so that
// whoever finds a store at version n can tell what must be in it, whichever process or disk it was written
// on. Bodies of all sizes are written, copied, replaced and erased on the way.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "store/conformance.h"
#include "store/store.h"

namespace postroad::store {

class Story {
 public:
  Story(Driver& driver, std::uint64_t seed, Partition partition, std::size_t largest_body = 200'000)
      : driver_(driver), seed_(seed), partition_(partition), largest_body_(largest_body) {}

  Partition partition() const { return partition_; }
  // Versions told so far; the next commit makes one more.
  std::uint64_t told() const { return told_; }

  // The next commit. Writes the bodies it names; `writers` must live until the commit is answered. Nothing if
  // a body was refused: then the story stands where it stood.
  std::optional<Batch> next(Store& store, std::vector<std::unique_ptr<BlobWriter>>& writers);
  // It was committed.
  void go_on();

  // Compares the store with what a story must be at some version in [at_least, at_most]; goes on from there.
  // Answers what is wrong, or nothing.
  std::string resume(Store& store, std::uint64_t at_least, std::uint64_t at_most);

 private:
  struct Body {
    std::uint64_t seed = 0;
    std::size_t octets = 0;
    BlobId blob{};  // as this store named it
    friend bool operator==(const Body& a, const Body& b) { return a.seed == b.seed && a.octets == b.octets; }
  };
  struct Kept {
    std::string text;
    std::uint64_t version = 0;
    std::optional<Body> body;
  };
  using State = std::map<std::string, Kept>;
  struct Step {
    std::map<std::string, std::optional<Kept>> changes;  // nothing: removed
    OpId op;
    std::optional<OpId> forget;
    bool emits = false;
  };

  Step step(std::uint64_t number, const State& state) const;
  OpId op_of(std::uint64_t number) const;
  static void apply(State& state, const Step& step, std::uint64_t number);
  static std::string record(const Kept& kept);
  std::string differs(Store& store, const State& expected, State& found) const;

  Driver& driver_;
  const std::uint64_t seed_;
  const Partition partition_;
  const std::size_t largest_body_;
  State state_;
  Step pending_;
  std::uint64_t told_ = 0;
};

}  // namespace postroad::store
