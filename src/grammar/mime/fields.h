// Structured fields that are neither addresses nor content: dates and message identifiers (RFC 5322 §3.3,
// §3.6.4).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace postroad::mime {

struct Date {
  Time utc{};
  int zone_minutes = 0;    // east of Greenwich
  bool zone_known = true;  // false: "-0000", a military letter or a name nobody knows; utc reads it as UTC

  bool operator==(const Date&) const = default;
};

// RFC 5322 §3.3 and §4.3: comments, folding, two- and three-digit years, zones by name, missing seconds or
// zone; asctime() too. Nothing if a value is out of range (month 13, 25:00, zone +9999, year 99999) or the
// year not in 1900-9999. A leap second (:60) is the second before it.
std::optional<Date> parse_date(std::string_view value);

// "Fri, 21 Nov 1997 09:55:06 -0600" (§3.3). `zone_minutes` within a day.
std::string format_date(Time utc, int zone_minutes = 0);

// Every msg-id of Message-ID, In-Reply-To, References, Content-ID or Resent-Message-ID, without its angle
// brackets and without comments and blanks inside; quoted-string halves are unquoted (RFC 5256 §3,
// REFERENCES, step 1, asks for that). Text outside brackets is skipped; a field that has no bracket at all
// but one word with "@" gives that word. At most `limit`: the first and the last ones.
std::vector<std::string> parse_message_ids(std::string_view value, std::size_t limit = 100);

}  // namespace postroad::mime
