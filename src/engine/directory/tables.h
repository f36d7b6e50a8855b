// The directory in memory: what is on disk, indexed for the questions that sessions ask. Not public.
//
// Readers hold the shared lock for the length of one question; the writer (the directory's core, after its
// commit) holds the other for the length of one insertion. Nothing here does IO.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "directory.pb.h"
#include "directory/directory.h"

namespace postroad::directory {

struct DomainEntry {
  TenantId tenant;
  Domain domain;
  disk::Domain record;
  std::string separators() const { return record.has_separators() ? record.separators() : "+"; }
};

struct AccountEntry {
  TenantId tenant;
  disk::Account record;
  Address address;
};

struct Name {  // what one folded address stands for: an account or an alias
  AccountId account{};
  std::shared_ptr<const disk::Alias> alias;
};

class Tables {
 public:
  // The caller holds `lock` (shared to read, unique to change).
  mutable std::shared_mutex lock;
  std::map<TenantId, disk::Tenant> tenants;
  std::unordered_map<std::string, DomainEntry> domains;  // by A-labels
  std::unordered_map<AccountId, std::shared_ptr<const AccountEntry>> accounts;
  std::unordered_map<std::string, Name>
      names;  // by folded address, in its own domain (never an alias domain)

  const disk::Tenant* tenant(std::string_view name) const;
  // The domain that addresses of `domain` live in: itself, or what it is an alias of. Null: not ours.
  const DomainEntry* home(const Domain& domain) const;
  // The name that `address` stands for: exactly, else without its subaddress (then `detail` is set).
  const Name* find(const Address& address, std::string* detail) const;
  std::shared_ptr<const AccountEntry> account_of(const Address& address) const;

  Result<Destination, NoDestination> resolve(const Address& recipient,
                                             const std::string& server_postmaster) const;
  // Who reads what is written to postmaster and abuse where nobody else is named: the tenant's administrator,
  // the server's postmaster, any administrator; and where there is none, the oldest account, for somebody
  // must (RFC 5321 §4.5.1).
  std::optional<Address> reader_of_roles(std::optional<TenantId> tenant,
                                         const std::string& server_postmaster) const;
  bool owns(AccountId account, const Address& address, const std::string& server_postmaster) const;

  void insert(TenantId tenant, disk::Account record);
  void insert(TenantId tenant, disk::Alias record);
  void insert(TenantId tenant, disk::Domain record);
  void erase_account(AccountId id);
  void erase_alias(const Address& address);
};

Account view(const AccountEntry& entry);

// Addresses in a domain are compared in its home: "bob@alias.example" becomes "bob@home.example".
Address in_domain(const Address& address, const Domain& domain);

}  // namespace postroad::directory
