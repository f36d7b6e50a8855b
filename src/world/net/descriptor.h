// Descriptor: readiness of a file descriptor on the real core, for libraries that bring their own socket
// (libunbound's ub_fd, signalfd). Sessions use Stream.
#pragma once

#include <memory>

#include "net/core.h"

namespace postroad::net {

// Watches one descriptor, edge-triggered, for reading and writing, as long as it lives; does not own it.
// On its core's thread, or before that runs. Throws std::system_error, std::logic_error on a core without
// poller.
class Descriptor {
 public:
  class Owner {
   public:
    virtual void ready() = 0;  // called from the core's loop; may destroy the Descriptor

   protected:
    ~Owner() = default;
  };

  Descriptor(Core& core, int fd, Owner* owner);
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int fd() const { return fd_; }
  void set_owner(Owner* owner) { owner_ = owner; }

  // What is worth trying. Cleared by whoever has seen EAGAIN or read less than asked; set again by the next
  // edge. After the peer hung up it is always worth reading.
  bool may_read() const { return may_read_ || hung_up_; }
  bool may_write() const { return may_write_ || hung_up_; }
  void drained() { may_read_ = false; }
  void filled() { may_write_ = false; }
  // Nobody else holds the descriptor and it is closed right after: epoll forgets it by itself (epoll(7)).
  void closes() { closes_ = true; }

 private:
  friend class EpollCore;
  Core& core_;
  Owner* owner_;
  int fd_;
  bool may_read_ = true;
  bool may_write_ = true;
  bool hung_up_ = false;
  bool closes_ = false;
};

// co_await readable(fd): until there may be something to read.
class Readable final : public Waiter, public Descriptor::Owner {
 public:
  explicit Readable(int fd) : fd_(fd) {}
  ~Readable() { abandon(); }
  bool await_ready() const noexcept { return false; }
  template <detail::TaskPromise P>
  bool await_suspend(std::coroutine_handle<P> h) {
    return start(h, *h.promise().scope);
  }
  void await_resume() {
    descriptor_.reset();
    check();
  }

 private:
  bool start(std::coroutine_handle<> h, Scope& scope);
  void forget() noexcept override { descriptor_.reset(); }
  void ready() override;
  int fd_;
  std::unique_ptr<Descriptor> descriptor_;
};
inline Readable readable(int fd) { return Readable(fd); }

}  // namespace postroad::net
