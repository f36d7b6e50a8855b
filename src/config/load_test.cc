#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "config/nearest.h"

namespace postroad::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view small = R"(
hostname = "mail.example.org"
[[listener]]
service = "smtp"
bind = ["0.0.0.0:25"]
)";

std::vector<std::string> complaints(std::string_view toml) {
  std::vector<std::string> lines;
  if (const auto settings = parse(toml, "p.toml"); !settings)
    for (const Problem& problem : settings.error()) lines.push_back(problem.text());
  return lines;
}
// The complaint about one section appended to a file that is right.
std::string complaint(std::string_view more) {
  const auto all = complaints(std::string(small) + std::string(more));
  return all.size() == 1 ? all[0] : std::to_string(all.size()) + " complaints";
}

TEST(Configuration, WhatIsLeftOutHasItsDefault) {
  const auto settings = parse(small, "p.toml");
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->hostname.text(), "mail.example.org");
  EXPECT_EQ(settings->data, "/var/lib/postroad");
  EXPECT_EQ(settings->limits.message, mib(50));
  EXPECT_EQ(settings->limits.recipients, 1'000u);
  EXPECT_EQ(settings->delivery.port, 25);
  ASSERT_EQ(settings->listeners.size(), 1u);
  EXPECT_EQ(settings->listeners[0].tls, TlsMode::None);
}

