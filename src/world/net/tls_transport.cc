#include "net/tls_transport.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <new>

#include "base/encoding.h"

namespace postroad::net {

namespace {

// KeyUpdates between two pieces of data; RFC 8446 §4.6.3 lets a peer send any number, each costs us keys and
// an answer (durability.md, attack 92).
constexpr int most_key_updates = 32;

}  // namespace

// The BIO: OpenSSL's reads and writes are the transport's.
struct TransportBio {
  static TlsTransport& of(BIO* bio) { return *static_cast<TlsTransport*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* to, int room) {
    BIO_clear_retry_flags(bio);
    TlsTransport& tls = of(bio);
    if (tls.flooded_) return -1;  // SSL_read goes on as long as there are records without data; not here
    const IoResult result = tls.below_->read_some(to, static_cast<std::size_t>(room));
    if (result.io == Io::Done) return static_cast<int>(result.octets);
    if (result.io == Io::WouldBlock) return BIO_set_retry_read(bio), -1;
    tls.below_ended_ = result.io == Io::End;
    return tls.below_ended_ ? 0 : -1;
  }
  static int write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    const IoResult result = of(bio).below_->write_some({from, static_cast<std::size_t>(size)}, {});
    if (result.io == Io::Done) return static_cast<int>(result.octets);
    if (result.io == Io::WouldBlock) BIO_set_retry_write(bio);
    return -1;
  }
  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return of(bio).below_ended_ ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }
  static BIO_METHOD* method() {
    static BIO_METHOD* const one = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "transport");
      if (!made) throw std::bad_alloc();
      BIO_meth_set_read(made, read);
      BIO_meth_set_write(made, write);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    return one;
  }
};

std::string take_tls_errors() {
  std::string text;
  while (const unsigned long code = ERR_get_error()) {
    char line[256];
    ERR_error_string_n(code, line, sizeof line);
    if (!text.empty()) text += "; ";
    text += line;
  }
  return text;
}

TlsTransport::TlsTransport(std::unique_ptr<Transport> below, SslPtr<SSL> ssl)
    : below_(std::move(below)), ssl_(std::move(ssl)) {
  BIO* bio = BIO_new(TransportBio::method());
  if (!bio) throw std::bad_alloc();
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_msg_callback(ssl_.get(), on_message);
  SSL_set_msg_callback_arg(ssl_.get(), this);
}

TlsTransport::~TlsTransport() = default;

void TlsTransport::on_message(int write, int, int type, const void* octets, size_t size, SSL*, void* self) {
  if (write || type != SSL3_RT_HANDSHAKE || size == 0) return;
  if (*static_cast<const unsigned char*>(octets) != SSL3_MT_KEY_UPDATE) return;
  auto& tls = *static_cast<TlsTransport*>(self);
  if (++tls.key_updates_ > most_key_updates) tls.flooded_ = true;
}

Io TlsTransport::outcome(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return Io::WouldBlock;
    case SSL_ERROR_ZERO_RETURN: return Io::End;
    default: break;
  }
  failed_ = true;
  error_ = take_tls_errors();
  // RFC 8446 §6.1: an end without close_notify may be somebody's who cut the message short.
  if (below_ended_) return Io::Truncated;
  return error_.empty() ? Io::Reset : Io::TlsFailed;
}

Io TlsTransport::handshake() {
  if (failed_) return Io::TlsFailed;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  return result == 1 ? Io::Done : outcome(result);
}

IoResult TlsTransport::read_some(char* to, std::size_t room) {
  if (failed_) return {Io::TlsFailed};
  ERR_clear_error();
  const int result = SSL_read(ssl_.get(), to, static_cast<int>(std::min<std::size_t>(room, 1 << 30)));
  if (flooded_) {
    failed_ = true;
    error_ = "too many KeyUpdate messages";
    return {Io::TlsFailed};
  }
  if (result <= 0) return {outcome(result)};
  key_updates_ = 0;
  return {Io::Done, static_cast<std::size_t>(result)};
}

// What WouldBlock has left half done must be offered again, and is: SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
// allows that it lies elsewhere, and the octets at its front are the same.
IoResult TlsTransport::write_some(std::string_view first, std::string_view second) {
  if (failed_) return {Io::TlsFailed};
  const std::string_view what = first.empty() ? second : first;
  if (what.empty()) return {Io::Done};
  ERR_clear_error();
  const int result =
      SSL_write(ssl_.get(), what.data(), static_cast<int>(std::min<std::size_t>(what.size(), 1 << 30)));
  if (result <= 0) return {outcome(result)};
  return {Io::Done, static_cast<std::size_t>(result)};
}

Io TlsTransport::finish() {
  if (!failed_ && !SSL_in_init(ssl_.get())) {
    ERR_clear_error();
    const int result = SSL_shutdown(ssl_.get());
    if (result < 0 && outcome(result) == Io::WouldBlock) return Io::WouldBlock;
  }
  return below_->finish();
}

bool TlsTransport::readable_now() { return SSL_has_pending(ssl_.get()) || below_->readable_now(); }

// --- what came of it ---

namespace {

std::string fingerprint(const X509* certificate, const EVP_MD* digest) {
  unsigned char octets[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (X509_digest(certificate, digest, octets, &size) != 1) return {};
  return {reinterpret_cast<const char*>(octets), size};
}

}  // namespace

TlsInfo TlsTransport::info() const {
  TlsInfo info;
  SSL* ssl = ssl_.get();
  info.version = SSL_get_version(ssl);
  info.cipher = SSL_get_cipher_name(ssl);
  if (SSL_is_server(ssl))
    info.server_name = TlsAccess::server_name(ssl);
  else if (const char* sent = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name))
    info.server_name = sent;
  const unsigned char* alpn = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &size);
  if (size) info.alpn.assign(reinterpret_cast<const char*>(alpn), size);
  info.resumed = SSL_session_reused(ssl) == 1;
  if (!SSL_is_server(ssl)) info.verified = TlsAccess::verified(ssl);
  if (const X509* certificate = SSL_get0_peer_certificate(ssl))
    info.peer_fingerprint = hex(fingerprint(certificate, EVP_sha256()));
  return info;
}

std::optional<std::string> TlsTransport::exporter() const {
  // RFC 9266 §4.2: with TLS 1.2 only if the master secret is bound to the whole handshake (RFC 7627).
  SSL* ssl = ssl_.get();
  if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1) return std::nullopt;
  constexpr std::string_view label = "EXPORTER-Channel-Binding";
  std::string octets(32, '\0');
  if (SSL_export_keying_material(ssl, reinterpret_cast<unsigned char*>(octets.data()), octets.size(),
                                 label.data(), label.size(), nullptr, 0, 1) != 1)
    return std::nullopt;
  return octets;
}

std::optional<std::string> TlsTransport::server_end_point() const {
  SSL* ssl = ssl_.get();
  const X509* certificate = SSL_is_server(ssl) ? SSL_get_certificate(ssl) : SSL_get0_peer_certificate(ssl);
  if (!certificate) return std::nullopt;
  // RFC 5929 §4.1: the hash of the certificate's signature; SHA-256 where that is MD5 or SHA-1, or has none.
  int digest = NID_undef;
  X509_get_signature_info(const_cast<X509*>(certificate), &digest, nullptr, nullptr, nullptr);
  const EVP_MD* md = digest == NID_md5 || digest == NID_sha1 || digest == NID_undef
                         ? EVP_sha256()
                         : EVP_get_digestbynid(digest);
  return fingerprint(certificate, md ? md : EVP_sha256());
}

}  // namespace postroad::net
