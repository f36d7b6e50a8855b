#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "config/load.h"

namespace postroad::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Settings example() {
  Settings settings = demo("/srv/mail");
  settings.tls.certificate = "/etc/c \"quoted\" \\ é.pem";
  settings.tls.key = "/etc/k.pem";
  settings.limits.message = Octets{50'000'001};
  settings.limits.exempt = {*Network::parse("10.0.0.0/8"), *Network::parse("::1")};
  settings.auth.failures_per_account = Rate{3, std::chrono::seconds(90)};
  settings.smtp.tarpit = std::chrono::milliseconds(1'250);
  settings.delivery.retry = {std::chrono::seconds(61)};
  return settings;
}

TEST(ToToml, SaysWhatParseReads) {
  for (const bool all : {false, true}) {
    const auto again = parse(to_toml(example(), all), "/elsewhere/p.toml");
    ASSERT_TRUE(again) << again.error()[0].text();
    EXPECT_THAT(changes(example(), *again), IsEmpty());
  }
}

TEST(ToToml, LeavesOutWhatIsTheDefault) {
  const std::string text = to_toml(example());
  EXPECT_THAT(text,
              HasSubstr("[limits]\nexempt = [\"10.0.0.0/8\", \"::1/128\"]\nmessage = \"50000001 B\"\n"));
  EXPECT_EQ(text.find("recipients"), std::string::npos);
  EXPECT_THAT(to_toml(example(), true), HasSubstr("recipients = 1000\n"));
}

TEST(Changes, NameTheSettingAndWhenItTakesEffect) {
  const Settings before = demo("/srv/mail");
  Settings after = before;
  after.limits.recipients = 200;
  after.store.cache = mib(128);
  after.listeners.pop_back();
  const auto list = changes(before, after);
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[0].name, "limits.recipients");
  EXPECT_EQ(list[0].before, "1000");
  EXPECT_EQ(list[0].after, "200");
  EXPECT_EQ(list[0].effect, Effect::OnReload);
  EXPECT_EQ(list[1].name, "store.cache");
  EXPECT_EQ(list[1].effect, Effect::OnRestart);
  EXPECT_EQ(list[2].name, "listener");
  EXPECT_EQ(list[2].effect, Effect::OnRestart);
}

TEST(Reloaded, KeepsWhatNeedsARestart) {
  const Settings before = demo("/srv/mail");
  Settings after = before;
  after.hostname = *Domain::parse("other.test");
  after.limits.recipients = 200;
  after.store.cache = mib(128);
  after.listeners.pop_back();
  const Settings now = reloaded(before, after);
  const auto list = changes(before, now);
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].name, "limits.recipients");
}

TEST(Demo, IsRightInItselfAndOnLoopbackOnly) {
  const auto settings = parse(to_toml(demo("/srv/mail")), "/p.toml");
  ASSERT_TRUE(settings) << settings.error()[0].text();
  EXPECT_EQ(settings->listeners.size(), 10u);
  for (const Listener& listener : settings->listeners)
    for (const Bind& bind : listener.bind) EXPECT_TRUE(bind.endpoint.address.is_loopback());
}

TEST(Findings, TellWhatIsPermittedButUnwise) {
  const auto texts = [](const Settings& settings) {
    std::string all;
    for (const Problem& problem : findings(settings, "p.toml")) all += problem.text() + "\n";
    return all;
  };
  Settings good = demo("/srv/mail");
  good.auth.cleartext = false;
  good.delivery.allow_private_networks = false;
  good.dns.trust_anchor = "/proc/self/status";  // a file that is there
  EXPECT_EQ(texts(good), "");

  Settings open = demo("/srv/mail");
  open.listeners[4].bind[0].endpoint.address = IpAddress::v4(0);
  open.limits.exempt = {*Network::parse("0.0.0.0/0")};
  open.tls.certificate = "/nowhere/cert.pem";
  const std::string all = texts(open);
  EXPECT_THAT(all, HasSubstr("p.toml: imap on 0.0.0.0:2143: auth.cleartext lets passwords travel"));
  EXPECT_THAT(all, HasSubstr("limits.exempt 0.0.0.0/0: nobody has limits any more"));
  EXPECT_THAT(all, HasSubstr("tls.certificate /nowhere/cert.pem: No such file or directory"));
  EXPECT_THAT(all, HasSubstr("dns.trust_anchor is empty"));
  EXPECT_THAT(all, HasSubstr("delivery.allow_private_networks"));
}

TEST(ReferencePage, IsTheOneInDocs) {
  const char* source = std::getenv("POSTROAD_SOURCE");
  if (!source) GTEST_SKIP() << "POSTROAD_SOURCE is not set: run by ctest";
  const std::string path = std::string(source) + "/docs/reference/configuration.md";
  if (std::getenv("POSTROAD_WRITE_DOCS")) std::ofstream(path) << reference_page();
  std::ostringstream page;
  page << std::ifstream(path).rdbuf();
  EXPECT_TRUE(page.str() == reference_page())
      << path << " is not what the tables say; write it anew with POSTROAD_WRITE_DOCS=1 ctest -R config";
}

TEST(ReferencePage, ItsExampleIsAConfiguration) {
  const std::string page = reference_page();
  const auto from = page.find("```toml\n") + 8;
  const auto settings =
      parse(page.substr(from, page.find("```\n", from) - from), "/etc/postroad/postroad.toml");
  ASSERT_TRUE(settings) << settings.error()[0].text();
  EXPECT_EQ(settings->listeners.size(), 3u);
}

}  // namespace
}  // namespace postroad::config
