// LineCheck: are all line ends CRLF, and is there no NUL?
//
// A CR or LF that is not part of a CRLF is refused: servers that disagree on what ends a line can be made to
// see two messages where we see one ("SMTP smuggling", CVE-2023-51764). NUL is refused with them: no form of
// Internet mail but BINARYMIME has it (RFC 5322 §4, RFC 6152 §2), and some servers drop it, so that "CRLF NUL
// dot CRLF" is an end to them.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace postroad::smtp {

enum class LineError { BareCr, BareLf, Nul };

std::string_view describe(LineError error);  // a clause for the reply

// Finds the line ends of one piece of text with memchr, in linear time whatever stands in it.
class LineFinder {
 public:
  explicit LineFinder(std::string_view text) : end_(text.data() + text.size()) {}

  // How the next line, from `from` on, ends: with CRLF, at a bare CR or LF (`next` is behind either), with a
  // CR that is the last octet there is, or not at all. `from` never goes backwards from call to call.
  enum class Ending { CrLf, BareCr, BareLf, CrAtEnd, None };
  struct Line {
    Ending ending;
    const char* next;
  };
  Line next(const char* from);

 private:
  const char* end_;
  const char* cr_ = nullptr;  // the first CR from where the last search began, or end_
};

// Over pieces, for text that comes in BDAT chunks.
class LineCheck {
 public:
  // What is wrong, once something is: of several a NUL, else the first.
  std::optional<LineError> error() const { return error_; }
  void feed(std::string_view octets);
  void finish();  // no more comes: a CR at the very end was a bare one

 private:
  std::optional<LineError> error_;
  bool cr_ = false;  // the last octet was a CR
};

}  // namespace postroad::smtp
