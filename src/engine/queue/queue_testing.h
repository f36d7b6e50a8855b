// A queue over a disk in memory, with a directory of a few people and a door that can be told what to answer.
#pragma once

#include <gtest/gtest.h>

#include "directory/directory_testing.h"
#include "disk/simulated_disk.h"
#include "ledger/ledger.h"
#include "net/manual_core.h"
#include "queue/service.h"
#include "store/embedded.h"

namespace postroad::queue {

inline Address address(std::string_view text) { return *Address::parse(text); }

// A directory of a few people, and a door that can be told what to answer.
class People final : public directory::testing::Nobody {
 public:
  bool hosts(const Domain& domain) const override { return domain.text() == "demo.test"; }
  Result<directory::Destination, directory::NoDestination> resolve(const Address& to) const override {
    if (!hosts(to.domain())) return refuse(directory::NoDestination::NotOurs);
    const auto it = people.find(to.local_part());
    if (it == people.end()) return refuse(directory::NoDestination::NoSuchMailbox);
    return directory::Destination{TenantId{1}, {{AccountId{it->second}, to, ""}}, {}};
  }
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
  void SetUp() override { open(); }
  void TearDown() override {
    queue_.reset();
    writers_.clear();
    store_.reset();
  }
  // As after a kill: what is in memory is gone.
  void open() {
    queue_.reset();
    writers_.clear();
    store_.reset();
    store_ = std::move(*store::open_embedded(
        {.data = "/data", .cores = 1, .disk = &disk_, .clock = &core_.clock(), .threads = false}));
    queue_ =
        std::make_unique<Service>(*store_, std::vector<net::Core*>{&core_}, people_, core_.clock(), limits_);
    queue_->set_door(door_);
    queue_->set_patience(tell_after_, 1000 * 24h);
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

  Schedule::Limits limits_{};
  Duration tell_after_ = 0s;  // of a delay: never
  disk::SimulatedDisk disk_;
  net::ManualCore core_;
  People people_;
  OneDoor door_;
  std::vector<std::unique_ptr<store::BlobWriter>> writers_;
  std::unique_ptr<store::EmbeddedStore> store_;
  std::unique_ptr<Service> queue_;
};

}  // namespace postroad::queue
