// However the bytes are cut, the decoder sees the same message; a plain reading of RFC 5321 §4.5.2, octet by
// octet, sees it too; and what the encoder writes of any text, the decoder reads back without a refusal.
#include <cstdlib>
#include <string>

#include "smtp/data_decoder.h"
#include "smtp/data_encoder.h"

namespace {

using namespace postroad;

struct Outcome {
  std::string text;
  bool done = false, refused = false;
  std::size_t used = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome decode(std::string_view a, std::string_view b) {
  smtp::DataDecoder decoder;
  smtp::StringSink sink;
  std::size_t used = decoder.feed(a, sink);
  if (!decoder.done()) used += decoder.feed(b, sink);
  const bool refused = decoder.error().has_value();
  return {refused ? "" : sink.text, decoder.done(), refused, used};
}

// The slow and plain way: cut at CRLF, look at each line.
Outcome plainly(std::string_view input) {
  Outcome result;
  std::size_t at = 0;
  while (at < input.size()) {
    const auto end = input.find("\r\n", at);
    const auto line = input.substr(at, end == std::string_view::npos ? end : end - at);
    const bool whole = end != std::string_view::npos;
    if (whole && line == ".") {
      result.done = true;
      result.used = end + 2;
      break;
    }
    const auto unfinished_cr = !whole && line.ends_with('\r');
    const auto checked = unfinished_cr ? line.substr(0, line.size() - 1) : line;
    if (checked.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) result.refused = true;
    auto text = input.substr(at, whole ? line.size() + 2 : line.size());
    if (!whole && (text == "." || text == ".\r")) text = {};  // not known yet
    if (text.starts_with('.')) text.remove_prefix(1);
    result.text += text;
    at = whole ? end + 2 : input.size();
    result.used = at;
  }
  if (result.refused) result.text.clear();
  return result;
}

void same_after_the_wire(std::string_view text, std::size_t cut) {
  smtp::DataEncoder encoder(smtp::DataEncoder::Dots::Stuffed, 1 << 20),
      plain(smtp::DataEncoder::Dots::Plain, 1 << 20);
  smtp::StringSink wire, normal;
  if (!encoder.feed(text.substr(0, cut), wire) || !encoder.feed(text.substr(cut), wire)) return;
  encoder.finish(wire);
  if (!plain.feed(text, normal)) std::abort();
  plain.finish(normal);
  const auto read = decode(wire.text, {});
  if (!read.done || read.refused || read.used != wire.text.size() || read.text != normal.text) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = data[0] % (input.size() + 1);
  const Outcome whole = decode(input, {});
  if (whole != decode(input.substr(0, cut), input.substr(cut))) std::abort();
  if (whole != plainly(input)) std::abort();
  same_after_the_wire(input, cut);
  return 0;
}
