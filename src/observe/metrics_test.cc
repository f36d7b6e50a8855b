#include "observe/metrics.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>
#include <vector>

#include "observe/process.h"

namespace postroad::observe {
namespace {

bool shown(std::string_view text) { return exposition().find(text) != std::string::npos; }

TEST(Counter, AddsUpWhatLivingAndEndedThreadsCounted) {
  const Counter counter("test_threads_total", "Of a test.");
  {
    std::vector<std::jthread> crowd;
    for (int t = 0; t < 8; ++t)
      crowd.emplace_back([&] {
        for (int i = 0; i < 10'000; ++i) counter.add();
      });
  }
  counter.add(5);
  EXPECT_EQ(counter.value(), 80'005u);
}

TEST(Counter, DeclaredTwiceIsOneCounter) {
  const Counter one("test_twice_total", "Of a test.", R"(kind="a")"),
      same("test_twice_total", "Of a test.", R"(kind="a")");
  const Counter other("test_twice_total", "Of a test.", R"(kind="b")");
  one.add();
  same.add();
  EXPECT_EQ(one.value(), 2u);
  EXPECT_EQ(other.value(), 0u);
  EXPECT_THROW(Histogram("test_twice_total", "Not a counter.", durations, R"(kind="a")"), std::logic_error);
}

TEST(Exposition, IsPrometheusText) {
  const Counter refused("test_refused_total", "Refused \\ and\nmore.", R"(reason="unknown")");
  const Counter policy("test_refused_total", "Refused \\ and\nmore.", R"(reason="policy")");
  refused.add(3);
  EXPECT_TRUE(
      shown("# HELP test_refused_total Refused \\\\ and\\nmore.\n# TYPE test_refused_total counter\n"
            "test_refused_total{reason=\"policy\"} 0\ntest_refused_total{reason=\"unknown\"} 3\n"))
      << exposition();
}

TEST(Gauge, IsShownWhileItLives) {
  {
    Gauge gauge("test_open", "Open.");
    gauge.set(5);
    gauge.add(-7);
    EXPECT_TRUE(shown("# TYPE test_open gauge\ntest_open -2\n"));
    const Probe probe("test_asked", "Asked.", [] { return 2.5; });
    EXPECT_TRUE(shown("test_asked 2.5\n"));
  }
  EXPECT_FALSE(shown("test_open"));
  EXPECT_FALSE(shown("test_asked"));
}

TEST(Histogram, CountsEachValueInAllBucketsItFits) {
  static constexpr std::array bounds{0.1, 1.0};
  const Histogram wait("test_wait_seconds", "Wait.", bounds, R"(kind="x")");
  for (double value : {0.05, 0.1, 0.5, 7.0}) wait.record(value);
  EXPECT_EQ(wait.count(), 4u);
  EXPECT_DOUBLE_EQ(wait.sum(), 7.65);
  EXPECT_TRUE(
      shown("test_wait_seconds_bucket{kind=\"x\",le=\"0.1\"} 2\n"
            "test_wait_seconds_bucket{kind=\"x\",le=\"1\"} 3\n"
            "test_wait_seconds_bucket{kind=\"x\",le=\"+Inf\"} 4\n"
            "test_wait_seconds_sum{kind=\"x\"} 7.65\ntest_wait_seconds_count{kind=\"x\"} 4\n"))
      << exposition();
}

TEST(Histogram, SumsAcrossThreadsWhileTheyAreRead) {
  const Histogram wait("test_busy_seconds", "Wait.", durations);
  std::vector<std::jthread> crowd;
  for (int t = 0; t < 4; ++t)
    crowd.emplace_back([&] {
      for (int i = 0; i < 2'000; ++i) wait.record(0.25);
    });
  for (int i = 0; i < 50; ++i) EXPECT_LE(wait.count(), 8'000u);
  crowd.clear();
  EXPECT_EQ(wait.count(), 8'000u);
  EXPECT_DOUBLE_EQ(wait.sum(), 2'000.0);
}

TEST(Process, KnowsItself) {
  const ProcessUse use = process_use();
  EXPECT_GT(use.resident_octets, 1u << 20);
  EXPECT_GE(use.open_files, 3u);
  EXPECT_GE(use.most_files, use.open_files);
  EXPECT_GT(use.start_seconds, 1.7e9);
  EXPECT_LE(use.start_seconds, static_cast<double>(::time(nullptr)) + 1);
}

}  // namespace
}  // namespace postroad::observe
