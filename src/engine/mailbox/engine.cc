#include "mailbox/engine.h"

#include "mailbox/account.h"
#include "mailbox/ask.h"
#include "mailbox/prepare.h"
#include "net/sleep.h"

namespace postroad::mailbox {

namespace {

StoreError store_error(Refusal refusal) {
  switch (refusal) {
    case Refusal::NoSuchAccount: return StoreError::NoSuchAccount;
    case Refusal::OverQuota: return StoreError::OverQuota;
    case Refusal::DiskFull: return StoreError::DiskFull;
    case Refusal::TooMany: return StoreError::TooManyMailboxes;
    case Refusal::NoSuchMailbox:
    case Refusal::BadName: return StoreError::NoSuchMailbox;
    case Refusal::Unknown: return StoreError::Unknown;
    default: return StoreError::Unavailable;
  }
}

}  // namespace

Engine::Engine(Services services) : services_(std::move(services)) {
  for (net::Core* core : services_.cores) shelves_.push_back(std::make_unique<Shelf>(*core));
}

Engine::~Engine() = default;

net::Core& Engine::owner(AccountId account) const {
  return *services_.cores[services_.store->owner({store::Realm::Account, account.value()})];
}

std::shared_ptr<Account> Engine::account_here(AccountId id) {
  Shelf& shelf = *shelves_[net::Core::here().index()];
  std::shared_ptr<Account>& account = shelf.accounts[id];
  if (!account) account = std::make_shared<Account>(services_, shelf.group, id);
  if (!std::exchange(shelf.tended, true)) shelf.group.spawn(tend(shelf));
  return account;
}

// Looks at every account now and then, as long as there is one.
task<void> Engine::tend(Shelf& shelf) {
  while (!shelf.accounts.empty()) {
    co_await net::sleep_for(std::min<Duration>(services_.policy.idle / 2, 5s));
    for (const auto& [id, account] : shelf.accounts) account->tend();
    std::erase_if(shelf.accounts,
                  [](const auto& a) { return a.second.use_count() == 1 && a.second->idle(); });
  }
  shelf.tended = false;
}

task<void> Engine::stop() {
  for (const auto& shelf : shelves_) {
    auto work = stop_here(*shelf);
    co_await net::run_on(shelf->core, std::move(work));
  }
}

task<void> Engine::stop_here(Shelf& shelf) {
  for (const auto& [id, account] : shelf.accounts) {
    const std::shared_ptr<Account> keep = account;
    co_await keep->settle();
  }
  shelf.group.cancel();
  co_await shelf.group.join();
  shelf.accounts.clear();
}

std::size_t Engine::hot_accounts() const { return shelves_[net::Core::here().index()]->accounts.size(); }

task<Result<Stored, StoreError>> Engine::deliver(AccountId account, NewMessage message,
                                                 std::optional<store::OpId> op, bool overshoot,
                                                 std::vector<ledger::Event> events) {
  Arrival arrival{.mailbox = message.mailbox,
                  .create = message.create,
                  .inbox_else = true,
                  .overshoot = overshoot,
                  .op = op,
                  .events = std::move(events)};
  auto prepared = co_await prepare(*services_.store, *services_.clock, std::move(message));
  if (!prepared) co_return refuse(store_error(prepared.error()));
  std::vector<Prepared> messages;
  messages.push_back(std::move(*prepared));
  auto stored = co_await ask(account, &Account::arrive, std::move(arrival), std::move(messages));
  if (!stored) co_return refuse(store_error(stored.error()));
  co_return stored->front();
}

task<bool> Engine::erase(AccountId account) {
  const auto erased = co_await ask(account, &Account::erase_all);
  co_return erased.has_value();
}

task<void> Engine::sweep() {
  constexpr std::size_t at_once = 256;
  for (std::uint64_t from = 0;;) {
    const auto some = co_await services_.store->partitions(store::Realm::Account, from, at_once);
    if (!some || some->empty()) co_return;
    for (const store::Partition partition : *some) {
      const auto limbo = co_await services_.store->scan(partition, store::Range::prefix("x", 1), {});
      const auto grave = co_await services_.store->scan(partition, store::Range::prefix("g", 1), {});
      if ((limbo && !limbo->empty()) || (grave && !grave->empty()))
        co_await ask(AccountId{partition.id}, &Account::purge_due);
      co_await net::yield();
    }
    from = some->back().id + 1;
  }
}

void Engine::forget(AccountId account, store::OpId op) {
  tell(account, [op](Account& there) { there.forget(op); });
}

void Engine::tell(AccountId id, std::move_only_function<void(Account&)> what) {
  // A session that ends late may find the engine gone when its core comes to this.
  owner(id).post([weak = std::weak_ptr(self_), id, what = std::move(what)]() mutable {
    if (const auto self = weak.lock()) what(*(*self)->account_here(id));
  });
}

}  // namespace postroad::mailbox
