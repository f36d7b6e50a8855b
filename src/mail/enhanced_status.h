// EnhancedStatus (RFC 3463) and Reply (RFC 5321 §4.2): what one server says to another.
#pragma once

#include <fmt/format.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postroad {

struct EnhancedStatus {
  std::uint8_t klass = 0;  // 2 success, 4 persistent transient, 5 permanent; 0: none given
  std::uint16_t subject = 0;
  std::uint16_t detail = 0;
  constexpr bool given() const { return klass != 0; }
  std::string text() const { return fmt::format("{}.{}.{}", klass, subject, detail); }
  friend constexpr auto operator<=>(const EnhancedStatus&, const EnhancedStatus&) = default;
};

// "5.1.1" and nothing else around it.
std::optional<EnhancedStatus> parse_enhanced_status(std::string_view text);

// One reply; `text` may hold several lines parted by '\n'. No CR, LF or control goes out unescaped:
// the renderer sees to it.
struct Reply {
  std::uint16_t code = 0;
  EnhancedStatus status{};
  std::string text;
  constexpr bool positive() const { return code >= 200 && code < 400; }
  constexpr bool transient() const { return code >= 400 && code < 500; }
  constexpr bool permanent() const { return code >= 500; }
  friend auto operator<=>(const Reply&, const Reply&) = default;
};

}  // namespace postroad
