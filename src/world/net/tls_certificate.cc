// Certificates: from PEM files, and made by ourselves where there are none yet.
#include "net/tls_certificate.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/ascii.h"
#include "base/ip.h"
#include "base/random.h"

namespace postroad::net {

namespace {

TlsFileProblem problem(TlsFileError error, const std::string& file, std::string detail) {
  return {error, file, std::move(detail)};
}

SslPtr<BIO> open(const std::string& file) { return SslPtr<BIO>(BIO_new_file(file.c_str(), "re")); }

}  // namespace

TlsCertificate::TlsCertificate(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsCertificate::~TlsCertificate() = default;

Result<std::shared_ptr<const TlsCertificate>, TlsFileProblem> TlsCertificate::load(
    const std::string& certificate_file, const std::string& key_file) {
  auto state = std::make_unique<State>();
  ERR_clear_error();
  errno = 0;
  const auto certificates = open(certificate_file);
  if (!certificates) return refuse(problem(TlsFileError::CannotRead, certificate_file, std::strerror(errno)));
  errno = 0;
  const auto keys = open(key_file);
  if (!keys) return refuse(problem(TlsFileError::CannotRead, key_file, std::strerror(errno)));

  state->leaf.reset(PEM_read_bio_X509_AUX(certificates.get(), nullptr, nullptr, nullptr));
  if (!state->leaf) return refuse(problem(TlsFileError::NotPem, certificate_file, take_tls_errors()));
  while (X509* next = PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr)) {
    if (!state->chain) state->chain.reset(sk_X509_new_null());
    sk_X509_push(state->chain.get(), next);
  }
  // An encrypted key cannot be read here: nobody could type the password after a restart at night.
  char no_password[] = "";
  state->key.reset(PEM_read_bio_PrivateKey(keys.get(), nullptr, nullptr, no_password));
  if (!state->key) return refuse(problem(TlsFileError::NotPem, key_file, take_tls_errors()));
  if (X509_check_private_key(state->leaf.get(), state->key.get()) != 1)
    return refuse(problem(TlsFileError::KeyMismatch, key_file, take_tls_errors()));
  ERR_clear_error();  // the end of the chain is an error of the PEM reader
  return std::shared_ptr<const TlsCertificate>(new TlsCertificate(std::move(state)));
}

std::vector<std::string> TlsCertificate::names() const {
  std::vector<std::string> names;
  auto* all = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(state_->leaf.get(), NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* one = sk_GENERAL_NAME_value(all, i);
    if (one->type != GEN_DNS) continue;
    names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(one->d.dNSName)),
                       static_cast<std::size_t>(ASN1_STRING_length(one->d.dNSName)));
  }
  GENERAL_NAMES_free(all);
  return names;
}

std::int64_t TlsCertificate::not_after() const {
  std::tm tm{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(state_->leaf.get()), &tm) != 1) return 0;
  return static_cast<std::int64_t>(timegm(&tm));
}

// --- self-signed ---

namespace {

void check(bool ok) {
  if (!ok) throw std::runtime_error("OpenSSL: " + take_tls_errors());
}

void add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  check(extension != nullptr);
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  check(added);
}

SslPtr<X509> self_signed(const std::string& hostname, EVP_PKEY* key) {
  constexpr long day = 24 * 60 * 60;
  SslPtr<X509> made(X509_new());
  X509* certificate = made.get();
  check(certificate && X509_set_version(certificate, X509_VERSION_3) == 1);
  // RFC 5280 §4.1.2.2: positive, at most 20 octets.
  check(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), system_random().u64() >> 1) == 1);
  check(X509_gmtime_adj(X509_getm_notBefore(certificate), -day) &&
        X509_gmtime_adj(X509_getm_notAfter(certificate), 3650 * day));
  // RFC 5280 Appendix A.1, ub-common-name: 64; the whole name is in subjectAltName.
  const std::string common = hostname.substr(0, 64);
  X509_NAME* subject = X509_get_subject_name(certificate);
  check(X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(common.data()),
                                   static_cast<int>(common.size()), -1, 0) == 1);
  check(X509_set_issuer_name(certificate, subject) == 1 && X509_set_pubkey(certificate, key) == 1);
  add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(certificate, NID_key_usage, "critical,digitalSignature");
  add_extension(certificate, NID_ext_key_usage, "serverAuth");
  add_extension(certificate, NID_subject_key_identifier, "hash");
  add_extension(certificate, NID_subject_alt_name, (IpAddress::parse(hostname) ? "IP:" : "DNS:") + hostname);
  check(X509_sign(certificate, key, EVP_sha256()) > 0);
  return made;
}

// Under another name first: who reads sees the old file or the new one.
bool write_file(const std::string& file, BIO* contents, mode_t mode) {
  const std::string fresh = file + ".new";
  ::unlink(fresh.c_str());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return false;
  char* octets = nullptr;
  const long size = BIO_get_mem_data(contents, &octets);
  const bool written = ::write(fd, octets, static_cast<std::size_t>(size)) == size && ::fsync(fd) == 0;
  ::close(fd);
  return written && ::rename(fresh.c_str(), file.c_str()) == 0;
}

bool is_host_name(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  for (const char c : name)  // nothing that X509V3_EXT_conf_nid would read as its own grammar
    if (!ascii::is_alnum(c) && c != '.' && c != '-' && c != ':' && c != '_') return false;
  return true;
}

}  // namespace

Result<void, TlsFileProblem> make_self_signed(std::string_view hostname, const std::string& certificate_file,
                                              const std::string& key_file) {
  if (!is_host_name(hostname))
    return refuse(
        problem(TlsFileError::BadHostName, certificate_file, "no host name: " + std::string(hostname)));
  ERR_clear_error();
  const SslPtr<EVP_PKEY> key(EVP_EC_gen("P-256"));
  check(key != nullptr);
  const auto certificate = self_signed(std::string(hostname), key.get());

  const SslPtr<BIO> key_pem(BIO_new(BIO_s_mem())), certificate_pem(BIO_new(BIO_s_mem()));
  check(PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  check(PEM_write_bio_X509(certificate_pem.get(), certificate.get()) == 1);
  if (!write_file(key_file, key_pem.get(), 0600))
    return refuse(problem(TlsFileError::CannotWrite, key_file, std::strerror(errno)));
  if (!write_file(certificate_file, certificate_pem.get(), 0644))
    return refuse(problem(TlsFileError::CannotWrite, certificate_file, std::strerror(errno)));
  return {};
}

}  // namespace postroad::net