TEST(Configuration, EveryKindOfValueIsRead) {
  const auto settings = parse(R"(
hostname = "Mail.BÜCHER.example"
data = "state"
[[listener]]
service = "imap"
bind = ["[2001:db8::1]:993", "127.0.0.1:1993"]
tls = "implicit"
proxy_from = ["10.0.0.0/8", "2001:db8::/32"]
[[listener]]
service = "lmtp"
bind = ["unix:lmtp.sock"]
[tls]
minimum = "1.3"
[dns]
servers = ["127.0.0.1:53", "[::1]:5353"]
trust_anchor = ""
[auth]
cleartext = true
default_domain = "example.org"
failures_per_prefix = "7/2 h"
[limits]
message = "64 MiB"
header = 65536
connection_rate = "0"
[smtp]
command_wait = "10 min"
tarpit = "250ms"
[delivery]
retry = ["90 s", "1 d"]
[overload]
busy_at = "50 %"
)",
                              "/etc/postroad/p.toml");
  ASSERT_TRUE(settings) << settings.error()[0].text();
  EXPECT_EQ(settings->hostname.text(), "mail.xn--bcher-kva.example");
  EXPECT_EQ(settings->data, "/etc/postroad/state");
  EXPECT_EQ(settings->listeners[0].service, Service::Imap);
  EXPECT_EQ(settings->listeners[0].bind[0].endpoint, (Endpoint{*IpAddress::parse("2001:db8::1"), 993}));
  EXPECT_EQ(settings->listeners[0].proxy_from[1].text(), "2001:db8::/32");
  EXPECT_EQ(settings->listeners[1].bind[0].path, "/etc/postroad/lmtp.sock");
  EXPECT_EQ(settings->tls.minimum, TlsVersion::Tls13);
  EXPECT_EQ(settings->dns.servers[1].port, 5353);
  EXPECT_TRUE(settings->dns.trust_anchor.empty());
  EXPECT_TRUE(settings->auth.cleartext);
  EXPECT_EQ(settings->auth.default_domain->text(), "example.org");
  EXPECT_EQ(settings->auth.failures_per_prefix, (Rate{7, std::chrono::hours(2)}));
  EXPECT_EQ(settings->limits.message, mib(64));
  EXPECT_EQ(settings->limits.header, Octets{65'536});
  EXPECT_EQ(settings->limits.connection_rate.count, 0u);
  EXPECT_EQ(settings->smtp.command_wait, std::chrono::minutes(10));
  EXPECT_EQ(settings->smtp.tarpit, std::chrono::milliseconds(250));
  EXPECT_THAT(settings->delivery.retry, ElementsAre(std::chrono::seconds(90), std::chrono::hours(24)));
  EXPECT_EQ(settings->overload.busy_at, Percent{50});
}

TEST(Configuration, AllMistakesAreToldAtOnceEachWithItsLine) {
  EXPECT_THAT(
      complaints(R"(hostname = 5
data = "/d"
mesage = 1
[limits]
recipients = 5
message = "fifty"
[[listener]]
service = "smtp"
bind = ["0.0.0.0:25"]
[smpt]
)"),
      ElementsAre(
          "p.toml:1: hostname must be a domain name such as \"mail.example.org\", not 5",
          "p.toml:3: unknown key 'mesage' in the top of the file; did you mean 'message', which belongs to "
          "[limits]?",
          "p.toml:5: limits.recipients must be at least 100, not 5",
          "p.toml:6: limits.message must be a size such as \"50 MiB\", not \"fifty\"",
          "p.toml:10: unknown section [smpt]; did you mean [smtp]?"));
}

TEST(Configuration, AnUnknownKeyNamesTheNearestOrItsSection) {
  EXPECT_EQ(complaint("[limits]\nmesage = 1\n"),
            "p.toml:7: unknown key 'mesage' in [limits]; did you mean 'message'?");
  EXPECT_EQ(complaint("[limits]\nReceipients = 1\n"),
            "p.toml:7: unknown key 'Receipients' in [limits]; did you mean 'recipients'?");
  EXPECT_EQ(complaint("[imap]\nrecipients = 200\n"),
            "p.toml:7: unknown key 'recipients' in [imap]; it belongs to [limits]");
  EXPECT_EQ(complaint("[imap]\nxyzzy = 1\n"),
            "p.toml:7: unknown key 'xyzzy' in [imap]; the reference is docs/reference/configuration.md");
  EXPECT_EQ(complaint("bnid = []\n"), "p.toml:6: unknown key 'bnid' in [[listener]]; did you mean 'bind'?");
  EXPECT_EQ(complaint("[log]\nhostname = \"a.example\"\n"),
            "p.toml:7: unknown key 'hostname' in [log]; it belongs to the top of the file, before the first "
            "section");
}

TEST(Configuration, AValueOfTheWrongKindSaysWhatItMustBe) {
  EXPECT_EQ(complaint("[limits]\nrecipients = \"many\"\n"),
            "p.toml:7: limits.recipients must be a whole number, not \"many\"");
  EXPECT_EQ(complaint("[limits]\nrecipients = -1\n"),
            "p.toml:7: limits.recipients must be a whole number from 0 to 4294967295, not -1");
  EXPECT_EQ(complaint("[auth]\ncleartext = \"yes\"\n"),
            "p.toml:7: auth.cleartext must be true or false, not \"yes\"");
  EXPECT_EQ(complaint("[smtp]\ncommand_wait = 300\n"),
            "p.toml:7: smtp.command_wait must be a time with its unit (ms, s, min, h, d) such as \"5 min\", "
            "not 300");
  EXPECT_EQ(complaint("[smtp]\ncommand_wait = \"10500 ms\"\n"),
            "p.toml:7: smtp.command_wait must be a time in whole seconds, not \"10500 ms\"");
  EXPECT_EQ(complaint("[store]\nengine = \"postgresql\"\n"),
            "p.toml:7: store.engine must be \"embedded\", not \"postgresql\"");
  EXPECT_EQ(complaint("[tls]\nminimum = \"1.1\"\n"),
            "p.toml:7: tls.minimum must be \"1.2\" or \"1.3\", not \"1.1\"");
  EXPECT_EQ(
      complaint("[limits]\nexempt = [\"10.0.0.1/8\"]\n"),
      "p.toml:7: limits.exempt: each item must be a network whose bits beyond the prefix are zero, such as "
      "\"192.0.2.0/24\", not \"10.0.0.1/8\"");
  EXPECT_EQ(complaint("[dns]\nservers = \"127.0.0.1\"\n"),
            "p.toml:7: dns.servers must be a list in brackets, each item an IP address and port such as "
            "\"192.0.2.1:53\" "
            "or \"[2001:db8::1]:53\", not \"127.0.0.1\"");
  EXPECT_EQ(complaint("[pop3]\nidle_wait = \"1 min\"\n"),
            "p.toml:7: pop3.idle_wait must be at least \"10 min\", not \"1 min\"");
}

TEST(Configuration, ASectionThatIsAValueAndAListenerInSingleBracketsAreExplained) {
  EXPECT_THAT(complaints("tls = 1\n" + std::string(small)),
              ElementsAre("p.toml:1: tls must be a section, \"[tls]\" on a line of its own, not 1"));
  EXPECT_THAT(
      complaints("hostname = \"a.example\"\n[listener]\nservice = \"smtp\"\n"),
      ElementsAre(
          "p.toml:2: listeners are written [[listener]], in two brackets, because there may be several"));
}

TEST(Configuration, WhatMustBeThereIsAskedFor) {
  EXPECT_THAT(complaints(""), ElementsAre(HasSubstr("p.toml: hostname is missing; write hostname = ")));
  EXPECT_THAT(complaints("hostname = \"a.example\"\n"),
              ElementsAre(HasSubstr("p.toml: there is no [[listener]]")));
  EXPECT_THAT(complaints("hostname = \"a.example\"\n[[listener]]\n"),
              ElementsAre("p.toml:2: this listener needs a bind, as in bind = [\"0.0.0.0:25\"]",
                          "p.toml:2: this listener needs a service, as in service = \"smtp\""));
}

TEST(Configuration, OneAddressBelongsToOneListener) {
  EXPECT_EQ(complaint("[[listener]]\nservice = \"lmtp\"\nbind = [\"0.0.0.0:25\"]\n"),
            "p.toml:8: 0.0.0.0:25 is taken already by 0.0.0.0:25 of the listener in line 5; one address "
            "belongs to one "
            "listener");
  EXPECT_EQ(complaint("[[listener]]\nservice = \"lmtp\"\nbind = [\"127.0.0.1:24\", \"127.0.0.1:25\"]\n"),
            "p.toml:8: 127.0.0.1:25 is taken already by 0.0.0.0:25 of the listener in line 5; one address "
            "belongs to "
            "one listener");
  EXPECT_THAT(complaints(std::string(small) + "[[listener]]\nservice = \"lmtp\"\nbind = [\"[::]:25\"]\n"),
              IsEmpty());
  EXPECT_THAT(complaints(std::string(small) +
                         "[[listener]]\nservice = \"lmtp\"\nbind = [\"127.0.0.1:0\", \"127.0.0.1:0\"]\n"),
              IsEmpty());
  EXPECT_THAT(complaint("[[listener]]\nservice = \"lmtp\"\nbind = [\"unix:a\", \"unix:./a\"]\n"),
              HasSubstr("taken already"));
}

TEST(Configuration, SettingsThatExcludeEachOtherAreRefused) {
  EXPECT_THAT(complaint("[tls]\ncertificate = \"c.pem\"\n"),
              HasSubstr("p.toml:7: tls.certificate and tls.key go"));
  EXPECT_THAT(complaint("[[listener]]\nservice = \"smtp\"\nbind = [\"[::]:465\"]\ntls = \"implicit\"\n"),
              HasSubstr("p.toml:9: smtp has no implicit TLS"));
  EXPECT_THAT(complaint("[[listener]]\nservice = \"http\"\nbind = [\"[::]:80\"]\ntls = \"starttls\"\n"),
              HasSubstr("p.toml:9: http has no STARTTLS"));
  EXPECT_THAT(complaint("[[listener]]\nservice = \"imap\"\nbind = [\"unix:/run/imap\"]\n"),
              HasSubstr("imap cannot listen on a unix socket"));
  EXPECT_THAT(complaint("[imap]\nseparator = \"@\"\n"), HasSubstr("p.toml:7: imap.separator must be"));
  EXPECT_THAT(complaint("[directory]\nsubaddress_separators = \"+a\"\n"),
              HasSubstr("subaddress_separators may hold"));
  EXPECT_THAT(complaint("[overload]\nbusy_at = \"90 %\"\nshed_at = \"80 %\"\n"),
              HasSubstr("p.toml:8: overload.shed_at"));
  EXPECT_THAT(complaint("[delivery]\nretry = []\n"),
              HasSubstr("p.toml:7: delivery.retry needs at least one"));
  EXPECT_THAT(complaint("[delivery]\nretry = [\"0 s\"]\n"), HasSubstr("between 1 s and 7 d"));
}

TEST(Configuration, ANeighbourhoodIsAsWideAsItSays) {
  Limits limits;
  EXPECT_EQ(limits.neighbourhood(*IpAddress::parse("192.0.2.77")).text(), "192.0.2.0/24");
  EXPECT_EQ(limits.neighbourhood(*IpAddress::parse("2001:db8:1:2::3")).text(), "2001:db8:1:2::/64");
  limits.prefix_v4 = 16, limits.prefix_v6 = 48;
  EXPECT_EQ(limits.neighbourhood(*IpAddress::parse("192.0.2.77")).text(), "192.0.0.0/16");
  EXPECT_EQ(limits.neighbourhood(*IpAddress::parse("2001:db8:1:2::3")).text(), "2001:db8:1::/48");
}

TEST(Configuration, WhatIsNotTomlIsToldWithItsLine) {
  EXPECT_THAT(complaint("[limits\n"), HasSubstr("p.toml:6: this is not TOML: "));
  EXPECT_THAT(complaint("[log]\nlevel = \"info\"\nlevel = \"debug\"\n"),
              HasSubstr("p.toml:8: this is not TOML: "));
  EXPECT_THAT(complaints("hostname = \"\xff\"\n"), ElementsAre(HasSubstr("p.toml:1: this is not TOML: ")));
}

TEST(Configuration, AFileThatCannotBeReadSaysWhy) {
  const auto missing = load("/nowhere/postroad.toml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error()[0].kind, ProblemKind::Unreadable);
  EXPECT_EQ(
      missing.error()[0].text(),
      "/nowhere/postroad.toml: cannot be read: No such file or directory; name another with --config FILE");
  EXPECT_THAT(load("/tmp").error()[0].text(), HasSubstr("it is a folder"));
}

TEST(Configuration, APathStartsAtTheFolderOfItsFile) {
  std::string form = testing::TempDir() + "/config_XXXXXX";
  ASSERT_NE(::mkdtemp(form.data()), nullptr);
  const std::filesystem::path folder = form;
  std::ofstream(folder / "p.toml") << "data = \"./var\"" << small;
  const auto settings = load(folder / "p.toml");
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->data, folder / "var");
  EXPECT_EQ(settings->dns.trust_anchor, "/usr/share/dns/root.key");
  std::filesystem::remove_all(folder);
}

TEST(Nearest, IsTheWordThatWasProbablyMeant) {
  const std::vector<std::string_view> known{"message", "recipients", "connections_per_ip",
                                            "connections_per_prefix"};
  EXPECT_EQ(nearest("massage", known), "message");
  EXPECT_EQ(nearest("recipient", known), "recipients");
  EXPECT_EQ(nearest("connections-per-IP", known), "connections_per_ip");
  EXPECT_EQ(nearest("emssage", known), "message");
  EXPECT_EQ(nearest("banana", known), std::nullopt);
  EXPECT_EQ(nearest(std::string(10'000, 'x'), known), std::nullopt);
}

}  // namespace
}  // namespace postroad::config
