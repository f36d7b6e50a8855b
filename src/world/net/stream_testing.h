// A conversation over memory under a clock that stands still until told, for the tests of Stream.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "net/manual_core.h"
#include "net/sleep.h"
#include "net/stream.h"

namespace postroad::net {

using namespace std::string_literals;
using Lines = std::vector<std::string>;

inline std::string spell(const Result<std::string_view, LineError>& line) {
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

// What a conversation does, how it ended, and a clock that stands still until told.
struct Streams : testing::Test {
  ManualCore core;
  MemoryPair pair = memory_pair(core);
  Stream& ours = pair.first;
  Stream& peer = pair.second;
  std::string ended;
  TaskGroup group{core, [this](std::exception_ptr error) {
                    try {
                      std::rethrow_exception(error);
                    } catch (const ConnectionEnded& e) {
                      ended = name(e.how());
                    }
                  }};
};

inline task<void> collect(Stream& from, std::size_t limit, Lines& lines) {
  for (;;) lines.push_back(spell(co_await from.read_line(limit)));
}
inline task<void> send(Stream& to, std::string text) {
  co_await to.write(text);
  co_await to.flush();
}
inline task<void> send_and_close(Stream to, std::string text) {
  co_await to.write(text);
  co_await to.close();
}
inline task<void> dribble(Stream& to, std::string text, Duration pause) {
  for (const char c : text) {
    co_await send(to, std::string(1, c));
    co_await sleep_for(pause);
  }
}

inline task<void> take_all(Stream& from, std::size_t& octets) {
  while (co_await from.fill()) {
    octets += from.buffered().size();
    from.consume(from.buffered().size());
  }
}

}  // namespace postroad::net
