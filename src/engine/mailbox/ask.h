// How a question travels to the owner of an account: the templates of Engine. Not public.
#pragma once

#include <unordered_map>

#include "mailbox/account.h"
#include "mailbox/engine.h"
#include "net/runtime.h"

namespace postroad::mailbox {

struct Engine::Shelf {
  explicit Shelf(net::Core& core) : core(core), group(core, [](std::exception_ptr) {}) {}
  net::Core& core;
  std::unordered_map<AccountId, std::shared_ptr<Account>> accounts;
  bool tended = false;
  net::TaskGroup group;  // ends before the accounts do
};

template <class R, class... P>
task<R> Engine::ask_here(AccountId id, task<R> (Account::*what)(P...), std::type_identity_t<P>... arguments) {
  const std::shared_ptr<Account> account = account_here(id);
  const Account::Use use(account);
  co_return co_await (account.get()->*what)(std::move(arguments)...);
}

template <class R, class... P, class... A>
task<R> Engine::ask(AccountId id, task<R> (Account::*what)(P...), A... arguments) {
  auto work = ask_here<R, P...>(id, what, std::move(arguments)...);
  net::Core& core = owner(id);
  if (&core == net::Core::current()) co_return co_await std::move(work);
  co_return co_await net::run_on(core, std::move(work));
}

}  // namespace postroad::mailbox
