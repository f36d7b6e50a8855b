#include "app/memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace postroad::app {

namespace {

std::uint64_t page_size() { return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)); }

// "max", or no such file: no limit.
std::uint64_t number_in(const std::string& file) {
  std::uint64_t number = 0;
  return std::ifstream(file) >> number ? number : std::numeric_limits<std::uint64_t>::max();
}

}  // namespace

std::uint64_t memory_limit() {
  std::uint64_t limit = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * page_size();
  std::ifstream groups("/proc/self/cgroup");  // "0::/system.slice/postroad.service", or "4:memory:/..."
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    // A limit may stand at any level above.
    for (std::string path = line.substr(second + 1); !path.empty(); path.resize(path.rfind('/'))) {
      if (controllers.empty())
        limit = std::min(limit, number_in("/sys/fs/cgroup" + path + "/memory.max"));
      else if (("," + controllers + ",").find(",memory,") != std::string::npos)
        limit = std::min(limit, number_in("/sys/fs/cgroup/memory" + path + "/memory.limit_in_bytes"));
      if (path.find('/') == std::string::npos) break;
    }
  }
  return limit;
}

std::uint64_t memory_used() {
  std::uint64_t size = 0, resident = 0, of_files = 0;
  std::ifstream("/proc/self/statm") >> size >> resident >> of_files;
  return (resident - std::min(resident, of_files)) * page_size();
}

}  // namespace postroad::app
