#include "delivery/route_table.h"

#include "delivery/server_testing.h"

namespace postroad::delivery::testing {
namespace {

RouteRule rule(std::string_view line) {
  auto out = RouteRule::parse(line);
  EXPECT_TRUE(out.has_value()) << line << ": " << out.error();
  return out.value_or(RouteRule{});
}

TEST(RouteTable, ATargetIsAHostWithItsPortOrTheDns) {
  const RouteRule smart = rule("* smtp:a.example,B.example:587 tls=verified login=me password=s=x");
  EXPECT_EQ(smart.route.kind, NextHop::Smarthost);
  EXPECT_EQ(smart.route.site, "[a.example,b.example]:587");
  EXPECT_EQ(smart.route.hosts, (std::vector<Host>{{"a.example", 0}, {"b.example", 1}}));
  EXPECT_EQ(smart.route.tls, TlsDemand::Verified);
  EXPECT_EQ(smart.route.login, (Login{"me", "s=x"}));
  EXPECT_EQ(rule("a.example lmtp:/run/x.sock").route.hosts[0].name, "unix:/run/x.sock");
  EXPECT_EQ(rule("a.example smtp:[2001:db8::1]:26").route.hosts[0].name, "[IPv6:2001:db8::1]");
  EXPECT_EQ(rule("a.example smtp:192.0.2.1").route.hosts[0].name, "[192.0.2.1]");
  EXPECT_EQ(rule("a.example smtps:x.example").route.port, 465);
  EXPECT_EQ(rule("a.example lmtp:x.example").route.port, 24);
  EXPECT_EQ(rule(".A.Example mx:new.example").pattern, ".a.example");
}

TEST(RouteTable, WhatIsPrintedReadsBack) {
  for (const char* target : {"mx", "mx:b.example", "smtp:a.example:25", "smtps:a.example,b.example:465",
                             "lmtp:/run/x.sock", "lmtp:[192.0.2.1]:24", "smtp:[2001:db8::1]:26"}) {
    const RouteRule once = rule("x.example " + std::string(target));
    EXPECT_EQ(rule("x.example " + once.target()).route, once.route) << target;
    EXPECT_EQ(once.target(), target);
  }
}

TEST(RouteTable, NonsenseIsRefusedWithAReason) {
  for (const char* line :
       {"", "a.example", "a.example ftp:x", "a.example smtp:", "a.example smtp:x:0", "a.example smtp:x:99999",
        "a.example smtp:2001:db8::1", "-a mx", "a.example mx tls=maybe", "a.example smtp:x login=me",
        "a.example mx login=a password=b", "a.example smtps:x tls=never", "a.example mx colour=red"}) {
    const auto out = RouteRule::parse(line);
    ASSERT_FALSE(out.has_value()) << line;
    EXPECT_GT(out.error().size(), 10u);
  }
}

TEST(RouteTable, TheNearestPatternWins) {
  RouteTable table;
  for (const char* line :
       {"* smtp:any", ".example smtp:tld", ".b.example smtp:below", "b.example smtp:exact"})
    table.add(rule(line));
  const auto site = [&](std::string_view domain) { return table.find(domain)->route.hosts[0].name; };
  EXPECT_EQ(site("b.example"), "exact");
  EXPECT_EQ(site("a.b.example"), "below");
  EXPECT_EQ(site("x.a.b.example"), "below");
  EXPECT_EQ(site("c.example"), "tld");
  EXPECT_EQ(site("c.test"), "any");
  table.remove("*");
  EXPECT_EQ(table.find("c.test"), nullptr);
}

class RoutedTest : public CourierTest {
 protected:
  Attempt carry_by(const std::vector<std::string>& lines, const std::string& domain) {
    make_courier();
    auto table = std::make_shared<RouteTable>();
    for (const std::string& line : lines) table->add(rule(line));
    courier_->router().set_table(table);
    return core_.run(whole_way(domain, steps({"bob@" + domain})));
  }
};

TEST_F(RoutedTest, ASmartHostTakesWhatHasNoOtherRoute) {
  options_.allow_private_networks = false;  // which binds strangers' MX records, not the administrator
  names_.addresses["relay.example"] = {ip("10.0.0.5")};
  wires_.hosts["10.0.0.5"] = {};
  EXPECT_EQ(carry_by({"* smtp:relay.example:587"}, "nowhere.example").outcomes[0].fate, Fate::Delivered);
  EXPECT_EQ(carry_by({"* smtp:relay.example:587", "nowhere.example mx"}, "nowhere.example").outcomes[0].cause,
            Cause::NoSuchDomain);
}

TEST_F(RoutedTest, AnLmtpNextHopIsSpokenToInLmtp) {
  wires_.hosts["unix:/run/x.sock"] = {.lmtp = true};
  EXPECT_EQ(carry_by({"b.example lmtp:/run/x.sock"}, "b.example").outcomes[0].fate, Fate::Delivered);
  EXPECT_EQ(said("LHLO"), 1u);
}

TEST_F(RoutedTest, ADomainCanUseAnothersMailServers) {
  wires_.hosts["192.0.2.1"] = {};
  const Attempt attempt = carry_by({"old.example mx:a.example tls=opportunistic"}, "old.example");
  EXPECT_EQ(attempt.contact.host, "mx1.a.example");
}

TEST_F(RoutedTest, ADemandForTlsHoldsForMxHostsToo) {
  wires_.hosts["192.0.2.1"] = {};
  EXPECT_EQ(carry_by({".example mx tls=encrypted"}, "a.example").outcomes[0].cause, Cause::TlsFailed);
}

TEST_F(RoutedTest, HostsOfARouteAreTriedInTheirOrder) {
  names_.addresses["r1.example"] = {ip("192.0.2.7")};
  names_.addresses["r2.example"] = {ip("192.0.2.8")};
  wires_.hosts["192.0.2.8"] = {};
  EXPECT_EQ(carry_by({"* smtp:r1.example,r2.example"}, "b.example").contact.host, "r2.example");
  EXPECT_EQ(wires_.tried, (std::vector<std::string>{"192.0.2.7", "192.0.2.8"}));
}

}  // namespace
}  // namespace postroad::delivery::testing
