#include "directory/tables.h"

#include <unordered_set>

#include "base/ascii.h"

namespace postroad::directory {
namespace {

constexpr std::size_t most_targets = 10'000;

bool is_role(std::string_view local_part) {  // RFC 5321 §4.5.1, RFC 2142 §4
  return ascii::iequals(local_part, "postmaster") || ascii::iequals(local_part, "abuse");
}

// Of the enabled accounts that fit, the one made first: so the answer does not change by itself.
template <class Fits>
std::optional<Address> oldest(const decltype(Tables::accounts)& accounts, std::optional<TenantId> tenant,
                              Fits fits) {
  const AccountEntry* first = nullptr;
  const auto age = [](const AccountEntry& entry) {
    return std::pair(entry.record.created_us(), entry.record.id());
  };
  for (const auto& [id, entry] : accounts) {
    if (entry->record.disabled() || (tenant && entry->tenant != *tenant) || !fits(*entry)) continue;
    if (!first || age(*entry) < age(*first)) first = entry.get();
  }
  if (!first) return std::nullopt;
  return first->address;
}

}  // namespace

Address in_domain(const Address& address, const Domain& domain) {
  if (address.domain() == domain) return address;
  const auto moved = Address::make(address.local_part(), domain);
  return moved ? *moved : address;  // a valid local part stays valid in every valid domain
}

const disk::Tenant* Tables::tenant(std::string_view name) const {
  for (const auto& [id, record] : tenants)
    if (record.name() == name) return &record;
  return nullptr;
}

const DomainEntry* Tables::home(const Domain& domain) const {
  auto it = domains.find(domain.text());
  if (it == domains.end()) return nullptr;
  if (it->second.record.alias_of().empty()) return &it->second;
  it = domains.find(it->second.record.alias_of());  // one step: an alias of an alias cannot be made
  return it == domains.end() ? nullptr : &it->second;
}

const Name* Tables::find(const Address& address, std::string* detail) const {
  const DomainEntry* domain = home(address.domain());
  if (!domain) return nullptr;
  const Address at_home = in_domain(address, domain->domain);
  if (const auto it = names.find(at_home.folded()); it != names.end()) return &it->second;

  const Subaddress parts = split_subaddress(at_home.local_part(), domain->separators());
  if (!parts.detail) return nullptr;
  const auto base = Address::make(parts.user, domain->domain);
  if (!base) return nullptr;
  const auto it = names.find(base->folded());
  if (it == names.end()) return nullptr;
  if (detail) *detail = std::string(*parts.detail);
  return &it->second;
}

std::shared_ptr<const AccountEntry> Tables::account_of(const Address& address) const {
  const DomainEntry* domain = home(address.domain());
  if (!domain) return nullptr;
  const auto name = names.find(in_domain(address, domain->domain).folded());
  if (name == names.end() || name->second.alias) return nullptr;
  const auto it = accounts.find(name->second.account);
  return it == accounts.end() ? nullptr : it->second;
}

std::optional<Address> Tables::reader_of_roles(std::optional<TenantId> tenant,
                                               const std::string& server_postmaster) const {
  const auto is_administrator = [](const AccountEntry& entry) { return entry.record.administrator(); };
  if (tenant)
    if (auto own = oldest(accounts, tenant, is_administrator)) return own;
  if (const auto named = Address::parse(server_postmaster)) return *named;
  if (auto any = oldest(accounts, std::nullopt, is_administrator)) return any;
  return oldest(accounts, tenant, [](const AccountEntry&) { return true; });
}

// Breadth first over aliases and groups, each name once: a loop ends by itself.
Result<Destination, NoDestination> Tables::resolve(const Address& recipient,
                                                   const std::string& server_postmaster) const {
  const auto hosted = domains.find(recipient.domain().text());
  const DomainEntry* domain = home(recipient.domain());
  if (hosted == domains.end() || !domain) return refuse(NoDestination::NotOurs);
  const auto owner = tenants.find(domain->tenant);
  if (hosted->second.record.disabled() || domain->record.disabled() || owner == tenants.end() ||
      owner->second.disabled())
    return refuse(NoDestination::Disabled);

  Destination out{.tenant = domain->tenant, .accounts = {}, .forwards = {}};
  std::unordered_set<std::string> seen;
  std::vector<Address> open{recipient};  // from `next` on; nearly always there is just the one
  bool switched_off = false;
  for (std::size_t next = 0; next < open.size() && seen.size() < most_targets; ++next) {
    const Address address = std::move(open[next]);
    const DomainEntry* here = home(address.domain());
    if (!here) {
      if (seen.insert(address.text()).second) out.forwards.push_back(address);
      continue;
    }
    std::string detail;
    const Name* name = find(address, &detail);
    if (!name && !here->record.catch_all().empty() && !is_role(address.local_part())) {
      const auto to = Address::parse(here->record.catch_all());
      if (to && seen.insert("*" + here->record.name()).second) open.push_back(*to);
      continue;
    }
    if (!name && is_role(address.local_part())) {
      const auto to = reader_of_roles(here->tenant, server_postmaster);
      if (to && seen.insert("@" + here->record.name()).second) open.push_back(*to);
      continue;
    }
    if (!name) continue;
    if (name->alias) {
      if (name->alias->targets().empty()) {
        if (next + 1 == open.size() && out.accounts.empty() && out.forwards.empty())
          return refuse(NoDestination::Refused);
        continue;
      }
      if (name->alias->disabled()) {
        switched_off = true;
      } else if (seen.insert(in_domain(address, here->domain).folded()).second) {
        for (const std::string& target : name->alias->targets())
          if (const auto to = Address::parse(target)) open.push_back(*to);
      }
      continue;
    }
    const auto account = accounts.find(name->account);
    if (account == accounts.end()) continue;
    if (account->second->record.disabled()) {
      switched_off = true;
    } else if (seen.insert("#" + std::to_string(name->account.value())).second) {
      out.accounts.push_back({name->account, account->second->address, std::move(detail)});
    }
  }
  if (out.accounts.empty() && out.forwards.empty())
    return refuse(switched_off ? NoDestination::Disabled : NoDestination::NoSuchMailbox);
  return out;
}

bool Tables::owns(AccountId account, const Address& address, const std::string& server_postmaster) const {
  const Name* name = find(address, nullptr);
  if (!name) return false;
  if (!name->alias) return name->account == account;
  const auto all = resolve(address, server_postmaster);
  if (!all) return false;
  for (const Local& local : all->accounts)
    if (local.account == account) return true;
  return false;
}

void Tables::insert(TenantId tenant, disk::Account record) {
  const auto address = Address::parse(record.address());
  if (!address) return;
  const AccountId id{record.id()};
  names[address->folded()] = Name{.account = id, .alias = nullptr};
  accounts[id] = std::make_shared<const AccountEntry>(AccountEntry{tenant, std::move(record), *address});
}

void Tables::insert(TenantId, disk::Alias record) {
  const auto address = Address::parse(record.address());
  if (!address) return;
  names[address->folded()] =
      Name{.account = {}, .alias = std::make_shared<const disk::Alias>(std::move(record))};
}

void Tables::insert(TenantId tenant, disk::Domain record) {
  const auto domain = Domain::parse(record.name());
  if (!domain) return;
  domains.insert_or_assign(domain->text(), DomainEntry{tenant, *domain, std::move(record)});
}

void Tables::erase_account(AccountId id) {
  const auto it = accounts.find(id);
  if (it == accounts.end()) return;
  names.erase(it->second->address.folded());
  accounts.erase(it);
}

void Tables::erase_alias(const Address& address) { names.erase(address.folded()); }

Account view(const AccountEntry& entry) {
  const disk::Account& r = entry.record;
  return Account{.id = AccountId{r.id()},
                 .tenant = entry.tenant,
                 .address = entry.address,
                 .enabled = !r.disabled(),
                 .administrator = r.administrator(),
                 .quota = {r.quota_octets(), r.quota_messages()},
                 .pop3_erase = static_cast<Pop3Erase>(r.pop3_erase()),
                 .pop3_erase_days = r.pop3_erase_days(),
                 .created = time_of_micros(r.created_us()),
                 .display_name = r.display_name()};
}

}  // namespace postroad::directory
