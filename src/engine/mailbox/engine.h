// Engine: all accounts' mailboxes. One for the process; sessions and deliveries may ask it from any core.
//
//   mailbox::Engine engine({.store = &store, .directory = &directory, .cores = cores, .clock = &clock});
//   co_await engine.deliver(...);
//   mailbox::Session session(engine, account);      // session.h
//   co_await engine.stop();                         // sessions have ended; the cores still run
#pragma once

#include <chrono>
#include <memory>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "directory/directory.h"
#include "mailbox/mailbox.h"
#include "mailbox/record.h"
#include "net/runtime.h"
#include "store/store.h"

namespace postroad::mailbox {

class Account;

struct Policy {
  // How long expunged mail can be brought back; never what is erased by POP3. Content of an expunged message
  // can be read for a minute at least by sessions that still show it.
  std::chrono::seconds undelete{0};
  std::chrono::seconds idle{30};  // then what is known by heart is forgotten
  std::size_t mailboxes = 10'000;
  std::size_t subscriptions = 20'000;
  std::size_t vanished_records =
      1'000;  // of a mailbox, each of one commit; up to twice as many (RFC 7162 §3.2)
  // What a new account has beside INBOX.
  std::vector<std::pair<std::string, SpecialUse>> provisions{{"Drafts", SpecialUse::Drafts},
                                                             {"Sent", SpecialUse::Sent},
                                                             {"Junk", SpecialUse::Junk},
                                                             {"Trash", SpecialUse::Trash},
                                                             {"Archive", SpecialUse::Archive}};
  // A fold is due when unfolded deltas are so many, so long, or so much work to play again.
  std::size_t fold_deltas = 128;
  std::size_t fold_octets = 64 * 1024;
  std::uint64_t fold_weight = 250'000;
};

// What the engine stands on. All of it outlives the engine.
struct Services {
  store::Store* store = nullptr;
  const directory::Directory* directory = nullptr;
  std::vector<net::Core*> cores{};  // by index, as Store::owner() answers
  const Clock* clock = nullptr;
  Policy policy{};
};

class Engine final : public Mailboxes {
 public:
  explicit Engine(Services services);
  ~Engine() override;  // after stop(), or when the cores run no more

  task<Result<Stored, StoreError>> deliver(AccountId account, NewMessage message,
                                           std::optional<store::OpId> op, bool overshoot,
                                           std::vector<ledger::Event> events) override;
  void forget(AccountId account, store::OpId op) override;

  // The account has left the directory: its mail goes, and leaves the disk within the time the store has for
  // that. False: not now; ask again.
  task<bool> erase(AccountId account);
  // Purges what is due in accounts that nobody uses. To be called at the start and once a day.
  task<void> sweep();

  // Ends when everything submitted has been answered. Nothing may be asked meanwhile or later.
  task<void> stop();

  // Accounts known by heart, on this core.
  std::size_t hot_accounts() const;

 private:
  friend class Session;
  friend class Selected;
  friend class MaildropLock;

  // What belongs to one core, touched by it alone.
  struct Shelf;
  net::Core& owner(AccountId account) const;
  std::shared_ptr<Account> account_here(AccountId id);
  task<void> tend(Shelf& shelf);
  task<void> stop_here(Shelf& shelf);

  // Runs a member function of the account on its owner's core and comes back with the answer.
  template <class R, class... P, class... A>
  task<R> ask(AccountId id, task<R> (Account::*what)(P...), A... arguments);
  template <class R, class... P>
  task<R> ask_here(AccountId id, task<R> (Account::*what)(P...), std::type_identity_t<P>... arguments);
  // The same for what needs no answer.
  void tell(AccountId id, std::move_only_function<void(Account&)> what);

  Services services_;
  std::vector<std::unique_ptr<Shelf>> shelves_;
  std::shared_ptr<Engine*> self_ = std::make_shared<Engine*>(this);
};

}  // namespace postroad::mailbox
