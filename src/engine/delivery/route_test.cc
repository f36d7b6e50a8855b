#include "delivery/route.h"

#include "delivery/race.h"
#include "delivery/server_testing.h"

namespace postroad::delivery::testing {
namespace {

const RouterOptions our_options{.our_name = "mail.here.example"};

TEST(Route, DomainsWithTheSameHostsAreOneSiteWhateverTheirPreferences) {
  const auto one = route_of("a.example", {{10, "mx1.p.example"}, {20, "mx2.p.example"}}, our_options);
  const auto two = route_of("b.example", {{5, "mx2.p.example"}, {5, "mx1.p.example"}}, our_options);
  const auto three = route_of("c.example", {{5, "mx2.p.example"}}, our_options);
  EXPECT_EQ(one->site, "mx1.p.example,mx2.p.example");
  EXPECT_EQ(one->site, two->site);
  EXPECT_NE(one->site, three->site);
  EXPECT_EQ(one->provider, "p.example");
  EXPECT_EQ(one->hosts[0].name, "mx1.p.example");
}

TEST(Route, WithoutMxTheDomainIsItsOwnHost) {
  const auto route = route_of("a.example", {}, our_options);
  EXPECT_EQ(route->hosts, (std::vector<Host>{{"a.example", 0}}));
  EXPECT_EQ(route->site, "a.example");
}

TEST(Route, ANullMxCountsOnlyAlone) {  // RFC 7505 §3
  EXPECT_EQ(route_of("a.example", {{0, ""}}, our_options).error().reply.status.text(), "5.1.10");
  EXPECT_EQ(route_of("a.example", {{0, ""}, {10, "mx.a.example"}}, our_options)->site, "mx.a.example");
}

TEST(Route, MailIsNotSentToOurselvesNorToWhomWeAreABackupFor) {  // RFC 5321 §5.1
  const std::vector<dns::Mx> records{
      {10, "best.a.example"}, {20, "mail.here.example"}, {20, "x.a.example"}, {30, "y.a.example"}};
  EXPECT_EQ(route_of("a.example", records, our_options)->hosts, (std::vector<Host>{{"best.a.example", 10}}));
  EXPECT_EQ(
      route_of("a.example", {{10, "mail.here.example"}, {20, "y.a.example"}}, our_options).error().cause,
      Cause::Loops);
}

TEST(Route, NamesThatAreNoHostsArePassedOver) {
  const auto route =
      route_of("a.example", {{1, "a,b"}, {1, "x y"}, {1, "[1.2.3.4]"}, {1, "A\n"}, {9, "mx_1.a.example"}},
               our_options);
  EXPECT_EQ(route->site, "mx_1.a.example");
  EXPECT_EQ(route_of("a.example", {{1, "a,b"}}, our_options).error().cause, Cause::NoSuchHost);
}

TEST(Route, NoMoreHostsAreKeptThanWillBeTried) {  // attack 59
  std::vector<dns::Mx> records;
  for (int i = 0; i < 1000; ++i) records.push_back({7, "mx" + std::to_string(i) + ".a.example"});
  EXPECT_EQ(route_of("a.example", records, our_options)->hosts.size(), 50u);
}

// Answers when it is told to, and counts who asks.
class SlowResolver final : public dns::Resolver {
 public:
  dns::Lookup<dns::Mx> mx(std::string name) override {
    ++asked;
    co_await net::sleep_for(wait);
    if (name.starts_with("none")) co_return refuse(dns::Error::NoSuchDomain);
    if (name.starts_with("fail")) co_return refuse(dns::Error::ServFail);
    co_return dns::Answer<dns::Mx>{.records = {{10, "mx.p.example"}}, .ttl = ttl};
  }
  dns::Lookup<IpAddress> a(std::string) override { co_return refuse(dns::Error::NoData); }
  dns::Lookup<IpAddress> aaaa(std::string) override { co_return refuse(dns::Error::NoData); }
  dns::Lookup<std::string> txt(std::string) override { co_return refuse(dns::Error::NoData); }
  dns::Lookup<std::string> ptr(IpAddress) override { co_return refuse(dns::Error::NoData); }
  dns::Lookup<dns::TlsaRecord> tlsa(std::string) override { co_return refuse(dns::Error::NoData); }
  int asked = 0;
  Duration wait = 1s;
  std::chrono::seconds ttl{60};
};

net::task<void> find(Router& router, std::string domain, std::vector<RoutePtr>& out) {
  auto route = co_await router.find(std::move(domain));
  out.push_back(route ? *route : nullptr);
}

TEST(Router, HoweverManyAskOneLooks) {
  net::ManualCore core;
  SlowResolver resolver;
  Router router(resolver, our_options);
  net::TaskGroup group(core, [](std::exception_ptr e) { std::rethrow_exception(e); });
  std::vector<RoutePtr> routes;
  for (int i = 0; i < 10; ++i) group.spawn(find(router, "a.example", routes));
  core.run_until_idle();
  EXPECT_EQ(resolver.asked, 1);
  ASSERT_EQ(routes.size(), 10u);
  EXPECT_EQ(routes[0]->site, "mx.p.example");
  // As long as it is good nobody asks again; another domain of the site shares the very route.
  core.run(find(router, "a.example", routes));
  core.run(find(router, "b.example", routes));
  EXPECT_EQ(resolver.asked, 2);
  EXPECT_EQ(routes[0], routes[10]);
  EXPECT_EQ(routes[0], routes[11]);
  core.advance(61s);
  core.run(find(router, "a.example", routes));
  EXPECT_EQ(resolver.asked, 3);
}

TEST(Router, WhenTheOneWhoLooksIsCancelledAnotherGoesOn) {
  net::ManualCore core;
  SlowResolver resolver;
  Router router(resolver, our_options);
  std::vector<RoutePtr> first, second;
  net::TaskGroup one(core, [](std::exception_ptr) {}), two(core, [](std::exception_ptr) {});
  one.spawn(find(router, "a.example", first));
  core.settle();
  two.spawn(find(router, "a.example", second));
  core.settle();
  one.cancel();
  core.run_until_idle();
  EXPECT_TRUE(first.empty());
  ASSERT_EQ(second.size(), 1u);
  EXPECT_TRUE(second[0]);
}

TEST(Router, ATroubleIsForgottenSoonAndMemoryIsBounded) {
  net::ManualCore core;
  SlowResolver resolver;
  resolver.wait = 0s;
  RouterOptions options = our_options;
  options.most_domains = 10;
  Router router(resolver, options);
  const auto failed = core.run(router.find("fail.example"));
  EXPECT_EQ(failed.error().fate, Fate::Deferred);
  core.advance(6s);
  core.run(router.find("fail.example"));
  EXPECT_EQ(resolver.asked, 2);
  for (int i = 0; i < 100; ++i) core.run(router.find("d" + std::to_string(i) + ".example"));
  core.run(router.find("d99.example"));
  EXPECT_EQ(resolver.asked, 102);
  core.run(router.find("d0.example"));
  EXPECT_EQ(resolver.asked, 103);
}

// --- Racing (RFC 8305) -------------------------------------------------------------------------------------

TEST(Race, FamiliesTakeTurns) {
  EXPECT_EQ(interleaved({ip("2001:db8::1"), ip("2001:db8::2"), ip("2001:db8::3"), ip("192.0.2.1")}),
            (std::vector{ip("2001:db8::1"), ip("192.0.2.1"), ip("2001:db8::2"), ip("2001:db8::3")}));
}

class RaceTest : public CourierTest {
 protected:
  void SetUp() override {
    CourierTest::SetUp();
    names_.mx["a.example"] = {{10, "mx1.a.example"}};
    names_.addresses["mx1.a.example"] = {ip("2001:db8::1"), ip("192.0.2.1")};
  }
};

TEST_F(RaceTest, TheOtherFamilyHelpsWhenOneIsSilent) {
  wires_.hosts["2001:db8::1"] = wires_.hosts["192.0.2.1"] = {};
  wires_.silent["2001:db8::1"] = 1h;
  const Instant begun = core_.now();
  auto line = open();
  EXPECT_EQ(line->contact().address, "192.0.2.1");
  EXPECT_EQ(core_.now() - begun, 250ms);
}

TEST_F(RaceTest, WhoAnswersInTimeRunsAlone) {
  wires_.hosts["2001:db8::1"] = wires_.hosts["192.0.2.1"] = {};
  wires_.silent["2001:db8::1"] = 200ms;
  EXPECT_EQ(open()->contact().address, "2001:db8::1");
  EXPECT_EQ(wires_.tried.size(), 1u);
}

TEST_F(RaceTest, ARefusalStartsTheNextAtOnce) {
  wires_.hosts["192.0.2.1"] = {};
  const Instant begun = core_.now();
  EXPECT_EQ(open()->contact().address, "192.0.2.1");
  EXPECT_EQ(core_.now(), begun);
}

TEST_F(RaceTest, AnAddressThatGreetsBadlyIsFollowedByTheOther) {
  wires_.hosts["2001:db8::1"] = {.greeting = "554 not by IPv6\r\n"};
  wires_.hosts["192.0.2.1"] = {};
  EXPECT_EQ(open()->contact().address, "192.0.2.1");
}

TEST_F(RaceTest, SoManyAddressesAreTriedAndNoMore) {
  names_.mx["a.example"].clear();
  for (int i = 0; i < 50; ++i) {
    const std::string n = std::to_string(i);
    names_.mx["a.example"].push_back({10, "mx" + n + ".a.example"});
    for (int k = 0; k < 20; ++k)
      names_.addresses["mx" + n + ".a.example"].push_back(ip("2001:db8::" + n + ":" + std::to_string(k)));
  }
  EXPECT_EQ(carry({"x@a.example"}).outcomes[0].cause, Cause::NoHostAnswered);
  EXPECT_EQ(wires_.tried.size(), 10u);
}

TEST_F(RaceTest, EqualHostsAreTriedInAnyOrder) {  // RFC 5321 §5.1
  names_.mx["a.example"] = {{10, "m1"}, {10, "m2"}, {10, "m3"}, {5, "m0"}};
  for (int i = 0; i < 4; ++i)
    names_.addresses["m" + std::to_string(i)] = {ip("192.0.2.1" + std::to_string(i))};
  std::set<std::string> orders;
  for (int i = 0; i < 50; ++i) {
    wires_.tried.clear();
    carry({"x@a.example"});
    ASSERT_EQ(wires_.tried.size(), 4u);
    EXPECT_EQ(wires_.tried[0], "192.0.2.10");
    orders.insert(wires_.tried[1] + wires_.tried[2]);
  }
  EXPECT_EQ(orders.size(), 6u);
}

TEST_F(RaceTest, HostsWithoutAddressAreForeverAndDnsTroubleIsForNow) {
  names_.addresses.clear();
  EXPECT_EQ(carry({"x@a.example"}).outcomes[0].reply.status.text(), "5.4.4");
  names_.errors["mx1.a.example"] = dns::Error::ServFail;
  EXPECT_EQ(carry({"x@a.example"}).outcomes[0].reply.status.text(), "4.4.3");
}

}  // namespace
}  // namespace postroad::delivery::testing
