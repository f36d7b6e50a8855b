// A command that is taken is written as one line, and that line is the same command.
#include <cstdlib>

#include "smtp/command.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postroad;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto command = smtp::parse_command(line);
  if (!command) {
    if (smtp::describe(command.error()).empty()) std::abort();
    return 0;
  }
  if (std::holds_alternative<smtp::HttpVerb>(*command)) return 0;
  const std::string written = smtp::render(*command);
  const auto again = smtp::parse_command(written);
  if (!again || again->index() != command->index() || smtp::render(*again) != written) std::abort();
  return 0;
}
