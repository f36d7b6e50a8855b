// Transfer encodings: pieces do not matter, what is encoded is decoded again, lines stay short.
#include <cstdint>
#include <cstdlib>

#include "mime/transfer.h"

namespace {

using namespace postroad::mime;

void require(bool holds) {
  if (!holds) std::abort();
}

void require_lines(std::string_view text) {
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find("\r\n", start), text.size());
    require(end - start <= 76);
    start = end + 2;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = data[0] % 33 + 1u;
  for (const auto encoding :
       {TransferEncoding::Base64, TransferEncoding::QuotedPrintable, TransferEncoding::Uuencode}) {
    const Decoded whole = transfer_decode(text, encoding);
    require(whole.octets.size() <= text.size() + 3);
    TransferDecoder decoder(encoding);
    std::string pieces;
    for (std::size_t at = 0; at < text.size(); at += piece) decoder.feed(text.substr(at, piece), pieces);
    decoder.finish(pieces);
    require(pieces == whole.octets && decoder.damaged() == whole.damaged);
  }
  const std::string base64 = encode_base64(text), binary = encode_quoted_printable(text, LineBreaks::Binary),
                    printable = encode_quoted_printable(text);
  require_lines(base64);
  require_lines(binary);
  require_lines(printable);
  require(transfer_decode(base64, TransferEncoding::Base64).octets == text);
  require(transfer_decode(binary, TransferEncoding::QuotedPrintable).octets == text);
  require(!transfer_decode(printable, TransferEncoding::QuotedPrintable).damaged);
  return 0;
}
