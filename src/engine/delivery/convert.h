// Conversion: a message made fit for a server that takes less than it has (RFC 6152 §3, RFC 3030 §3, RFC 5321
// §4.5.3.1.6). Sans-IO.
//
// Only leaves are encoded anew, and only those that need it: 8-bit octets for a server without 8BITMIME,
// lines of more than 998 octets and what only BINARYMIME carries for any. Whoever decodes them gets what was
// in them before. Nothing below a multipart/signed is touched (RFC 1847 §2.1).
//
//   mime::Parser, fed the message  ->  Survey(its Message, ...), fed the message again, finish() -> Plan
//   Converter(plan), fed the message a third time, hands out the converted one
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "mime/message.h"
#include "mime/transfer.h"
#include "smtp/body_sink.h"

namespace postroad::delivery {

enum class Carries : std::uint8_t { SevenBit, EightBit };  // what the server takes

enum class ConvertError : std::uint8_t {
  Signed,         // what would have to change is signed
  NotEncodable,   // a message/* or multipart that cannot be encoded, or an encoding we do not know
  HeaderTooLong,  // a header line that cannot be folded, or a header too long to be kept
};

// What happens to one piece of the message; everything between pieces stays.
struct Edit {
  enum class What : std::uint8_t { Header, Body, Filler };
  std::uint64_t start = 0, end = 0;
  What what{};
  // Header: the Content-Transfer-Encoding it gets; empty: as it was. Of a message that was no MIME yet, what
  // makes it so.
  std::string encoding_name{};
  bool make_mime = false, make_type = false;
  // Body.
  mime::TransferEncoding from{}, to{};
  bool text = false;  // its lines are lines
};
using Plan = std::vector<Edit>;  // in order; empty: the message is fit as it is

class Survey {
 public:
  Survey(mime::Message message, Carries carries);
  void feed(std::string_view piece);
  Result<Plan, ConvertError> finish();

 private:
  struct Region {
    std::uint64_t start = 0, end = 0;
    std::size_t part = 0;
    enum class Kind : std::uint8_t { Header, Body, Filler } kind{};
    std::uint64_t high = 0, longest = 0, line = 0;
    bool bare = false, nul = false, cr = false;
  };
  void look(Region& region, std::string_view text) const;
  bool is_signed(std::size_t part) const;
  Result<void, ConvertError> plan_header(Plan& plan, const Region& region, Edit edit) const;
  Result<Edit, ConvertError> plan_body(const Region& region, std::string& encoding_name) const;

  mime::Message message_;
  Carries carries_;
  std::vector<Region> regions_;
  std::size_t at_region_ = 0;
  std::uint64_t at_ = 0;
};

class Converter {
 public:
  explicit Converter(Plan plan) : plan_(std::move(plan)) {}
  void feed(std::string_view piece, smtp::BodySink& sink);
  void finish(smtp::BodySink& sink);

 private:
  void begin(const Edit& edit);
  void edit(const Edit& edit, std::string_view text, smtp::BodySink& sink);
  void end(const Edit& edit, smtp::BodySink& sink);
  void encode(const Edit& edit, bool all, smtp::BodySink& sink);

  Plan plan_;
  std::size_t next_ = 0;
  std::uint64_t at_ = 0;
  bool inside_ = false;
  std::string held_;  // a header; decoded octets that wait for more
  std::string owed_;  // a line end that is only written when more follows
  mime::TransferDecoder decoder_{mime::TransferEncoding::SevenBit};
  std::size_t column_ = 0;
};

}  // namespace postroad::delivery
