// A message is the same however it is cut; its parts lie inside each other and inside the message; what is
// rendered of it is IMAP; what is stored of it comes back; and every part can be found by its number.
#include <cstdint>
#include <cstdlib>

#include "base/utf8.h"
#include "mime/imap.h"
#include "mime/imap_syntax.h"
#include "mime/parser.h"
#include "mime/section.h"
#include "mime/stored.h"

namespace {

using namespace postroad;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_tree(const mime::Parts& parts, std::uint64_t octets) {
  require(!parts.empty() && parts[0].header_start == 0 && parts[0].body_end == octets &&
          parts[0].after == parts.size());
  std::vector<std::uint64_t> from(parts.size());  // where the next child of each part may begin
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const mime::Part& p = parts[i];
    require(p.header_start <= p.body_start && p.body_start <= p.body_end);
    require(p.after > i && p.after <= parts.size());
    require((p.kind == mime::Kind::Leaf) == (p.after == i + 1));
    from[i] = p.body_start;
    if (i == 0) continue;
    const mime::Part& parent = parts[p.parent];
    require(p.parent < i && p.after <= parent.after && p.depth == parent.depth + 1);
    require(p.header_start >= from[p.parent] && p.body_end <= parent.body_end);
    from[p.parent] = p.body_end;
    if (parent.kind == mime::Kind::Message)
      require(p.header_start == parent.body_start && p.after == parent.after);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const mime::Limits limits{.header = 2048, .depth = 8, .parts = 40};  // small, so that they are reached
  const mime::Message whole = mime::parse(text, limits);
  check_tree(whole.parts(), text.size());
  require(whole.parts().size() <= limits.parts && whole.octets() == text.size());
  if (!whole.anomalies().has(mime::Anomaly::HeaderCut))
    require(mime::header_octets(text) == whole.parts()[0].body_start);

  // However it is cut.
  const std::size_t piece = data[0] % 70 + 1u, first = text.empty() ? 0 : data[1] % text.size();
  mime::Parser parser(limits);
  parser.feed(text.substr(0, first));
  for (std::size_t at = first; at < text.size(); at += piece) parser.feed(text.substr(at, piece));
  const mime::Message pieces = parser.finish();
  const std::string record = mime::serialize(whole);
  require(pieces.parts() == whole.parts() && pieces.anomalies() == whole.anomalies());
  require(pieces.longest_line() == whole.longest_line() && pieces.eight_bit_body() == whole.eight_bit_body());
  require(mime::serialize(pieces) == record);

  // What IMAP clients see.
  const std::string structure = mime::render_bodystructure(whole);
  require(mime::ImapSyntax::of_envelope(mime::render_envelope(whole)).empty());
  require(mime::ImapSyntax::of_bodystructure(structure).empty());
  require(mime::ImapSyntax::of_body(mime::derive_body(structure)).empty());

  // What is stored, and with trace fields in front.
  const auto stored = mime::Stored::read(record);
  require(stored && stored->parts() == whole.parts() && stored->summary() == mime::summarize(whole));
  require(utf8::valid(stored->summary()->subject) && utf8::valid(stored->summary()->preview));
  const std::string trace = "Received: x\r\n";
  const auto moved = mime::with_prefix(record, trace.size());
  const auto moved_parts = mime::Stored::read(*moved)->parts();
  require(moved_parts.has_value());
  check_tree(*moved_parts, text.size() + trace.size());
  if (!whole.anomalies().has(mime::Anomaly::HeaderCut)) {
    const mime::Message again =
        mime::parse(trace + std::string(text), {.header = 4096, .depth = 8, .parts = 40});
    if (!again.anomalies().has(mime::Anomaly::HeaderCut)) require(again.parts() == *moved_parts);
  }

  for (std::size_t i = 0; i < whole.parts().size(); ++i) {
    const mime::Part& p = whole.parts()[i];
    const bool carried_multipart =
        i > 0 && p.kind == mime::Kind::Multipart && whole.parts()[p.parent].kind == mime::Kind::Message;
    const auto found = mime::find_part(whole.parts(), mime::part_number(whole.parts(), i));
    require(found && *found == (carried_multipart ? p.parent : i));
  }
  return 0;
}
