// simulation: many histories, each from one seed, each of days in a fraction of a second.
//
//   simulation --seeds 2000 [--first N] [--days D] [--threads N]   all of them; ends with 1 if one is
//   violated simulation --seed N --trace                          one history, told line by line simulation
//   --control NAME [--seeds 500]              the server is broken so: ends with 0 only if it is found
#include <fmt/core.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "history.h"

namespace postroad::simulation {
namespace {

const std::map<std::string, Break> controls{
    {"none", Break::Nothing},
    {"acknowledge-first", Break::AcknowledgeFirst},
    {"forget-recipient", Break::ForgetRecipient},
    {"retry-early", Break::RetryEarly},
    {"report-twice", Break::ReportTwice},
    {"lose-entry", Break::LoseEntry},
    {"deliver-again", Break::DeliverAgain},
    {"crowd", Break::Crowd},
};

struct Options {
  std::uint64_t first = 1, seeds = 1;
  double days = 0;  // 0: as the seed says
  unsigned threads = 1;
  bool trace = false;
  std::string control = "none", log, commit;
};

// One history in ten has its five days; the others one, so that there can be more of them.
Settings settings_of(const Options& options, std::uint64_t seed) {
  const double days = options.days > 0 ? options.days : seed % 10 == 0 ? 5 : 1;
  return {.seed = seed,
          .time = Duration(static_cast<std::int64_t>(days * 86'400e6)),
          .broken = controls.at(options.control),
          .trace = options.trace};
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

class Total {
 public:
  explicit Total(const Options& options) : options_(options) {}

  void add(std::uint64_t seed, const Findings& one) {
    const std::scoped_lock guard(lock_);
    ++histories_;
    for (const auto field : fields) sum_.*field += one.*field;
    sum_.simulated += one.simulated;
    if (one.violation.empty()) return;
    if (++violations_ > 20) return;
    fmt::print("seed {}: {}\n{}", seed, one.violation, violations_ > 3 ? "" : one.last_lines);
    fmt::print("  again: simulation --seed {}{} --trace\n", seed,
               options_.days > 0 ? fmt::format(" --days {}", options_.days) : "");
    std::fflush(stdout);
  }
  void differs(std::uint64_t seed) {
    const std::scoped_lock guard(lock_);
    ++violations_;
    fmt::print("seed {}: its second run went another way\n", seed);
  }
  void print() {
    const std::scoped_lock guard(lock_);
    fmt::print(
        "{} seeds, {:.0f} days: {} messages to {} recipients, {} copies ({} unheard), {} reports, {} "
        "sessions, "
        "{} faults, {} kills, {} commands, {} commits ({} refused), {} steps; {} violations; {:.0f} CPU s\n",
        histories_, days(), sum_.messages, sum_.recipients, sum_.copies, sum_.unheard, sum_.reports,
        sum_.sessions, sum_.faults, sum_.kills, sum_.commands, sum_.commits, sum_.refused, sum_.steps,
        violations_, cpu_seconds());
    std::fflush(stdout);
  }
  // Appends a row to a table in Markdown.
  void log() {
    std::FILE* file = std::fopen(options_.log.c_str(), "a");
    if (!file) throw std::runtime_error("cannot write " + options_.log);
    char day[32];
    const std::time_t now = std::time(nullptr);
    std::strftime(day, sizeof day, "%Y-%m-%d", std::gmtime(&now));
    fmt::print(file, "| {} | {} | {}-{} | {:.0f} | {} | {} | {} | {} | {} | {} | {} | {:.0f} | **{}** |\n",
               day, options_.commit, options_.first, options_.first + options_.seeds - 1, days(),
               sum_.messages, sum_.recipients, sum_.copies, sum_.unheard, sum_.reports, sum_.kills,
               sum_.faults, cpu_seconds(), violations_);
    std::fclose(file);
  }
  std::uint64_t violations() const { return violations_; }

 private:
  double days() const { return static_cast<double>(sum_.simulated.count()) / 86'400e6; }
  static constexpr std::uint64_t Findings::* fields[] = {
      &Findings::messages, &Findings::recipients, &Findings::copies,   &Findings::unheard,
      &Findings::reports,  &Findings::kills,      &Findings::faults,   &Findings::commits,
      &Findings::refused,  &Findings::sessions,   &Findings::commands, &Findings::steps};
  const Options& options_;
  std::mutex lock_;
  Findings sum_;
  std::uint64_t histories_ = 0, violations_ = 0;
};

int run_all(const Options& options) {
  Total total(options);
  std::atomic<std::uint64_t> next{0}, running{options.threads};
  const bool control = options.control != "none";
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < options.threads; ++t)
    threads.emplace_back([&] {
      for (std::uint64_t i = next++; i < options.seeds && !(control && total.violations() > 0); i = next++) {
        const Settings settings = settings_of(options, options.first + i);
        const Findings one = run(settings);
        total.add(settings.seed, one);
        if (i % 100 == 0 && run(settings).hash != one.hash) total.differs(settings.seed);
      }
      --running;
    });
  for (unsigned tenths = 0; running > 0; ++tenths) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (tenths % 100 == 99) total.print();
  }
  for (std::thread& thread : threads) thread.join();
  total.print();
  if (control) fmt::print("{}\n", total.violations() > 0 ? "found, as it must be" : "NOT FOUND");
  if (!options.log.empty()) total.log();
  return (total.violations() > 0) == control ? 0 : 1;
}

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&] { return std::string(i + 1 < argc ? argv[++i] : ""); };
    if (word == "--seeds")
      options.seeds = std::strtoull(value().c_str(), nullptr, 10);
    else if (word == "--seed")
      options.first = std::strtoull(value().c_str(), nullptr, 10), options.seeds = 1;
    else if (word == "--first")
      options.first = std::strtoull(value().c_str(), nullptr, 10);
    else if (word == "--days")
      options.days = std::strtod(value().c_str(), nullptr);
    else if (word == "--threads")
      options.threads = static_cast<unsigned>(std::strtoul(value().c_str(), nullptr, 10));
    else if (word == "--control")
      options.control = value();
    else if (word == "--log")
      options.log = value();
    else if (word == "--commit")
      options.commit = value();
    else if (word == "--trace")
      options.trace = true;
    else {
      std::fprintf(stderr, "unknown: %s\n", word.c_str());
      return 2;
    }
  }
  if (!controls.contains(options.control)) {
    std::fprintf(stderr, "controls:");
    for (const auto& [name, what] : controls) std::fprintf(stderr, " %s", name.c_str());
    std::fprintf(stderr, "\n");
    return 2;
  }
  if (options.threads == 0) options.threads = std::max(1u, std::thread::hardware_concurrency());
  return run_all(options);
}

}  // namespace
}  // namespace postroad::simulation

int main(int argc, char** argv) { return postroad::simulation::main(argc, argv); }
