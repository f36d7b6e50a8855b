// A resolver that knows a few names by heart and asks nobody: the demonstration without a network, and tests.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dns/resolver.h"

namespace postroad::dns {

struct FixedNames {
  std::map<std::string, std::vector<Mx>> mx;
  std::map<std::string, std::vector<IpAddress>> addresses;
  std::map<std::string, std::vector<std::string>> txt;
  std::map<std::string, Error> errors;  // asked of these, this is the answer
  // What "<first label>.<anything>" is answered like, e.g. {"example", "example.*"}.
  std::map<std::string, std::string> families;
};

class FixedResolver final : public Resolver {
 public:
  explicit FixedResolver(FixedNames names) : names_(std::move(names)) {}

  Lookup<Mx> mx(std::string name) override;
  Lookup<IpAddress> a(std::string name) override;
  Lookup<IpAddress> aaaa(std::string name) override;
  Lookup<std::string> txt(std::string name) override;
  Lookup<std::string> ptr(IpAddress address) override;
  Lookup<TlsaRecord> tlsa(std::string name) override;

 private:
  std::string known_as(const std::string& name) const;
  Error nothing(const std::string& name) const;
  Lookup<IpAddress> address(std::string name, bool six) const;
  const FixedNames names_;
};

// demo.test and example.*: they exist, have an MX on this machine, and nobody answers there.
std::unique_ptr<Resolver> demo_resolver();

}  // namespace postroad::dns
