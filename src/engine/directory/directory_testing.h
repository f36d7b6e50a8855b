// For tests: a directory without anybody, of which a test overrides what it asks for.
#pragma once

#include "directory/directory.h"

namespace postroad::directory::testing {

class Nobody : public Directory {
 public:
  bool hosts(const Domain&) const override { return false; }
  Result<Destination, NoDestination> resolve(const Address&) const override {
    return refuse(NoDestination::NotOurs);
  }
  std::optional<Address> postmaster() const override { return std::nullopt; }
  std::optional<Account> account(AccountId) const override { return std::nullopt; }
  std::optional<Account> account(const Address&) const override { return std::nullopt; }
  bool owns(AccountId, const Address&) const override { return false; }
  net::task<Result<Identity, AuthError>> check_password(std::string_view, std::string_view, Scope,
                                                        std::string_view) override {
    co_return refuse(AuthError::Failed);
  }
  ScramKeys scram_keys(std::string_view, ScramHash, Scope) const override { return {}; }
  void authenticated(std::string_view, std::string_view, bool) override {}
};

}  // namespace postroad::directory::testing
