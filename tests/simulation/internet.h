// The Internet as a mail server meets it: names that do not resolve, hosts that do not answer, or answer and
// then hang up, or say anything at all; and every now and then it is all well. What hosts take and refuse is
// told to the Model.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "dns/resolver.h"
#include "model.h"
#include "net/connector.h"
#include "net/manual_core.h"
#include "net/task_group.h"
#include "trace.h"

namespace postroad::simulation {

enum class Step : std::uint8_t { Connect, Greeting, Helo, Mail, Rcpt, Data, End, Any };
enum class Mischief : std::uint8_t {
  None,
  Slow,     // up to 200 s, then as usual
  Silence,  // nothing for hours (when connecting: no answer)
  Drop,     // (when connecting: refused)
  Later,    // 4yz
  Never,    // 5yz
  Goodbye,  // 421
  Garbage,
  Unheard,  // at the end: takes it, and breaks before it says so
  UnheardSilence,
};

struct Temper {
  Step at = Step::Any;
  Mischief what = Mischief::None;
  unsigned percent = 0;
};

struct Host {
  std::string name;
  std::size_t cluster = 0;
  std::vector<IpAddress> addresses;
  Temper temper{};
  bool pipelining = true, chunking = false, dsn = false;
  std::size_t most_recipients = 100, most_messages = 100, piece = SIZE_MAX;
};

// Hosts that serve the same domains: a site.
struct Cluster {
  std::vector<std::size_t> hosts;
  Time well_since{};  // meaningless while a host has a temper
  bool bad = false;
  unsigned open = 0, most_open = 0;  // connections
};

enum class Names : std::uint8_t { Good, ServFail, TimedOut, NoDomain, NullMx };

struct MailDomain {
  std::string name;
  std::size_t cluster = 0, before = 0;  // a route may be believed for a while after it has changed
  Names names = Names::Good;
  Time well_since{};
};

class Internet final : public net::Connector, public dns::Resolver {
 public:
  Internet(net::ManualCore& core, Model& model, Trace& trace, std::uint64_t seed);

  std::vector<Host> hosts;
  std::vector<Cluster> clusters;
  std::vector<MailDomain> domains;
  std::size_t generation = 0;  // of the process that connects: older sessions talk to nobody
  // What an octet for octet faithful copy of a message would be; empty: unknown.
  std::function<std::string(const std::string& id)> content;
  std::uint64_t sessions = 0, copies = 0, unheard = 0, faults = 0, lookups = 0;

  // Some host or all of a site, or the DNS of a domain, goes wrong until it is mended.
  struct Patch {
    bool names = false;
    std::size_t which = 0;  // cluster or domain
  };
  Patch worsen();
  void mend(Patch what);
  void mend_all();  // and everybody has room from now on
  void move_domain();
  // Since when has nothing stood in the way of mail to this address?
  Time well(const std::string& address) const;
  bool serves(std::size_t cluster, const std::string& address) const;
  // Some people do not exist, some have no room for a day.
  enum class Person : std::uint8_t { Good, Unknown, Full };
  Person person(const std::string& address) const;

  net::task<Result<net::Stream, net::ConnectError>> connect(net::ConnectTo to) override;
  dns::Lookup<dns::Mx> mx(std::string name) override;
  dns::Lookup<IpAddress> a(std::string name) override { return address(std::move(name), false); }
  dns::Lookup<IpAddress> aaaa(std::string name) override { return address(std::move(name), true); }
  dns::Lookup<std::string> txt(std::string) override;
  dns::Lookup<std::string> ptr(IpAddress) override;
  dns::Lookup<dns::TlsaRecord> tlsa(std::string) override;

 private:
  class Session;
  dns::Lookup<IpAddress> address(std::string name, bool six);
  MailDomain* domain(std::string_view name);
  struct Connection;
  net::task<void> serve(Host& host, net::Stream stream, std::shared_ptr<Connection> connection);
  bool chance(unsigned percent) { return random_.below(100) < percent; }
  std::uint64_t below(std::uint64_t n) { return random_.below(n); }
  Mischief mischief(const Host& host, Step at);
  Time now() const { return core_.clock().now(); }

  net::ManualCore& core_;
  Model& model_;
  Trace& trace_;
  SeededRandom random_;
  const std::uint64_t people_;
  bool calm_ = false;
  net::TaskGroup serving_;
};

}  // namespace postroad::simulation
