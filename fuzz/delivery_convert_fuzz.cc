// Conversion: whatever the message, what comes out fits, pieces do not matter, and a reader sees the same
// parts.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "delivery/convert.h"
#include "mime/parser.h"

namespace {

using namespace postroad;
using namespace postroad::delivery;

void require(bool holds) {
  if (!holds) std::abort();
}

Result<std::string, ConvertError> convert(std::string_view text, Carries carries, std::size_t piece) {
  Survey survey(mime::parse(text), carries);
  for (std::size_t at = 0; at < text.size(); at += piece) survey.feed(text.substr(at, piece));
  auto plan = survey.finish();
  if (!plan) return refuse(plan.error());
  Converter converter(std::move(*plan));
  smtp::StringSink out;
  for (std::size_t at = 0; at < text.size(); at += piece) converter.feed(text.substr(at, piece), out);
  converter.finish(out);
  return std::move(out.text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (const Carries carries : {Carries::SevenBit, Carries::EightBit}) {
    const auto whole = convert(text, carries, size);
    const auto pieces = convert(text, carries, data[0] % 61 + 1u);
    require(whole == pieces);
    if (!whole) continue;
    const mime::Message before = mime::parse(text), after = mime::parse(*whole);
    require(after.longest_line() <= 998);
    require(carries == Carries::EightBit || !after.eight_bit_body());
    // What is not MIME, or damaged, may be read in more than one way; then only the above is promised.
    if (before.anomalies().any()) continue;
    require(before.parts().size() == after.parts().size());
    for (std::size_t i = 0; i < before.parts().size(); ++i)
      require(before.parts()[i].kind == after.parts()[i].kind);
  }
  return 0;
}
