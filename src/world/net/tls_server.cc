// TLS as server: which certificate is shown, which protocol is spoken, what a ticket is good for.
#include <openssl/err.h>
#include <openssl/evp.h>

#include <chrono>
#include <mutex>
#include <stdexcept>

#include "base/ascii.h"
#include "net/tls_certificate.h"
#include "net/tls_transport.h"

namespace postroad::net {

namespace {

// RFC 9325 §4.2: forward secrecy, no RC4, 3DES, NULL, EXPORT; CBC only behind the AEADs, for old clients.
constexpr char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:ECDHE+AES:!aNULL:!eNULL:!PSK:!SRP:!DSS";

// RFC 9325 §3.4: keys of tickets change regularly, and a ticket is good for half as long. They live in the
// context, so that it is made anew; tickets of the one before are of no use then and cost a full handshake.
constexpr auto key_age = std::chrono::hours{24};
constexpr long ticket_seconds = 12 * 60 * 60;

struct Context {
  SslPtr<SSL_CTX> context;
  std::shared_ptr<const TlsCertificate> certificate;
  std::chrono::steady_clock::time_point made = std::chrono::steady_clock::now();
};

std::shared_ptr<const Context> make_context(std::shared_ptr<const TlsCertificate> certificate,
                                            bool only_tls13);

}  // namespace

struct TlsServer::State {
  std::mutex mutex;
  std::shared_ptr<const Context> context;
  Choose choose;
  std::atomic<Duration> handshake_wait{30s};
  bool only_tls13 = false;

  std::shared_ptr<const Context> current() {
    const std::lock_guard lock(mutex);
    if (std::chrono::steady_clock::now() - context->made >= key_age)
      context = make_context(context->certificate, only_tls13);
    return context;
  }
};

namespace {

// What our callbacks need to know of one handshake; belongs to the SSL.
struct Handshake {
  const TlsService* service;
  const TlsServer::Choose* choose;
  std::shared_ptr<const Context> context;
  std::string server_name;  // from the ClientHello, lower case
  std::shared_ptr<const TlsCertificate> chosen;
};

int handshake_index() {
  static const int index = SSL_get_ex_new_index(
      0, nullptr, nullptr, nullptr, [](void*, void* handshake, CRYPTO_EX_DATA*, int, long, void*) {
        delete static_cast<Handshake*>(handshake);
      });
  return index;
}
Handshake& of(SSL* ssl) { return *static_cast<Handshake*>(SSL_get_ex_data(ssl, handshake_index())); }

// RFC 6066 §3: ServerNameList<1..2^16-1> of (type, HostName<1..2^16-1>). Read here, before OpenSSL looks for
// a session to resume, because a ticket is only good for the name it was given for.
int on_client_hello(SSL* ssl, int*, void*) {
  const unsigned char* list = nullptr;
  size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &list, &size) == 1 && size > 5 &&
      list[2] == TLSEXT_NAMETYPE_host_name) {
    const size_t length = size_t{list[3]} << 8 | list[4];
    if (length <= size - 5 && length <= TLSEXT_MAXLEN_host_name)
      of(ssl).server_name = ascii::to_lower({reinterpret_cast<const char*>(list) + 5, length});
  }
  return SSL_CLIENT_HELLO_SUCCESS;
}

int on_certificate(SSL* ssl, void*) {
  Handshake& handshake = of(ssl);
  if (!*handshake.choose) return 1;
  handshake.chosen = (*handshake.choose)(handshake.server_name);
  if (!handshake.chosen) return 1;  // the context's own
  const auto& state = TlsCertificateAccess::state(*handshake.chosen);
  return SSL_use_cert_and_key(ssl, state.leaf.get(), state.key.get(), state.chain.get(), 1);
}

