// The directory: who lives here. Tenants, domains, accounts, aliases, groups, credentials, quotas.
//
// Everything that a session asks is answered from memory, at once, on any core; changes are durable before
// they are visible. The domain -> tenant map and the tenants lie in the System partition, everything else
// of a tenant in its Tenant partition, as protobuf (directory.proto documents what is on disk).
//
// It decides who an address belongs to. It does not deliver, does not count mail and speaks no protocol.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "mail/address.h"
#include "mail/ids.h"
#include "net/runtime.h"
#include "net/task.h"
#include "store/store.h"

namespace postroad::directory {

// --- Answers -------------------------------------------------------------------------------------------

// One mailbox owner that an address leads to.
struct Local {
  AccountId account;
  Address address;     // after aliases and subaddress are resolved: the account's own address
  std::string detail;  // what stood behind the separator ("alice+lists@": "lists"), else empty
  friend bool operator==(const Local&, const Local&) = default;
};

// Where mail for an address goes. Aliases and groups are expanded (each target once, loops and more than
// 10,000 targets are an error found when the alias is made, and cut off here).
struct Destination {
  TenantId tenant;
  std::vector<Local> accounts;
  std::vector<Address> forwards;  // targets outside this server
};

enum class NoDestination {
  NotOurs,        // the domain is not hosted here: relaying is the caller's decision
  NoSuchMailbox,  // 550 5.1.1
  Disabled,       // 550 5.2.1: the account, its domain or its tenant is switched off
  Refused,        // 550 5.1.1: excluded from the domain's catch-all by name
};

struct Identity {  // who has signed in
  AccountId account;
  TenantId tenant;
  Address address;
  std::string credential;  // name of the app password, empty for the main one
  friend bool operator==(const Identity&, const Identity&) = default;
};

enum class Scope : std::uint8_t { Smtp = 1, Imap = 2, Pop3 = 4, Sieve = 8, Api = 16, All = 0xff };

enum class AuthError {
  Failed,     // unknown user, wrong password, wrong scope, disabled: one answer, one duration
  TryLater,   // hash pool full, store away: 454 4.7.0
  Throttled,  // too many failures from this client or for this user
};

// The keys a SCRAM exchange needs (RFC 5802 §3). For a user without them an unguessable fake answers, the
// same for the same user each time, so that nobody learns who exists.
struct ScramKeys {
  std::string salt;
  std::uint32_t iterations = 4096;
  std::string stored_key, server_key;
  std::optional<Identity> identity{};  // whose keys these are; nothing: fake
  bool genuine() const { return identity.has_value(); }
};
enum class ScramHash : std::uint8_t { Sha1, Sha256 };

struct Quota {
  std::uint64_t octets = 0;    // 0: no limit
  std::uint64_t messages = 0;  // 0: no limit
};

enum class Pop3Erase : std::uint8_t { Never, OnRetrieval, AfterDays };

struct Account {
  AccountId id;
  TenantId tenant;
  Address address;
  bool enabled = true;
  bool administrator = false;  // of the server ("dedicated") or of its tenant
  Quota quota;
  Pop3Erase pop3_erase = Pop3Erase::Never;
  std::uint32_t pop3_erase_days = 0;
  Time created{};
  std::string display_name;
};

// --- The directory itself ------------------------------------------------------------------------------

class Directory {
 public:
  virtual ~Directory() = default;

  // Is this domain hosted here (as itself or as an alias domain)? Domains are compared as A-labels.
  virtual bool hosts(const Domain& domain) const = 0;
  // Where mail for `recipient` goes. <postmaster> without domain: `postmaster()`; postmaster@ and abuse@ of a
  // hosted domain always resolve (RFC 5321 §4.5.1, RFC 2142), to its administrator when nobody else is named.
  virtual Result<Destination, NoDestination> resolve(const Address& recipient) const = 0;
  virtual std::optional<Address> postmaster() const = 0;

  virtual std::optional<Account> account(AccountId id) const = 0;
  virtual std::optional<Account> account(const Address& address) const = 0;
  // May this account send in the name of `address`? Its own address, with any subaddress, and every alias
  // that leads to it (RFC 6409 §6.1).
  virtual bool owns(AccountId account, const Address& address) const = 0;

  // The duration and the answer are the same for an unknown user as for a wrong password. `client` is the
  // peer's prefix (/24, /64), for throttling. `login` may lack a domain ([auth] default_domain).
  virtual net::task<Result<Identity, AuthError>> check_password(std::string_view login,
                                                                std::string_view password, Scope scope,
                                                                std::string_view client) = 0;
  virtual ScramKeys scram_keys(std::string_view login, ScramHash hash, Scope scope) const = 0;
  // What came of a SCRAM exchange, so that throttling counts it.
  virtual void authenticated(std::string_view login, std::string_view client, bool success) = 0;
};

}  // namespace postroad::directory
