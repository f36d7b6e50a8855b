#include "net/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <optional>
#include <system_error>

#include "net/descriptor.h"
#include "net/socket.h"

namespace postroad::net {

namespace {

sigset_t set_of(std::initializer_list<int> numbers) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : numbers) sigaddset(&set, number);
  return set;
}

}  // namespace

void block_signals(std::initializer_list<int> numbers) {
  const sigset_t set = set_of(numbers);
  if (const int error = pthread_sigmask(SIG_BLOCK, &set, nullptr))
    throw std::system_error(error, std::generic_category(), "pthread_sigmask");
}

struct Signals::State final : Descriptor::Owner {
  Socket fd;
  std::optional<Descriptor> descriptor;
  std::function<void(int)> on_signal;

  void ready() override {
    signalfd_siginfo info;
    while (::read(fd.fd(), &info, sizeof info) == sizeof info) on_signal(static_cast<int>(info.ssi_signo));
  }
};

Signals::Signals(Core& core, std::initializer_list<int> numbers, std::function<void(int)> on_signal)
    : state_(std::make_shared<State>()) {
  const sigset_t set = set_of(numbers);
  state_->fd = Socket(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!state_->fd) throw std::system_error(errno, std::generic_category(), "signalfd");
  state_->on_signal = std::move(on_signal);
  core.post([weak = std::weak_ptr<State>(state_), &core] {
    if (const auto state = weak.lock()) state->descriptor.emplace(core, state->fd.fd(), state.get());
  });
}

Signals::~Signals() = default;

}  // namespace postroad::net
