// Stream sockets: TCP and unix.
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "net/descriptor.h"
#include "net/socket.h"
#include "net/transport.h"

namespace postroad::net {

namespace {

class SocketTransport final : public Transport, private Descriptor::Owner {
 public:
  SocketTransport(Core& core, int fd) : socket_(fd), descriptor_(core, fd, this) { descriptor_.closes(); }

  void set_owner(Transport::Owner* owner) override { owner_ = owner; }

  IoResult read_some(char* to, std::size_t room) override {
    while (descriptor_.may_read()) {
      const ssize_t n = ::recv(socket_.fd(), to, room, 0);
      if (n > 0) {
        // Less than we asked for: that was all, and more will be an edge (epoll(7)).
        if (static_cast<std::size_t>(n) < room) descriptor_.drained();
        return {Io::Done, static_cast<std::size_t>(n)};
      }
      if (n == 0) return {Io::End};
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return {Io::Reset};
      descriptor_.drained();
      break;
    }
    return {Io::WouldBlock};
  }

  IoResult write_some(std::string_view first, std::string_view second) override {
    return write(first, second, MSG_NOSIGNAL);
  }
  IoResult write_last(std::string_view octets) override { return write(octets, {}, MSG_NOSIGNAL | MSG_MORE); }

  ssize_t send(std::string_view first, std::string_view second, int flags) {
    if (second.empty()) return ::send(socket_.fd(), first.data(), first.size(), flags);
    iovec parts[2] = {{const_cast<char*>(first.data()), first.size()},
                      {const_cast<char*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    return ::sendmsg(socket_.fd(), &message, flags);
  }

  IoResult write(std::string_view first, std::string_view second, int flags) {
    if (first.empty()) std::swap(first, second);
    while (descriptor_.may_write()) {
      const ssize_t n = send(first, second, flags);
      if (n >= 0) {
        if (static_cast<std::size_t>(n) < first.size() + second.size()) descriptor_.filled();
        return {Io::Done, static_cast<std::size_t>(n)};
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return {Io::Reset};
      descriptor_.filled();
      break;
    }
    return {Io::WouldBlock};
  }

  Io finish() override {
    ::shutdown(socket_.fd(), SHUT_WR);
    return Io::Done;
  }

  bool readable_now() override {
    char octet;
    return ::recv(socket_.fd(), &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }

  Endpoint local() const override { return local_endpoint(socket_.fd()); }
  Endpoint peer() const override { return peer_endpoint(socket_.fd()); }
  std::int64_t peer_uid() const override {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (!local().is_unix()) return -1;
    if (::getsockopt(socket_.fd(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return -1;
    return static_cast<std::int64_t>(credentials.uid);
  }

 private:
  void ready() override {
    if (owner_) owner_->ready();
  }

  Socket socket_;
  Descriptor descriptor_;  // leaves epoll before the socket closes
  Transport::Owner* owner_ = nullptr;
};

}  // namespace

std::unique_ptr<Transport> socket_transport(Core& core, int fd) {
  return std::make_unique<SocketTransport>(core, fd);
}

}  // namespace postroad::net
