// A signature field: what is read means the same when its blanks are folded otherwise; canonical fields are
// their own canonical form; a body's digest does not depend on the pieces it comes in; what relaxed makes of
// a body is what simple makes of the relaxed body.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "dkim/key.h"
#include "dkim/signature.h"
#include "dkim/tags.h"

namespace {

using namespace postroad;

std::string digest(dkim::Canonical how, std::string_view body, std::size_t piece) {
  dkim::BodyHash hash(how, crypto::Hash::Sha256);
  for (std::size_t at = 0; at < body.size(); at += piece) hash.update(body.substr(at, piece));
  return hash.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  if (const auto read = dkim::parse_signature(input)) {
    const auto again = dkim::parse_signature("\r\n\t" + input);
    if (!again || again->fields != read->fields || again->signature != read->signature) std::abort();
    if (read->domain.empty() || read->selector.empty() || read->fields.empty()) std::abort();
  }
  (void)dkim::parse_key(input);

  const std::string once = dkim::canonical_field(dkim::Canonical::Relaxed, input);
  if (once.find(':') != std::string::npos && dkim::canonical_field(dkim::Canonical::Relaxed, once) != once)
    std::abort();
  const std::string bare = dkim::without_signature(input);
  if (dkim::without_signature(bare) != bare) std::abort();

  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0] % 16;
  for (const auto how : {dkim::Canonical::Simple, dkim::Canonical::Relaxed})
    if (digest(how, input, piece) != digest(how, input, size)) std::abort();
  return 0;
}
