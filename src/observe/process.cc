#include "observe/process.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace postroad::observe {

ProcessUse process_use() {
  ProcessUse use;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    use.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  std::uint64_t pages = 0;
  if (std::ifstream statm("/proc/self/statm"); statm >> pages >> pages)
    use.resident_octets = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));

  std::error_code ignored;  // /proc may be hidden: then the number stays 0
  for (std::filesystem::directory_iterator at("/proc/self/fd", ignored), end; !ignored && at != end;
       at.increment(ignored))
    ++use.open_files;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) use.most_files = limit.rlim_cur;

  // proc(5): field 22, in ticks since boot; field 2 is the name and may hold anything, so count from its ")".
  std::string stat;
  if (std::ifstream file("/proc/self/stat"); std::getline(file, stat)) {
    std::size_t at = stat.rfind(')');
    for (int field = 2; field < 22 && at != std::string::npos; ++field) at = stat.find(' ', at + 1);
    timespec now{}, up{};
    if (at != std::string::npos && ::clock_gettime(CLOCK_REALTIME, &now) == 0 &&
        ::clock_gettime(CLOCK_BOOTTIME, &up) == 0) {
      const double ticks = std::strtod(stat.c_str() + at, nullptr);
      use.start_seconds =
          static_cast<double>(now.tv_sec - up.tv_sec) + ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
    }
  }
  return use;
}

std::string process_exposition() {
  const ProcessUse use = process_use();
  std::string out;
  const auto metric = [&](std::string_view name, std::string_view help, std::string_view kind, auto value) {
    fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}\n", name, help, kind,
                   value);
  };
  metric("process_cpu_seconds_total", "User and system CPU time.", "counter", use.cpu_seconds);
  metric("process_resident_memory_bytes", "Resident memory.", "gauge", use.resident_octets);
  metric("process_open_fds", "Open file descriptors.", "gauge", use.open_files);
  metric("process_max_fds", "How many may be open.", "gauge", use.most_files);
  metric("process_start_time_seconds", "Start of the process since 1970.", "gauge", use.start_seconds);
  return out;
}

}  // namespace postroad::observe
