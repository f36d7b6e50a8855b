#include "smtp/bdat_decoder.h"

#include <algorithm>

namespace postroad::smtp {

BdatDecoder::Verdict BdatDecoder::begin(const Bdat& chunk) {
  left_ = chunk.octets;
  last_ = chunk.last;
  if (!refused_ && chunk.octets > limit_ - octets_) too_big_ = refused_ = true;
  if (!refused_ && !error()) {
    if (done() && lines_wanted_) check_.finish();  // "BDAT 0 LAST": feed() is not needed any more
    return Verdict::Take;
  }
  if (chunk.octets > limit_ - std::min(limit_, swallowed_)) return Verdict::Close;
  swallowed_ += chunk.octets;
  return Verdict::Swallow;
}

std::size_t BdatDecoder::feed(std::string_view input, BodySink& sink) {
  const auto used = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
  left_ -= used;
  if (refused_ || used == 0) return used;
  octets_ += used;
  if (lines_wanted_) {
    check_.feed(input.substr(0, used));
    if (done()) check_.finish();
  }
  if (!error()) sink.write(input.substr(0, used));
  return used;
}

}  // namespace postroad::smtp
