// A store that does what a test says: holds commits back, lets them fail, forgets them. For tests only.
//
// Everything else goes to the real one behind it.
#pragma once

#include <deque>

#include "net/core.h"
#include "net/later.h"
#include "store/store.h"

namespace postroad::mailbox {

class TrialStore final : public store::Store {
 public:
  explicit TrialStore(store::Store& real) : real_(real) {}

  // Submitted commits wait for release() while it holds.
  void hold(bool on) { holding_ = on; }
  std::size_t held() const { return waiting_.size(); }
  // Lets the first `n` go, in order.
  void release(std::size_t n = SIZE_MAX) {
    for (; n > 0 && !waiting_.empty(); --n) {
      Waiting first = std::move(waiting_.front());
      waiting_.pop_front();
      go(std::move(first));
    }
  }
  // The commit after `after` others is answered so; Unknown is answered after it was made when `made`.
  void fail(store::Outcome outcome, std::size_t after = 0, bool made = false) {
    fail_ = outcome, fail_after_ = after, made_ = made;
  }
  void heal() { fail_.reset(); }
  bool failed() const { return !fail_; }
  std::size_t commits() const { return commits_; }

  net::task<store::CommitResult> commit(store::Batch batch) override {
    net::Later<store::CommitResult> later;
    auto completer = std::make_shared<net::Completer<store::CommitResult>>(later.completer());
    submit(std::move(batch), [completer](store::CommitResult r) { completer->complete(r); });
    co_return co_await later;
  }
  void submit(store::Batch batch, Completion done) override {
    Waiting one{std::move(batch), std::move(done)};
    if (holding_ || !waiting_.empty())
      waiting_.push_back(std::move(one));
    else
      go(std::move(one));
  }

  net::task<Result<std::optional<store::Version>, store::ReadError>> outcome(store::Partition p,
                                                                             store::OpId op) override {
    return real_.outcome(p, op);
  }
  net::task<Result<std::optional<store::Value>, store::ReadError>> get(store::Partition p, std::string key,
                                                                       store::Family f) override {
    return real_.get(p, std::move(key), f);
  }
  net::task<Result<store::Page, store::ReadError>> scan(store::Partition p, store::Range range,
                                                        store::Family f) override {
    return real_.scan(p, std::move(range), f);
  }
  net::task<Result<store::Version, store::ReadError>> version(store::Partition p) override {
    return real_.version(p);
  }
  net::task<Result<std::vector<store::Partition>, store::ReadError>> partitions(store::Realm realm,
                                                                                std::uint64_t from,
                                                                                std::size_t limit) override {
    return real_.partitions(realm, from, limit);
  }
  std::unique_ptr<store::Watch> watch(store::Partition p, std::function<void()> changed) override {
    return real_.watch(p, std::move(changed));
  }
  net::task<Result<std::vector<store::OutboxEntry>, store::ReadError>> outbox(std::uint64_t after,
                                                                              std::size_t limit) override {
    return real_.outbox(after, limit);
  }
  std::unique_ptr<store::Watch> watch_outbox(std::function<void()> changed) override {
    return real_.watch_outbox(std::move(changed));
  }
  std::unique_ptr<store::BlobWriter> new_blob(std::uint64_t expected) override {
    return real_.new_blob(expected);
  }
  net::task<Result<std::unique_ptr<store::BlobReader>, store::BlobError>> open_blob(
      store::BlobId id) override {
    return real_.open_blob(id);
  }
  net::task<Result<store::Family, store::Outcome>> family(std::string name) override {
    return real_.family(std::move(name));
  }
  std::vector<std::string> families() const override { return real_.families(); }
  net::task<store::Outcome> drop_family(std::string name) override {
    return real_.drop_family(std::move(name));
  }
  unsigned owner(store::Partition p) const override { return real_.owner(p); }
  bool owned_here(store::Partition p) const override { return real_.owned_here(p); }
  store::LeaseToken lease() const override { return real_.lease(); }
  store::StoreStatus status() const override { return real_.status(); }
  std::uint32_t restored_generation() const override {
    return generation.value_or(real_.restored_generation());
  }
  void backup(store::Sink& sink) override { real_.backup(sink); }
  void export_partition(store::Partition p, store::Sink& sink) override { real_.export_partition(p, sink); }
  store::Outcome import_partition(store::Partition p, store::Source& source) override {
    return real_.import_partition(p, source);
  }

  std::optional<std::uint32_t> generation{};  // instead of the real one's

 private:
  struct Waiting {
    store::Batch batch;
    Completion done;
  };
  void go(Waiting one) {
    ++commits_;
    if (fail_ && fail_after_-- == 0) {
      store::CommitResult answer{.outcome = *std::exchange(fail_, std::nullopt)};
      if (!made_) return one.done(answer);
      return real_.submit(std::move(one.batch), [answer, done = std::move(one.done)](
                                                    store::CommitResult) mutable { done(answer); });
    }
    real_.submit(std::move(one.batch), std::move(one.done));
  }
  store::Store& real_;
  std::deque<Waiting> waiting_;
  std::optional<store::Outcome> fail_;
  std::size_t fail_after_ = 0;
  std::size_t commits_ = 0;
  bool made_ = false;
  bool holding_ = false;
};

}  // namespace postroad::mailbox
