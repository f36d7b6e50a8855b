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

struct Signals::State final : Descriptor::Owner {
  Socket fd;
  std::optional<Descriptor> descriptor;
  std::function<void(int)> on_signal;

  void ready() override {
    signalfd_siginfo info;
    while (::read(fd.fd(), &info, sizeof info) == sizeof info) on_signal(static_cast<int>(info.ssi_signo));
  }
};

Signals::Signals(std::initializer_list<int> numbers) : state_(std::make_unique<State>()) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : numbers) sigaddset(&set, number);
  if (const int error = pthread_sigmask(SIG_BLOCK, &set, nullptr))
    throw std::system_error(error, std::generic_category(), "pthread_sigmask");
  state_->fd = Socket(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!state_->fd) throw std::system_error(errno, std::generic_category(), "signalfd");
}

Signals::~Signals() = default;

void Signals::start(Core& core, std::function<void(int)> on_signal) {
  state_->on_signal = std::move(on_signal);
  core.post([this, &core] {
    state_->descriptor.emplace(core, state_->fd.fd(), state_.get());
    state_->ready();
  });
}

}  // namespace postroad::net
