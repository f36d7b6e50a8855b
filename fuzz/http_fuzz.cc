// However a request's octets are cut, the same request is found, or the same fault; and what has been found,
// written again in the plainest way, is the same request.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "http/framing.h"

namespace {

using namespace postroad;

struct Found {
  bool refused = false;
  std::string path, query, body;
  std::size_t used = 0;
  bool whole = false;
  friend bool operator==(const Found&, const Found&) = default;
};

Found read(std::string_view input, std::size_t cut) {
  Found found;
  const auto end = input.find("\r\n");
  if (end == std::string_view::npos) return found;
  const auto start = input.substr(0, end), rest = input.substr(end + 2);
  http::HeadEnd head_end({.octets = 4096});
  std::size_t length = 0;
  for (const std::size_t seen : {std::min(cut, rest.size()), rest.size()}) {
    const auto at = head_end.find(rest.substr(0, seen));
    if (!at) return Found{.refused = true};
    if (*at) {
      length = **at;
      break;
    }
  }
  if (length == 0) return found;
  const auto head = http::parse_request(start, rest.substr(0, length));
  if (!head) return Found{.refused = true};
  found.path = head->path, found.query = head->query, found.used = length;
  if (!found.path.starts_with('/')) std::abort();
  if (head->headers.count("Content-Length") > 0 && head->headers.count("Transfer-Encoding") > 0) std::abort();
  http::BodyDecoder decoder(head->framing);
  for (const std::size_t seen : {std::clamp(cut, length, rest.size()), rest.size()})
    while (found.used < seen && !decoder.done()) {
      const auto piece = decoder.feed(rest.substr(found.used, seen - found.used));
      if (!piece) return Found{.refused = true};
      if (piece->used == 0) std::abort();
      found.used += piece->used, found.body += piece->data;
    }
  found.whole = decoder.done();
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t cut = (data[0] | data[1] << 8) % (input.size() + 1);
  const Found found = read(input, input.size());
  if (read(input, cut) != found) std::abort();
  if (!found.whole || found.refused) return 0;
  const std::string again = "POST " + found.path + (found.query.empty() ? "" : "?" + found.query) +
                            " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(found.body.size()) +
                            "\r\n\r\n" + found.body;
  const Found second = read(again, cut);
  if (second.refused || second.path != found.path || second.body != found.body || !second.whole) std::abort();
  return 0;
}
