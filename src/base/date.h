// Dates as protocols write them. Parsing a message's Date field, which strangers write in many ways, is the
// message reader's business.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace postroad {

// RFC 3339: "2026-01-31T08:05:09Z", to the second.
std::string rfc3339(Time time);
// date-time of RFC 3339 §5.6, also with a fraction and an offset; nothing else. Leap seconds are taken as the
// second before. Years 1970 to 9999.
std::optional<Time> parse_rfc3339(std::string_view text);

// date-time of RFC 5322 §3.3: "Sat, 31 Jan 2026 08:05:09 +0000"; `offset` is that of the zone to write it in.
std::string rfc5322_date(Time time, std::chrono::minutes offset = {});

}  // namespace postroad
