// Changes of aliases and groups; see changes.cc. At the end the way to the directory's core, for all changes.
#include <set>

#include "directory/deny.h"
#include "directory/keys.h"
#include "directory/service.h"

namespace postroad::directory {

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
