// Two streams joined in memory. Each end keeps what has been sent to it; news travels as ready work of the
// core of the end that shall hear it, so nothing of the peer runs inside a call.
#include <algorithm>
#include <string>

#include "net/stream.h"

namespace postroad::net {

namespace {

class MemoryEnd final : public Transport, private Work {
 public:
  MemoryEnd(Core& core, const MemoryPairOptions& options, Endpoint local, Endpoint peer)
      : core_(core), options_(options), local_(std::move(local)), peer_(std::move(peer)) {}

  // Closing with octets unread tells the peer so, as TCP does (RFC 1122 §4.2.2.13).
  ~MemoryEnd() override {
    if (poked_) core_.withdraw(*this);
    if (!other_) return;
    other_->other_ = nullptr;
    other_->finished_ = true;
    if (!inbox_.empty()) other_->reset_ = true;
    other_->poke();
  }

  static void join(MemoryEnd& a, MemoryEnd& b) { a.other_ = &b, b.other_ = &a; }

  void set_owner(Owner* owner) override { owner_ = owner; }

  IoResult read_some(char* to, std::size_t room) override {
    if (!inbox_.empty()) {
      const std::size_t n = inbox_.copy(to, std::min(room, options_.piece));
      if (other_ && inbox_.size() >= options_.capacity) other_->poke();
      inbox_.erase(0, n);
      return {Io::Done, n};
    }
    if (reset_) return {Io::Reset};
    return {finished_ ? Io::End : Io::WouldBlock};
  }

  IoResult write_some(std::string_view first, std::string_view second) override {
    if (!other_ || reset_) return {Io::Reset};
    std::size_t room = options_.capacity - std::min(options_.capacity, other_->inbox_.size());
    room = std::min(room, options_.piece);
    if (room == 0) return {Io::WouldBlock};
    const std::string_view a = first.substr(0, room);
    const std::string_view b = second.substr(0, room - a.size());
    other_->inbox_.append(a).append(b);
    other_->poke();
    return {Io::Done, a.size() + b.size()};
  }

  Io finish() override {
    if (other_) other_->finished_ = true, other_->poke();
    return Io::Done;
  }

  bool readable_now() override { return !inbox_.empty(); }
  Endpoint local() const override { return local_; }
  Endpoint peer() const override { return peer_; }

 private:
  void poke() {
    if (!std::exchange(poked_, true)) core_.make_ready(*this);
  }
  void run() override {
    poked_ = false;
    if (owner_) owner_->ready();
  }

  Core& core_;
  const MemoryPairOptions options_;
  const Endpoint local_, peer_;
  MemoryEnd* other_ = nullptr;
  Owner* owner_ = nullptr;
  std::string inbox_;
  bool finished_ = false;  // the peer sends no more
  bool reset_ = false;
  bool poked_ = false;
};

}  // namespace

MemoryPair memory_pair(Core& first_core, Core& second_core, MemoryPairOptions options) {
  auto first =
      std::make_unique<MemoryEnd>(first_core, options, options.first_address, options.second_address);
  auto second =
      std::make_unique<MemoryEnd>(second_core, options, options.second_address, options.first_address);
  MemoryEnd::join(*first, *second);
  return {Stream(std::move(first)), Stream(std::move(second))};
}

}  // namespace postroad::net
