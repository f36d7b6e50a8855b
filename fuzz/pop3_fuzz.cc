// A command that is taken is written as one line, and that line is the same command. A message retrieved is,
// read as RFC 1939 §3 says, the message with whole line ends, however its octets are cut; and TOP is its
// beginning.
#include <cstdlib>

#include "pop3/command.h"
#include "pop3/response.h"
#include "smtp/data_decoder.h"

namespace {

using namespace postroad;

std::string retrieved(std::string_view a, std::string_view b, std::optional<std::uint64_t> lines) {
  pop3::MessageEncoder encoder(lines);
  std::string out;
  if (encoder.feed(a, out)) encoder.feed(b, out);
  encoder.finish(out);
  return out;
}

std::string read_back(const std::string& wire) {
  smtp::DataDecoder decoder;
  smtp::StringSink sink;
  if (decoder.feed(wire, sink) != wire.size() || !decoder.done()) std::abort();
  if (decoder.error() && decoder.error() != smtp::LineError::Nul) std::abort();
  return sink.text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (const auto command = pop3::parse_command(input);
      command && !std::holds_alternative<pop3::HttpVerb>(*command)) {
    const std::string written = pop3::render(*command);
    const auto again = pop3::parse_command(written);
    if (!again || again->index() != command->index() || pop3::render(*again) != written) std::abort();
  }

  const std::size_t cut = data[0] % (input.size() + 1);
  const std::string all = retrieved(input, {}, {});
  if (all != retrieved(input.substr(0, cut), input.substr(cut), {})) std::abort();
  const std::string top = retrieved(input, {}, data[1]);
  if (top != retrieved(input.substr(0, cut), input.substr(cut), data[1])) std::abort();
  if (!read_back(all).starts_with(read_back(top))) std::abort();
  if (retrieved(input, {}, UINT64_MAX) != all) std::abort();

  for (const std::string& line : {pop3::ok(input), pop3::err(input, pop3::Code::SysTemp)})
    if (line.size() > 512 || line.find('\n') + 1 != line.size()) std::abort();
  return 0;
}
