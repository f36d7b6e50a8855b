#include "smtp/line_check.h"

#include <cstring>

namespace postroad::smtp {

std::string_view describe(LineError error) {
  switch (error) {
    case LineError::BareCr: return "a CR without its LF";
    case LineError::BareLf: return "an LF without its CR";
    case LineError::Nul: return "a NUL";
  }
  return "a line that is not valid";
}

// The next CR stays known until it is passed, and an LF is looked for before it only. So neither a text full
// of CRs nor one full of LFs is searched to its end again and again.
LineFinder::Line LineFinder::next(const char* from) {
  if (from == end_) return {Ending::None, end_};
  if (cr_ == nullptr || cr_ < from) {
    const void* cr = std::memchr(from, '\r', static_cast<std::size_t>(end_ - from));
    cr_ = cr ? static_cast<const char*>(cr) : end_;
  }
  if (const void* lf = std::memchr(from, '\n', static_cast<std::size_t>(cr_ - from)))
    return {Ending::BareLf, static_cast<const char*>(lf) + 1};
  if (cr_ == end_) return {Ending::None, end_};
  if (cr_ + 1 == end_) return {Ending::CrAtEnd, end_};
  if (cr_[1] == '\n') return {Ending::CrLf, cr_ + 2};
  return {Ending::BareCr, cr_ + 1};
}

void LineCheck::feed(std::string_view octets) {
  if (octets.empty()) return;
  if (std::memchr(octets.data(), '\0', octets.size())) error_ = LineError::Nul;
  if (error_) return;
  const char* at = octets.data();
  if (cr_) {
    if (*at != '\n') {
      error_ = LineError::BareCr;
      return;
    }
    ++at;
    cr_ = false;
  }
  LineFinder lines(octets);
  for (;;) {
    const auto line = lines.next(at);
    at = line.next;
    switch (line.ending) {
      case LineFinder::Ending::CrLf: continue;
      case LineFinder::Ending::BareCr: error_ = LineError::BareCr; return;
      case LineFinder::Ending::BareLf: error_ = LineError::BareLf; return;
      case LineFinder::Ending::CrAtEnd: cr_ = true; return;
      case LineFinder::Ending::None: return;
    }
  }
}

void LineCheck::finish() {
  if (cr_ && !error_) error_ = LineError::BareCr;
}

}  // namespace postroad::smtp
