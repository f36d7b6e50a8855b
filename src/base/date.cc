#include "base/date.h"

#include <fmt/format.h>

#include "base/cursor.h"

namespace postroad {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

struct Civil {
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<std::chrono::seconds> time;
  std::chrono::weekday weekday;
};

Civil civil(Time time, std::chrono::minutes offset) {
  const auto at = std::chrono::floor<std::chrono::seconds>(time) + offset;
  const auto day = std::chrono::floor<days>(at);
  return {day, std::chrono::hh_mm_ss(std::chrono::seconds(at - day)), sys_days(day)};
}

// Exactly `count` digits.
std::optional<int> take_digits(Cursor& in, std::size_t count) {
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!ascii::is_digit(in.peek())) return std::nullopt;
    value = value * 10 + (in.skip(1).front() - '0');
  }
  return value;
}

}  // namespace

std::string rfc3339(Time time) {
  const Civil c = civil(time, {});
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(c.date.year()),
                     static_cast<unsigned>(c.date.month()), static_cast<unsigned>(c.date.day()),
                     c.time.hours().count(), c.time.minutes().count(), c.time.seconds().count());
}

std::optional<Time> parse_rfc3339(std::string_view text) {
  Cursor in(text);
  const auto year = take_digits(in, 4);
  if (!year || !in.take('-')) return std::nullopt;
  const auto month = take_digits(in, 2);
  if (!month || !in.take('-')) return std::nullopt;
  const auto day = take_digits(in, 2);
  if (!day || !in.take_keyword("T")) return std::nullopt;
  const auto hour = take_digits(in, 2);
  if (!hour || !in.take(':')) return std::nullopt;
  const auto minute = take_digits(in, 2);
  if (!minute || !in.take(':')) return std::nullopt;
  const auto second = take_digits(in, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 60 || *year < 1970) return std::nullopt;

  Duration fraction{};
  if (in.take('.')) {
    const auto digits = in.take_while(ascii::is_digit);
    if (digits.empty()) return std::nullopt;
    for (std::size_t i = 0; i < 6; ++i)
      fraction = fraction * 10 + Duration(i < digits.size() ? digits[i] - '0' : 0);
  }
  std::chrono::minutes offset{};
  if (!in.take_keyword("Z")) {
    const bool west = in.peek() == '-';
    if (!in.take('+') && !in.take('-')) return std::nullopt;
    const auto hours = take_digits(in, 2);
    if (!hours || !in.take(':')) return std::nullopt;
    const auto minutes = take_digits(in, 2);
    if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    offset = std::chrono::minutes(*hours * 60 + *minutes) * (west ? -1 : 1);
  }
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!in.at_end() || !date.ok()) return std::nullopt;
  return Time(sys_days(date)) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(std::min(*second, 59)) + fraction - offset;
}

std::string rfc5322_date(Time time, std::chrono::minutes offset) {
  static constexpr std::string_view weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::string_view months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const Civil c = civil(time, offset);
  const auto east = offset.count();
  return fmt::format("{}, {} {} {:04} {:02}:{:02}:{:02} {}{:02}{:02}", weekdays[c.weekday.c_encoding()],
                     static_cast<unsigned>(c.date.day()), months[static_cast<unsigned>(c.date.month()) - 1],
                     static_cast<int>(c.date.year()), c.time.hours().count(), c.time.minutes().count(),
                     c.time.seconds().count(), east < 0 ? '-' : '+', std::abs(east) / 60,
                     std::abs(east) % 60);
}

}  // namespace postroad
