#include "net/socket.h"

#include <netinet/tcp.h>

#include <cstddef>
#include <cstring>

namespace postroad::net {

socklen_t to_kernel(const Endpoint& endpoint, SocketAddress& address) {
  std::memset(&address, 0, sizeof address);
  if (endpoint.is_unix()) {
    address.unix.sun_family = AF_UNIX;
    std::memcpy(address.unix.sun_path, endpoint.path().data(), endpoint.path().size());  // at most 107
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + endpoint.path().size() + 1);
  }
  const auto& octets = endpoint.address().octets();
  if (endpoint.address().is_v4()) {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(endpoint.port());
    std::memcpy(&address.v4.sin_addr, octets.data() + 12, 4);
    return sizeof address.v4;
  }
  address.v6.sin6_family = AF_INET6;
  address.v6.sin6_port = htons(endpoint.port());
  std::memcpy(&address.v6.sin6_addr, octets.data(), 16);
  return sizeof address.v6;
}

Endpoint from_kernel(const SocketAddress& address, socklen_t length) {
  switch (address.any.sa_family) {
    case AF_INET: return {IpAddress::v4(ntohl(address.v4.sin_addr.s_addr)), ntohs(address.v4.sin_port)};
    case AF_INET6: {
      IpAddress::Octets octets;
      std::memcpy(octets.data(), &address.v6.sin6_addr, 16);
      return {IpAddress(octets), ntohs(address.v6.sin6_port)};
    }
    case AF_UNIX: {
      const std::size_t room = length - std::min<std::size_t>(length, offsetof(sockaddr_un, sun_path));
      const std::string_view path(address.unix.sun_path, ::strnlen(address.unix.sun_path, room));
      return Endpoint::unix_path(path).value_or(Endpoint::unnamed_unix());
    }
    default: return {};
  }
}

Endpoint local_endpoint(int fd) {
  SocketAddress address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, &address.any, &length) != 0) return {};
  return from_kernel(address, length);
}

Endpoint peer_endpoint(int fd) {
  SocketAddress address{};
  socklen_t length = sizeof address;
  if (::getpeername(fd, &address.any, &length) != 0) return {};
  return from_kernel(address, length);
}

Socket open_socket(const Endpoint& endpoint) {
  const int family = endpoint.is_unix() ? AF_UNIX : endpoint.address().is_v4() ? AF_INET : AF_INET6;
  return Socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

void send_at_once(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace postroad::net
