#include "smtp/data_encoder.h"

#include <cstring>

#include "smtp/line_check.h"

namespace postroad::smtp {
namespace {

constexpr std::string_view crlf = "\r\n";

void write(const char* from, const char* to, BodySink& sink) {
  if (from != to) sink.write({from, static_cast<std::size_t>(to - from)});
}

}  // namespace

Result<void, EncodeError> DataEncoder::feed(std::string_view input, BodySink& sink) {
  if (input.empty()) return {};
  if (nul_ == Nul::Refused && std::memchr(input.data(), '\0', input.size())) return refuse(EncodeError::Nul);
  const char* const end = input.data() + input.size();
  const char* at = input.data();
  if (at_ == At::Cr) {
    sink.write(crlf);
    line_ended();
    if (*at == '\n') ++at;
  }
  const char* from = at;  // to be written as it is
  LineFinder lines(input);
  while (at != end) {
    if (at_ == At::LineStart && *at == '.' && dots_ == Dots::Stuffed) {
      write(from, at, sink);
      sink.write(".");
      from = at;
    }
    at_ = At::InLine;
    const auto line = lines.next(at);
    const bool two = line.ending == LineFinder::Ending::CrLf, none = line.ending == LineFinder::Ending::None;
    const char* const text_end = line.next - (two ? 2 : none ? 0 : 1);
    line_octets_ += static_cast<std::size_t>(text_end - at);
    if (line_octets_ > line_limit_) return refuse(EncodeError::LineTooLong);
    at = line.next;
    switch (line.ending) {
      case LineFinder::Ending::CrLf: line_ended(); break;
      case LineFinder::Ending::BareCr:
      case LineFinder::Ending::BareLf:
        write(from, text_end, sink);
        sink.write(crlf);
        from = at;
        line_ended();
        break;
      case LineFinder::Ending::CrAtEnd:
        write(from, text_end, sink);
        from = end;
        at_ = At::Cr;
        break;
      case LineFinder::Ending::None: break;
    }
  }
  write(from, end, sink);
  return {};
}

void DataEncoder::finish(BodySink& sink) {
  if (at_ != At::LineStart) sink.write(crlf);
  line_ended();
  if (dots_ == Dots::Stuffed) sink.write(".\r\n");
}

}  // namespace postroad::smtp
