// However the octets are cut, read_line sees the same lines and the same faults; and a plain reading of the
// rule (a line ends with CRLF and with nothing else), octet by octet, sees them too.
#include <cstdlib>
#include <string>
#include <vector>

#include "net/manual_core.h"
#include "net/stream.h"

namespace {

using namespace postroad;

using Lines = std::vector<std::string>;

std::string spell(const Result<std::string_view, net::LineError>& line) {
  return line ? "=" + std::string(*line) : "!" + std::to_string(static_cast<int>(line.error()));
}
std::string fault(net::LineError error) { return "!" + std::to_string(static_cast<int>(error)); }

task<void> collect(net::Stream& from, std::size_t limit, Lines& lines) {
  for (;;) lines.push_back(spell(co_await from.read_line(limit)));
}
task<void> send(net::Stream to, std::string_view text) {
  co_await to.write_view(text);
  co_await to.close();
}

Lines read(std::string_view text, std::size_t piece, std::size_t limit) {
  net::ManualCore core;
  auto [a, b] = net::memory_pair(core, {.piece = piece});
  Lines lines;
  net::TaskGroup group(core, [](std::exception_ptr) {});
  group.spawn(collect(b, limit, lines));
  group.spawn(send(std::move(a), text));
  core.run_until_idle(std::chrono::minutes{1});
  return lines;
}

// Three states: in a line, in a line that is too long, after a bare CR or LF.
Lines plainly(std::string_view text, std::size_t limit) {
  constexpr std::size_t endless = 64 * 1024;
  Lines lines;
  std::string line;
  std::size_t dropped = 0;
  enum { InLine, Long, Bare } state = InLine;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool last = i + 1 == text.size();
    const bool after_cr = i > 0 && text[i - 1] == '\r';
    if (state == InLine) {
      if (c == '\n') {
        line.clear();
        lines.push_back(fault(net::LineError::BareLf));
        state = Bare, dropped = 0;
      } else if (c == '\r' && line.size() <= limit) {
        if (last) break;  // not known yet
        if (text[i + 1] == '\n') {
          lines.push_back("=" + line);
          ++i;
        } else {
          lines.push_back(fault(net::LineError::BareCr));
          state = Bare, dropped = 0;
          // What follows the CR is looked at as if nothing had been before it.
          if (i + 1 < text.size() && text[i + 1] == '\n') std::abort();
        }
        line.clear();
      } else {
        line += c;
        if (line.size() > limit) state = Long, dropped = line.size();
      }
      continue;
    }
    const bool at_start = dropped == 0;
    if (c == '\n') {
      const bool crlf = after_cr && !at_start;
      if (!crlf)
        lines.push_back(fault(net::LineError::BareLf));
      else if (state == Long)
        lines.push_back(fault(net::LineError::TooLong));
      state = crlf ? InLine : Bare;
      dropped = 0;
      line.clear();
    } else if (++dropped == endless) {
      lines.push_back(fault(net::LineError::Endless));
      dropped = 0;
    }
  }
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t piece = 1 + data[0] % 40;
  const std::size_t limit = data[1] % 64;
  const Lines whole = read(input, SIZE_MAX, limit);
  if (whole != read(input, piece, limit)) std::abort();
  if (whole != plainly(input, limit)) std::abort();
  return 0;
}
