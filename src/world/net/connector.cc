#include "net/connector.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "net/socket.h"
#include "net/stream_state.h"

namespace postroad::net {

namespace {

ConnectError error_of(int error) {
  switch (error) {
    case ECONNREFUSED:
    case ECONNRESET:
    case ENOENT: return ConnectError::Refused;
    case ETIMEDOUT: return ConnectError::TimedOut;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case EACCES:
    case EPERM: return ConnectError::Unreachable;
    case EAFNOSUPPORT: return ConnectError::BadSource;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EAGAIN:
    case EADDRNOTAVAIL: return ConnectError::NoDescriptors;  // all our ports towards this peer are in use
    default: return ConnectError::Other;
  }
}

// Until the socket is connected, or not.
class Connecting final : public detail::StreamWait {
 public:
  Connecting(detail::StreamState& stream, int fd, Duration patience)
      : StreamWait(stream), fd_(fd), left_(patience) {}
  ~Connecting() { abandon(); }
  std::optional<ConnectError> await_resume() {
    check();
    return error_;
  }

 private:
  Step advance() override {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
      error_ = error_of(error);
      return Step::Finished;
    }
    SocketAddress peer;
    size = sizeof peer;
    return ::getpeername(fd_, &peer.any, &size) == 0 ? Step::Finished : Step::Blocked;
  }
  Duration patience() override { return left_; }
  void waited(Duration time) override { left_ -= time; }
  void too_late() override { error_ = ConnectError::TimedOut; }

  int fd_;
  Duration left_;
  std::optional<ConnectError> error_;
};

std::optional<ConnectError> bind_source(int fd, const IpAddress& source) {
  const int on = 1;
  // The port is chosen at connect(), when both ends are known: 64,000 per peer, not per source address.
  ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  SocketAddress address;
  const socklen_t length = to_kernel(Endpoint(source, 0), address);
  if (::bind(fd, &address.any, length) == 0) return std::nullopt;
  return ConnectError::BadSource;
}

}  // namespace

std::string_view name(ConnectError error) {
  switch (error) {
    case ConnectError::Refused: return "connection refused";
    case ConnectError::TimedOut: return "connection timed out";
    case ConnectError::Unreachable: return "network unreachable";
    case ConnectError::BadSource: return "source address not usable";
    case ConnectError::NoDescriptors: return "out of sockets or ports";
    case ConnectError::Other: return "cannot connect";
  }
  return "";
}

task<Result<Stream, ConnectError>> SystemConnector::connect(ConnectTo to) {
  Socket socket = open_socket(to.peer);
  if (!socket) co_return refuse(error_of(errno));
  const int fd = socket.fd();
  if (!to.peer.is_unix()) send_at_once(fd);
  if (to.source) {
    if (const auto error = bind_source(fd, *to.source)) co_return refuse(*error);
  }
  SocketAddress address;
  const socklen_t length = to_kernel(to.peer, address);
  int result;
  do {
    result = ::connect(fd, &address.any, length);
  } while (result < 0 && errno == EINTR);
  if (result < 0 && errno != EINPROGRESS) co_return refuse(error_of(errno));

  Stream stream(socket_transport(Core::here(), socket.release()));
  Connecting connecting(*stream.state_, fd, to.patience);
  if (const auto error = co_await connecting) co_return refuse(*error);
  co_return stream;
}

}  // namespace postroad::net
