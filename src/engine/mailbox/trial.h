// The engine on a real store in a directory of its own, one manual core, and a directory of accounts that
// exist when asked for. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "directory/directory_testing.h"
#include "mailbox/engine.h"
#include "mailbox/session.h"
#include "mailbox/trial_store.h"
#include "net/manual_core.h"
#include "store/embedded.h"

namespace postroad::mailbox {

// Every account below 1,000,000 exists.
class TrialDirectory : public directory::testing::Nobody {
 public:
  using Nobody::account;
  std::map<AccountId, directory::Quota> quotas;
  std::set<AccountId> gone;

  std::optional<directory::Account> account(AccountId id) const override {
    if (id.value() == 0 || id.value() >= 1'000'000 || gone.contains(id)) return std::nullopt;
    directory::Account found{.id = id,
                             .tenant = TenantId{1},
                             .address = *Address::parse("u" + std::to_string(id.value()) + "@example.org")};
    if (const auto quota = quotas.find(id); quota != quotas.end()) found.quota = quota->second;
    return found;
  }
};

class TrialPlace {
 public:
  TrialPlace() {
    std::string made = (std::filesystem::temp_directory_path() / "mailbox-trial-XXXXXX").string();
    path_ = ::mkdtemp(made.data());
  }
  ~TrialPlace() { std::filesystem::remove_all(path_); }
  TrialPlace(const TrialPlace&) = delete;
  TrialPlace& operator=(const TrialPlace&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class Trial {
 public:
  explicit Trial(Policy wanted = {}) : policy(std::move(wanted)) { open(); }
  ~Trial() { close(); }

  // As after a kill: nothing that was not committed is there. Sessions must be gone.
  void reopen() {
    close();
    open();
  }

  template <class T>
  T run(task<T> work) {
    return core.run(std::move(work));
  }
  // Starts it and lets it go as far as it can; done() tells.
  void spawn(task<void> work) {
    if (!group)
      group = std::make_unique<net::TaskGroup>(core, [](std::exception_ptr e) {
        try {
          std::rethrow_exception(e);
        } catch (const std::exception& what) {
          ADD_FAILURE() << what.what();
        }
      });
    group->spawn(std::move(work));
    core.settle();
  }

  // A blob and what is said of it.
  NewMessage message(std::string_view octets) {
    auto writer = store->new_blob(octets.size());
    writer->append(octets);
    const auto id = run(writer->finish());
    EXPECT_TRUE(id);
    writers.push_back(std::move(writer));
    NewMessage made;
    made.blob = *id;
    made.blob_octets = octets.size();
    made.internal_date = core.clock().now();
    return made;
  }
  Result<Stored, StoreError> deliver(AccountId account, std::string_view octets,
                                     std::string mailbox = "INBOX") {
    NewMessage made = message(octets);
    made.mailbox = std::move(mailbox);
    auto stored = run(engine->deliver(account, std::move(made), std::nullopt, false, {}));
    writers.clear();
    return stored;
  }
  std::unique_ptr<Selected> select(AccountId account, std::string name = "INBOX",
                                   Access access = Access::ReadWrite) {
    Session session(*engine, account);
    auto selected = run(session.select(std::move(name), access));
    EXPECT_TRUE(selected);
    return selected ? std::move(*selected) : nullptr;
  }
  std::string content(Selected& selected, const Entry& entry) {
    auto content = run(selected.open(entry));
    if (!content) return "refused " + std::to_string(static_cast<int>(content.error()));
    std::string all;
    for (;;) {
      const auto piece = run((*content)->read(all.size()));
      if (!piece) return "refused " + std::to_string(static_cast<int>(piece.error()));
      if (piece->empty()) return all;
      all += *piece;
    }
  }

  TrialPlace place;
  TrialDirectory directory;
  Policy policy;
  net::ManualCore core;
  std::unique_ptr<store::EmbeddedStore> real;
  std::unique_ptr<TrialStore> store;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<net::TaskGroup> group;
  std::vector<std::unique_ptr<store::BlobWriter>> writers;

 private:
  void open() {
    auto opened =
        store::open_embedded({.data = place.path(), .cores = 1, .clock = &core.clock(), .threads = false});
    ASSERT_TRUE(opened) << opened.error().text;
    real = std::move(*opened);
    store = std::make_unique<TrialStore>(*real);
    Services services{
        .store = store.get(), .directory = &directory, .cores = {&core}, .clock = &core.clock()};
    services.policy = policy;
    engine = std::make_unique<Engine>(std::move(services));
  }
  void close() {
    group.reset();
    writers.clear();
    engine.reset();
    core.settle();
    store.reset();
    real.reset();
  }
};

inline std::string letter(std::string_view subject, std::string_view body = "Hello.\r\n") {
  return fmt::format("From: a@example.com\r\nTo: b@example.org\r\nSubject: {}\r\n\r\n{}", subject, body);
}

}  // namespace postroad::mailbox
