// A message in chunks is the same however its octets arrive, takes exactly the octets announced, and
// never more than the limit.
#include <cstdlib>
#include <string>

#include "smtp/bdat_decoder.h"

namespace {

using namespace postroad;

constexpr std::uint64_t limit = 200;

struct Outcome {
  std::string text;
  std::optional<smtp::LineError> error;
  std::uint64_t octets = 0;
  bool done = false, closed = false;
  std::size_t used = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Chunk sizes come from `sizes`, the octets from `wire`, fed `piece` at a time.
Outcome decode(std::string_view sizes, std::string_view wire, std::size_t piece, Body body) {
  smtp::BdatDecoder decoder(limit, body);
  smtp::StringSink sink;
  Outcome result;
  for (char c : sizes) {
    const auto octets = static_cast<unsigned char>(c) & 0x7fu;
    const smtp::Bdat chunk{octets, (c & 0x80) != 0};
    if (decoder.begin(chunk) == smtp::BdatDecoder::Verdict::Close) {
      result.closed = true;
      break;
    }
    std::size_t taken = 0;
    while (!decoder.chunk_done() && result.used < wire.size()) {
      const std::size_t used = decoder.feed(wire.substr(result.used, piece), sink);
      if (used == 0) std::abort();
      result.used += used;
      taken += used;
    }
    if (decoder.chunk_done() && taken != octets) std::abort();
    if (!decoder.chunk_done() || decoder.done()) break;
  }
  result.error = decoder.error();
  result.octets = decoder.octets();
  result.done = decoder.done();
  if (!result.error) result.text = sink.text;
  if (decoder.octets() > limit || sink.text.size() > limit) std::abort();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t chunks = std::min<std::size_t>(data[0] % 16, size - 2);
  const auto body = data[1] & 1 ? postroad::Body::BinaryMime : postroad::Body::EightBitMime;
  const auto sizes = input.substr(2, chunks), wire = input.substr(2 + chunks);
  if (decode(sizes, wire, wire.size() + 1, body) != decode(sizes, wire, 1 + data[1] / 2, body)) std::abort();
  return 0;
}
