// However the bytes are cut, a client reads the same replies; what a server renders of any text is exactly
// one reply of that code, whose lines keep the limit; and EHLO keywords are read from whatever came.
#include <cstdlib>
#include <string>
#include <vector>

#include "smtp/capabilities.h"
#include "smtp/reply.h"

namespace {

using namespace postroad;

std::vector<Reply> read(std::string_view wire, std::size_t piece) {
  smtp::ReplyParser parser;
  std::vector<Reply> replies;
  while (!wire.empty()) {
    const auto used = parser.feed(wire.substr(0, piece));
    if (!used) {
      replies.push_back({static_cast<std::uint16_t>(used.error()), {}, "error"});
      break;
    }
    wire.remove_prefix(*used);
    if (parser.done()) replies.push_back(parser.take());
  }
  return replies;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto replies = read(input, input.size() + 1);
  if (replies != read(input, 1 + data[0])) std::abort();
  for (const Reply& reply : replies) smtp::parse_capabilities(reply);

  const std::uint16_t code = 200 + data[1];
  const Reply ours{
      code, code / 100 == 3 ? EnhancedStatus{} : EnhancedStatus{static_cast<std::uint8_t>(code / 100), 7, 1},
      std::string(input)};
  for (const auto charset : {smtp::ReplyCharset::Ascii, smtp::ReplyCharset::Utf8}) {
    const std::string wire = smtp::render(ours, charset);
    std::size_t start = 0;
    for (std::size_t end; (end = wire.find('\n', start)) != std::string::npos; start = end + 1)
      if (end + 1 - start > 512 || wire[end - 1] != '\r') std::abort();
    if (start != wire.size()) std::abort();
    if (wire.size() > smtp::ReplyParser::limit) continue;
    const auto again = read(wire, wire.size());
    if (again.size() != 1 || again[0].code != code || again[0].status != ours.status) std::abort();
  }
  return 0;
}
