#include "wire.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace postroad::bench {

sockaddr_in loopback_address(const std::string& text) {
  const auto colon = text.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  std::uint16_t port = 0;
  if (colon != std::string::npos) {
    const auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
    const bool number = error == std::errc() && end == text.data() + text.size();
    if (number && port != 0 && inet_pton(AF_INET, text.substr(0, colon).c_str(), &address.sin_addr) == 1 &&
        (ntohl(address.sin_addr.s_addr) >> 24) == 127) {
      address.sin_port = htons(port);
      return address;
    }
  }
  throw std::invalid_argument("'" + text + "' is not 127.x.y.z:PORT; load is only sent to this machine");
}

SslContext client_context() {
  SslContext context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  return context;
}

Wire::Wire(Wire&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), ssl_(std::exchange(other.ssl_, nullptr)) {}

Wire& Wire::operator=(Wire&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(ssl_, other.ssl_);
  return *this;
}

bool Wire::connect(const sockaddr_in& to) {
  close();
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return false;
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const int done = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  if (done == 0 || errno == EINPROGRESS) return true;
  close();
  return false;
}

Wire Wire::accepted(int fd) {
  Wire wire;
  wire.fd_ = fd;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return wire;
}

void Wire::start_tls(SSL_CTX* context) {
  ssl_ = SSL_new(context);
  SSL_set_fd(ssl_, fd_);
  SSL_set_connect_state(ssl_);
}

IoState Wire::ssl_state(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ: return IoState::WantRead;
    case SSL_ERROR_WANT_WRITE: return IoState::WantWrite;
    default: return IoState::Closed;
  }
}

IoState Wire::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  return result == 1 ? IoState::Progress : ssl_state(result);
}

IoState Wire::read(std::span<char> into, std::size_t& got) {
  got = 0;
  if (ssl_) {
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_, into.data(), into.size(), &got);
    return result == 1 ? IoState::Progress : ssl_state(result);
  }
  const ssize_t result = recv(fd_, into.data(), into.size(), 0);
  if (result > 0) {
    got = static_cast<std::size_t>(result);
    return IoState::Progress;
  }
  if (result < 0 && (errno == EAGAIN || errno == EINTR)) return IoState::WantRead;
  return IoState::Closed;
}

IoState Wire::write(std::string_view text, std::size_t& put) {
  put = 0;
  if (ssl_) {
    ERR_clear_error();
    const int result = SSL_write_ex(ssl_, text.data(), text.size(), &put);
    return result == 1 ? IoState::Progress : ssl_state(result);
  }
  const ssize_t result = send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
  if (result >= 0) {
    put = static_cast<std::size_t>(result);
    return IoState::Progress;
  }
  if (errno == EAGAIN || errno == EINTR) return IoState::WantWrite;
  return IoState::Closed;
}

void Wire::close() {
  if (ssl_) SSL_free(std::exchange(ssl_, nullptr));
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace postroad::bench
