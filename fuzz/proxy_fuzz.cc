// A PROXY header asks for more until it is whole, and then means the same whatever follows; what it means can
// be written as a version 1 header, which means it again.
#include <cstdlib>
#include <string>

#include "net/proxy.h"

namespace {

using namespace postroad;

bool same(const net::ProxyHeader& a, const net::ProxyHeader& b) {
  return a.proxied == b.proxied && a.source == b.source && a.destination == b.destination;
}

std::string version_1(const net::ProxyHeader& header) {
  const net::Endpoint &from = header.source, &to = header.destination;
  return std::string("PROXY ") + (from.address().is_v4() ? "TCP4 " : "TCP6 ") + from.address().text() + " " +
         to.address().text() + " " + std::to_string(from.port()) + " " + std::to_string(to.port()) + "\r\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto answer = net::parse_proxy_header(input);
  if (!answer || !*answer) {
    // Refused for what has come: nothing that may still come mends it.
    if (!answer && input.size() < 200) {
      const auto longer = net::parse_proxy_header(std::string(input) + "\r\n");
      if (longer && *longer && answer.error() == net::ProxyError::NoHeader) std::abort();
    }
    return 0;
  }
  const net::ProxyHeader& header = **answer;
  if (header.size == 0 || header.size > input.size() || header.size > net::proxy_header_limit) std::abort();
  for (std::size_t n = 0; n < header.size; ++n) {
    const auto part = net::parse_proxy_header(input.substr(0, n));
    if (!part || *part) std::abort();
  }
  const auto exact = net::parse_proxy_header(input.substr(0, header.size));
  if (!exact || !*exact || (*exact)->size != header.size || !same(**exact, header)) std::abort();

  // IPv4-mapped IPv6 addresses are IPv4 addresses here, and two families in one header cannot be written.
  if (!header.proxied || header.source.address().is_v4() != header.destination.address().is_v4()) return 0;
  const std::string text = version_1(header);
  const auto again = net::parse_proxy_header(text);
  if (!again || !*again || (*again)->size != text.size() || !same(**again, header)) std::abort();
  return 0;
}
