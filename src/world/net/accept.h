// The two things a listener waits for: connections, and the PROXY header of one. Private to world/net.
#pragma once

#include <functional>
#include <optional>

#include "net/connections.h"
#include "net/descriptor.h"
#include "net/proxy.h"
#include "net/socket.h"

namespace postroad::net {

struct Accepted {
  Socket socket;
  Endpoint peer;
};

// Accepts on one listening socket, a batch at a time. When there is no slot or no descriptor left it rests
// and tries again by a timer: the queue in the kernel waits, and nothing spins (durability.md, attack 28).
class Acceptor final : private Descriptor::Owner, private Timer, private Work {
 public:
  using Take = std::function<void(Accepted)>;
  // Does not own the socket, which listens.
  Acceptor(Core& core, int fd, Connections& connections, Take take);
  ~Acceptor();

 private:
  void ready() override { accept_some(); }
  void fired() override { accept_some(); }
  void run() override;
  void accept_some();
  void rest();

  Core& core_;
  const int fd_;
  Connections& connections_;
  const Take take_;
  bool again_ = false;  // Work is queued
  Descriptor descriptor_;
};

// co_await ProxyWait(core, fd): consumes exactly the PROXY header, within 10 s; nothing if there is none.
class ProxyWait final : public Waiter, public Descriptor::Owner, private Timer {
 public:
  ProxyWait(Core& core, int fd);
  ~ProxyWait() { abandon(); }
  bool await_ready() { return look(); }
  template <detail::TaskPromise P>
  bool await_suspend(std::coroutine_handle<P> h) {
    if (!begin(h, *h.promise().scope)) return false;
    start();
    return true;
  }
  std::optional<ProxyHeader> await_resume() {
    check();
    return std::move(header_);
  }

 private:
  void start();
  bool look();  // true: it is there, or never will be
  void forget() noexcept override;
  void ready() override;
  void fired() override;
  Core& core_;
  const int fd_;
  std::optional<ProxyHeader> header_;
  std::optional<Descriptor> descriptor_;
};

}  // namespace postroad::net