// RFC 7301 §3.2: a client that insists on another protocol has come to the wrong door (ALPACA).
int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
            unsigned offered_size, void*) {
  const auto& ours = of(ssl).service->alpn;
  if (ours.empty()) return SSL_TLSEXT_ERR_NOACK;
  for (const std::string& name : ours)
    for (unsigned at = 0; at < offered_size; at += offered[at] + 1u)
      if (std::string_view(reinterpret_cast<const char*>(offered) + at + 1, offered[at]) == name) {
        *chosen = offered + at + 1;
        *chosen_size = offered[at];
        return SSL_TLSEXT_ERR_OK;
      }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// A ticket is good for the service and the name it was given for (CVE-2025-23048).
std::string ticket_mark(SSL* ssl) { return of(ssl).service->name + '\n' + of(ssl).server_name; }

int on_new_ticket(SSL* ssl, void*) {
  const std::string mark = ticket_mark(ssl);
  return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), mark.data(), mark.size());
}

SSL_TICKET_RETURN on_ticket(SSL* ssl, SSL_SESSION* session, const unsigned char*, size_t,
                            SSL_TICKET_STATUS status, void*) {
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  void* data = nullptr;
  size_t size = 0;
  if (SSL_SESSION_get0_ticket_appdata(session, &data, &size) != 1 ||
      std::string_view(static_cast<const char*>(data), size) != ticket_mark(ssl))
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

std::shared_ptr<const Context> make_context(std::shared_ptr<const TlsCertificate> certificate,
                                            bool only_tls13) {
  SslPtr<SSL_CTX> made(SSL_CTX_new(TLS_server_method()));
  if (!made) throw std::bad_alloc();
  SSL_CTX* context = made.get();
  const auto& state = TlsCertificateAccess::state(*certificate);
  if (SSL_CTX_set_min_proto_version(context, only_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context, ciphers) != 1 ||
      SSL_CTX_use_cert_and_key(context, state.leaf.get(), state.key.get(), state.chain.get(), 1) != 1)
    throw std::runtime_error("TLS: " + take_tls_errors());
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_PRIORITIZE_CHACHA |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets carry their state themselves
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_timeout(context, ticket_seconds);
  SSL_CTX_set_max_early_data(context, 0);
  constexpr unsigned char id[] = "postroad";
  SSL_CTX_set_session_id_context(context, id, sizeof id - 1);
  SSL_CTX_set_client_hello_cb(context, on_client_hello, nullptr);
  SSL_CTX_set_cert_cb(context, on_certificate, nullptr);
  SSL_CTX_set_alpn_select_cb(context, on_alpn, nullptr);
  SSL_CTX_set_session_ticket_cb(context, on_new_ticket, on_ticket, nullptr);
  return std::make_shared<const Context>(std::move(made), std::move(certificate));
}

}  // namespace

TlsServer::TlsServer(std::shared_ptr<const TlsCertificate> certificate, bool only_tls13)
    : state_(std::make_unique<State>()) {
  state_->only_tls13 = only_tls13;
  state_->context = make_context(std::move(certificate), only_tls13);
}
TlsServer::~TlsServer() = default;

void TlsServer::set_certificate(std::shared_ptr<const TlsCertificate> certificate) {
  auto made = make_context(std::move(certificate), state_->only_tls13);
  const std::lock_guard lock(state_->mutex);
  state_->context = std::move(made);
}
void TlsServer::set_handshake_wait(Duration wait) { state_->handshake_wait = wait; }
Duration TlsServer::handshake_wait() const { return state_->handshake_wait; }
void TlsServer::set_choose(Choose choose) { state_->choose = std::move(choose); }

SslPtr<SSL> TlsAccess::accept(const TlsServer& server, const TlsService& service) {
  auto context = server.state_->current();
  SslPtr<SSL> ssl(SSL_new(context->context.get()));
  if (!ssl) throw std::bad_alloc();
  auto handshake = std::make_unique<Handshake>(&service, &server.state_->choose, std::move(context));
  if (SSL_set_ex_data(ssl.get(), handshake_index(), handshake.get()) != 1) throw std::bad_alloc();
  handshake.release();  // the SSL's now
  SSL_set_accept_state(ssl.get());
  return ssl;
}

std::string TlsAccess::server_name(SSL* ssl) {
  const auto* handshake = static_cast<const Handshake*>(SSL_get_ex_data(ssl, handshake_index()));
  return handshake ? handshake->server_name : std::string();
}

}  // namespace postroad::net
