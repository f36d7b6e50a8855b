#include "mail/enhanced_status.h"

#include "base/cursor.h"

namespace postroad {

// RFC 3463 §2: class "." subject "." detail, the last two 1*3DIGIT without leading zeros. A peer's
// leading zero is let pass: nothing depends on it.
std::optional<EnhancedStatus> parse_enhanced_status(std::string_view text) {
  Cursor in(text);
  const auto klass = in.take_number();
  if (!klass || (*klass != 2 && *klass != 4 && *klass != 5) || !in.take('.')) return std::nullopt;
  const auto subject = in.take_number();
  if (!subject || *subject > 999 || !in.take('.')) return std::nullopt;
  const auto detail = in.take_number();
  if (!detail || *detail > 999 || !in.at_end()) return std::nullopt;
  return EnhancedStatus{static_cast<std::uint8_t>(*klass), static_cast<std::uint16_t>(*subject),
                        static_cast<std::uint16_t>(*detail)};
}

}  // namespace postroad
