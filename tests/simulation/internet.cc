#include "internet.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "net/sleep.h"

namespace postroad::simulation {
namespace {

constexpr std::string_view laters[] = {
    "451 4.3.0 try again later", "450 4.7.1 greylisted, come back in 5 minutes", "452 4.3.1 disk full",
    "421 4.7.0 too many connections from your address", "450 4.2.1 receiving mail too quickly"};
constexpr std::string_view nevers[] = {"550 5.7.1 refused by policy", "554 5.7.1 looks like spam",
                                       "550 5.1.1 no such user", "553 5.1.8 sender not wanted"};
constexpr std::string_view garbage[] = {"\r\n", "hello?\r\n", "99 x\r\n", "250-\r\n999 x\r\n", "2\r\n"};

}  // namespace

Internet::Internet(net::ManualCore& core, Model& model, Trace& trace, std::uint64_t seed)
    : core_(core),
      model_(model),
      trace_(trace),
      random_(seed),
      people_(seed),
      serving_(core, [](std::exception_ptr) {}) {  // a session that breaks is over: that is all
  const std::size_t sites = 1 + below(5);
  for (std::size_t c = 0; c < sites; ++c) {
    Cluster cluster;
    for (std::size_t n = 1 + below(3); n > 0; --n) {
      Host host{.name = fmt::format("mx{}.site{}.test", n, c), .cluster = c};
      const auto number = hosts.size() + 1;
      if (chance(80)) host.addresses.push_back(*IpAddress::parse(fmt::format("192.0.2.{}", number)));
      if (host.addresses.empty() || chance(30))
        host.addresses.push_back(*IpAddress::parse(fmt::format("2001:db8::{:x}", number)));
      host.pipelining = chance(80), host.chunking = chance(40), host.dsn = chance(50);
      if (chance(20)) host.most_recipients = 1 + below(4);
      if (chance(20)) host.most_messages = 1 + below(4);
      if (chance(10)) host.piece = 1 + below(30);
      cluster.hosts.push_back(hosts.size());
      hosts.push_back(std::move(host));
    }
    clusters.push_back(std::move(cluster));
  }
  for (std::size_t d = 0; d < sites + below(4); ++d)
    domains.push_back({.name = fmt::format("d{}.test", d), .cluster = d < sites ? d : below(sites)});
  for (MailDomain& one : domains) one.before = one.cluster;
}

// --- Weather -----------------------------------------------------------------------------------------------

Internet::Patch Internet::worsen() {
  if (chance(25)) {
    const std::size_t d = below(domains.size());
    MailDomain& one = domains[d];
    // Where a domain is said not to exist its mail is returned: that is seldom meant.
    one.names = chance(10) ? (chance(50) ? Names::NoDomain : Names::NullMx)
                           : (chance(50) ? Names::ServFail : Names::TimedOut);
    trace_("weather: {} names {}", one.name, static_cast<int>(one.names));
    return {true, d};
  }
  Temper temper{.at = static_cast<Step>(below(8)),
                .what = static_cast<Mischief>(1 + below(9)),
                .percent = chance(50) ? 100 : static_cast<unsigned>(5 + below(90))};
  // A site that returns everything teaches little.
  if (temper.what == Mischief::Never) temper.percent = std::min(temper.percent, 20u);
  if (temper.what >= Mischief::Unheard) temper.at = Step::End;
  const std::size_t c = below(clusters.size());
  clusters[c].bad = true;
  const bool all = chance(60);
  const std::size_t which = clusters[c].hosts[below(clusters[c].hosts.size())];
  for (const std::size_t h : clusters[c].hosts)
    if (all || h == which) hosts[h].temper = temper;
  trace_("weather: site {} {} at {} does {} in {} %", c, all ? "all" : "one", static_cast<int>(temper.at),
         static_cast<int>(temper.what), temper.percent);
  return {false, c};
}

void Internet::mend(Patch what) {
  trace_("weather: {} {} is well", what.names ? "domain" : "site", what.which);
  if (what.names) {
    domains[what.which].names = Names::Good;
    domains[what.which].well_since = now();
    return;
  }
  Cluster& site = clusters[what.which];
  site.bad = false;
  site.well_since = now();
  for (const std::size_t h : site.hosts) hosts[h].temper = {};
}

void Internet::mend_all() {
  calm_ = true;
  for (std::size_t c = 0; c < clusters.size(); ++c)
    if (clusters[c].bad) mend({false, c});
  for (std::size_t d = 0; d < domains.size(); ++d)
    if (domains[d].names != Names::Good) mend({true, d});
}

void Internet::move_domain() {
  MailDomain& one = domains[below(domains.size())];
  one.before = std::exchange(one.cluster, below(clusters.size()));
  one.well_since = now();
  trace_("weather: {} moves to site {}", one.name, one.cluster);
}

Time Internet::well(const std::string& address) const {
  const std::string_view name = std::string_view(address).substr(address.find('@') + 1);
  for (const MailDomain& one : domains) {
    if (one.name != name) continue;
    const Cluster& site = clusters[one.cluster];
    if (site.bad || one.names != Names::Good) return now();
    return std::max(one.well_since, site.well_since);
  }
  return now();
}

bool Internet::serves(std::size_t cluster, const std::string& address) const {
  const auto it =
      std::ranges::find(domains, std::string_view(address).substr(address.find('@') + 1), &MailDomain::name);
  return it->cluster == cluster || (it->before == cluster && now() - it->well_since < 45min);
}

Internet::Person Internet::person(const std::string& address) const {
  std::uint64_t hash = people_ ^ 0x9e3779b97f4a7c15u;
  for (const char c : address) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  const auto fate = hash >> 20 & 1023;
  if (fate < 40) return Person::Unknown;
  const auto day = std::chrono::floor<std::chrono::hours>(now().time_since_epoch()).count() / 24;
  if (!calm_ && fate < 140 && ((hash >> 30 ^ static_cast<std::uint64_t>(day)) & 1)) return Person::Full;
  return Person::Good;
}

Mischief Internet::mischief(const Host& host, Step at) {
  const Temper& temper = host.temper;
  if (temper.what == Mischief::None || (temper.at != at && temper.at != Step::Any)) return Mischief::None;
  if (!chance(temper.percent)) return Mischief::None;
  ++faults;
  return temper.what;
}

// --- Names -------------------------------------------------------------------------------------------------

MailDomain* Internet::domain(std::string_view name) {
  const auto it = std::ranges::find(domains, name, &MailDomain::name);
  return it == domains.end() ? nullptr : &*it;
}

dns::Lookup<dns::Mx> Internet::mx(std::string name) {
  ++lookups;
  co_await net::sleep_for(Duration(1000 + below(100'000)));
  MailDomain* const known = domain(name);
  dns::Answer<dns::Mx> answer{.ttl = std::chrono::seconds(below(600))};
  if (!known) co_return refuse(dns::Error::NoSuchDomain);
  trace_("dns: mx {} is {}", name, static_cast<int>(known->names));
  switch (known->names) {
    case Names::Good: break;
    case Names::ServFail: co_return refuse(dns::Error::ServFail);
    case Names::TimedOut: co_await net::sleep_for(5s); co_return refuse(dns::Error::TimedOut);
    case Names::NoDomain: model_.domain_refused(now(), name); co_return refuse(dns::Error::NoSuchDomain);
    case Names::NullMx:
      model_.domain_refused(now(), name);
      answer.records.push_back({0, ""});
      co_return answer;
  }
  for (const std::size_t h : clusters[known->cluster].hosts)
    answer.records.push_back({static_cast<std::uint16_t>(h % 2 ? 10 : 20), hosts[h].name});
  co_return answer;
}

dns::Lookup<IpAddress> Internet::address(std::string name, bool six) {
  ++lookups;
  co_await net::sleep_for(Duration(1000 + below(50'000)));
  const auto host = std::ranges::find(hosts, name, &Host::name);
  if (host == hosts.end()) co_return refuse(dns::Error::NoSuchDomain);
  if (chance(1) && clusters[host->cluster].bad) co_return refuse(dns::Error::ServFail);
  dns::Answer<IpAddress> answer;
  for (const IpAddress& one : host->addresses)
    if (one.is_v4() != six) answer.records.push_back(one);
  if (answer.records.empty()) co_return refuse(dns::Error::NoData);
  co_return answer;
}

dns::Lookup<std::string> Internet::txt(std::string) { co_return refuse(dns::Error::NoData); }
dns::Lookup<std::string> Internet::ptr(IpAddress) { co_return refuse(dns::Error::NoData); }
dns::Lookup<dns::TlsaRecord> Internet::tlsa(std::string) { co_return refuse(dns::Error::NoData); }

// --- A host's side of a connection -------------------------------------------------------------------------

class Internet::Session {
 public:
  Session(Internet& net, Host& host, net::Stream stream)
      : net_(net), host_(host), stream_(std::move(stream)), generation_(net.generation) {}
  net::task<void> run();

 private:
  struct Over {};  // we break it off
  net::task<void> talk();
  // What is said at a step in place of the usual; empty: the usual.
  net::task<std::string> hindrance(Step at) { return hindrance(at, net_.mischief(host_, at)); }
  net::task<std::string> hindrance(Step at, Mischief what);
  net::task<void> say(std::string text);
  net::task<void> rcpt(std::string to);
  net::task<bool> data();
  net::task<bool> bdat(std::size_t octets);
  net::task<void> end(std::string message);
  void take(const std::string& message, bool unheard);
  // Whose mail it is shows in the sender's name; who has none may be anybody of these domains.
  void mail_refused(const std::string& sender) {
    if (!sender.empty()) return net_.model_.message_refused("m" + sender.substr(1, sender.find('@') - 1));
    for (const MailDomain& one : net_.domains)
      if (one.cluster == host_.cluster) net_.model_.domain_refused(net_.now(), one.name);
  }
  void never() {
    for (const std::string& to : accepted_) net_.model_.refused_for_good(to);
  }

  Internet& net_;
  Host& host_;
  net::Stream stream_;
  const std::size_t generation_;
  const std::uint64_t number_ = net_.sessions;
  bool has_mail_ = false;
  std::vector<std::string> accepted_;
  std::size_t messages_ = 0;
};

net::task<void> Internet::Session::run() {
  try {
    co_await talk();
  } catch (const Over&) {
  }
}

net::task<std::string> Internet::Session::hindrance(Step at, Mischief what) {
  if (what != Mischief::None)
    net_.trace_("{} #{}: at step {} mischief {}", host_.name, number_, static_cast<int>(at),
                static_cast<int>(what));
  switch (what) {
    case Mischief::Slow:
      co_await stream_.flush();  // what was answered before is not held back
      co_await net::sleep_for(std::chrono::seconds(1 + net_.below(200)));
      break;
    case Mischief::Silence:
      co_await stream_.flush();
      co_await net::sleep_for(2h);
      throw Over();
    case Mischief::Drop: throw Over();
    case Mischief::Later: co_return std::string(laters[net_.below(std::size(laters))]);
    case Mischief::Never: co_return std::string(nevers[net_.below(std::size(nevers))]);
    case Mischief::Goodbye: co_return "421 4.3.2 shutting down";
    case Mischief::Garbage:
      co_await stream_.write(garbage[net_.below(std::size(garbage))]);
      co_await stream_.close();
      throw Over();
    default: break;
  }
  co_return std::string();
}

net::task<void> Internet::Session::say(std::string text) {
  co_await stream_.write(text + "\r\n");
  if (!text.starts_with("421")) co_return;  // RFC 5321 §3.8: whoever says so hangs up
  co_await stream_.close();
  throw Over();
}

net::task<void> Internet::Session::talk() {
  stream_.allow(1h);
  std::string no = co_await hindrance(Step::Greeting);
  co_await say(no.empty() ? "220 " + host_.name + " ESMTP" : no);
  for (;;) {
    const auto line = co_await stream_.read_line(4096);
    if (!line) co_return;
    const std::string command(*line);
    if (command.starts_with("EHLO") || command.starts_with("HELO")) {
      no = co_await hindrance(Step::Helo);
      if (no.empty() && command.starts_with("HELO")) no = "250 " + host_.name;
      if (no.empty())
        no = fmt::format("250-{}{}{}{}\r\n250 SIZE 100000", host_.name,
                         host_.pipelining ? "\r\n250-PIPELINING" : "",
                         host_.chunking ? "\r\n250-CHUNKING" : "", host_.dsn ? "\r\n250-DSN" : "");
      co_await say(no);
    } else if (command.starts_with("MAIL")) {
      accepted_.clear();
      has_mail_ = false;
      if (messages_ >= host_.most_messages) co_await say("421 4.3.2 enough for now");
      no = co_await hindrance(Step::Mail);
      has_mail_ = no.empty();
      if (no.starts_with('5')) mail_refused(command.substr(11, command.find('>') - 11));
      co_await say(no.empty() ? "250 2.1.0 ok" : no);
    } else if (command.starts_with("RCPT")) {
      co_await rcpt(command.substr(9, command.find('>') - 9));
    } else if (command == "DATA") {
      if (!co_await data()) co_return;
    } else if (command.starts_with("BDAT ")) {
      if (!co_await bdat(std::stoul(command.substr(5)))) co_return;
    } else if (command == "QUIT") {
      co_await say("221 bye");
      co_await stream_.close();
      co_return;
    } else {
      if (command == "RSET") has_mail_ = false, accepted_.clear();
      co_await say("250 ok");
    }
  }
}

net::task<void> Internet::Session::rcpt(std::string to) {
  net_.trace_("{} #{}: RCPT {}", host_.name, number_, to);
  // Of a report only its content tells which one it is.
  if (generation_ == net_.generation && to.front() == 'm')
    net_.model_.tried(net_.now(), to.substr(0, to.find('r')), to);
  if (!net_.serves(host_.cluster, to)) net_.model_.astray(to, host_.name);
  std::string no;
  if (!has_mail_) {
    no = "503 5.5.1 MAIL first";
  } else if (const Person who = net_.person(to); who != Person::Good) {
    no = who == Person::Unknown ? "550 5.1.1 no such user here" : "452 4.2.2 mailbox full";
  } else if (accepted_.size() >= host_.most_recipients) {
    no = "452 4.5.3 too many recipients";
  } else {
    no = co_await hindrance(Step::Rcpt);
  }
  if (no.empty())
    accepted_.push_back(to);
  else if (no.starts_with("55"))
    net_.model_.refused_for_good(to);
  if (!no.empty()) net_.trace_("{} #{}: {}", host_.name, number_, no);
  co_await say(no.empty() ? "250 2.1.5 ok" : no);
}

net::task<bool> Internet::Session::data() {
  std::string no;
  if (accepted_.empty())
    no = "554 5.5.1 no recipients";
  else
    no = co_await hindrance(Step::Data);
  if (no.starts_with('5')) never();
  if (!no.empty()) {
    co_await say(no);
    co_return true;
  }
  co_await say("354 go on");
  std::string message;
  for (;;) {
    const auto text = co_await stream_.read_line(65536);
    if (!text) co_return false;
    if (*text == ".") break;
    message.append(text->starts_with('.') ? text->substr(1) : *text).append("\r\n");
  }
  co_await end(std::move(message));
  co_return true;
}

net::task<bool> Internet::Session::bdat(std::size_t octets) {
  const bool all = co_await stream_.fill_to(octets);
  if (!all) co_return false;
  std::string message(stream_.buffered().substr(0, octets));
  stream_.consume(octets);
  if (accepted_.empty())
    co_await say("503 5.5.1 no recipients");
  else
    co_await end(std::move(message));
  co_return true;
}

net::task<void> Internet::Session::end(std::string message) {
  ++messages_;
  has_mail_ = false;
  const Mischief what = net_.mischief(host_, Step::End);
  const bool before = what == Mischief::Unheard || what == Mischief::UnheardSilence ||
                      (what == Mischief::Garbage && net_.chance(50));
  if (before) {  // RFC 1047: it has the message, and we shall not know
    take(message, true);
    if (what == Mischief::UnheardSilence) co_await net::sleep_for(2h);
    if (what != Mischief::Garbage) throw Over();
  }
  const std::string no = co_await hindrance(Step::End, what);
  if (no.empty())
    take(message, generation_ != net_.generation);
  else if (no.starts_with('5'))
    never();
  accepted_.clear();
  co_await say(no.empty() ? "250 2.0.0 taken" : no);
}

void Internet::Session::take(const std::string& message, bool is_unheard) {
  const std::string_view header = std::string_view(message).substr(0, message.find("\r\n\r\n"));
  const auto field = [&](std::string_view name) {
    const auto at = header.find(name);
    if (at == std::string_view::npos) return std::string();
    const auto begin = at + name.size();
    return std::string(header.substr(begin, header.find_first_of("\r>", begin) - begin));
  };
  std::string id = field("X-Id: ");
  if (id.empty()) id = field("Message-ID: <");
  net_.trace_("{} #{}: takes {} for {}{}", host_.name, number_, id, fmt::join(accepted_, " "),
              is_unheard ? ", unheard" : "");
  net_.copies += accepted_.size();
  if (is_unheard) net_.unheard += accepted_.size();
  for (const std::string& to : accepted_) {
    if (generation_ == net_.generation)
      net_.model_.copied(net_.now(), id, to, is_unheard, host_.dsn);
    else
      net_.model_.copied_late(id, to);
  }
  if (net_.content && net_.content(id) != message) net_.model_.altered(id);
}

// --- Connecting --------------------------------------------------------------------------------------------

// From when it is established until either side ends it.
struct Internet::Connection {
  explicit Connection(Cluster* site) : of(site) { ++of->open; }
  void close() {
    if (of) --of->open;
    of = nullptr;
  }
  Cluster* of;
};

net::task<Result<net::Stream, net::ConnectError>> Internet::connect(net::ConnectTo to) {
  const auto it = std::ranges::find_if(hosts, [&](const Host& host) {
    return std::ranges::find(host.addresses, to.peer.address()) != host.addresses.end();
  });
  if (it == hosts.end()) co_return refuse(net::ConnectError::Unreachable);
  Host& host = *it;
  Cluster& site = clusters[host.cluster];
  co_await net::sleep_for(Duration(1000 + below(100'000)));
  switch (mischief(host, Step::Connect)) {
    case Mischief::None: break;
    case Mischief::Slow:
      co_await net::sleep_for(std::min<Duration>(to.patience, 1s * (1 + below(20))));
      break;
    case Mischief::Silence:
      co_await net::sleep_for(to.patience);
      co_return refuse(net::ConnectError::TimedOut);
    case Mischief::Later: co_return refuse(net::ConnectError::Unreachable);
    default: co_return refuse(net::ConnectError::Refused);
  }
  const auto connection = std::make_shared<Connection>(&site);
  const std::shared_ptr<void> ours(connection.get(), [connection](void*) { connection->close(); });
  site.most_open = std::max(site.most_open, site.open);
  trace_("connect {} at {}, {} open", host.name, to.peer.address().text(), site.open);
  net::MemoryPairOptions options{.piece = host.piece};
  options.second_address = to.peer;
  auto pair = net::memory_pair(net::Core::here(), core_, options);
  pair.first.set_addresses(to.peer, net::loopback(1));
  pair.first.keep(ours);
  ++sessions;
  serving_.spawn(serve(host, std::move(pair.second), connection));
  co_return std::move(pair.first);
}

net::task<void> Internet::serve(Host& host, net::Stream stream, std::shared_ptr<Connection> connection) {
  struct Ending {
    Connection& of;
    ~Ending() { of.close(); }
  } const ending{*connection};
  Session session(*this, host, std::move(stream));
  co_await session.run();
}

}  // namespace postroad::simulation
