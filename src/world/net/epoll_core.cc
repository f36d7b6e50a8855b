// The loop of a core: ready work, timers, descriptors; then sleep in epoll_wait.
//
// Own, not Asio's: every wait here is an object in the waiting task's frame, so that waking one costs no
// allocation, no handler and no lock, and descriptors are added to epoll once for their whole life
// (edge-triggered) instead of being asked about at each wait.
#include "net/epoll_core.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace postroad::net {

namespace {

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

// Ready work that makes more work ready, and timers that arm others, shall not keep descriptors waiting.
constexpr int per_round = 256;

}  // namespace

EpollCore::EpollCore(unsigned index) : Core(index) {
  epoll_ = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  wakeup_ = checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  checked(epoll_ctl(epoll_, EPOLL_CTL_ADD, wakeup_, &event), "epoll_ctl");
}

EpollCore::~EpollCore() {
  drop_all();
  close(wakeup_);
  close(epoll_);
}

// Edge-triggered, and each write is an edge: the counter need never be read.
void EpollCore::wake() {
  const std::uint64_t one = 1;
  while (write(wakeup_, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void EpollCore::quit() {
  quit_.store(true);
  wake();
}

int EpollCore::patience() {
  const Instant next = next_timer_at_earliest();
  if (next == Instant::max()) return -1;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(wait, 0, 3'600'000));
}

void EpollCore::loop() {
  const Running running(*this);
  round_ = now();
  while (!quit_.load(std::memory_order_relaxed)) {
    for (int n = 0; n < per_round && run_one_ready(); ++n) {
    }
    const bool sleep = may_sleep();
    events_end_ =
        epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), sleep ? patience() : 0);
    woke();
    round_ = now();
    for (event_ = 0; event_ < events_end_;) dispatch(events_[event_++]);
    events_end_ = 0;
    for (int n = 0; n < per_round && fire_one_timer(round_); ++n) {
    }
  }
}

void EpollCore::dispatch(const epoll_event& event) {
  auto* descriptor = static_cast<Descriptor*>(event.data.ptr);
  if (!descriptor) return;  // the wakeup, or destroyed in this round
  if (event.events & EPOLLIN) descriptor->may_read_ = true;
  if (event.events & EPOLLOUT) descriptor->may_write_ = true;
  // With data and FIN in one event, a short read would clear may_read_ and the end would never be seen.
  if (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) descriptor->hung_up_ = true;
  if (descriptor->owner_) descriptor->owner_->ready();
}

void EpollCore::add(Descriptor& descriptor) {
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = &descriptor}};
  checked(epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor.fd(), &event), "epoll_ctl");
}

void EpollCore::remove(Descriptor& descriptor) noexcept {
  if (!descriptor.closes_) epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor.fd(), nullptr);
  for (int i = event_; i < events_end_; ++i)
    if (events_[i].data.ptr == &descriptor) events_[i].data.ptr = nullptr;
}

// --- Descriptor ---

namespace {

Poller& poller_of(Core& core) {
  if (!core.poller()) throw std::logic_error("net: this core has no descriptors");
  return *core.poller();
}

}  // namespace

Descriptor::Descriptor(Core& core, int fd, Owner* owner) : core_(core), owner_(owner), fd_(fd) {
  if (!core.may_touch()) throw std::logic_error("net: a descriptor is watched by its own core only");
  poller_of(core).add(*this);
}

Descriptor::~Descriptor() { core_.poller()->remove(*this); }

bool Readable::start(std::coroutine_handle<> h, Scope& scope) {
  if (!begin(h, scope)) return false;
  descriptor_ = std::make_unique<Descriptor>(scope.core(), fd_, this);
  descriptor_->drained();
  return true;
}

void Readable::ready() {
  if (descriptor_->may_read()) resume_now();
}

}  // namespace postroad::net
