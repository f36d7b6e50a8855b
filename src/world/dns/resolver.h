// The resolver: questions to the DNS, with answers a caller can act on.
//
// Names are given as they stand in mail (Domain: lower-case A-labels, no final dot). An answer is cached as
// long as its TTL says. `secure` is DNSSEC's word for it: validated by us (RFC 4033 §5). An answer takes at
// most the configured time (5 s), then TimedOut.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "mail/address.h"
#include "net/task.h"

namespace postroad::dns {

enum class Error : std::uint8_t {
  NoSuchDomain,  // NXDOMAIN (RFC 8020: nothing below it exists either)
  NoData,        // the name exists, without a record of this type
  ServFail,      // the authority's servers fail or refuse
  Bogus,         // DNSSEC: signed, and wrong (RFC 4033 §5)
  TimedOut,
  BadName,  // cannot be asked: a label too long ...
};
// Another try may give another answer; NoSuchDomain, NoData and BadName are final.
constexpr bool temporary(Error error) {
  return error == Error::ServFail || error == Error::TimedOut || error == Error::Bogus;
}
std::string_view to_text(Error error);

struct Mx {
  std::uint16_t preference = 0;
  std::string exchange;  // lower case, no final dot; "" is the null MX (RFC 7505)
  friend auto operator<=>(const Mx&, const Mx&) = default;
};
struct TlsaRecord {
  std::uint8_t usage = 0, selector = 0, matching = 0;
  std::string data;
  friend auto operator<=>(const TlsaRecord&, const TlsaRecord&) = default;
};

template <class T>
struct Answer {
  std::vector<T> records;  // at least one
  bool secure = false;
  std::string canonical{};        // where CNAMEs led to; empty: nowhere
  std::chrono::seconds ttl{300};  // how long it may be believed, from when it was asked for
};
template <class T>
using Lookup = net::task<Result<Answer<T>, Error>>;

class Resolver {
 public:
  virtual ~Resolver() = default;
  // At most 50 records are given (attack 59), the best preferences first; equal ones in no order.
  virtual Lookup<Mx> mx(std::string name) = 0;
  virtual Lookup<IpAddress> a(std::string name) = 0;
  virtual Lookup<IpAddress> aaaa(std::string name) = 0;
  virtual Lookup<std::string> txt(std::string name) = 0;  // the strings of one record joined
  virtual Lookup<std::string> ptr(IpAddress address) = 0;
  virtual Lookup<TlsaRecord> tlsa(std::string name) = 0;
  // A and AAAA together, IPv6 first; an Error only if neither has an answer, the temporary one if any is.
  Lookup<IpAddress> addresses(std::string name);
};

}  // namespace postroad::dns
