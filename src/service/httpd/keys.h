// API keys: who holds one may do what its scopes say. Kept as a digest only; the key itself is shown once.
//
// A key is 32 octets of randomness, so that a plain SHA-256 of it cannot be searched for.
#pragma once

#include <map>
#include <shared_mutex>
#include <string>

#include "base/clock.h"
#include "http/router.h"
#include "store/store.h"

namespace postroad::httpd {

struct KeyView {
  std::string name;
  http::Scopes scopes;
  Time created{};
};

class Keys {
 public:
  Keys(store::Store& store, const Clock& clock) : store_(store), clock_(clock) {}
  // Throws std::runtime_error.
  net::task<void> load();
  // The key, this once. Refused: the name is taken, or the store takes nothing.
  net::task<Result<std::string, http::Problem>> add(std::string name, http::Scopes scopes);
  net::task<Result<void, http::Problem>> remove(std::string name);
  std::vector<KeyView> list() const;  // by name
  std::optional<http::Principal> find(std::string_view key) const;

 private:
  struct Known {
    KeyView view;
    std::string digest;
  };
  store::Store& store_;
  const Clock& clock_;
  mutable std::shared_mutex lock_;
  std::map<std::string, Known, std::less<>> by_name_;
  std::map<std::string, std::string, std::less<>> name_of_;  // by digest
};

}  // namespace postroad::httpd
