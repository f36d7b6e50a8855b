// A record of any octets is refused or consistent, and a rendered structure of any octets does no harm.
#include <cstdint>
#include <cstdlib>

#include "mime/imap.h"
#include "mime/section.h"
#include "mime/stored.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postroad::mime;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  require(derive_body(text).size() <= text.size());
  const auto stored = Stored::read(text);
  if (!stored) return 0;
  require(with_prefix(text, 7).has_value());
  require(derive_body(stored->bodystructure()).size() <= size);
  if (const auto summary = stored->summary())
    require(summary->base_subject().size() <= summary->subject.size());
  const auto parts = stored->parts();
  if (!parts) return 0;
  for (std::size_t i = 0; i < parts->size(); ++i) {
    const Part& p = (*parts)[i];
    require(p.header_start <= p.body_start && p.body_start <= p.body_end && p.body_end <= stored->octets());
    require(p.after > i && p.after <= parts->size());
    if (i > 0) require(p.parent < i && p.body_end <= (*parts)[p.parent].body_end);
    require(find_part(*parts, part_number(*parts, i)).has_value());
  }
  return 0;
}
