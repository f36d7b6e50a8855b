#include "smtp/data_decoder.h"

#include <cstring>

namespace postroad::smtp {

std::size_t DataDecoder::feed(std::string_view input, BodySink& sink) {
  const char* const end = input.data() + input.size();
  const char* at = input.data();
  const char* from = at;  // decoded and not yet handed over
  LineFinder lines(input);
  while (at != end && at_ != At::End) {
    switch (at_) {
      case At::LineStart:
        if (*at == '.') {
          hand_over(from, at, sink);
          from = ++at;  // whatever this dot is, it is not text
          at_ = At::Dot;
        } else {
          at_ = At::InLine;
        }
        break;
      case At::InLine: {
        const auto line = lines.next(at);
        at = line.next;
        switch (line.ending) {
          case LineFinder::Ending::CrLf: at_ = At::LineStart; break;
          case LineFinder::Ending::CrAtEnd: at_ = At::Cr; break;
          case LineFinder::Ending::BareCr: note(LineError::BareCr); break;
          case LineFinder::Ending::BareLf: note(LineError::BareLf); break;
          case LineFinder::Ending::None: break;
        }
        break;
      }
      case At::Cr:
        if (*at == '\n') {
          ++at;
          at_ = At::LineStart;
        } else {
          note(LineError::BareCr);
          at_ = At::InLine;
        }
        break;
      case At::Dot:
        if (*at == '\r') {
          from = ++at;
          at_ = At::DotCr;
        } else {
          at_ = At::InLine;  // the dot was stuffing
        }
        break;
      case At::DotCr:
        if (*at == '\n') {
          from = ++at;
          at_ = At::End;
        } else {
          note(LineError::BareCr);
          at_ = At::InLine;
        }
        break;
      case At::End: break;
    }
  }
  const auto used = static_cast<std::size_t>(at - input.data());
  if (used != 0 && std::memchr(input.data(), '\0', used)) error_ = LineError::Nul;
  hand_over(from, at, sink);
  return used;
}

void DataDecoder::hand_over(const char* from, const char* to, BodySink& sink) {
  if (from == to) return;
  const std::string_view piece(from, static_cast<std::size_t>(to - from));
  octets_ += piece.size();
  if (!error_) sink.write(piece);
}

}  // namespace postroad::smtp
