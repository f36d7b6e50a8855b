// SignIn: is this person who he says? Passwords, app passwords, SCRAM keys, and the cache that keeps polling
// clients from exhausting the hash pool (DESIGN §4). Not public.
#pragma once

#include <array>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "directory/tables.h"
#include "directory/throttle.h"

namespace postroad::directory {

class SignIn {
 public:
  SignIn(net::Pool& hashing, const Clock& clock, Random& random, const Options& options);

  // Unknown name, wrong password, wrong scope, disabled: the same answer after the same work.
  net::task<Result<Identity, AuthError>> check(const Tables& tables, std::string_view login,
                                               std::string_view password, Scope scope,
                                               std::string_view client);
  // Of the app password named in the login ("alice@example.org/phone"), else of the main password if its
  // domain keeps them, else of the app password made last that this scope may use.
  ScramKeys scram_keys(const Tables& tables, std::string_view login, ScramHash hash, Scope scope) const;
  void count(std::string_view login, std::string_view client, bool success);

  void set_scram_secret(std::string_view secret) { scram_secret_ = secret; }
  void make_scram(std::string_view password, disk::ScramKeys& keys) const;           // burns CPU: on the pool
  void make_app_password(std::string_view secret, disk::AppPassword& record) const;  // the same
  void forget(std::string_view address);  // its cached successes: something about it changed
  void forget_all();

 private:
  struct Login {          // what was typed, taken apart
    std::string address;  // folded, with the default domain; empty if it cannot be one
    std::string app;
  };
  Login read(std::string_view login) const;
  struct Found {
    std::shared_ptr<const AccountEntry> entry;
    bool may = false;  // account, domain and tenant are on
  };
  Found find(const Tables& tables, const Login& login) const;
  std::string cache_key(const Login& login, std::string_view password, Scope scope) const;

  struct Success {
    Identity identity;
    Instant until;
  };
  net::Pool& hashing_;
  const Clock& clock_;
  Random& random_;
  const Options& options_;
  std::string scram_secret_;
  const std::string cache_secret_;  // of this process only
  Throttle throttle_;
  std::mutex lock_;
  std::unordered_map<std::string, Success> successes_;
  std::uint64_t changes_ = 0;  // a success found before a change is not remembered after it
};

}  // namespace postroad::directory
