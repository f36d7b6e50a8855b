// The policy as it is: what directory, DNS and the settings say.
#pragma once

#include <deque>
#include <mutex>
#include <unordered_map>

#include "base/clock.h"
#include "dns/resolver.h"
#include "policy/policy.h"

namespace postroad::policy {

struct Options {
  bool own_senders_only = true;
  bool sender_domain_must_exist = true;
  bool strangers_as_own_domains = true;
  std::uint32_t unknown_recipients = 20;    // per session and, fading, per network
  std::chrono::milliseconds tarpit{1'000};  // more with each unknown recipient
  std::chrono::milliseconds tarpit_most{10'000};
};

class Gate final : public Policy {
 public:
  Gate(const directory::Directory& directory, dns::Resolver& resolver, const Clock& clock, Options options);

  net::task<Result<void, Reply>> sender(const Peer& peer, const ReversePath& path) override;
  net::task<Result<RecipientVerdict, Reply>> recipient(const Peer& peer, const ReversePath& sender,
                                                       const Address& recipient) override;
  void set(Options options);  // at reload

 private:
  net::task<Result<void, Reply>> domain_exists(const Domain& domain);
  // One more wrong guess from this network; answers how many lately.
  std::uint32_t guessed(const std::string& prefix);
  Options options() const;

  const directory::Directory& directory_;
  dns::Resolver& resolver_;
  const Clock& clock_;
  mutable std::mutex lock_;
  Options options_;
  struct Guesses {
    double count = 0;  // halves every ten minutes
    Instant last{};
  };
  std::unordered_map<std::string, Guesses> guesses_;
  std::deque<std::string> order_;
};

}  // namespace postroad::policy
