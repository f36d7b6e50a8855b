// Changing the directory: what the command line, the API and the console do with tenants, domains, accounts
// and aliases.
//
// Every change is durable and visible to all cores when its task answers. A refusal says what is wrong and
// what to do. Callable from any core; changes run one after another on the directory's own core.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "directory/directory.h"

namespace postroad::directory {

enum class Refusal { NotFound, Exists, Invalid, InUse, Unavailable, Full };

struct AdminError {
  Refusal refusal{};
  std::string text;  // a sentence for a person: what is wrong, what to do
};
template <class T>
using Admin = net::task<Result<T, AdminError>>;

struct TenantView {
  TenantId id;
  std::string name;
  bool enabled = true;
  std::uint64_t quota_octets = 0;  // of all its accounts together; 0: no limit
};

struct DomainView {
  std::string name;  // A-labels
  TenantId tenant;
  bool enabled = true;
  std::string alias_of;   // of this domain; empty: a domain of its own
  std::string catch_all;  // address that takes what nobody else takes; empty: refused
  std::string separators = "+";
  bool scram = false;
  std::uint64_t accounts = 0, aliases = 0;
};

struct AliasView {
  std::string address;
  std::vector<std::string> targets;  // empty: refused by name, also under a catch-all
  bool group = false;
  bool enabled = true;
};

struct AppPasswordView {
  std::string name;
  Scope scopes = Scope::All;
  Time created{}, expires{};  // expires == Time{}: never
};

// What may change of each; what is not set stays.
struct DomainChange {
  std::optional<bool> enabled;
  std::optional<std::string> catch_all, separators;
  std::optional<bool> scram;
};
struct AccountChange {
  std::optional<bool> enabled, administrator;
  std::optional<std::uint64_t> quota_octets, quota_messages;
  std::optional<Pop3Erase> pop3_erase;
  std::optional<std::uint32_t> pop3_erase_days;
  std::optional<std::string> display_name;
};

// A password as given, or the hash of another server: crypt(3) ($2b$, $5$, $6$, $y$), $argon2id$, or with a
// {SCHEME}.
struct Secret {
  std::string text;
  bool hashed = false;
};

class Administration {
 public:
  virtual ~Administration() = default;

  virtual Admin<TenantView> add_tenant(std::string_view name) = 0;
  virtual Admin<void> set_tenant(std::string_view name, std::optional<bool> enabled,
                                 std::optional<std::uint64_t> quota_octets) = 0;
  virtual Admin<void> remove_tenant(std::string_view name) = 0;  // only when it holds no domain
  virtual std::vector<TenantView> tenants() const = 0;

  // `alias_of` empty: a domain of its own. One domain belongs to one tenant.
  virtual Admin<DomainView> add_domain(std::string_view tenant, std::string_view name,
                                       std::string_view alias_of) = 0;
  virtual Admin<void> set_domain(std::string_view name, DomainChange change) = 0;
  virtual Admin<void> remove_domain(std::string_view name) = 0;  // only when no address lies in it
  virtual std::vector<DomainView> domains(std::string_view tenant) const = 0;  // "": of all tenants

  virtual Admin<Account> add_account(std::string_view address, std::optional<Secret> secret) = 0;
  virtual Admin<void> set_account(std::string_view address, AccountChange change) = 0;
  virtual Admin<void> set_password(std::string_view address, Secret secret) = 0;
  // The directory forgets the account; what lies in its partition is erased by the caller's `erase`, before.
  virtual Admin<Account> remove_account(std::string_view address) = 0;
  virtual std::vector<Account> accounts(std::string_view domain) const = 0;  // "": of all domains

  // The password is shown this once. `expires` Time{}: never.
  virtual Admin<std::string> add_app_password(std::string_view address, std::string_view name, Scope scopes,
                                              Time expires) = 0;
  virtual Admin<void> remove_app_password(std::string_view address, std::string_view name) = 0;
  virtual Result<std::vector<AppPasswordView>, AdminError> app_passwords(std::string_view address) const = 0;

  virtual Admin<AliasView> add_alias(std::string_view address, std::vector<std::string> targets,
                                     bool group) = 0;
  virtual Admin<void> set_alias(std::string_view address, std::vector<std::string> targets) = 0;
  virtual Admin<void> remove_alias(std::string_view address) = 0;
  virtual std::vector<AliasView> aliases(std::string_view domain) const = 0;
};

struct Options {
  std::string default_domain;               // completes login names without one
  std::string postmaster;                   // of the server; empty: the first administrator
  std::size_t hash_wait = 64;               // sign-ins that may wait for the hash pool; more: TryLater
  std::uint32_t failures_before_delay = 3;  // per login and client prefix
  // For one login: from one network, and from all those together that it has not signed in from.
  std::uint32_t failures_before_ban = 20;
  std::chrono::seconds ban{600};  // without another failure, until half of them are forgiven
  // From one network, whatever the logins.
  std::uint32_t network_failures_before_ban = 100;
  std::chrono::seconds network_ban{600};
  std::chrono::seconds cache{300};  // how long a right password is remembered; 0: not at all
  std::string separators = "+";     // of subaddresses, for domains that are added from now on
};

class DirectoryService : public Directory, public Administration {};

// Loads the directory (the first time: makes the tenant "default"). Throws std::runtime_error with one line
// for an administrator when what is stored cannot be read. The store, runtime and pool outlive it.
net::task<std::unique_ptr<DirectoryService>> open(store::Store& store, net::Runtime& runtime,
                                                  net::Pool& hashing, const Clock& clock, Random& random,
                                                  Options options);

}  // namespace postroad::directory
