// Changes of the directory: each checks, commits, and only then shows.
//
// They run on the directory's core one after another, so a check still holds when its commit is made. A
// domain lies in two partitions: the System partition says whose it is (that makes it unique) and comes
// first; a kill between the two leaves a domain that is taken but empty, and adding it again for the same
// tenant completes it.
#include "directory/deny.h"
#include "directory/keys.h"
#include "directory/service.h"

namespace postroad::directory {

net::task<Result<void, AdminError>> Service::commit(store::Batch batch) {
  const store::CommitResult done = co_await store_.commit(std::move(batch));
  switch (done.outcome) {
    case store::Outcome::Committed: co_return {};
    case store::Outcome::NoSpace:
      co_return deny(Refusal::Full, "the disk is full: nothing was changed; free some space and try again");
    case store::Outcome::Conflict:
      co_return deny(Refusal::Exists, "somebody else changed this at the same moment: look and try again");
    default:
      co_return deny(Refusal::Unavailable, "the store does not take changes now: see `postroad check`");
  }
}

Result<Service::Place, AdminError> Service::place(std::string_view text) const {
  const auto given = Address::parse(text);
  if (!given)
    return deny(Refusal::Invalid, "\"{}\" is not an address: {}", printable(text), describe(given.error()));
  const std::shared_lock lock(tables_.lock);
  const auto hosted = tables_.domains.find(given->domain().text());
  if (hosted == tables_.domains.end())
    return deny(Refusal::NotFound, "the domain {0} is not here: add it first (postroad domain add {0})",
                given->domain().text());
  if (!hosted->second.record.alias_of().empty())
    return deny(Refusal::Invalid, "{} is an alias domain: add the address in {}", given->domain().text(),
                hosted->second.record.alias_of());
  const Subaddress parts = split_subaddress(given->local_part(), hosted->second.separators());
  if (parts.detail)
    return deny(Refusal::Invalid, "\"{}\" holds the separator of subaddresses ({}): {} receives it already",
                given->text(), hosted->second.separators(), parts.user);
  const auto taken = tables_.names.find(given->folded());
  if (taken != tables_.names.end())
    return deny(Refusal::Exists, "{} exists already, as {}", given->text(),
                taken->second.alias ? "an alias" : "an account");
  return Place{*given, hosted->second.tenant};
}

Result<std::shared_ptr<const AccountEntry>, AdminError> Service::known(std::string_view text) const {
  const auto address = Address::parse(text);
  if (!address)
    return deny(Refusal::Invalid, "\"{}\" is not an address: {}", printable(text), describe(address.error()));
  const std::shared_lock lock(tables_.lock);
  auto entry = tables_.account_of(*address);
  if (!entry) return deny(Refusal::NotFound, "there is no account {}", address->text());
  return entry;
}

// --- Tenants -----------------------------------------------------------------------------------------------

net::task<Result<TenantView, AdminError>> Service::do_add_tenant(std::string name) {
  const auto turn = co_await turns_.take();
  if (!is_name(name))
    co_return deny(Refusal::Invalid, "a tenant needs a name of 1 to 255 visible characters");
  disk::Tenant record;
  {
    const std::shared_lock lock(tables_.lock);
    if (tables_.tenant(name)) co_return deny(Refusal::Exists, "the tenant {} exists already", name);
    record.set_id(tables_.tenants.empty() ? 1 : tables_.tenants.rbegin()->first.value() + 1);
  }
  record.set_name(name);
  record.set_created_us(micros(clock_.now()));
  const TenantId id{record.id()};
  store::Batch batch(keys::system);
  batch.expect_absent(keys::tenant(id)).put(keys::tenant(id), record.SerializeAsString());
  if (auto done = co_await commit(std::move(batch)); !done) co_return refuse(done.error());
  const std::unique_lock lock(tables_.lock);
  tables_.tenants[id] = std::move(record);
  co_return TenantView{id, std::move(name), true, 0};
}

net::task<Result<void, AdminError>> Service::do_set_tenant(std::string name, std::optional<bool> enabled,
                                                           std::optional<std::uint64_t> quota) {
  const auto turn = co_await turns_.take();
  disk::Tenant record;
  {
    const std::shared_lock lock(tables_.lock);
    const disk::Tenant* found = tables_.tenant(name);
    if (!found) co_return deny(Refusal::NotFound, "there is no tenant {}", printable(name));
    record = *found;
  }
  if (enabled) record.set_disabled(!*enabled);
  if (quota) record.set_quota_octets(*quota);
  store::Batch batch(keys::system);
  batch.put(keys::tenant(TenantId{record.id()}), record.SerializeAsString());
  if (auto done = co_await commit(std::move(batch)); !done) co_return refuse(done.error());
  signin_.forget_all();
  const std::unique_lock lock(tables_.lock);
  tables_.tenants[TenantId{record.id()}] = std::move(record);
  co_return {};
}

net::task<Result<void, AdminError>> Service::do_remove_tenant(std::string name) {
  const auto turn = co_await turns_.take();
  TenantId id;
  {
    const std::shared_lock lock(tables_.lock);
    const disk::Tenant* found = tables_.tenant(name);
    if (!found) co_return deny(Refusal::NotFound, "there is no tenant {}", printable(name));
    id = TenantId{found->id()};
    for (const auto& [domain, entry] : tables_.domains)
      if (entry.tenant == id)
        co_return deny(Refusal::InUse, "the tenant {} holds domains ({}): remove them first", name, domain);
  }
  store::Batch batch(keys::system);
  batch.remove(keys::tenant(id));
  if (auto done = co_await commit(std::move(batch)); !done) co_return refuse(done.error());
  const std::unique_lock lock(tables_.lock);
  tables_.tenants.erase(id);
  co_return {};
}

// --- Domains -----------------------------------------------------------------------------------------------

net::task<Result<DomainView, AdminError>> Service::do_add_domain(std::string tenant, std::string name,
                                                                 std::string alias_of) {
  const auto turn = co_await turns_.take();
  const auto domain = Domain::parse(name);
  if (!domain || domain->is_literal())
    co_return deny(Refusal::Invalid, "\"{}\" is not a domain: {}", printable(name),
                   domain ? "it is an address literal" : describe(domain.error()));
  disk::Domain record;
  record.set_name(domain->text());
  record.set_created_us(micros(clock_.now()));
  record.set_separators(options_.separators);
  record.set_has_separators(true);
  TenantId owner;
  {
    const std::shared_lock lock(tables_.lock);
    const disk::Tenant* found = tables_.tenant(tenant);
    if (!found) co_return deny(Refusal::NotFound, "there is no tenant {}", printable(tenant));
    owner = TenantId{found->id()};
    if (tables_.domains.contains(domain->text()))
      co_return deny(Refusal::Exists, "the domain {} is here already", domain->text());
    if (!alias_of.empty()) {
      const auto home = Domain::parse(alias_of);
      const auto it = home ? tables_.domains.find(home->text()) : tables_.domains.end();
      if (it == tables_.domains.end() || it->second.tenant != owner)
        co_return deny(Refusal::NotFound, "the domain {} of tenant {} is not here: add it first",
                       printable(alias_of), tenant);
      if (!it->second.record.alias_of().empty())
        co_return deny(Refusal::Invalid, "{} is itself an alias of {}: name that one", home->text(),
                       it->second.record.alias_of());
      record.set_alias_of(home->text());
    }
  }
  const auto before = co_await store_.get(keys::system, keys::domain(domain->text()));
  if (!before) co_return deny(Refusal::Unavailable, "the store does not answer: see `postroad check`");
  if (*before) {
    disk::DomainOwner whose;
    if (!whose.ParseFromString((*before)->octets) || whose.tenant() != owner.value())
      co_return deny(Refusal::Exists, "the domain {} belongs to another tenant", domain->text());
  } else {
    disk::DomainOwner whose;
    whose.set_tenant(owner.value());
    store::Batch claim(keys::system);
    claim.expect_absent(keys::domain(domain->text()))
        .put(keys::domain(domain->text()), whose.SerializeAsString());
    if (auto done = co_await commit(std::move(claim)); !done) co_return refuse(done.error());
  }
  store::Batch batch(keys::of(owner));
  batch.put(keys::domain(domain->text()), record.SerializeAsString());
  if (auto done = co_await commit(std::move(batch)); !done) co_return refuse(done.error());
  const std::unique_lock lock(tables_.lock);
  tables_.insert(owner, std::move(record));
  co_return view_of(tables_.domains.at(domain->text()));
}

net::task<Result<void, AdminError>> Service::do_set_domain(std::string name, DomainChange change) {
  const auto turn = co_await turns_.take();
  const auto domain = Domain::parse(name);
  disk::Domain record;
  TenantId owner;
  {
    const std::shared_lock lock(tables_.lock);
    const auto it = domain ? tables_.domains.find(domain->text()) : tables_.domains.end();
    if (it == tables_.domains.end())
      co_return deny(Refusal::NotFound, "there is no domain {}", printable(name));
    record = it->second.record;
    owner = it->second.tenant;
  }
  if (change.enabled) record.set_disabled(!*change.enabled);
  if (change.scram) record.set_scram(*change.scram);
  if (change.catch_all) {
    if (!change.catch_all->empty()) {
      const auto to = Address::parse(*change.catch_all);
      if (!to)
        co_return deny(Refusal::Invalid, "\"{}\" is not an address: {}", printable(*change.catch_all),
                       describe(to.error()));
      if (const auto leads = resolve(*to); !leads && leads.error() != NoDestination::NotOurs)
        co_return deny(Refusal::NotFound, "mail for {} would go nowhere: make the account first", to->text());
      record.set_catch_all(to->text());
    } else {
      record.clear_catch_all();
    }
  }
  if (change.separators) {
    for (char c : *change.separators)
      if (ascii::is_alnum(c) || ascii::is_control(c) || ascii::is_8bit(c) || c == '@' || c == '"' || c == '.')
        co_return deny(Refusal::Invalid,
                       "\"{}\" cannot separate subaddresses: use one or more of + - _ = ~ #",
                       printable(*change.separators));
    record.set_separators(*change.separators);
    record.set_has_separators(true);
  }
  store::Batch batch(keys::of(owner));
  batch.put(keys::domain(record.name()), record.SerializeAsString());
  if (auto done = co_await commit(std::move(batch)); !done) co_return refuse(done.error());
  signin_.forget_all();
  const std::unique_lock lock(tables_.lock);
  tables_.insert(owner, std::move(record));
  co_return {};
}

net::task<Result<void, AdminError>> Service::do_remove_domain(std::string name) {
  const auto turn = co_await turns_.take();
  const auto domain = Domain::parse(name);
  TenantId owner;
  {
    const std::shared_lock lock(tables_.lock);
    const auto it = domain ? tables_.domains.find(domain->text()) : tables_.domains.end();
    if (it == tables_.domains.end())
      co_return deny(Refusal::NotFound, "there is no domain {}", printable(name));
    owner = it->second.tenant;
    const std::string suffix = "@" + domain->text();
    for (const auto& [folded, what] : tables_.names)
      if (folded.ends_with(suffix))
        co_return deny(Refusal::InUse, "{} holds {} ({}): remove it first", domain->text(),
                       what.alias ? "an alias" : "an account", folded);
    for (const auto& [other, entry] : tables_.domains)
      if (entry.record.alias_of() == domain->text())
        co_return deny(Refusal::InUse, "{} is an alias of {}: remove it first", other, domain->text());
  }
  // In the order opposite to adding: what is left after a kill is again a domain that is taken but empty.
  store::Batch batch(keys::of(owner));
  batch.remove(keys::domain(domain->text()));
  if (auto done = co_await commit(std::move(batch)); !done) co_return refuse(done.error());
  store::Batch release(keys::system);
  release.remove(keys::domain(domain->text()));
  if (auto done = co_await commit(std::move(release)); !done) co_return refuse(done.error());
  const std::unique_lock lock(tables_.lock);
  tables_.domains.erase(domain->text());
  co_return {};
}

}  // namespace postroad::directory
