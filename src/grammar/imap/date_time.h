// Dates as IMAP writes them: date (SEARCH) and date-time (INTERNALDATE, APPEND), RFC 9051 §9.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace postroad::imap {

using Date = std::chrono::year_month_day;

// A moment with the zone it was said in: " 7-Feb-1994 21:52:25 -0800". Whole seconds.
struct DateTime {
  std::int64_t seconds = 0;       // since 1970-01-01 UTC
  std::int16_t zone_minutes = 0;  // east of Greenwich
  Time time() const { return Time{std::chrono::seconds{seconds}}; }
  friend constexpr auto operator<=>(const DateTime&, const DateTime&) = default;
};

// date-text: "1-Feb-1994" or "01-Feb-1994", without quotes. The day exists.
std::optional<Date> parse_date(std::string_view text);
// date-time without its quotes; the day may be " 7", "07" or "7". A leap second is taken as the one before.
std::optional<DateTime> parse_date_time(std::string_view text);

void append_date(std::string& out, Date date);  // 1-Feb-1994
void append_date_time(std::string& out,
                      const DateTime& when);  // " 1-Feb-1994 21:52:25 -0800", quotes included

}  // namespace postroad::imap
