// The resolver as libunbound does it, with DNSSEC validation by a trust anchor or without.
//
// One thread waits for answers; questions may come from any core and the answers go back to it. Answers are
// kept here by name and type besides, so that a question asked a thousand times a second costs a look into a
// table.
#pragma once

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/clock.h"
#include "dns/resolver.h"

namespace postroad::dns {

struct UnboundOptions {
  std::vector<std::string> servers{};  // "192.0.2.1@53"; empty: those of /etc/resolv.conf
  std::string trust_anchor_file{};     // empty: nothing is validated
  std::chrono::milliseconds answer_wait{5'000};
  std::size_t cache_octets = 16 << 20;
  std::size_t kept_answers = 20'000;
  std::chrono::seconds most_ttl = std::chrono::hours(1), failure_ttl{5};
};

// The options cannot be used; what() is a line for an administrator.
struct ResolverUnavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class UnboundResolver final : public Resolver {
 public:
  UnboundResolver(UnboundOptions options, const Clock& clock);
  ~UnboundResolver() override;

  Lookup<Mx> mx(std::string name) override;
  Lookup<IpAddress> a(std::string name) override;
  Lookup<IpAddress> aaaa(std::string name) override;
  Lookup<std::string> txt(std::string name) override;
  Lookup<std::string> ptr(IpAddress address) override;
  Lookup<TlsaRecord> tlsa(std::string name) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace postroad::dns
