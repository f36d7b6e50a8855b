// DirectoryService as it is: tables in memory over records in the store. Not public.
#pragma once

#include <map>
#include <mutex>

#include "directory/admin.h"
#include "directory/signin.h"
#include "directory/tables.h"
#include "net/turns.h"

namespace postroad::directory {

class Service final : public DirectoryService {
 public:
  Service(store::Store& store, net::Runtime& runtime, net::Pool& hashing, const Clock& clock, Random& random,
          Options options);
  net::task<void> load();

  bool hosts(const Domain& domain) const override;
  Result<Destination, NoDestination> resolve(const Address& recipient) const override;
  std::optional<Address> postmaster() const override;
  std::optional<Account> account(AccountId id) const override;
  std::optional<Account> account(const Address& address) const override;
  bool owns(AccountId account, const Address& address) const override;
  net::task<Result<Identity, AuthError>> check_password(std::string_view login, std::string_view password,
                                                        Scope scope, std::string_view client) override;
  ScramKeys scram_keys(std::string_view login, ScramHash hash, Scope scope) const override;
  void authenticated(std::string_view login, std::string_view client, bool success) override;

  Admin<TenantView> add_tenant(std::string_view name) override;
  Admin<void> set_tenant(std::string_view name, std::optional<bool> enabled,
                         std::optional<std::uint64_t> quota_octets) override;
  Admin<void> remove_tenant(std::string_view name) override;
  std::vector<TenantView> tenants() const override;
  Admin<DomainView> add_domain(std::string_view tenant, std::string_view name,
                               std::string_view alias_of) override;
  Admin<void> set_domain(std::string_view name, DomainChange change) override;
  Admin<void> remove_domain(std::string_view name) override;
  std::vector<DomainView> domains(std::string_view tenant) const override;
  Admin<Account> add_account(std::string_view address, std::optional<Secret> secret) override;
  Admin<void> set_account(std::string_view address, AccountChange change) override;
  Admin<void> set_password(std::string_view address, Secret secret) override;
  Admin<Account> remove_account(std::string_view address) override;
  std::vector<Account> accounts(std::string_view domain) const override;
  Admin<std::string> add_app_password(std::string_view address, std::string_view name, Scope scopes,
                                      Time expires) override;
  Admin<void> remove_app_password(std::string_view address, std::string_view name) override;
  Result<std::vector<AppPasswordView>, AdminError> app_passwords(std::string_view address) const override;
  Admin<AliasView> add_alias(std::string_view address, std::vector<std::string> targets, bool group) override;
  Admin<void> set_alias(std::string_view address, std::vector<std::string> targets) override;
  Admin<void> remove_alias(std::string_view address) override;
  std::vector<AliasView> aliases(std::string_view domain) const override;

 private:
  template <class T>
  using Change = net::task<Result<T, AdminError>>;
  // What a new address stands on: its home domain, or why it cannot be made.
  struct Place {
    Address address;
    TenantId tenant;
  };
  Result<Place, AdminError> place(std::string_view address) const;  // for a new one
  Result<std::shared_ptr<const AccountEntry>, AdminError> known(std::string_view address) const;
  Result<std::vector<std::string>, AdminError> targets(const Address& of,
                                                       std::vector<std::string> texts) const;
  DomainView view_of(const DomainEntry& entry) const;

  // The changes themselves, on the directory's core, one at a time.
  Change<TenantView> do_add_tenant(std::string name);
  Change<void> do_set_tenant(std::string name, std::optional<bool> enabled,
                             std::optional<std::uint64_t> quota);
  Change<void> do_remove_tenant(std::string name);
  Change<DomainView> do_add_domain(std::string tenant, std::string name, std::string alias_of);
  Change<void> do_set_domain(std::string name, DomainChange change);
  Change<void> do_remove_domain(std::string name);
  Change<Account> do_add_account(std::string address, std::optional<Secret> secret);
  Change<void> do_set_account(std::string address, AccountChange change);
  Change<void> do_set_password(std::string address, Secret secret);
  Change<Account> do_remove_account(std::string address);
  Change<std::string> do_add_app_password(std::string address, std::string name, Scope scopes, Time expires);
  Change<void> do_remove_app_password(std::string address, std::string name);
  Change<AliasView> do_add_alias(std::string address, std::vector<std::string> targets, bool group);
  Change<void> do_set_alias(std::string address, std::vector<std::string> targets);
  Change<void> do_remove_alias(std::string address);

  net::task<Result<void, AdminError>> commit(store::Batch batch);
  net::task<Result<void, AdminError>> keep_account(TenantId tenant, disk::Account record);
  // Sets the secret in the record: hashes a password on the pool, checks and keeps an imported hash.
  net::task<Result<void, AdminError>> seal(disk::Account& record, Secret secret, bool scram);

  store::Store& store_;
  net::Runtime& runtime_;
  net::Pool& hashing_;
  const Clock& clock_;
  Random& random_;
  const Options options_;
  Tables tables_;
  SignIn signin_;
  net::Turns turns_;
};

}  // namespace postroad::directory
