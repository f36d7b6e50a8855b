// Record data of a stranger's name server: it is nothing, or it means one thing. A name that was read is
// lower case, has legal labels, and written again reads the same.
#include <cstdint>
#include <cstdlib>

#include "base/ascii.h"
#include "dns/rdata.h"

namespace {

using namespace postroad;

void require(bool condition) {
  if (!condition) std::abort();
}

std::string write_name(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    require(!label.empty() && label.size() <= 63);
    out += static_cast<char>(label.size());
    out += label;
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  return out + '\0';
}

void require_name(std::string_view name) {
  require(name.size() <= 253 && !name.ends_with('.'));
  for (const char c : name)
    require(!ascii::is_control(c) && !ascii::is_8bit(c) && c != ' ' && !(c >= 'A' && c <= 'Z'));
  const std::string octets = write_name(name);
  std::string_view left = octets;
  require(dns::read_name(left) == name && left.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view rdata(reinterpret_cast<const char*>(data), size);
  std::string_view left = rdata;
  if (const auto name = dns::read_name(left)) {
    require_name(*name);
    require(left.size() < rdata.size() && left.end() == rdata.end());
  }
  if (const auto mx = dns::read_mx(rdata)) {
    require_name(mx->exchange);
    const std::string again{static_cast<char>(mx->preference >> 8), static_cast<char>(mx->preference)};
    require(dns::read_mx(again + write_name(mx->exchange)) == mx);
  }
  if (const auto name = dns::read_ptr(rdata)) require_name(*name);
  if (const auto address = dns::read_address(rdata)) {
    require((size == 4) == address->is_v4() || size == 16);
    require(IpAddress::parse(address->text()) == address);
  }
  if (const auto text = dns::read_txt(rdata)) require(text->size() <= size);
  if (const auto tlsa = dns::read_tlsa(rdata)) require(tlsa->data.size() + 3 == size);
  return 0;
}
