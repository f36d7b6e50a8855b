// Changes of accounts and their passwords; see changes.cc.
#include <algorithm>

#include "crypto/password.h"
#include "directory/deny.h"
#include "directory/keys.h"
#include "directory/service.h"

namespace postroad::directory {

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

}  // namespace postroad::directory
