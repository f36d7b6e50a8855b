// EpollCore: the real core. Private to world/net.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>

#include "net/core.h"
#include "net/descriptor.h"

namespace postroad::net {

// What a Descriptor needs of its core.
class Poller {
 public:
  virtual void add(Descriptor& descriptor) = 0;
  virtual void remove(Descriptor& descriptor) noexcept = 0;

 protected:
  ~Poller() = default;
};

class EpollCore final : public Core, private Poller {
 public:
  explicit EpollCore(unsigned index);
  ~EpollCore() override;

  const Clock& clock() const override { return clock_; }
  Instant recently() const override { return round_; }
  Poller* poller() override { return this; }

  void loop();  // until quit()
  void quit();  // any thread

 private:
  void wake() override;
  void add(Descriptor& descriptor) override;
  void remove(Descriptor& descriptor) noexcept override;
  int patience();  // milliseconds until the next timer, for epoll_wait
  void dispatch(const epoll_event& event);

  SystemClock clock_;
  int epoll_ = -1;
  int wakeup_ = -1;
  std::atomic<bool> quit_{false};
  Instant round_{};
  std::array<epoll_event, 128> events_{};
  int event_ = 0, events_end_ = 0;  // those of this round still to be dispatched
};

}  // namespace postroad::net
