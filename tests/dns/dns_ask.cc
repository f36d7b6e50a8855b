// Asks the product's resolver, for tests against real name servers.
//
//   dns_ask SERVER@PORT [TRUST_ANCHOR_FILE]     "TYPE NAME" a line on stdin: a mx aaaa txt ptr tlsa addresses
//
// One line each on stdout, with tabs between: "ok", "secure" or "insecure", canonical name, milliseconds,
// records; or "error", its name, milliseconds.
#include <fmt/format.h>

#include <iostream>

#include "base/encoding.h"
#include "dns/unbound_resolver.h"
#include "net/runtime.h"

namespace {

using namespace postroad;

std::string text(const dns::Mx& mx) {
  return fmt::format("{} {}", mx.preference, mx.exchange.empty() ? "." : mx.exchange);
}
std::string text(const IpAddress& address) { return address.text(); }
std::string text(const std::string& octets) { return octets; }
std::string text(const dns::TlsaRecord& t) {
  return fmt::format("{} {} {} {}", t.usage, t.selector, t.matching, hex(t.data));
}

template <class T>
std::string ask(net::Core& core, dns::Lookup<T> lookup) {
  const SystemClock clock;
  const Instant asked = clock.instant();
  const auto answer = net::block_on(core, std::move(lookup));
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock.instant() - asked).count();
  if (!answer) return fmt::format("error\t{}\t{}", dns::to_text(answer.error()), took);
  std::string line =
      fmt::format("ok\t{}\t{}\t{}", answer->secure ? "secure" : "insecure", answer->canonical, took);
  for (const T& record : answer->records) line += "\t" + text(record);
  return line;
}

std::string ask(net::Core& core, dns::Resolver& resolver, const std::string& type, const std::string& name) {
  if (type == "a") return ask(core, resolver.a(name));
  if (type == "aaaa") return ask(core, resolver.aaaa(name));
  if (type == "mx") return ask(core, resolver.mx(name));
  if (type == "txt") return ask(core, resolver.txt(name));
  if (type == "tlsa") return ask(core, resolver.tlsa(name));
  if (type == "addresses") return ask(core, resolver.addresses(name));
  if (type == "ptr")
    if (const auto address = IpAddress::parse(name)) return ask(core, resolver.ptr(*address));
  return "what?";
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  try {
    const SystemClock clock;
    net::Runtime runtime(1);
    dns::UnboundResolver resolver(
        {.servers = {arguments[1]}, .trust_anchor_file = count > 2 ? arguments[2] : ""}, clock);
    runtime.start();
    for (std::string type, name; std::cin >> type >> name;)
      std::cout << ask(runtime.core(0), resolver, type, name) << std::endl;
    runtime.stop();
  } catch (const dns::ResolverUnavailable& e) {
    std::cerr << e.what() << "\n";
    return 1;
  }
}
