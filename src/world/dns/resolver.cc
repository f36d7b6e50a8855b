#include "dns/resolver.h"

namespace postroad::dns {

std::string_view to_text(Error error) {
  switch (error) {
    case Error::NoSuchDomain: return "no such domain";
    case Error::NoData: return "no such record";
    case Error::ServFail: return "server failure";
    case Error::Bogus: return "DNSSEC validation failed";
    case Error::TimedOut: return "timed out";
    case Error::BadName: return "not a name";
  }
  return "unknown";
}

Lookup<IpAddress> Resolver::addresses(std::string name) {
  auto six = co_await aaaa(name);
  auto four = co_await a(std::move(name));
  if (!six && !four) co_return refuse(temporary(six.error()) ? six.error() : four.error());
  if (!four) co_return std::move(six);
  if (!six) co_return std::move(four);
  six->records.insert(six->records.end(), four->records.begin(), four->records.end());
  six->secure = six->secure && four->secure;
  co_return std::move(six);
}

}  // namespace postroad::dns
