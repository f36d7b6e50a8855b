// Providers: what the large ones bear, from a file of the product's (data/providers.txt), and which of them
// runs a mail exchanger. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace postroad::egress {

struct Limits {
  std::uint32_t connections = 20;  // at once from one source
  std::uint32_t messages = 100;    // on one connection
  std::uint32_t per_second = 0;    // messages; 0: as many as go
  friend bool operator==(const Limits&, const Limits&) = default;
};

struct Provider {
  std::string name;
  Limits limits{};
  std::vector<std::string> hosts{};  // an exchanger is this or ends with a dot and this
};

extern const std::string_view builtin_providers;  // data/providers.txt

struct ProviderFault {
  std::size_t line = 0;
  std::string text;  // what is wrong and what to do
};

class Providers {
 public:
  // The first line that speaks of no host is the default; there must be one.
  static Result<Providers, ProviderFault> parse(std::string_view text);
  static const Providers& built_in();

  // By the name of a mail exchanger, in lower case.
  const Provider& of(std::string_view host) const;
  const std::vector<Provider>& all() const { return all_; }

 private:
  std::vector<Provider> all_;
  std::unordered_map<std::string, std::size_t> by_host_;
};

// What a careful reader would find fault with, though it can be read: a provider nothing leads to, hosts that
// another line takes away, limits nobody can mean.
std::vector<std::string> lint(const Providers& providers);

}  // namespace postroad::egress
