// Changes of the directory: each checks, commits, and only then shows.
//
// They run on the directory's core one after another, so a check still holds when its commit is made. A
// domain lies in two partitions: the System partition says whose it is (that makes it unique) and comes
// first; a kill between the two leaves a domain that is taken but empty, and adding it again for the same
// tenant completes it.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/ascii.h"
#include "base/utf8.h"
#include "crypto/password.h"
#include "directory/keys.h"
#include "directory/service.h"

namespace postroad::directory {
namespace {

template <class... Args>
auto deny(Refusal refusal, fmt::format_string<Args...> text, Args&&... args) {
  return std::unexpected(AdminError{refusal, fmt::format(text, std::forward<Args>(args)...)});
}

constexpr std::size_t most_targets = 10'000;
constexpr std::size_t longest_name = 255;

bool is_name(std::string_view text) {  // of a tenant or an app password: what can be typed and shown
  if (text.empty() || text.size() > longest_name || !utf8::valid(text)) return false;
  return std::ranges::none_of(text, [](char c) { return ascii::is_control(c); }) && text.front() != ' ' &&
         text.back() != ' ';
}

}  // namespace

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

// --- Accounts ----------------------------------------------------------------------------------------------

net::task<Result<void, AdminError>> Service::seal(disk::Account& record, Secret secret, bool scram) {
  if (secret.hashed) {
    if (const auto good = crypto::check_stored(secret.text); !good)
      co_return deny(Refusal::Invalid, "this password hash cannot be used: {}",
                     crypto::describe(good.error()));
    record.set_password(secret.text);
    record.clear_scram();
    co_return {};
  }
  auto work = [&] {
    auto hash = crypto::hash_password(secret.text);
    if (hash && scram) signin_.make_scram(secret.text, *record.mutable_scram());
    return hash;
  };
  record.clear_scram();
  auto hash = co_await net::blocking(hashing_, std::move(work));
  if (!hash)
    co_return deny(Refusal::Invalid, "this password cannot be used: {}", crypto::describe(hash.error()));
  record.set_password(std::move(*hash));
  co_return {};
}

net::task<Result<void, AdminError>> Service::keep_account(TenantId tenant, disk::Account record) {
  store::Batch batch(keys::of(tenant));
  batch.put(keys::account(record.id()), record.SerializeAsString());
  if (auto done = co_await commit(std::move(batch)); !done) co_return refuse(done.error());
  signin_.forget(record.address());
  const std::unique_lock lock(tables_.lock);
  tables_.insert(tenant, std::move(record));
  co_return {};
}

net::task<Result<Account, AdminError>> Service::do_add_account(std::string address,
                                                               std::optional<Secret> secret) {
  const auto turn = co_await turns_.take();
  const auto at = place(address);
  if (!at) co_return refuse(at.error());
  bool scram = false;
  {
    const std::shared_lock lock(tables_.lock);
    scram = tables_.domains.at(at->address.domain().text()).record.scram();
  }
  disk::Account record;
  record.set_address(at->address.text());
  record.set_created_us(micros(clock_.now()));
  if (secret)
    if (auto sealed = co_await seal(record, std::move(*secret), scram); !sealed)
      co_return refuse(sealed.error());

  // Numbers are never given out twice, also not after the account that had one is gone.
  const store::Partition partition = keys::of(at->tenant);
  const auto last = co_await store_.get(partition, std::string(keys::last_account));
  if (!last) co_return deny(Refusal::Unavailable, "the store does not answer: see `postroad check`");
  const std::uint32_t number = (*last ? Reader((*last)->octets).u32() : 0) + 1;
  std::string counter;
  Writer(counter).u32(number);
  record.set_id(std::uint64_t{at->tenant.value()} << 32 | number);

  store::Batch batch(partition);
  batch.expect_absent(keys::account(record.id()))
      .put(keys::last_account, counter)
      .put(keys::account(record.id()), record.SerializeAsString());
  if (auto done = co_await commit(std::move(batch)); !done) co_return refuse(done.error());
  const std::unique_lock lock(tables_.lock);
  const AccountId id{record.id()};
  tables_.insert(at->tenant, std::move(record));
  co_return view(*tables_.accounts.at(id));
}

net::task<Result<void, AdminError>> Service::do_set_account(std::string address, AccountChange change) {
  const auto turn = co_await turns_.take();
  const auto entry = known(address);
  if (!entry) co_return refuse(entry.error());
  disk::Account record = (*entry)->record;
  if (change.enabled) record.set_disabled(!*change.enabled);
  if (change.administrator) record.set_administrator(*change.administrator);
  if (change.quota_octets) record.set_quota_octets(*change.quota_octets);
  if (change.quota_messages) record.set_quota_messages(*change.quota_messages);
  if (change.pop3_erase) record.set_pop3_erase(static_cast<std::uint32_t>(*change.pop3_erase));
  if (change.pop3_erase_days) record.set_pop3_erase_days(*change.pop3_erase_days);
  if (change.display_name) {
    if (!is_name(*change.display_name) && !change.display_name->empty())
      co_return deny(Refusal::Invalid, "a display name has at most 255 visible characters");
    record.set_display_name(*change.display_name);
  }
  co_return co_await keep_account((*entry)->tenant, std::move(record));
}

net::task<Result<void, AdminError>> Service::do_set_password(std::string address, Secret secret) {
  const auto turn = co_await turns_.take();
  const auto entry = known(address);
  if (!entry) co_return refuse(entry.error());
  disk::Account record = (*entry)->record;
  bool scram = false;
  {
    const std::shared_lock lock(tables_.lock);
    scram = tables_.domains.at((*entry)->address.domain().text()).record.scram();
  }
  if (auto sealed = co_await seal(record, std::move(secret), scram); !sealed)
    co_return refuse(sealed.error());
  co_return co_await keep_account((*entry)->tenant, std::move(record));
}

net::task<Result<Account, AdminError>> Service::do_remove_account(std::string address) {
  const auto turn = co_await turns_.take();
  const auto entry = known(address);
  if (!entry) co_return refuse(entry.error());
  Account gone = view(**entry);
  store::Batch batch(keys::of((*entry)->tenant));
  batch.remove(keys::account(gone.id.value()));
  if (auto done = co_await commit(std::move(batch)); !done) co_return refuse(done.error());
  signin_.forget(gone.address.text());
  const std::unique_lock lock(tables_.lock);
  tables_.erase_account(gone.id);
  co_return gone;
}

net::task<Result<std::string, AdminError>> Service::do_add_app_password(std::string address, std::string name,
                                                                        Scope scopes, Time expires) {
  const auto turn = co_await turns_.take();
  const auto entry = known(address);
  if (!entry) co_return refuse(entry.error());
  if (!is_name(name) || name.find('/') != std::string::npos)
    co_return deny(Refusal::Invalid, "an app password needs a name of visible characters without \"/\"");
  disk::Account record = (*entry)->record;
  for (const auto& other : record.app_passwords())
    if (other.name() == name)
      co_return deny(Refusal::Exists, "{} has an app password {} already: remove it first", address, name);
  // 24 characters of 32: 120 bits. In groups of six, as people copy them.
  std::string secret;
  const std::string drawn = base32(random_.u64()).substr(1) + base32(random_.u64()).substr(1);
  for (std::size_t i = 0; i < 24; i += 6) secret += (i ? "-" : "") + drawn.substr(i, 6);
  disk::AppPassword& made = *record.add_app_passwords();
  made.set_name(name);
  made.set_scopes(static_cast<std::uint32_t>(scopes));
  made.set_created_us(micros(clock_.now()));
  made.set_expires_us(expires == Time{} ? 0 : micros(expires));
  auto work = [&] { signin_.make_app_password(secret, made); };
  co_await net::blocking(hashing_, std::move(work));
  if (auto kept = co_await keep_account((*entry)->tenant, std::move(record)); !kept)
    co_return refuse(kept.error());
  co_return secret;
}

net::task<Result<void, AdminError>> Service::do_remove_app_password(std::string address, std::string name) {
  const auto turn = co_await turns_.take();
  const auto entry = known(address);
  if (!entry) co_return refuse(entry.error());
  disk::Account record = (*entry)->record;
  auto& all = *record.mutable_app_passwords();
  const auto it = std::ranges::find_if(all, [&](const auto& p) { return p.name() == name; });
  if (it == all.end())
    co_return deny(Refusal::NotFound, "{} has no app password {}", address, printable(name));
  all.erase(it);
  co_return co_await keep_account((*entry)->tenant, std::move(record));
}

// --- Aliases and groups ------------------------------------------------------------------------------------

Result<std::vector<std::string>, AdminError> Service::targets(const Address& of,
                                                              std::vector<std::string> texts) const {
  if (texts.size() > most_targets)
    return deny(Refusal::Invalid, "an alias leads to at most {} addresses; use a list", most_targets);
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (const std::string& text : texts) {
    const auto target = Address::parse(text);
    if (!target)
      return deny(Refusal::Invalid, "\"{}\" is not an address: {}", printable(text),
                  describe(target.error()));
    if (target->folded() == of.folded()) return deny(Refusal::Invalid, "{} would lead to itself", of.text());
    const auto leads = resolve(*target);
    if (!leads && leads.error() == NoDestination::NoSuchMailbox)
      return deny(Refusal::NotFound, "mail for {} would go nowhere: make the account first", target->text());
    if (seen.insert(target->folded()).second) out.push_back(target->text());
  }
  return out;
}

net::task<Result<AliasView, AdminError>> Service::do_add_alias(std::string address,
                                                               std::vector<std::string> texts, bool group) {
  const auto turn = co_await turns_.take();
  const auto at = place(address);
  if (!at) co_return refuse(at.error());
  const auto leads = targets(at->address, std::move(texts));
  if (!leads) co_return refuse(leads.error());
  if (group && leads->empty()) co_return deny(Refusal::Invalid, "a group needs a member");
  disk::Alias record;
  record.set_address(at->address.text());
  record.mutable_targets()->Add(leads->begin(), leads->end());
  record.set_group(group);
  record.set_created_us(micros(clock_.now()));
  store::Batch batch(keys::of(at->tenant));
  const std::string key = keys::alias(at->address.folded());
  batch.expect_absent(key).put(key, record.SerializeAsString());
  if (auto done = co_await commit(std::move(batch)); !done) co_return refuse(done.error());
  const std::unique_lock lock(tables_.lock);
  tables_.insert(at->tenant, std::move(record));
  co_return AliasView{.address = at->address.text(), .targets = *leads, .group = group, .enabled = true};
}

net::task<Result<void, AdminError>> Service::do_set_alias(std::string text, std::vector<std::string> texts) {
  const auto turn = co_await turns_.take();
  const auto address = Address::parse(text);
  disk::Alias record;
  TenantId tenant;
  {
    const std::shared_lock lock(tables_.lock);
    const DomainEntry* home = address ? tables_.home(address->domain()) : nullptr;
    const auto it = home ? tables_.names.find(address->folded()) : tables_.names.end();
    if (it == tables_.names.end() || !it->second.alias)
      co_return deny(Refusal::NotFound, "there is no alias {}", printable(text));
    record = *it->second.alias;
    tenant = home->tenant;
  }
  const auto leads = targets(*address, std::move(texts));
  if (!leads) co_return refuse(leads.error());
  record.clear_targets();
  record.mutable_targets()->Add(leads->begin(), leads->end());
  store::Batch batch(keys::of(tenant));
  batch.put(keys::alias(address->folded()), record.SerializeAsString());
  if (auto done = co_await commit(std::move(batch)); !done) co_return refuse(done.error());
  const std::unique_lock lock(tables_.lock);
  tables_.insert(tenant, std::move(record));
  co_return {};
}

net::task<Result<void, AdminError>> Service::do_remove_alias(std::string text) {
  const auto turn = co_await turns_.take();
  const auto address = Address::parse(text);
  TenantId tenant;
  {
    const std::shared_lock lock(tables_.lock);
    const DomainEntry* home = address ? tables_.home(address->domain()) : nullptr;
    const auto it = home ? tables_.names.find(address->folded()) : tables_.names.end();
    if (it == tables_.names.end() || !it->second.alias)
      co_return deny(Refusal::NotFound, "there is no alias {}", printable(text));
    tenant = home->tenant;
  }
  store::Batch batch(keys::of(tenant));
  batch.remove(keys::alias(address->folded()));
  if (auto done = co_await commit(std::move(batch)); !done) co_return refuse(done.error());
  const std::unique_lock lock(tables_.lock);
  tables_.erase_alias(*address);
  co_return {};
}

// --- The way to the directory's core -----------------------------------------------------------------------

Admin<TenantView> Service::add_tenant(std::string_view name) {
  return net::run_on(runtime_.core(0), do_add_tenant(std::string(name)));
}
Admin<void> Service::set_tenant(std::string_view name, std::optional<bool> enabled,
                                std::optional<std::uint64_t> quota_octets) {
  return net::run_on(runtime_.core(0), do_set_tenant(std::string(name), enabled, quota_octets));
}
Admin<void> Service::remove_tenant(std::string_view name) {
  return net::run_on(runtime_.core(0), do_remove_tenant(std::string(name)));
}
Admin<DomainView> Service::add_domain(std::string_view tenant, std::string_view name,
                                      std::string_view alias_of) {
  return net::run_on(runtime_.core(0),
                     do_add_domain(std::string(tenant), std::string(name), std::string(alias_of)));
}
Admin<void> Service::set_domain(std::string_view name, DomainChange change) {
  return net::run_on(runtime_.core(0), do_set_domain(std::string(name), std::move(change)));
}
Admin<void> Service::remove_domain(std::string_view name) {
  return net::run_on(runtime_.core(0), do_remove_domain(std::string(name)));
}
Admin<Account> Service::add_account(std::string_view address, std::optional<Secret> secret) {
  return net::run_on(runtime_.core(0), do_add_account(std::string(address), std::move(secret)));
}
Admin<void> Service::set_account(std::string_view address, AccountChange change) {
  return net::run_on(runtime_.core(0), do_set_account(std::string(address), std::move(change)));
}
Admin<void> Service::set_password(std::string_view address, Secret secret) {
  return net::run_on(runtime_.core(0), do_set_password(std::string(address), std::move(secret)));
}
Admin<Account> Service::remove_account(std::string_view address) {
  return net::run_on(runtime_.core(0), do_remove_account(std::string(address)));
}
Admin<std::string> Service::add_app_password(std::string_view address, std::string_view name, Scope scopes,
                                             Time expires) {
  return net::run_on(runtime_.core(0),
                     do_add_app_password(std::string(address), std::string(name), scopes, expires));
}
Admin<void> Service::remove_app_password(std::string_view address, std::string_view name) {
  return net::run_on(runtime_.core(0), do_remove_app_password(std::string(address), std::string(name)));
}
Admin<AliasView> Service::add_alias(std::string_view address, std::vector<std::string> targets, bool group) {
  return net::run_on(runtime_.core(0), do_add_alias(std::string(address), std::move(targets), group));
}
Admin<void> Service::set_alias(std::string_view address, std::vector<std::string> targets) {
  return net::run_on(runtime_.core(0), do_set_alias(std::string(address), std::move(targets)));
}
Admin<void> Service::remove_alias(std::string_view address) {
  return net::run_on(runtime_.core(0), do_remove_alias(std::string(address)));
}

}  // namespace postroad::directory
