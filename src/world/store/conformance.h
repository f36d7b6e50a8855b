// What every engine behind the contract must do: the tests of contract_test.cc, history_test.cc and their kin
// run against each subject that is registered here. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/manual_core.h"
#include "net/runtime.h"
#include "store/store.h"

namespace postroad::store {

// One store, wherever its engine keeps it; closed and opened again at will.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual Store& store() = 0;
  virtual void reopen() = 0;  // ends the engine in order and opens what it left
  // One round of background work, with all graces and delays over.
  virtual void tend() = 0;
};

struct SubjectKind {
  std::string name;
  std::function<std::unique_ptr<Subject>()> make;
};
std::vector<SubjectKind> subject_kinds();

class Conformance : public testing::TestWithParam<SubjectKind> {
 protected:
  void SetUp() override {
    runtime_.start();
    subject_ = GetParam().make();
  }
  void TearDown() override {
    subject_.reset();
    runtime_.stop();
  }
  Store& store() { return subject_->store(); }

  // On core 0; for tests that need another, run(core, task).
  template <class T>
  T run(net::task<T> task) {
    return net::block_on(runtime_.core(0), std::move(task));
  }
  template <class T>
  T run(unsigned core, net::task<T> task) {
    return net::block_on(runtime_.core(core), std::move(task));
  }

  CommitResult commit(Batch batch) { return run(store().commit(std::move(batch))); }
  std::optional<Value> get(Partition partition, const std::string& key, Family family = {});
  Page scan(Partition partition, Range range = {}, Family family = {});
  // A finished blob; `writer` keeps it until it is named.
  BlobId write(std::string_view octets, std::unique_ptr<BlobWriter>& writer);
  // Written and named by a commit of its own.
  BlobId keep(Partition partition, std::string_view octets, std::string_view by);
  Result<std::string, BlobError> read_blob(BlobId id);

  net::Runtime runtime_{2};
  std::unique_ptr<Subject> subject_;
};

// Runs tasks to their end from a thread that is no core's: on a core of the runtime, or without one on a
// ManualCore, which suits a store without threads.
class Driver {
 public:
  explicit Driver(net::Runtime* runtime = nullptr) : runtime_(runtime) {}
  template <class T>
  T run(net::task<T> task) {
    if (runtime_) return net::block_on(runtime_->core(0), std::move(task));
    return net::ManualCore().run(std::move(task));
  }

 private:
  net::Runtime* runtime_;
};

// All octets of a blob.
net::task<Result<std::string, BlobError>> read_all(Store& store, BlobId id);

// A directory of its own under /tmp, removed at the end.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

// Octets that compress badly and differ from each other; the same for one seed.
std::string noise(std::size_t octets, std::uint64_t seed);
std::string hex_noise(std::uint64_t seed);  // 32 characters

}  // namespace postroad::store
