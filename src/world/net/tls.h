// TLS: certificates, who may be spoken to, and what came of it. OpenSSL stays behind this header.
//
// TLS 1.2 and 1.3 only (unless a client of ours opts in to less), no renegotiation, no compression, no early
// data; ALPN that names another protocol is refused with alert 120 (RFC 7301 §3.2); session tickets are bound
// to the server name and the service they were given for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace postroad::net {

enum class TlsFileError : std::uint8_t {
  CannotRead,   // certificate or key: not there, no permission
  NotPem,       // no certificate, or no private key, in the file
  KeyMismatch,  // the key is not the certificate's
  CannotWrite,  // make_self_signed
  BadHostName,  // make_self_signed: neither a host name nor an address
};
struct TlsFileProblem {
  TlsFileError error;
  std::string file;
  std::string detail;
};

// A certificate chain and its key, ready to be shown. Immutable; shared by all cores.
class TlsCertificate {
 public:
  static Result<std::shared_ptr<const TlsCertificate>, TlsFileProblem> load(
      const std::string& certificate_file, const std::string& key_file);
  ~TlsCertificate();
  std::vector<std::string> names() const;  // DNS names it is good for
  std::int64_t not_after() const;          // seconds since 1970

 private:
  friend struct TlsCertificateAccess;
  struct State;
  explicit TlsCertificate(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Makes an ECDSA P-256 key and a certificate for the host name, good for 10 years, as PEM files; the key file
// gets mode 0600. Existing files are replaced.
Result<void, TlsFileProblem> make_self_signed(std::string_view hostname, const std::string& certificate_file,
                                              const std::string& key_file);

// What is offered on one kind of door: "imap" and its ALPN names. Outlives the streams that use it.
struct TlsService {
  std::string name;               // tickets are good for the same service only
  std::vector<std::string> alpn;  // empty: the extension is ignored
};

// The server's side, shared by all listeners and cores; any thread.
class TlsServer {
 public:
  // Asked at each handshake with the name the client sent (lower case; empty if none); null: the default.
  // Called on any core; must neither block nor remember names it does not know (attack 95).
  using Choose = std::function<std::shared_ptr<const TlsCertificate>(std::string_view server_name)>;

  // TLS 1.2 and 1.3 (RFC 8996), or only the latter.
  explicit TlsServer(std::shared_ptr<const TlsCertificate> certificate, bool only_tls13 = false);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  // Handshakes that begin from now on use it; connections that exist go on.
  void set_certificate(std::shared_ptr<const TlsCertificate> certificate);
  void set_choose(Choose choose);  // before the first handshake
  // How long a handshake that begins from now on may take; 30 s until first called.
  void set_handshake_wait(Duration wait);
  Duration handshake_wait() const;

 private:
  friend struct TlsAccess;
  struct State;
  std::unique_ptr<State> state_;
};

// A TLSA record (RFC 6698 §2.1), as DNS gave it.
struct Tlsa {
  std::uint8_t usage, selector, matching_type;
  std::string data;
};

enum class TlsVerify : std::uint8_t {
  Opportunistic,  // take any certificate; TlsInfo.verified still tells the truth (RFC 7435)
  WebPki,         // a trusted chain and the name (RFC 6125), or fail
  Dane,           // TLSA records (RFC 7672), or fail
};

// Whom our client wants to meet.
struct TlsPeer {
  std::string name;  // sent as SNI, and verified
  TlsVerify verify = TlsVerify::WebPki;
  std::vector<Tlsa> tlsa = {};
  std::vector<std::string> dane_names = {};  // further names that are good (RFC 7672 §3.2.2)
  std::vector<std::string> alpn = {};
  bool allow_tls10 = false;  // for relaying to ancient hosts, by configuration only
};

enum class TlsProblem : std::uint8_t {
  None,
  HostMismatch,    // RFC 8460 §4.3: certificate-host-mismatch
  Expired,         // certificate-expired
  NotTrusted,      // certificate-not-trusted
  TlsaMismatch,    // validation-failure under DANE
  TlsaUnusable,    // tlsa-invalid: no record that can be used
  EarlyPlaintext,  // octets between the go-ahead and the handshake (attack 6)
  TimedOut,
  ConnectionLost,
  Protocol,  // anything else the handshake ended with
};
std::string_view name(TlsProblem problem);

struct TlsFailure {
  TlsProblem problem;
  std::string detail;  // for the log; OpenSSL's words
};

struct TlsInfo {
  std::string version;      // "TLSv1.3"
  std::string cipher;       // "TLS_AES_256_GCM_SHA384"
  std::string server_name;  // SNI
  std::string alpn;         // chosen, or empty
  bool resumed = false;
  // Of the peer's certificate; None is also what a server says, which asks for none.
  TlsProblem verified = TlsProblem::None;
  std::string peer_fingerprint;  // SHA-256 of the peer's certificate, hex; empty if it has none
};

// The client's side; any thread.
class TlsClient {
 public:
  // Trusts the certificate authorities of this PEM file; "": those of the system.
  explicit TlsClient(const std::string& authorities_file = {});
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

 private:
  friend struct TlsAccess;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace postroad::net
