// bench_store DIRECTORY WAITING SECONDS [BODY]: durable commits per second of the embedded store.
//
// WAITING coroutines on one core each write a body, name it in a commit with 300 octets of metadata, and wait
// for the answer; as many partitions. Prints what dependencies.md §2 prints for its probes, so that they
// compare.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/random.h"
#include "net/runtime.h"
#include "store/embedded.h"

using namespace postroad;
using SteadyTime = std::chrono::steady_clock::time_point;

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double cpu_seconds() {
  rusage u;
  getrusage(RUSAGE_SELF, &u);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(u.ru_utime) + seconds(u.ru_stime);
}

double written_octets() {
  std::ifstream in("/proc/self/io");
  std::string key;
  double value = 0;
  while (in >> key >> value)
    if (key == "write_bytes:") return value;
  return 0;
}

struct Run {
  store::Store& store;
  std::vector<std::string> bodies, metadata;
  double end = 0;
  std::uint64_t done = 0, failed = 0;
  std::vector<float> waited;
};

task<void> deliver(Run& run, std::uint64_t account) {
  const store::Partition partition{store::Realm::Account, account};
  std::string key(9, 'm');
  for (std::uint64_t n = 0; now() < run.end; ++n) {
    const double begin = now();
    const std::string& body = run.bodies[n % run.bodies.size()];
    auto writer = run.store.new_blob(body.size());
    for (std::size_t at = 0; at < body.size(); at += 16'384)
      writer->append(std::string_view(body).substr(at, 16'384));
    const auto blob = co_await writer->finish();
    if (!blob) {
      ++run.failed;
      continue;
    }
    for (int i = 0; i < 8; ++i) key[static_cast<std::size_t>(8 - i)] = static_cast<char>(n >> (8 * i));
    store::Batch batch(partition);
    batch.expect_partition(store::Version{n}).put(key, run.metadata[n % 16]).refer(*blob, key);
    const auto result = co_await run.store.commit(std::move(batch));
    if (!result) ++run.failed;
    ++run.done;
    run.waited.push_back(static_cast<float>((now() - begin) * 1000));
  }
}

task<void> deliver_all(Run& run, unsigned waiting) {
  net::TaskGroup group(net::Core::here(), [](std::exception_ptr error) { std::rethrow_exception(error); });
  for (unsigned i = 0; i < waiting; ++i) group.spawn(deliver(run, i + 1));
  co_await group.join();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    fmt::print(stderr, "usage: bench_store DIRECTORY WAITING SECONDS [BODY]\n");
    return 2;
  }
  const std::string directory = argv[1];
  const auto waiting = static_cast<unsigned>(std::atoi(argv[2]));
  const double seconds = std::atof(argv[3]);
  const std::size_t body = argc > 4 ? std::strtoul(argv[4], nullptr, 10) : 4096;
  std::filesystem::remove_all(directory);
  auto opened = store::open_embedded({.data = directory, .cores = 1});
  if (!opened) {
    fmt::print(stderr, "{}\n", opened.error().text);
    return 1;
  }
  Run run{.store = **opened};
  SeededRandom random(1);
  for (int i = 0; i < 16; ++i) {
    run.bodies.push_back(random.bytes(body));
    run.metadata.push_back(random.bytes(300));
  }
  net::Runtime runtime(1);
  runtime.start();
  const double wrote = written_octets(), cpu = cpu_seconds(), begin = now();
  run.end = begin + seconds;
  net::block_on(runtime.core(0), deliver_all(run, waiting));
  const double took = now() - begin, used = cpu_seconds() - cpu;
  const auto status = (*opened)->status();
  runtime.stop();
  opened->reset();
  const double written = written_octets() - wrote;
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::sort(run.waited.begin(), run.waited.end());
  const double n = static_cast<double>(std::max<std::uint64_t>(run.done, 1));
  fmt::print(
      "waiting {:4} body {:7}: {:8.0f} commits/s, {:5.1f} a group, p50 {:.2f} p99 {:.2f} ms, {:.1f} us CPU a "
      "commit, "
      "written {:.2f} x, RSS {} MiB{}\n",
      waiting, body, n / took,
      static_cast<double>(status.commits) / static_cast<double>(std::max<std::uint64_t>(status.groups, 1)),
      run.waited.empty() ? 0 : run.waited[run.waited.size() / 2],
      run.waited.empty() ? 0 : run.waited[run.waited.size() * 99 / 100], used * 1e6 / n,
      written / (n * static_cast<double>(body + 300)), usage.ru_maxrss / 1024,
      run.failed ? fmt::format(", {} FAILED", run.failed) : "");
  return run.failed ? 1 : 0;
}
