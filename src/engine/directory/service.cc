// Opening the directory, and the questions that sessions ask. Changes are in changes.cc, sign-in in
// signin.cc.
#include "directory/service.h"

#include <stdexcept>

#include "directory/keys.h"

namespace postroad::directory {
namespace {

constexpr std::size_t page = 1000;

template <class T>
T must(Result<T, store::ReadError> read) {
  if (read) return std::move(*read);
  throw std::runtime_error(read.error() == store::ReadError::Damaged
                               ? "the directory is damaged: run `postroad verify`, then `postroad repair`"
                               : "the store does not answer: the directory cannot be read");
}

template <class Record>
Record parsed(std::string_view octets) {
  Record record;
  if (!record.ParseFromArray(octets.data(), static_cast<int>(octets.size())))
    throw std::runtime_error("the directory holds a record that cannot be read: run `postroad verify`");
  return record;
}

// Calls `take` for each entry whose key begins with `prefix`.
template <class Take>
net::task<void> each(store::Store& store, store::Partition partition, std::string_view prefix, Take& take) {
  store::Range range = store::Range::prefix(prefix, page);
  for (;;) {
    const store::Page got = must(co_await store.scan(partition, range));
    for (const store::Entry entry : got) take(entry);
    if (!got.more || got.empty()) co_return;
    range.from = std::string(got.back().key) + '\0';
  }
}

}  // namespace

Service::Service(store::Store& store, net::Runtime& runtime, net::Pool& hashing, const Clock& clock,
                 Random& random, Options options)
    : store_(store),
      runtime_(runtime),
      hashing_(hashing),
      clock_(clock),
      random_(random),
      options_(std::move(options)),
      signin_(hashing, clock, random, options_) {}

net::task<void> Service::load() {
  std::vector<TenantId> ids;
  auto take_tenant = [&](const store::Entry& entry) {
    auto record = parsed<disk::Tenant>(entry.value);
    ids.push_back(TenantId{record.id()});
    tables_.tenants[ids.back()] = std::move(record);
  };
  co_await each(store_, keys::system, keys::tenants, take_tenant);

  for (const TenantId id : ids) {
    auto take_domain = [&](const store::Entry& e) { tables_.insert(id, parsed<disk::Domain>(e.value)); };
    auto take_account = [&](const store::Entry& e) { tables_.insert(id, parsed<disk::Account>(e.value)); };
    auto take_alias = [&](const store::Entry& e) { tables_.insert(id, parsed<disk::Alias>(e.value)); };
    co_await each(store_, keys::of(id), keys::domains, take_domain);
    co_await each(store_, keys::of(id), keys::accounts, take_account);
    co_await each(store_, keys::of(id), keys::aliases, take_alias);
  }

  // What stands for the salt of users who do not exist must not change, or a second try would tell (RFC 5802
  // §9).
  const auto secret = must(co_await store_.get(keys::system, std::string(keys::scram_secret)));
  if (secret) {
    signin_.set_scram_secret(secret->octets);
  } else {
    store::Batch batch(keys::system);
    const std::string drawn = random_.bytes(32);
    batch.put(keys::scram_secret, drawn);
    if (ids.empty()) {
      disk::Tenant first;
      first.set_id(1);
      first.set_name("default");
      first.set_created_us(micros(clock_.now()));
      batch.put(keys::tenant(TenantId{1}), first.SerializeAsString());
      tables_.tenants[TenantId{1}] = std::move(first);
    }
    if (!co_await store_.commit(std::move(batch)))
      throw std::runtime_error("the store takes no changes: the directory cannot be made");
    signin_.set_scram_secret(drawn);
  }
}

bool Service::hosts(const Domain& domain) const {
  const std::shared_lock lock(tables_.lock);
  return tables_.home(domain) != nullptr;
}

Result<Destination, NoDestination> Service::resolve(const Address& recipient) const {
  const std::shared_lock lock(tables_.lock);
  return tables_.resolve(recipient, options_.postmaster);
}

std::optional<Address> Service::postmaster() const {
  const std::shared_lock lock(tables_.lock);
  return tables_.reader_of_roles(std::nullopt, options_.postmaster);
}

std::optional<Account> Service::account(AccountId id) const {
  const std::shared_lock lock(tables_.lock);
  const auto it = tables_.accounts.find(id);
  if (it == tables_.accounts.end()) return std::nullopt;
  return view(*it->second);
}

std::optional<Account> Service::account(const Address& address) const {
  const std::shared_lock lock(tables_.lock);
  const auto entry = tables_.account_of(address);
  if (!entry) return std::nullopt;
  return view(*entry);
}

bool Service::owns(AccountId account, const Address& address) const {
  const std::shared_lock lock(tables_.lock);
  return tables_.owns(account, address, options_.postmaster);
}

net::task<Result<Identity, AuthError>> Service::check_password(std::string_view login,
                                                               std::string_view password, Scope scope,
                                                               std::string_view client) {
  co_return co_await signin_.check(tables_, login, password, scope, client);
}

ScramKeys Service::scram_keys(std::string_view login, ScramHash hash, Scope scope) const {
  return signin_.scram_keys(tables_, login, hash, scope);
}

void Service::authenticated(std::string_view login, std::string_view client, bool success) {
  signin_.count(login, client, success);
}

std::vector<TenantView> Service::tenants() const {
  const std::shared_lock lock(tables_.lock);
  std::vector<TenantView> out;
  for (const auto& [id, t] : tables_.tenants) out.push_back({id, t.name(), !t.disabled(), t.quota_octets()});
  return out;
}

DomainView Service::view_of(const DomainEntry& entry) const {
  DomainView out{.name = entry.record.name(),
                 .tenant = entry.tenant,
                 .enabled = !entry.record.disabled(),
                 .alias_of = entry.record.alias_of(),
                 .catch_all = entry.record.catch_all(),
                 .separators = entry.separators(),
                 .scram = entry.record.scram()};
  return out;
}

std::vector<DomainView> Service::domains(std::string_view tenant) const {
  const std::shared_lock lock(tables_.lock);
  std::map<std::string, DomainView> sorted;
  for (const auto& [name, entry] : tables_.domains) {
    const auto owner = tables_.tenants.find(entry.tenant);
    if (tenant.empty() || (owner != tables_.tenants.end() && owner->second.name() == tenant))
      sorted.emplace(name, view_of(entry));
  }
  for (const auto& [folded, name] : tables_.names) {
    const auto at = sorted.find(folded.substr(folded.rfind('@') + 1));
    if (at != sorted.end()) ++(name.alias ? at->second.aliases : at->second.accounts);
  }
  std::vector<DomainView> out;
  for (auto& [name, view] : sorted) out.push_back(std::move(view));
  return out;
}

std::vector<Account> Service::accounts(std::string_view domain) const {
  const std::shared_lock lock(tables_.lock);
  std::map<std::string, Account> sorted;
  for (const auto& [id, entry] : tables_.accounts)
    if (domain.empty() || entry->address.domain().text() == domain)
      sorted.emplace(entry->record.address(), view(*entry));
  std::vector<Account> out;
  for (auto& [address, account] : sorted) out.push_back(std::move(account));
  return out;
}

std::vector<AliasView> Service::aliases(std::string_view domain) const {
  const std::shared_lock lock(tables_.lock);
  std::map<std::string, AliasView> sorted;
  for (const auto& [folded, name] : tables_.names) {
    if (!name.alias || (!domain.empty() && folded.substr(folded.rfind('@') + 1) != domain)) continue;
    const disk::Alias& a = *name.alias;
    sorted.emplace(a.address(), AliasView{.address = a.address(),
                                          .targets = {a.targets().begin(), a.targets().end()},
                                          .group = a.group(),
                                          .enabled = !a.disabled()});
  }
  std::vector<AliasView> out;
  for (auto& [address, alias] : sorted) out.push_back(std::move(alias));
  return out;
}

Result<std::vector<AppPasswordView>, AdminError> Service::app_passwords(std::string_view address) const {
  const auto entry = known(address);
  if (!entry) return refuse(entry.error());
  std::vector<AppPasswordView> out;
  for (const disk::AppPassword& p : (*entry)->record.app_passwords())
    out.push_back({p.name(), static_cast<Scope>(p.scopes()), time_of_micros(p.created_us()),
                   time_of_micros(p.expires_us())});
  return out;
}

net::task<std::unique_ptr<DirectoryService>> open(store::Store& store, net::Runtime& runtime,
                                                  net::Pool& hashing, const Clock& clock, Random& random,
                                                  Options options) {
  auto service = std::make_unique<Service>(store, runtime, hashing, clock, random, std::move(options));
  co_await service->load();
  co_return std::move(service);
}

}  // namespace postroad::directory
