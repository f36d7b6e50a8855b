// kill -9 in the middle of writes, on the machine's own file system.
//
// The child is this program again, telling stories into a store in a directory and reporting what was
// answered through a pipe; the parent kills it at a random moment and looks. (A process that is killed loses
// nothing the kernel has: a missing sync cannot show here. powercut_test.cc is for that.)
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <future>
#include <sstream>
#include <thread>

#include "store/conformance.h"
#include "store/embedded.h"
#include "store/story.h"

extern char** environ;

namespace postroad::store {
namespace {

constexpr std::size_t partitions = 4;
constexpr std::uint64_t seed = 23;
Partition partition(std::size_t i) { return {Realm::Account, i + 1}; }

int cycles_wanted(int by_default) {
  const char* wanted = std::getenv("POSTROAD_KILLS");
  return wanted ? std::atoi(wanted) : by_default;
}

EmbeddedOptions options_in(const std::string& directory) {
  EmbeddedOptions options;
  options.data = directory + "/data";
  options.reserve_octets = 0;
  options.segment_octets = 1 << 20;
  options.memtable_octets = 256 * 1024;
  options.log_octets = 512 * 1024;
  options.blob_grace = options.erase_within = std::chrono::seconds{0};
  return options;
}

// In the child: never ends by itself.
TEST(KillChild, DISABLED_TellsStoriesUntilItIsKilled) {
  const char* directory = std::getenv("POSTROAD_KILL_DIRECTORY");
  if (!directory) GTEST_SKIP() << "only as a child of Kill.*";
  auto options = options_in(directory);
  if (std::getenv("POSTROAD_KILL_SABOTAGE")) options.sabotage = Sabotage::AcknowledgeBeforeCommit;
  net::Runtime runtime(1);
  runtime.start();
  Driver driver(&runtime);
  auto opened = open_embedded(options);
  ASSERT_TRUE(opened) << opened.error().text;
  EmbeddedStore& store = **opened;
  const auto report = [](char what, std::size_t i, std::uint64_t version) {
    const std::string line = fmt::format("{} {} {}\n", what, i, version);
    if (::write(3, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::_exit(1);
  };
  std::vector<std::thread> tellers;
  for (std::size_t i = 0; i < partitions; ++i) {
    tellers.emplace_back([&, i] {
      Story story(driver, seed, partition(i));
      if (const auto wrong = story.resume(store, 0, UINT64_MAX); !wrong.empty()) {
        fmt::print(stderr, "partition {}: {}\n", i, wrong);
        ::_exit(2);
      }
      for (;;) {
        std::vector<std::unique_ptr<BlobWriter>> writers;
        auto batch = story.next(store, writers);
        if (!batch) ::_exit(3);
        report('t', i, story.told() + 1);
        std::promise<CommitResult> answer;
        store.submit(std::move(*batch), [&](CommitResult result) {
          if (result) report('a', i, result.version.value());
          answer.set_value(result);
        });
        if (!answer.get_future().get()) ::_exit(4);
        story.go_on();
      }
    });
  }
  for (auto& teller : tellers) teller.join();
}

struct Reports {
  std::uint64_t tried[partitions] = {};
  std::uint64_t answered[partitions] = {};

  // Lines "t 2 17" (tried: partition 2, version 17) and "a 2 17" (answered).
  void read(const std::string& text) {
    std::istringstream lines(text);
    char what;
    std::size_t i;
    std::uint64_t version;
    while (lines >> what >> i >> version) (what == 't' ? tried : answered)[i] = version;
  }
};

// Starts the child and kills it `after` its first answer.
void run_child(const std::string& directory, bool sabotage, std::chrono::milliseconds after,
               Reports& reports) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 3);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  std::vector<std::string> settings{"POSTROAD_KILL_DIRECTORY=" + directory};
  if (sabotage) settings.push_back("POSTROAD_KILL_SABOTAGE=1");
  std::vector<char*> environment;
  for (char** e = environ; *e; ++e) environment.push_back(*e);
  for (auto& setting : settings) environment.push_back(setting.data());
  environment.push_back(nullptr);
  std::string program = "/proc/self/exe", filter = "--gtest_filter=KillChild.*Tells*",
              disabled = "--gtest_also_run_disabled_tests";
  char* arguments[] = {program.data(), filter.data(), disabled.data(), nullptr};
  pid_t child = 0;
  ASSERT_EQ(::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, environment.data()), 0);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);

  std::string text;
  char buffer[4096];
  bool answered = false;
  std::thread killer;
  for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(n));
    if (answered || text.find("a ") == std::string::npos) continue;
    answered = true;
    killer = std::thread([=] {
      std::this_thread::sleep_for(after);
      ::kill(child, SIGKILL);
    });
  }
  if (killer.joinable()) killer.join();
  ::close(ends[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "it ended by itself, status " << status;
  reports.read(text);
}

std::string examine(const std::string& directory, const Reports& reports) {
  net::Runtime runtime(1);
  runtime.start();
  Driver driver(&runtime);
  auto opened = open_embedded(options_in(directory));
  if (!opened) return opened.error().text;
  for (std::size_t i = 0; i < partitions; ++i) {
    Story story(driver, seed, partition(i));
    if (auto wrong = story.resume(**opened, reports.answered[i], reports.tried[i]); !wrong.empty())
      return fmt::format("partition {}: {}", i, wrong);
  }
  opened->reset();
  return {};
}

// For tests/crash/store_powercut_test.py, which lets the child above run on a disk that loses power.
TEST(KillChild, DISABLED_FindsWhatWasAnswered) {
  const char* directory = std::getenv("POSTROAD_KILL_DIRECTORY");
  const char* file = std::getenv("POSTROAD_KILL_REPORTS");
  if (!directory || !file) GTEST_SKIP() << "only for tests/crash/store_powercut_test.py";
  std::ifstream in(file);
  Reports reports;
  reports.read(std::string((std::istreambuf_iterator<char>(in)), {}));
  EXPECT_EQ(examine(directory, reports), "");
}

TEST(Kill, LosesNothingThatWasAnswered) {
  const ScratchDirectory directory;
  Reports reports;
  SeededRandom random(1);
  for (int cycle = 0, cycles = cycles_wanted(8); cycle < cycles; ++cycle) {
    run_child(directory.path(), false, std::chrono::milliseconds(20 + random.below(300)), reports);
    if (HasFatalFailure()) return;
    ASSERT_EQ(examine(directory.path(), reports), "") << "cycle " << cycle;
  }
  std::uint64_t answered = 0;
  for (const std::uint64_t n : reports.answered) answered += n;
  EXPECT_GT(answered, 100u);
}

// The control: were answers given before the commit, this test would tell.
TEST(Kill, FindsOutAStoreThatAnswersBeforeItCommits) {
  SeededRandom random(2);
  for (int cycle = 0; cycle < 20; ++cycle) {
    const ScratchDirectory directory;
    Reports reports;
    run_child(directory.path(), true, std::chrono::milliseconds(20 + random.below(100)), reports);
    if (HasFatalFailure()) return;
    if (!examine(directory.path(), reports).empty()) return;
  }
  FAIL() << "20 kills, and nothing was noticed";
}

}  // namespace
}  // namespace postroad::store
