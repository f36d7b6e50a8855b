#include <gtest/gtest.h>

#include <filesystem>

#include "directory/admin.h"
#include "net/runtime.h"
#include "store/embedded.h"

namespace postroad::directory {
namespace {

Address address(std::string_view text) { return *Address::parse(text); }

// A directory over a real store in a folder of its own, on one core that a thread runs.
class DirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/postroad-directory-XXXXXX";
    folder_ = mkdtemp(name);
    runtime_.start();
    open();
  }
  void TearDown() override {
    directory_.reset();
    runtime_.stop();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void open() {
    directory_.reset();
    store_.reset();
    auto store = store::open_embedded({.data = folder_});
    ASSERT_TRUE(store) << store.error().text;
    store_ = std::move(*store);
    directory_ = run(directory::open(*store_, runtime_, pool_, clock_, system_random(), options_));
  }
  template <class T>
  T run(net::task<T> task) {
    return net::block_on(runtime_.core(0), std::move(task));
  }
  template <class T>
  T made(Admin<T> task) {
    auto result = run(std::move(task));
    if (!result) ADD_FAILURE() << result.error().text;
    if constexpr (!std::is_void_v<T>) return std::move(*result);
  }
  void people() {
    made(directory_->add_domain("default", "demo.test", ""));
    alice_ = made(directory_->add_account("alice@demo.test", Secret{"postroad"})).id;
    bob_ = made(directory_->add_account("bob@demo.test", Secret{"secret"})).id;
  }
  std::vector<AccountId> accounts_of(std::string_view text) {
    const auto to = directory_->resolve(address(text));
    std::vector<AccountId> out;
    if (to)
      for (const Local& local : to->accounts) out.push_back(local.account);
    return out;
  }
  NoDestination refusal_of(std::string_view text) { return directory_->resolve(address(text)).error(); }
  Result<Identity, AuthError> sign_in(std::string_view login, std::string_view password,
                                      Scope scope = Scope::Imap, std::string_view client = "192.0.2.0/24") {
    return run(directory_->check_password(login, password, scope, client));
  }

  std::string folder_;
  net::Runtime runtime_{1};
  net::Pool pool_{1};
  ManualClock clock_;
  Options options_;
  std::unique_ptr<store::EmbeddedStore> store_;
  std::unique_ptr<DirectoryService> directory_;
  AccountId alice_, bob_;
};

TEST_F(DirectoryTest, ANewOneHasTheTenantDefaultAndNothingElse) {
  ASSERT_EQ(directory_->tenants().size(), 1u);
  EXPECT_EQ(directory_->tenants()[0].name, "default");
  EXPECT_TRUE(directory_->domains("").empty());
  EXPECT_EQ(refusal_of("a@demo.test"), NoDestination::NotOurs);
}

TEST_F(DirectoryTest, AnAccountIsFoundWhateverItsCase) {
  people();
  EXPECT_EQ(accounts_of("alice@demo.test"), std::vector{alice_});
  EXPECT_EQ(accounts_of("ALICE@Demo.Test"), std::vector{alice_});
  EXPECT_EQ(refusal_of("carol@demo.test"), NoDestination::NoSuchMailbox);
}

TEST_F(DirectoryTest, EverythingIsThereAfterAnotherStart) {
  people();
  made(directory_->add_alias("team@demo.test", {"alice@demo.test", "bob@demo.test"}, true));
  open();
  EXPECT_EQ(accounts_of("alice@demo.test"), std::vector{alice_});
  EXPECT_EQ(accounts_of("team@demo.test"), (std::vector{alice_, bob_}));
  EXPECT_TRUE(sign_in("alice@demo.test", "postroad"));
  const AccountId next = made(directory_->add_account("carol@demo.test", std::nullopt)).id;
  EXPECT_GT(next, bob_);
}

TEST_F(DirectoryTest, ASubaddressLeadsToTheAccountAndKeepsItsDetail) {
  people();
  const auto to = directory_->resolve(address("alice+lists@demo.test"));
  ASSERT_TRUE(to);
  EXPECT_EQ(to->accounts[0].account, alice_);
  EXPECT_EQ(to->accounts[0].detail, "lists");
  made(directory_->set_domain("demo.test", {.separators = "-"}));
  EXPECT_EQ(refusal_of("alice+lists@demo.test"), NoDestination::NoSuchMailbox);
  EXPECT_EQ(accounts_of("alice-lists@demo.test"), std::vector{alice_});
}

TEST_F(DirectoryTest, ACatchAllTakesWhatNobodyTakesButWhatIsRefusedByName) {
  people();
  made(directory_->set_domain("demo.test", {.catch_all = "bob@demo.test"}));
  EXPECT_EQ(accounts_of("anybody@demo.test"), std::vector{bob_});
  EXPECT_EQ(accounts_of("alice@demo.test"), std::vector{alice_});
  made(directory_->add_alias("spam@demo.test", {}, false));
  EXPECT_EQ(refusal_of("spam@demo.test"), NoDestination::Refused);
}

TEST_F(DirectoryTest, AnAliasDomainHasTheSameAddresses) {
  people();
  made(directory_->add_domain("default", "demo.example", "demo.test"));
  EXPECT_EQ(accounts_of("alice+x@demo.example"), std::vector{alice_});
  EXPECT_TRUE(directory_->hosts(*Domain::parse("demo.example")));
  EXPECT_TRUE(directory_->owns(alice_, address("alice@demo.example")));
  EXPECT_FALSE(run(directory_->add_account("new@demo.example", std::nullopt)));
}

TEST_F(DirectoryTest, AliasesAndGroupsExpandOnceAndLoopsEnd) {
  people();
  made(directory_->add_alias("a@demo.test", {"alice@demo.test"}, false));
  made(directory_->add_alias("b@demo.test", {"a@demo.test", "bob@demo.test", "friend@elsewhere.example"},
                             true));
  made(directory_->set_alias("a@demo.test", {"b@demo.test", "alice@demo.test"}));
  const auto to = directory_->resolve(address("b@demo.test"));
  ASSERT_TRUE(to);
  EXPECT_EQ(to->accounts.size(), 2u);
  ASSERT_EQ(to->forwards.size(), 1u);
  EXPECT_EQ(to->forwards[0].text(), "friend@elsewhere.example");
}

TEST_F(DirectoryTest, PostmasterAndAbuseAlwaysLeadSomewhere) {
  EXPECT_FALSE(directory_->postmaster());  // there is nobody at all
  people();
  EXPECT_EQ(accounts_of("postmaster@demo.test"),
            std::vector{alice_});  // no administrator: the oldest account
  EXPECT_EQ(directory_->postmaster()->text(), "alice@demo.test");
  made(directory_->set_account("bob@demo.test", {.administrator = true}));
  EXPECT_EQ(accounts_of("postmaster@demo.test"), std::vector{bob_});
  made(directory_->set_account("bob@demo.test", {.administrator = false}));
  made(directory_->set_account("alice@demo.test", {.administrator = true}));
  EXPECT_EQ(accounts_of("Abuse@demo.test"), std::vector{alice_});
  made(directory_->set_domain("demo.test", {.catch_all = "bob@demo.test"}));
  EXPECT_EQ(accounts_of("abuse@demo.test"), std::vector{alice_});
}

TEST_F(DirectoryTest, WhatIsSwitchedOffIsSaidToBe) {
  people();
  made(directory_->set_account("alice@demo.test", {.enabled = false}));
  EXPECT_EQ(refusal_of("alice@demo.test"), NoDestination::Disabled);
  EXPECT_EQ(sign_in("alice@demo.test", "postroad").error(), AuthError::Failed);
  made(directory_->set_domain("demo.test", {.enabled = false}));
  EXPECT_EQ(refusal_of("bob@demo.test"), NoDestination::Disabled);
  EXPECT_EQ(sign_in("bob@demo.test", "secret").error(), AuthError::Failed);
}

TEST_F(DirectoryTest, RefusalsSayWhatToDo) {
  people();
  const auto no_domain = run(directory_->add_account("x@nowhere.test", std::nullopt));
  ASSERT_FALSE(no_domain);
  EXPECT_EQ(no_domain.error().text,
            "the domain nowhere.test is not here: add it first (postroad domain add nowhere.test)");
  EXPECT_EQ(run(directory_->add_account("alice@demo.test", std::nullopt)).error().refusal, Refusal::Exists);
  EXPECT_EQ(run(directory_->add_account("alice+x@demo.test", std::nullopt)).error().refusal,
            Refusal::Invalid);
  EXPECT_EQ(run(directory_->remove_domain("demo.test")).error().refusal, Refusal::InUse);
  EXPECT_EQ(run(directory_->add_alias("l@demo.test", {"nobody@demo.test"}, false)).error().refusal,
            Refusal::NotFound);
  EXPECT_EQ(run(directory_->add_account("d@demo.test", Secret{"plain", true})).error().refusal,
            Refusal::Invalid);
}

TEST_F(DirectoryTest, ADomainBelongsToOneTenant) {
  people();
  made(directory_->add_tenant("acme"));
  EXPECT_EQ(run(directory_->add_domain("acme", "demo.test", "")).error().refusal, Refusal::Exists);
  EXPECT_EQ(run(directory_->add_domain("acme", "acme.test", "demo.test")).error().refusal, Refusal::NotFound);
  made(directory_->add_domain("acme", "acme.test", ""));
  EXPECT_EQ(directory_->domains("acme").size(), 1u);
  EXPECT_EQ(run(directory_->remove_tenant("acme")).error().refusal, Refusal::InUse);
}

TEST_F(DirectoryTest, AnAccountNumberIsNeverGivenOutAgain) {
  people();
  made(directory_->remove_account("bob@demo.test"));
  open();
  EXPECT_NE(made(directory_->add_account("bob@demo.test", std::nullopt)).id, bob_);
}

TEST_F(DirectoryTest, SignInTakesThePasswordAndNothingElse) {
  people();
  const auto alice = sign_in("alice@demo.test", "postroad");
  ASSERT_TRUE(alice);
  EXPECT_EQ(alice->account, alice_);
  EXPECT_EQ(sign_in("alice@demo.test", "Postroad").error(), AuthError::Failed);
  EXPECT_EQ(sign_in("nobody@demo.test", "postroad").error(), AuthError::Failed);
  EXPECT_EQ(sign_in("alice", "postroad").error(), AuthError::Failed);
  EXPECT_EQ(sign_in("", "").error(), AuthError::Failed);
  EXPECT_EQ(sign_in("alice@demo.test", std::string(2000, 'x')).error(), AuthError::Failed);
}

TEST_F(DirectoryTest, AChangedPasswordIsTrueAtOnceForCachedSignIns) {
  people();
  ASSERT_TRUE(sign_in("alice@demo.test", "postroad"));
  made(directory_->set_password("alice@demo.test", Secret{"other"}));
  EXPECT_FALSE(sign_in("alice@demo.test", "postroad"));
  EXPECT_TRUE(sign_in("alice@demo.test", "other"));
}

TEST_F(DirectoryTest, ImportedHashesSignIn) {
  people();
  // openssl passwd -6 -salt saltsalt hello
  made(directory_->set_password("alice@demo.test",
                                Secret{"$6$saltsalt$YTeBOLnmm3CoeJTzBuijUEtOEWCqrw/nQ8/"
                                       "AeMmON4LGp3k0ZiMjC1OdqzWFUAfDQBvYkOch9BWtQTBcZ1E/p0",
                                       true}));
  EXPECT_TRUE(sign_in("alice@demo.test", "hello"));
  EXPECT_FALSE(sign_in("alice@demo.test", "wrong"));
}

TEST_F(DirectoryTest, AnAppPasswordHasItsScopesAndItsEnd) {
  people();
  const std::string phone = made(directory_->add_app_password("alice@demo.test", "phone", Scope::Imap,
                                                              clock_.now() + std::chrono::hours(1)));
  EXPECT_EQ(phone.size(), 27u);
  const auto in = sign_in("alice@demo.test", phone, Scope::Imap);
  ASSERT_TRUE(in);
  EXPECT_EQ(in->credential, "phone");
  EXPECT_TRUE(sign_in("alice@demo.test/phone", phone, Scope::Imap));
  EXPECT_FALSE(sign_in("alice@demo.test/tablet", phone, Scope::Imap));
  EXPECT_FALSE(sign_in("alice@demo.test", phone, Scope::Smtp));
  const ScramKeys keys = directory_->scram_keys("alice@demo.test", ScramHash::Sha256, Scope::Imap);
  ASSERT_TRUE(keys.genuine());
  EXPECT_EQ(keys.identity->credential, "phone");
  clock_.advance(std::chrono::hours(2));
  EXPECT_FALSE(sign_in("alice@demo.test", phone, Scope::Imap));
  made(directory_->remove_app_password("alice@demo.test", "phone"));
  EXPECT_FALSE(directory_->scram_keys("alice@demo.test", ScramHash::Sha256, Scope::Imap).genuine());
}

TEST_F(DirectoryTest, ScramTellsNobodyWhoExists) {
  people();
  const ScramKeys one = directory_->scram_keys("nobody@demo.test", ScramHash::Sha256, Scope::Imap);
  const ScramKeys again = directory_->scram_keys("nobody@demo.test", ScramHash::Sha256, Scope::Imap);
  const ScramKeys alice = directory_->scram_keys("alice@demo.test", ScramHash::Sha256, Scope::Imap);
  EXPECT_FALSE(one.genuine());
  EXPECT_EQ(one.salt, again.salt);
  EXPECT_NE(one.salt, alice.salt);
  EXPECT_EQ(one.salt.size(), alice.salt.size());
  EXPECT_EQ(one.iterations, alice.iterations);
  open();  // and not after a restart either
  EXPECT_EQ(directory_->scram_keys("nobody@demo.test", ScramHash::Sha256, Scope::Imap).salt, one.salt);
}

TEST_F(DirectoryTest, WhoGuessesIsSlowedAndThenRefusedButNotHisVictim) {
  options_.failures_before_delay = 100;  // no sleeping here
  options_.failures_before_ban = 4;
  open();
  people();
  ASSERT_TRUE(sign_in("alice@demo.test", "postroad", Scope::Imap, "198.51.100.0/24"));
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(sign_in("alice@demo.test", "guess" + std::to_string(i)).error(), AuthError::Failed);
  EXPECT_EQ(sign_in("alice@demo.test", "postroad").error(), AuthError::Throttled);
  EXPECT_TRUE(sign_in("alice@demo.test", "postroad", Scope::Imap, "198.51.100.0/24"));
  clock_.advance(std::chrono::hours(1));
  EXPECT_TRUE(sign_in("alice@demo.test", "postroad"));
}

TEST_F(DirectoryTest, ANetworkThatGuessesMustWaitButNotWhoSignedInFromItLately) {
  options_.failures_before_delay = 100;
  options_.network_failures_before_ban = 5;
  open();
  people();
  const auto from = [&](std::string_view network, std::string_view login, std::string_view password) {
    return sign_in(login, password, Scope::Imap, network).has_value();
  };
  ASSERT_TRUE(from("198.51.100.0/24", "alice@demo.test", "postroad"));
  for (int i = 0; i < 5; ++i)
    EXPECT_FALSE(from("198.51.100.0/24", "nobody" + std::to_string(i) + "@demo.test", "guess"));
  EXPECT_FALSE(from("198.51.100.0/24", "bob@demo.test", "secret"));
  EXPECT_TRUE(from("203.0.113.0/24", "bob@demo.test", "secret"));
  EXPECT_TRUE(from("198.51.100.0/24", "alice@demo.test", "postroad"));
  clock_.advance(std::chrono::minutes(11));
  EXPECT_TRUE(from("198.51.100.0/24", "bob@demo.test", "secret"));
}

TEST_F(DirectoryTest, WhoGuessesOnePasswordFromManyPlacesIsRefusedFromNewOnes) {
  options_.failures_before_delay = 100;
  options_.failures_before_ban = 4;
  open();
  people();
  const auto from = [&](int network, std::string_view password) {
    return sign_in("alice@demo.test", password, Scope::Imap, "203.0." + std::to_string(network) + ".0/24")
        .has_value();
  };
  ASSERT_TRUE(from(1, "postroad"));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(from(1, "old"));  // a telephone at home that was not told
  EXPECT_TRUE(from(2, "postroad")) << "failures at a known place are not counted against others";
  for (int i = 10; i < 14; ++i) EXPECT_FALSE(from(i, "guess"));
  EXPECT_FALSE(from(20, "postroad"));
  EXPECT_TRUE(from(1, "postroad"));
  EXPECT_TRUE(from(2, "postroad"));
}

TEST_F(DirectoryTest, TheOwnersAddressesAreHisAliasesAndSubaddresses) {
  people();
  made(directory_->add_alias("sales@demo.test", {"alice@demo.test"}, false));
  EXPECT_TRUE(directory_->owns(alice_, address("alice@demo.test")));
  EXPECT_TRUE(directory_->owns(alice_, address("alice+x@demo.test")));
  EXPECT_TRUE(directory_->owns(alice_, address("sales@demo.test")));
  EXPECT_FALSE(directory_->owns(bob_, address("sales@demo.test")));
  EXPECT_FALSE(directory_->owns(alice_, address("bob@demo.test")));
  EXPECT_FALSE(directory_->owns(alice_, address("alice@elsewhere.example")));
}

TEST_F(DirectoryTest, ARightPasswordIsRememberedAsLongAsIsConfigured) {
  // argon2id takes milliseconds, a look into the table microseconds; the least of some is what it costs.
  const auto cost = [&](int times) {
    auto least = std::chrono::steady_clock::duration::max();
    for (; times > 0; --times) {
      const auto before = std::chrono::steady_clock::now();
      EXPECT_TRUE(sign_in("alice@demo.test", "postroad"));
      least = std::min(least, std::chrono::steady_clock::now() - before);
    }
    return least;
  };
  options_.cache = 0s;
  open();
  people();
  const auto hashed = cost(4);
  options_.cache = 60s;
  open();
  EXPECT_GT(cost(1) * 5, hashed);
  EXPECT_LT(cost(4) * 5, hashed);
  clock_.advance(61s);
  EXPECT_GT(cost(1) * 5, hashed);
}

// Who reads postmaster's mail may answer it, and nobody else.
TEST_F(DirectoryTest, AnAliasOfPostmasterBelongsToTheServersPostmaster) {
  options_.postmaster = "bob@demo.test";
  open();
  people();
  made(directory_->add_alias("help@demo.test", {"postmaster@demo.test"}, false));
  EXPECT_EQ(accounts_of("help@demo.test"), std::vector{bob_});
  EXPECT_TRUE(directory_->owns(bob_, address("help@demo.test")));
  EXPECT_FALSE(directory_->owns(alice_, address("help@demo.test")));
}

}  // namespace
}  // namespace postroad::directory
