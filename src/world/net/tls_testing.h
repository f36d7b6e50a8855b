// For the tests of TLS: certificates in a directory of their own, and a client that may misbehave.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <filesystem>
#include <string>

#include "net/socket.h"
#include "net/stream.h"

namespace postroad::net {

// Self-signed certificates, removed with the fixture.
class Certificates {
 public:
  Certificates() {
    std::string pattern = std::filesystem::temp_directory_path() / "postroad_tls_XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~Certificates() { std::filesystem::remove_all(directory_); }
  std::shared_ptr<const TlsCertificate> make(const std::string& host) const {
    if (!make_self_signed(host, file(host), key(host))) throw std::runtime_error("make_self_signed");
    return TlsCertificate::load(file(host), key(host)).value();
  }
  std::string file(const std::string& host) const { return directory_ + "/" + host + ".cert.pem"; }
  std::string key(const std::string& host) const { return directory_ + "/" + host + ".key.pem"; }
  const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
};

// OpenSSL on a blocking socket, with nothing between.
class RawTls {
 public:
  explicit RawTls(const Endpoint& server) : context_(SSL_CTX_new(TLS_client_method())) {
    SocketAddress address;
    const socklen_t length = to_kernel(server, address);
    socket_ = Socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(socket_.fd(), &address.any, length) != 0) throw std::runtime_error("connect");
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket_.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_.fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    SSL_CTX_set_security_level(context_, 0);
    SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, socket_.fd());
  }
  ~RawTls() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    ERR_clear_error();
  }
  RawTls(const RawTls&) = delete;
  RawTls& operator=(const RawTls&) = delete;

  SSL* ssl() { return ssl_; }
  int fd() const { return socket_.fd(); }
  bool handshake() { return SSL_connect(ssl_) == 1; }
  bool write(std::string_view text) {
    return SSL_write(ssl_, text.data(), static_cast<int>(text.size())) > 0;
  }
  std::string read() {
    char octets[4096];
    const int n = SSL_read(ssl_, octets, sizeof octets);
    return n > 0 ? std::string(octets, static_cast<std::size_t>(n)) : std::string();
  }

 private:
  Socket socket_;
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
};

}  // namespace postroad::net
