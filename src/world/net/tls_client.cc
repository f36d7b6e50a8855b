// TLS as client: whom we want to meet, and whether it was them.
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <stdexcept>

#include "base/ip.h"
#include "net/tls_transport.h"

namespace postroad::net {

namespace {

constexpr char ciphers[] =
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:ECDHE+AES:DHE+AES:RSA+AESGCM:RSA+AES:"
    "!aNULL:!eNULL:!PSK:!SRP:!DSS";
constexpr char ancient_ciphers[] = "HIGH:MEDIUM:!aNULL:!eNULL:!RC4:!PSK:!SRP@SECLEVEL=0";

TlsFailure failure_of(TlsProblem problem, std::string detail) { return {problem, std::move(detail)}; }

// Exactly what was asked for: SNI, and the names a certificate may have.
bool set_names(SSL* ssl, const TlsPeer& peer) {
  X509_VERIFY_PARAM_set_hostflags(SSL_get0_param(ssl), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (peer.name.empty()) return true;
  if (IpAddress::parse(peer.name))
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), peer.name.c_str()) == 1;
  return SSL_set_tlsext_host_name(ssl, peer.name.c_str()) == 1 && SSL_set1_host(ssl, peer.name.c_str()) == 1;
}

bool set_alpn(SSL* ssl, const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& one : names) list.append(1, static_cast<char>(one.size())).append(one);
  return list.empty() || SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(list.data()),
                                             static_cast<unsigned>(list.size())) == 0;
}

// RFC 7672 §3.1.3: usages PKIX-TA and PKIX-EE cannot be used for mail; what remains unusable counts for
// nothing.
bool add_tlsa(SSL* ssl, const TlsPeer& peer) {
  if (SSL_dane_enable(ssl, peer.name.c_str()) <= 0) return false;
  SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);  // §3.1.1
  bool usable = false;
  for (const Tlsa& one : peer.tlsa) {
    if (one.usage != 2 && one.usage != 3) continue;
    usable |= SSL_dane_tlsa_add(ssl, one.usage, one.selector, one.matching_type,
                                reinterpret_cast<const unsigned char*>(one.data.data()), one.data.size()) > 0;
  }
  for (const std::string& also : peer.dane_names) SSL_add1_host(ssl, also.c_str());
  return usable;
}

}  // namespace

std::string_view name(TlsProblem problem) {
  switch (problem) {
    case TlsProblem::None: return "none";
    case TlsProblem::HostMismatch: return "certificate-host-mismatch";
    case TlsProblem::Expired: return "certificate-expired";
    case TlsProblem::NotTrusted: return "certificate-not-trusted";
    case TlsProblem::TlsaMismatch: return "tlsa-mismatch";
    case TlsProblem::TlsaUnusable: return "tlsa-invalid";
    case TlsProblem::EarlyPlaintext: return "early-plaintext";
    case TlsProblem::TimedOut: return "timed-out";
    case TlsProblem::ConnectionLost: return "connection-lost";
    case TlsProblem::Protocol: return "handshake-failed";
  }
  return "";
}

struct TlsClient::State {
  SslPtr<SSL_CTX> context;
};

TlsClient::TlsClient(const std::string& authorities_file) : state_(std::make_unique<State>()) {
  ERR_clear_error();
  state_->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = state_->context.get();
  if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context, ciphers) != 1 || SSL_CTX_dane_enable(context) <= 0 ||
      (authorities_file.empty() ? SSL_CTX_set_default_verify_paths(context)
                                : SSL_CTX_load_verify_file(context, authorities_file.c_str())) != 1)
    throw std::runtime_error("TLS: cannot trust " + authorities_file + ": " + take_tls_errors());
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}
TlsClient::~TlsClient() = default;

Result<SslPtr<SSL>, TlsFailure> TlsAccess::connect(const TlsClient& client, const TlsPeer& peer) {
  ERR_clear_error();
  SslPtr<SSL> made(SSL_new(client.state_->context.get()));
  SSL* ssl = made.get();
  if (!ssl) throw std::bad_alloc();
  if (peer.allow_tls10 &&
      (SSL_set_min_proto_version(ssl, TLS1_VERSION) != 1 || SSL_set_cipher_list(ssl, ancient_ciphers) != 1))
    return refuse(failure_of(TlsProblem::Protocol, take_tls_errors()));
  if (!set_names(ssl, peer) || !set_alpn(ssl, peer.alpn))
    return refuse(failure_of(TlsProblem::Protocol, "bad name: " + take_tls_errors()));
  if (peer.verify == TlsVerify::Dane && !add_tlsa(ssl, peer))
    return refuse(failure_of(TlsProblem::TlsaUnusable, "no TLSA record can be used"));
  // A weak key is still better than none, where none would do (RFC 7435 §1.2).
  if (peer.verify == TlsVerify::Opportunistic) SSL_set_security_level(ssl, 0);
  // Opportunistic: the verification runs all the same, and its outcome is recorded (RFC 7435 §3).
  SSL_set_verify(ssl, peer.verify == TlsVerify::Opportunistic ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  SSL_set_connect_state(ssl);
  return made;
}

TlsProblem TlsAccess::verified(SSL* ssl) {
  switch (SSL_get_verify_result(ssl)) {
    case X509_V_OK: return SSL_get0_peer_certificate(ssl) ? TlsProblem::None : TlsProblem::NotTrusted;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return TlsProblem::HostMismatch;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: return TlsProblem::Expired;
    case X509_V_ERR_DANE_NO_MATCH: return TlsProblem::TlsaMismatch;
    default: return TlsProblem::NotTrusted;
  }
}

TlsFailure TlsAccess::failure(const TlsTransport& transport, Io io) {
  SSL* ssl = transport.ssl();
  const long verdict = SSL_get_verify_result(ssl);
  if (verdict != X509_V_OK && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE)
    return {verified(ssl), X509_verify_cert_error_string(verdict)};
  if (io == Io::TlsFailed) return {TlsProblem::Protocol, transport.error()};
  return {TlsProblem::ConnectionLost, transport.error()};
}

}  // namespace postroad::net
