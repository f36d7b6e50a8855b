#include "net/stream.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "net/manual_core.h"
#include "net/sleep.h"

namespace postroad::net {
namespace {

using namespace std::string_literals;

task<void> send_and_close(Stream to, std::string text) {
  co_await to.write(text);
  co_await to.close();
}

std::string spell(const Result<std::string_view, LineError>& line) {
  if (line) return std::string(*line);
  switch (line.error()) {
    case LineError::TooLong: return "!long";
    case LineError::Endless: return "!endless";
    case LineError::BareCr: return "!cr";
    case LineError::BareLf: return "!lf";
    case LineError::Stopping: return "!stop";
  }
  return "?";
}

task<void> collect(Stream& from, std::size_t limit, std::vector<std::string>& lines) {
  for (;;) lines.push_back(spell(co_await from.read_line(limit)));
}

std::vector<std::string> read(const std::string& text, std::size_t piece, std::size_t limit = 100) {
  ManualCore core;
  auto [a, b] = memory_pair(core, {.piece = piece});
  std::vector<std::string> lines;
  std::string end;
  TaskGroup group(core, [&](std::exception_ptr error) {
    try {
      std::rethrow_exception(error);
    } catch (const ConnectionEnded& ended) {
      end = name(ended.how());
    }
  });
  group.spawn(collect(b, limit, lines));
  group.spawn(send_and_close(std::move(a), text));
  core.run_until_idle(1min);
  lines.push_back(end);
  return lines;
}

using Lines = std::vector<std::string>;

TEST(ReadLine, GivesLinesWithoutTheirEnds) {
  EXPECT_EQ(read("EHLO a\r\n\r\nNOOP\r\n", SIZE_MAX), (Lines{"EHLO a", "", "NOOP", "closed"}));
}

}  // namespace
}  // namespace postroad::net
