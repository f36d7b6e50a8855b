// What we compose is refused or reads as it was meant: one field for one call, the same text, the same names,
// the same octets.
#include <cstdint>
#include <cstdlib>

#include "base/ascii.h"
#include "mime/address.h"
#include "mime/compose.h"
#include "mime/parser.h"
#include "mime/text.h"
#include "mime/transfer.h"

namespace {

using namespace postroad;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string with_spaces(std::string text) {  // what decode_text() makes of a tab
  for (char& c : text)
    if (c == '\t') c = ' ';
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t cut = data[0] * text.size() / 256;
  const std::string one(text.substr(0, cut)), two(text.substr(cut));

  mime::HeaderWriter header;
  const bool has_subject = header.text("Subject", one).has_value();
  const std::vector<mime::NamedAddress> to{{two, *Address::parse("a@x.test")},
                                           {one, *Address::parse("\"b c\"@y.test")}};
  const bool has_to = header.addresses("To", to).has_value();
  const bool has_x = header.structured("X", one).has_value();
  const bool has_name = header.text(two, "value").has_value();
  std::size_t fields = 0;
  for ([[maybe_unused]] const mime::Field& field : mime::Header(header.octets())) ++fields;
  require(fields == static_cast<std::size_t>(has_subject + has_to + has_x + has_name));
  require(mime::header_octets(header.octets()) == header.octets().size());
  for (char c : header.octets()) require(!ascii::is_control(c) || c == '\r' || c == '\n' || c == '\t');
  if (has_subject)
    require(mime::decode_text(mime::Header(header.octets()).first("subject")->value) == with_spaces(one));
  if (has_to) {
    const auto read = mime::parse_addresses(mime::Header(header.octets()).first("to")->value);
    require(read.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
      require(*mime::envelope_address(read[i]) == to[i].address);
      require(mime::shown_name(read[i]) == with_spaces(to[i].name));
    }
  }

  mime::OutPart part{.type = "application", .subtype = "x", .file_name = one, .body = two};
  if (data[1] & 1) part = {.type = "multipart", .subtype = "mixed", .parts = {part, part}};
  SeededRandom random(data[1]);
  const auto composed = mime::compose(header, part, random);
  if (!composed) return 0;
  const mime::Message message = mime::parse(*composed);
  const std::size_t leaf = message.parts().size() - 1;
  require(message.parts().size() == (data[1] & 1 ? 3 : 1));
  require(message.longest_line() <= 998 && !message.anomalies().has(mime::Anomaly::BareLf));
  const mime::Part& p = message.parts()[leaf];
  const auto octets = std::string_view(*composed).substr(p.body_start, p.body_octets());
  require(mime::transfer_decode(octets, p.encoding).octets == two);
  require(mime::file_name(message.content(leaf)).value_or("") == with_spaces(one));
  return 0;
}
