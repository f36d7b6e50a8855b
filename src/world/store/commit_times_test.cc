#include "store/commit_times.h"

#include <gtest/gtest.h>

namespace postroad::store {
namespace {

using namespace std::chrono_literals;

TEST(CommitTimes, OneInAHundredMayBeSlow) {
  CommitTimes times;
  const Instant now{100s};
  EXPECT_EQ(times.slow(now), 0us);
  for (int i = 0; i < 99; ++i) times.add(900us, now);
  times.add(3s, now);
  EXPECT_EQ(times.slow(now), 1024us);
  times.add(3s, now);
  EXPECT_GE(times.slow(now), 3s);
}

TEST(CommitTimes, WhatIsLongAgoIsForgotten) {
  CommitTimes times;
  times.add(3s, Instant{100s});
  EXPECT_GE(times.slow(Instant{109s}), 3s);
  times.add(1ms, Instant{111s});
  EXPECT_GE(times.slow(Instant{112s}), 3s) << "of the span before";
  times.add(1ms, Instant{122s});
  EXPECT_EQ(times.slow(Instant{123s}), 1024us);
  EXPECT_EQ(times.slow(Instant{200s}), 0us) << "nobody commits";
}

}  // namespace
}  // namespace postroad::store
