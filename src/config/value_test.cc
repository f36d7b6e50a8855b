#include "config/value.h"

#include <gtest/gtest.h>

namespace postroad::config {
namespace {

TEST(Octets, AreReadWithTheirUnit) {
  EXPECT_EQ(read_octets("50 MiB"), mib(50));
  EXPECT_EQ(read_octets("50MiB"), mib(50));
  EXPECT_EQ(read_octets("1 kb"), Octets{1'000});
  EXPECT_EQ(read_octets("0 B"), Octets{0});
  for (const char* text : {"", "50", "MiB", "50  MiB", "-1 MiB", "5.5 MiB", "50 MiBs", "99999999999 TiB",
                           "18446744073709551616 B", " 1 B", "1 B "})
    EXPECT_FALSE(read_octets(text)) << text;
}

TEST(Durations, NeverGoWithoutTheirUnit) {
  EXPECT_EQ(read_duration("5 min"), std::chrono::minutes(5));
  EXPECT_EQ(read_duration("250ms"), std::chrono::milliseconds(250));
  EXPECT_EQ(read_duration("7 d"), std::chrono::hours(168));
  for (const char* text : {"", "5", "5 m", "5 minutes", "min", "1 h 30 min", "-1 s", "9223372036854775807 d"})
    EXPECT_FALSE(read_duration(text)) << text;
}

TEST(Rates, AreACountInASpan) {
  EXPECT_EQ(read_rate("100/min"), (Rate{100, std::chrono::minutes(1)}));
  EXPECT_EQ(read_rate("20/10 min"), (Rate{20, std::chrono::minutes(10)}));
  EXPECT_EQ(read_rate("0"), Rate{});
  EXPECT_EQ(read_rate("0/h"), Rate{});
  for (const char* text :
       {"", "100", "100/", "/min", "100/0 s", "100/5", "100/ms", "100/1500 ms", "5000000000/s"})
    EXPECT_FALSE(read_rate(text)) << text;
}

TEST(Binds, AreAddressAndPortOrASocket) {
  EXPECT_EQ(text_of(*read_bind("0.0.0.0:25")), "0.0.0.0:25");
  EXPECT_EQ(text_of(*read_bind("[::]:25")), "[::]:25");
  EXPECT_EQ(text_of(*read_bind("[::ffff:127.0.0.1]:25")), "127.0.0.1:25");
  EXPECT_EQ(text_of(*read_bind("unix:/run/x")), "unix:/run/x");
  for (const std::string& text :
       {std::string(""), std::string("25"), std::string(":25"), std::string("::1:25"),
        std::string("[127.0.0.1]:25"), std::string("localhost:25"), std::string("127.0.0.1"),
        std::string("127.0.0.1:"), std::string("127.0.0.1:65536"), std::string("[::1]"), std::string("unix:"),
        "unix:/" + std::string(107, 'x'), std::string("unix:a\0b", 8)})
    EXPECT_FALSE(read_bind(text)) << text;
}

TEST(Values, AreReadAsTheyAreWritten) {
  for (const std::uint64_t n :
       {0ull, 1ull, 999ull, 1'000ull, 1'024ull, 1'025ull, 50'000ull, 1ull << 30, 1ull << 41})
    EXPECT_EQ(read_octets(text_of(Octets{n})), Octets{n}) << text_of(Octets{n});
  for (const long n : {0l, 1l, 999l, 1'000l, 60'000l, 61'000l, 3'600'000l, 86'400'000l})
    EXPECT_EQ(read_duration(text_of(std::chrono::milliseconds(n))), std::chrono::milliseconds(n));
  for (const Rate rate : {Rate{}, Rate{1, std::chrono::seconds(1)}, Rate{5, std::chrono::minutes(10)},
                          Rate{7, std::chrono::seconds(61)}})
    EXPECT_EQ(read_rate(text_of(rate)), rate) << text_of(rate);
  for (const std::uint32_t n : {0u, 7u, 100u}) EXPECT_EQ(read_percent(text_of(Percent{n})), Percent{n});
  EXPECT_FALSE(read_percent("101 %"));
  EXPECT_FALSE(read_percent("50"));
}

}  // namespace
}  // namespace postroad::config
