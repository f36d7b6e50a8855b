// Sockets as the kernel knows them: ownership, and addresses in and out. Private to world/net.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>

#include "net/address.h"

namespace postroad::net {

// Owns a file descriptor.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
  sockaddr_un unix;
  sockaddr_storage storage;
};
// Answers the length in use.
socklen_t to_kernel(const Endpoint& endpoint, SocketAddress& address);
Endpoint from_kernel(const SocketAddress& address, socklen_t length);
Endpoint local_endpoint(int fd);
Endpoint peer_endpoint(int fd);

// A non-blocking stream socket of the endpoint's family; on failure empty, and errno says why.
Socket open_socket(const Endpoint& endpoint);
// Replies of one packet shall leave at once (TCP_NODELAY); nothing for unix sockets.
void send_at_once(int fd);

}  // namespace postroad::net
