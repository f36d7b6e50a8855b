// A non-blocking TCP connection, with or without TLS, for the load programs. No certificate is
// checked: they speak to a server that the same script has just started.
#pragma once

#include <netinet/in.h>
#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace postroad::bench {

// "127.0.0.1:2525". Throws std::invalid_argument for anything else, and for an address that is not
// on the loopback: a load generator that can be pointed at strangers is a weapon.
sockaddr_in loopback_address(const std::string& text);

struct SslContextDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::unique_ptr<SSL_CTX, SslContextDeleter>;
SslContext client_context();

enum class IoState { Progress, WantRead, WantWrite, Closed };

class Wire {
 public:
  Wire() = default;
  Wire(Wire&& other) noexcept;
  Wire& operator=(Wire&& other) noexcept;
  ~Wire() { close(); }

  // Begins to connect; the socket is writable once that has succeeded or failed. False when the
  // system has no descriptor or port left, or the refusal came at once.
  bool connect(const sockaddr_in& to);
  static Wire accepted(int fd);
  void start_tls(SSL_CTX* context);

  int fd() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  bool secure() const { return ssl_ != nullptr; }
  bool handshake_done() const { return !ssl_ || SSL_is_init_finished(ssl_); }

  IoState handshake();
  IoState read(std::span<char> into, std::size_t& got);
  IoState write(std::string_view text, std::size_t& put);
  void close();

 private:
  IoState ssl_state(int result);

  int fd_ = -1;
  SSL* ssl_ = nullptr;
};

}  // namespace postroad::bench
