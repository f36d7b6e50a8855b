#include "net/accept.h"

#include <array>
#include <cerrno>

namespace postroad::net {

namespace {

constexpr int batch = 64;  // connections, before others get the core
constexpr Duration short_rest = std::chrono::milliseconds{50};
constexpr Duration proxy_patience = std::chrono::seconds{10};

}  // namespace

Acceptor::Acceptor(Core& core, int fd, Connections& connections, Take take)
    : core_(core), fd_(fd), connections_(connections), take_(std::move(take)), descriptor_(core, fd, this) {}

Acceptor::~Acceptor() {
  if (again_) core_.withdraw(*this);
}

void Acceptor::run() {
  again_ = false;
  accept_some();
}

void Acceptor::rest() { core_.arm(*this, core_.now() + short_rest); }

void Acceptor::accept_some() {
  if (again_ || armed()) return;
  for (int n = 0; n < batch; ++n) {
    if (connections_.full()) return rest();
    SocketAddress address;
    socklen_t length = sizeof address;
    Socket socket(::accept4(fd_, &address.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
      if (errno == EAGAIN) return;
      // The peer gave up before we looked, or its network reported an error (accept(2)): the next one.
      if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) continue;
      return rest();
    }
    take_(Accepted{.socket = std::move(socket), .peer = from_kernel(address, length)});
  }
  again_ = true;
  core_.make_ready(*this);
}

// --- PROXY ---

ProxyWait::ProxyWait(Core& core, int fd) : core_(core), fd_(fd) {}

void ProxyWait::start() {
  descriptor_.emplace(core_, fd_, this);
  core_.arm(*this, core_.now() + proxy_patience);
}

bool ProxyWait::look() {
  std::array<char, proxy_header_limit> octets;
  const ssize_t n = ::recv(fd_, octets.data(), octets.size(), MSG_PEEK | MSG_DONTWAIT);
  if (n < 0) return errno != EAGAIN && errno != EINTR;
  if (n == 0) return true;
  auto header = parse_proxy_header({octets.data(), static_cast<std::size_t>(n)});
  if (!header) return true;
  if (!*header) return false;  // more is an edge; a peer that hangs up in the middle is timed out
  const std::size_t size = (*header)->size;
  if (::recv(fd_, octets.data(), size, MSG_DONTWAIT) != static_cast<ssize_t>(size)) return true;
  header_ = std::move(*header);
  return true;
}

void ProxyWait::forget() noexcept {
  descriptor_.reset();
  core_.disarm(*this);
}

void ProxyWait::ready() {
  if (!look()) return;
  forget();
  resume_now();
}

void ProxyWait::fired() {
  forget();
  resume_now();
}

}  // namespace postroad::net
