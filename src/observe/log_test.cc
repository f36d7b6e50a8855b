#include "observe/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "observe/metrics.h"

namespace postroad::observe {
namespace {

struct Tick {
  static constexpr std::string_view name = "test.tick";
  static constexpr std::string_view help = "A tick.";
  int number = 0;
  std::string padding;
  static constexpr std::tuple fields{Field{"number", &Tick::number}, Field{"padding", &Tick::padding}};
};
struct Whisper {
  static constexpr std::string_view name = "test.whisper";
  static constexpr std::string_view help = "Only for debugging.";
  static constexpr Level level = Level::Debug;
  static constexpr std::tuple<> fields{};
};

class LogFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string form = testing::TempDir() + "/log_XXXXXX";
    ASSERT_NE(::mkdtemp(form.data()), nullptr);
    folder_ = form;
    file_ = folder_ / "log";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  static std::vector<std::string> lines(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }
  std::filesystem::path folder_, file_;
};

TEST_F(LogFile, HoldsOneLineForEachEventInOrder) {
  {
    Log log({.file = file_});
    for (int i = 0; i < 1'000; ++i) log(Tick{.number = i, .padding = {}});
  }
  const auto all = lines(file_);
  ASSERT_EQ(all.size(), 1'000u);
  for (std::size_t i = 0; i < all.size(); ++i)
    EXPECT_NE(all[i].find("\"number\":" + std::to_string(i) + ","), std::string::npos) << all[i];
}

TEST_F(LogFile, LosesNothingThatManyThreadsSayAtOnce) {
  constexpr int threads = 8, each = 2'000;
  Log log({.file = file_, .level = Level::Info, .waiting = 32'768});
  {
    std::vector<std::jthread> crowd;
    for (int t = 0; t < threads; ++t)
      crowd.emplace_back([&log, t] {
        for (int i = 0; i < each; ++i) log(Tick{.number = t * each + i, .padding = std::string(50, 'x')});
      });
  }
  ASSERT_TRUE(log.flush());
  EXPECT_EQ(log.lost(), 0u);
  std::vector<bool> seen(threads * each);
  for (const std::string& line : lines(file_)) {
    const auto at = line.find("\"number\":");
    ASSERT_NE(at, std::string::npos) << line;
    seen[std::stoul(line.substr(at + 9))] = true;
  }
  EXPECT_EQ(std::ranges::count(seen, true), threads * each);
}

TEST_F(LogFile, LeavesOutWhatIsBelowItsLevelButCountsIt) {
  Log log({.file = file_});
  const auto before = detail::counter_of<Whisper>.value();
  log(Whisper{});
  log.set_level(Level::Debug);
  log(Whisper{});
  ASSERT_TRUE(log.flush());
  EXPECT_EQ(lines(file_).size(), 1u);
  EXPECT_EQ(detail::counter_of<Whisper>.value(), before + 2);
}

TEST_F(LogFile, GoesOnInANewFileAfterRotation) {
  Log log({.file = file_});
  log(Tick{.number = 1, .padding = {}});
  ASSERT_TRUE(log.flush());
  std::filesystem::rename(file_, folder_ / "log.1");
  log(Tick{.number = 2, .padding = {}});  // still into the old one
  ASSERT_TRUE(log.flush());
  log.reopen();
  ASSERT_TRUE(log.flush());
  log(Tick{.number = 3, .padding = {}});
  ASSERT_TRUE(log.flush());
  EXPECT_EQ(lines(folder_ / "log.1").size(), 2u);
  EXPECT_EQ(lines(file_).size(), 1u);
}

TEST_F(LogFile, KeepsTheOldFileWhenTheNewOneCannotBeOpened) {
  Log log({.file = file_});
  log.reopen(folder_ / "missing" / "log");
  ASSERT_TRUE(log.flush());
  log(Tick{});
  ASSERT_TRUE(log.flush());
  const auto all = lines(file_);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_NE(all[0].find("log.reopen.failed"), std::string::npos);
  EXPECT_NE(all[1].find("test.tick"), std::string::npos);
}

TEST_F(LogFile, CannotBeOpenedInAFolderThatIsNotThere) {
  EXPECT_THROW(Log({.file = folder_ / "missing" / "log"}), LogUnavailable);
}

// Attack 118: a full log volume. /dev/full answers every write with ENOSPC.
TEST_F(LogFile, AFullDiskCostsLinesNotTime) {
  const auto before = detail::counter_of<Tick>.value();
  {
    Log log({.file = "/dev/full"});
    for (int i = 0; i < 500; ++i) log(Tick{.number = i, .padding = {}});
    ASSERT_TRUE(log.flush());
    EXPECT_EQ(log.lost(), 500u);
    log.reopen(file_);
    log(Tick{});
    ASSERT_TRUE(log.flush());
  }
  EXPECT_EQ(detail::counter_of<Tick>.value(), before + 501);
  const auto all = lines(file_);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_NE(all[0].find("test.tick"), std::string::npos);
  EXPECT_NE(all[1].find("\"event\":\"log.lines.lost\",\"lines\":500"), std::string::npos) << all[1];
}

// The same with a disk that fills up in the middle of a line (RLIMIT_FSIZE, in a child of our own), and
// recovers.
TEST_F(LogFile, ALineCutByAFullDiskIsEndedBeforeTheNextOne) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const rlimit small{1'000, RLIM_INFINITY}, large{RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &small);
    Log log({.file = file_});
    log(Tick{.number = 1, .padding = std::string(1'000, 'x')});
    const bool first = log.flush();
    ::setrlimit(RLIMIT_FSIZE, &large);
    log(Tick{.number = 2, .padding = {}});
    const bool second = log.flush();
    ::_exit(first && second && log.lost() == 1 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  const auto all = lines(file_);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].size(), 1'000u);
  EXPECT_NE(all[1].find("\"number\":2"), std::string::npos);
  EXPECT_TRUE(all[1].starts_with("{") && all[1].ends_with("}"));
  EXPECT_NE(all[2].find("\"lines\":1}"), std::string::npos);
}

TEST_F(LogFile, AReaderThatSleepsHoldsNobodyUp) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const int saved = ::dup(STDERR_FILENO);
  ::dup2(ends[1], STDERR_FILENO);
  const auto start = std::chrono::steady_clock::now();
  {
    Log log({.file = {}, .level = Level::Info, .waiting = 256});
    for (int i = 0; i < 5'000; ++i) log(Tick{.number = i, .padding = std::string(200, 'x')});
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
    EXPECT_GT(log.lost(), 3'000u);
  }  // gives up after 2 s
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  ::dup2(saved, STDERR_FILENO);
  for (int fd : {saved, ends[0], ends[1]}) ::close(fd);
}

TEST(Events, AreKnownByBeingLoggedAnywhere) {
  const auto all = known_events();
  EXPECT_TRUE(std::ranges::any_of(all, [](const EventInfo& info) { return info.name == "test.tick"; }));
  EXPECT_TRUE(std::ranges::is_sorted(all, {}, &EventInfo::name));
  EXPECT_NE(reference_page().find("| `test.tick` | info | A tick. | `number`, `padding` |"),
            std::string::npos);
}

}  // namespace
}  // namespace postroad::observe
