// Dates and message identifiers, as tolerantly as they are written.
#include "mime/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "base/cursor.h"
#include "mime/tokens.h"

namespace postroad::mime {
namespace {

namespace chrono = std::chrono;

constexpr std::array<std::string_view, 12> months{"jan", "feb", "mar", "apr", "may", "jun",
                                                  "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekdays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

// Its number from 0 if `word` begins with one of `names`, as "September" and "SEPT" do.
template <std::size_t N>
std::optional<unsigned> index_of(std::string_view word, const std::array<std::string_view, N>& names) {
  for (unsigned i = 0; i < N; ++i)
    if (word.size() >= 3 && ascii::iequals(word.substr(0, 3), names[i])) return i;
  return std::nullopt;
}

// RFC 5322 §4.3; a letter or an unknown name is "-0000".
std::optional<int> zone_by_name(std::string_view name) {
  struct Zone {
    std::string_view name;
    int hours;
  };
  constexpr std::array zones{Zone{"ut", 0},   Zone{"gmt", 0},  Zone{"utc", 0},  Zone{"z", 0},
                             Zone{"edt", -4}, Zone{"est", -5}, Zone{"cdt", -5}, Zone{"cst", -6},
                             Zone{"mdt", -6}, Zone{"mst", -7}, Zone{"pdt", -7}, Zone{"pst", -8}};
  for (const Zone& zone : zones)
    if (ascii::iequals(name, zone.name)) return zone.hours * 60;
  return std::nullopt;
}

// The parts of a date in the order they come; what is missing stays empty.
struct Found {
  std::optional<std::uint64_t> day, year;
  std::optional<unsigned> month;
  std::size_t year_digits = 0;
  chrono::seconds time{0};
  bool time_ok = true;
  std::optional<int> zone;
};

// hour ":" minute [ ":" second ], after the hour. A time out of range is none (RFC 5256 §2.2: then 00:00:00).
void take_time(Cursor& in, std::uint64_t hour, Found& found) {
  std::array<std::uint64_t, 3> value{hour, 0, 0};
  for (std::size_t i = 1; i < 3; ++i) {
    skip_space_and_comments(in);
    if (!in.take(':')) break;
    skip_space_and_comments(in);
    const auto number = in.take_number();
    if (!number) {
      found.time_ok = false;
      in.take_while(ascii::is_digit);  // more of them than a number holds
    }
    value[i] = number.value_or(0);
  }
  if (in.take('.')) in.take_while(ascii::is_digit);  // fractions of a second
  if (value[0] > 23 || value[1] > 59 || value[2] > 60) {
    found.time_ok = false;
  } else {
    found.time = chrono::hours(value[0]) + chrono::minutes(value[1]) +
                 chrono::seconds(std::min<std::uint64_t>(value[2], 59));
  }
}

// ("+" / "-") 4DIGIT; "-0000" and what is out of range say nothing about the zone (RFC 5322 §3.3, RFC 5256
// §2.2).
void take_offset(Cursor& in, Found& found) {
  const bool west = in.peek() == '-';
  in.skip(1);
  const auto digits =
      in.take_while([](char c) { return ascii::is_digit(c) || c == ':'; });  // "+02:00" is seen too
  std::string plain;
  for (char c : digits.substr(0, 6))
    if (c != ':') plain.push_back(c);
  if (plain.size() != 4 || digits.size() > 5) return;
  const int h = (plain[0] - '0') * 10 + (plain[1] - '0'), m = (plain[2] - '0') * 10 + (plain[3] - '0');
  if (h > 23 || m > 59 || (west && h == 0 && m == 0)) return;
  found.zone = west ? -(h * 60 + m) : h * 60 + m;
}

// What follows the last semicolon: Received ends with one and a date.
std::string_view after_semicolon(std::string_view value) {
  for (Cursor in(value); !in.at_end();) {
    if (in.peek() == '(')
      take_comment(in, nullptr);
    else if (in.take(';'))
      value = in.rest();
    else
      in.skip(1);
  }
  return value;
}

Found scan(std::string_view value) {
  Found found;
  Cursor in(value);
  bool had_time = false;
  for (;;) {
    skip_space_and_comments(in);
    if (in.at_end()) return found;
    const char c = in.peek();
    if (ascii::is_digit(c)) {
      const auto before = in.rest();
      const auto number = in.take_number();
      if (!number) return {};  // more than 64 bits
      const std::size_t digits = before.size() - in.rest().size();
      Cursor ahead = in;
      skip_space_and_comments(ahead);
      if (!had_time && ahead.peek() == ':') {
        had_time = true;
        take_time(in, *number, found);
      } else if (!found.day) {
        found.day = number;
      } else if (!found.month) {
        if (*number < 1 || *number > 12) return {};
        found.month = static_cast<unsigned>(*number) - 1;
      } else if (!found.year) {
        found.year = number;
        found.year_digits = digits;
      } else {
        return found;
      }
    } else if ((c == '+' || c == '-') && had_time && !found.zone) {
      take_offset(in, found);
    } else if (ascii::is_alpha(c)) {
      const auto word = in.take_while([](char a) { return ascii::is_alpha(a); });
      if (const auto month = index_of(word, months); month && !found.month)
        found.month = month;
      else if (had_time && !found.zone)
        found.zone = zone_by_name(word);
      else if (!index_of(word, weekdays) && found.day)
        return found;
    } else if (c == ',' || c == '-' || c == '.' || c == '/') {
      in.skip(1);
    } else {
      return found;
    }
  }
}

// One identifier between angle brackets, without folding, blanks and comments, its quoted strings undone.
std::string take_id(Cursor& in) {
  std::string id;
  while (!in.at_end() && !in.take('>')) {
    const char c = in.peek();
    if (c == '<') break;  // the bracket before was never closed
    if (is_space(c))
      in.skip(1);
    else if (c == '(')
      take_comment(in, nullptr);
    else if (c == '"')
      take_quoted(in, id);
    else
      id += in.skip(1);
  }
  return id;
}

}  // namespace

std::optional<Date> parse_date(std::string_view value) {
  const Found found = scan(after_semicolon(value));
  if (!found.day || !found.month || !found.year) return std::nullopt;
  // RFC 5322 §4.3: two digits are 1950-2049, three count from 1900.
  std::uint64_t y = *found.year;
  if (found.year_digits <= 2) y += y < 50 ? 2000 : 1900;
  if (found.year_digits == 3) y += 1900;
  if (y < 1900 || y > 9999 || *found.day > 31) return std::nullopt;

  const chrono::year_month_day day{chrono::year(static_cast<int>(y)), chrono::month(*found.month + 1),
                                   chrono::day(static_cast<unsigned>(*found.day))};
  if (!day.ok()) return std::nullopt;
  Date date;
  date.zone_known = found.zone.has_value() && found.time_ok;
  date.zone_minutes = date.zone_known ? *found.zone : 0;
  date.utc = chrono::sys_days(day) + (found.time_ok ? found.time : 0s) - chrono::minutes(date.zone_minutes);
  return date;
}

std::string format_date(Time utc, int zone_minutes) {
  const auto local = chrono::floor<chrono::seconds>(utc) + chrono::minutes(zone_minutes);
  const auto midnight = chrono::floor<chrono::days>(local);
  const chrono::year_month_day day(midnight);
  const chrono::hh_mm_ss time(local - midnight);
  const auto name = [](std::string_view lower) {
    return fmt::format("{}{}", ascii::upper(lower[0]), lower.substr(1));
  };
  const int zone = std::abs(zone_minutes);
  return fmt::format("{}, {} {} {:04} {:02}:{:02}:{:02} {}{:02}{:02}",
                     name(weekdays[chrono::weekday(midnight).c_encoding()]), static_cast<unsigned>(day.day()),
                     name(months[static_cast<unsigned>(day.month()) - 1]), static_cast<int>(day.year()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     zone_minutes < 0 ? '-' : '+', zone / 60, zone % 60);
}

std::vector<std::string> parse_message_ids(std::string_view value, std::size_t limit) {
  std::vector<std::string> ids;
  Cursor in(value);
  std::string_view bare;  // a word with "@" outside brackets
  std::size_t beyond =
      0;  // identifiers after the first `limit`: each takes the place of the oldest but the first
  while (!in.at_end()) {
    if (in.take('<')) {
      std::string id = take_id(in);
      if (id.empty()) continue;
      if (ids.size() < limit)
        ids.push_back(std::move(id));
      else if (limit > 1)
        ids[1 + beyond++ % (limit - 1)] = std::move(id);
    } else if (in.peek() == '(') {
      take_comment(in, nullptr);
    } else if (is_space(in.peek()) || in.peek() == ',') {
      in.skip(1);
    } else {
      const auto word =
          in.take_while([](char c) { return !is_space(c) && c != '<' && c != '(' && c != ','; });
      if (bare.empty() && word.find('@') != std::string_view::npos) bare = word;
    }
  }
  if (beyond > 0)
    std::rotate(ids.begin() + 1, ids.begin() + 1 + static_cast<std::ptrdiff_t>(beyond % (limit - 1)),
                ids.end());
  if (ids.empty() && !bare.empty() && limit > 0) ids.emplace_back(bare);
  return ids;
}

}  // namespace postroad::mime
