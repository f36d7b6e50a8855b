// Whatever a configuration file says: it is refused with at least one line that names a place, or it is
// taken, and then the file we write for it says the same.
#include <cstdlib>

#include "config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postroad;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto settings = config::parse(text, "/etc/postroad/postroad.toml");
  if (!settings) {
    if (settings.error().empty()) std::abort();
    for (const config::Problem& problem : settings.error()) {
      const std::string line = problem.text();
      if (problem.message.empty() || line.find('\n') != std::string::npos) std::abort();
    }
    return 0;
  }
  for (const bool all : {false, true}) {
    const auto again = config::parse(config::to_toml(*settings, all), "/elsewhere/other.toml");
    if (!again || !config::changes(*settings, *again).empty()) std::abort();
  }
  if (!config::changes(*settings, config::reloaded(*settings, *settings)).empty()) std::abort();
  return 0;
}
