#include "process_cpu.h"

#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace postroad::bench {
namespace {

struct ProcessTimes {
  pid_t parent = 0;
  double seconds = 0;
};

// proc(5): "pid (name) state ppid ... utime stime cutime cstime ...", fields 14 to 17. The name may
// hold spaces and parentheses, so the fields are counted from the last ')'.
bool read_times(const std::filesystem::path& stat_file, ProcessTimes& times) {
  std::ifstream in(stat_file);
  std::string line;
  if (!std::getline(in, line)) return false;  // it ended while we looked
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return false;

  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  fields >> skipped >> times.parent;
  for (int field = 5; field <= 13; ++field) fields >> skipped;
  long long ticks = 0;
  for (int field = 14; field <= 17; ++field) {
    long long value = 0;
    fields >> value;
    ticks += value;
  }
  times.seconds = static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
  return true;
}

std::map<pid_t, ProcessTimes> all_processes() {
  std::map<pid_t, ProcessTimes> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    ProcessTimes times;
    if (read_times(entry.path() / "stat", times)) all.emplace(pid, times);
  }
  return all;
}

}  // namespace

double tree_cpu_seconds(std::span<const pid_t> roots) {
  const auto all = all_processes();
  std::multimap<pid_t, pid_t> children;
  for (const auto& [pid, times] : all) children.emplace(times.parent, pid);

  double seconds = 0;
  std::vector<pid_t> waiting(roots.begin(), roots.end());
  while (!waiting.empty()) {
    const pid_t pid = waiting.back();
    waiting.pop_back();
    if (const auto found = all.find(pid); found != all.end()) seconds += found->second.seconds;
    const auto [first, last] = children.equal_range(pid);
    for (auto child = first; child != last; ++child) waiting.push_back(child->second);
  }
  return seconds;
}

double own_cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace postroad::bench
