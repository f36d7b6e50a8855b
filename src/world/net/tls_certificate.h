// What a TlsCertificate holds. Private to world/net.
#pragma once

#include "net/tls_transport.h"

namespace postroad::net {

struct X509StackFree {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};
struct TlsCertificate::State {
  SslPtr<X509> leaf;
  SslPtr<EVP_PKEY> key;
  std::unique_ptr<STACK_OF(X509), X509StackFree> chain;  // null: the leaf alone
};
struct TlsCertificateAccess {
  static const TlsCertificate::State& state(const TlsCertificate& certificate) { return *certificate.state_; }
};

}  // namespace postroad::net
