// BdatDecoder: a message that comes in chunks of announced size (RFC 3030 §2).
//
// Sans-IO, as DataDecoder. What follows a chunk's last octet is the next command, whatever happens: so a
// chunk that is refused is swallowed to its end, unless that would be more than the size limit; then only
// closing the connection helps (durability.md, attacks 9 and 11).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "mail/envelope.h"
#include "smtp/body_sink.h"
#include "smtp/command.h"
#include "smtp/line_check.h"

namespace postroad::smtp {

class BdatDecoder {
 public:
  // `limit`: the largest message in octets. `body`: what MAIL said. All but BINARYMIME must be lines that end
  // with CRLF, as with DATA.
  BdatDecoder(std::uint64_t limit, Body body) : limit_(limit), lines_wanted_(body != Body::BinaryMime) {}

  // A chunk begins; its octets come next, also when the answer is not Take.
  //   Take     they are part of the message
  //   Swallow  the message got too big, or an earlier chunk was refused: feed them, then answer 5yz
  //   Close    more than `limit` octets would have to be swallowed: answer 552 and close now
  enum class Verdict { Take, Swallow, Close };
  Verdict begin(const Bdat& chunk);

  // From now on everything is swallowed: the transaction failed for a reason of the session's.
  void refuse_rest() { refused_ = true; }

  // Answers how much of `input` belonged to the chunk.
  std::size_t feed(std::string_view input, BodySink& sink);
  bool chunk_done() const { return left_ == 0; }
  bool done() const { return last_ && left_ == 0; }  // the LAST chunk is complete
  bool too_big() const { return too_big_; }
  // As DataDecoder::error(). A CR at the end of a chunk is judged with the next one, or when done().
  std::optional<LineError> error() const { return check_.error(); }
  std::uint64_t octets() const { return octets_; }

 private:
  std::uint64_t limit_;
  bool lines_wanted_;
  LineCheck check_;
  std::uint64_t octets_ = 0;     // of the message so far
  std::uint64_t swallowed_ = 0;  // announced and not wanted
  std::uint64_t left_ = 0;       // of this chunk
  bool last_ = false;
  bool too_big_ = false;
  bool refused_ = false;
};

}  // namespace postroad::smtp
