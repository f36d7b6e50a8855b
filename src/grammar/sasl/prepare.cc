#include "sasl/prepare.h"

#include <unicode/unistr.h>
#include <unicode/usprep.h>

#include <algorithm>
#include <stdexcept>

#include "base/ascii.h"
#include "base/utf8.h"

namespace postroad::sasl {
namespace {

// Names and passwords are short; what is longer is nobody's.
constexpr std::size_t longest_text = 4096;

const UStringPrepProfile* profile() {
  static const UStringPrepProfile* const opened = [] {
    UErrorCode error = U_ZERO_ERROR;
    const auto* saslprep = usprep_openByType(USPREP_RFC4013_SASLPREP, &error);
    return U_SUCCESS(error) ? saslprep : nullptr;
  }();
  if (!opened) throw std::runtime_error("ICU has no SASLprep: is its data library installed?");
  return opened;
}

}  // namespace

std::optional<std::string> prepare(std::string_view text) {
  if (text.empty() || text.size() > longest_text) return std::nullopt;
  if (utf8::is_ascii(text)) {
    if (std::any_of(text.begin(), text.end(), ascii::is_control)) return std::nullopt;
    return std::string(text);
  }
  if (!utf8::valid(text)) return std::nullopt;
  const auto source = icu::UnicodeString::fromUTF8({text.data(), static_cast<int32_t>(text.size())});
  // NFKC makes at most 18 characters of one (UAX #15).
  icu::UnicodeString result;
  const int32_t room = source.length() * 18;
  UErrorCode error = U_ZERO_ERROR;
  const int32_t length = usprep_prepare(profile(), source.getBuffer(), source.length(),
                                        result.getBuffer(room), room, USPREP_DEFAULT, nullptr, &error);
  result.releaseBuffer(U_SUCCESS(error) ? length : 0);
  if (U_FAILURE(error) || result.isEmpty()) return std::nullopt;
  std::string out;
  result.toUTF8String(out);
  return out;
}

}  // namespace postroad::sasl
