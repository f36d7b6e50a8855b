// What the kernel says of this process, under the names that Prometheus' own libraries use.
#pragma once

#include <cstdint>
#include <string>

namespace postroad::observe {

struct ProcessUse {
  double cpu_seconds = 0;  // user and system
  std::uint64_t resident_octets = 0;
  std::uint64_t open_files = 0, most_files = 0;
  double start_seconds = 0;  // since 1970
};
ProcessUse process_use();  // zeros for what /proc does not show
std::string process_exposition();

}  // namespace postroad::observe
