// TLS over any other transport. Private to world/net; the only header that names OpenSSL types.
//
// OpenSSL reads and writes through a BIO that is nothing but the transport below: no copy, no second buffer.
// (Asio's ssl::stream puts a pair of memory BIOs and two 17 KB vectors between: 76 KB for each idle
// connection, where this takes less than 16.)
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>

#include "net/tls.h"
#include "net/transport.h"

namespace postroad::net {

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
template <class T>
using SslPtr = std::unique_ptr<T, SslFree>;

class TlsTransport final : public Transport {
 public:
  TlsTransport(std::unique_ptr<Transport> below, SslPtr<SSL> ssl);
  ~TlsTransport() override;

  // Done, WouldBlock, or how it failed.
  Io handshake();
  const std::string& error() const { return error_; }
  SSL* ssl() const { return ssl_.get(); }
  TlsInfo info() const;
  std::optional<std::string> exporter() const;
  std::optional<std::string> server_end_point() const;

  void set_owner(Owner* owner) override { below_->set_owner(owner); }
  IoResult read_some(char* to, std::size_t room) override;
  IoResult write_some(std::string_view first, std::string_view second) override;
  Io finish() override;
  bool readable_now() override;
  Endpoint local() const override { return below_->local(); }
  Endpoint peer() const override { return below_->peer(); }
  std::int64_t peer_uid() const override { return below_->peer_uid(); }
  TlsTransport* tls() override { return this; }

 private:
  friend struct TransportBio;
  Io outcome(int result);
  static void on_message(int write, int version, int type, const void* octets, size_t size, SSL* ssl,
                         void* self);

  std::unique_ptr<Transport> below_;
  SslPtr<SSL> ssl_;
  std::string error_;
  bool below_ended_ = false;
  bool failed_ = false;  // SSL_ERROR_SSL or SYSCALL: OpenSSL must not be called again
  bool flooded_ = false;
  int key_updates_ = 0;  // since the last data
};

// What Stream needs of TlsServer and TlsClient.
struct TlsAccess {
  static SslPtr<SSL> accept(const TlsServer& server, const TlsService& service);
  static std::string server_name(SSL* ssl);  // as the client sent it, lower case; of an accepted one
  static Result<SslPtr<SSL>, TlsFailure> connect(const TlsClient& client, const TlsPeer& peer);
  // After a handshake of ours as client: None, or what is wrong with the peer's certificate.
  static TlsProblem verified(SSL* ssl);
  static TlsFailure failure(const TlsTransport& transport, Io io);
};

// OpenSSL's queue of errors as text, and empty afterwards.
std::string take_tls_errors();

}  // namespace postroad::net
