// What we take for an address, the C library takes for the same one, and nothing else; what we print we read.
#include <arpa/inet.h>

#include <cstdlib>
#include <cstring>

#include "base/ip.h"

namespace {

using postroad::IpAddress;
using postroad::Network;

std::optional<IpAddress> by_libc(const std::string& text) {
  if (text.find('\0') != std::string::npos) return std::nullopt;
  in_addr four{};
  if (::inet_pton(AF_INET, text.c_str(), &four) == 1) return IpAddress::v4(ntohl(four.s_addr));
  IpAddress::Octets six{};
  if (::inet_pton(AF_INET6, text.c_str(), six.data()) == 1) return IpAddress(six);
  return std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto address = IpAddress::parse(text);
  if (address != by_libc(text)) std::abort();
  if (address && IpAddress::parse(address->text()) != address) std::abort();
  if (address && address->is_public() && address->is_loopback()) std::abort();

  if (const auto network = Network::parse(text)) {
    if (Network::parse(network->text()) != network) std::abort();
    if (!network->contains(network->address())) std::abort();
    if (Network::around(network->address(), network->prefix()) != *network) std::abort();
  }
  return 0;
}
