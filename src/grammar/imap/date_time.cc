#include "imap/date_time.h"

#include <algorithm>
#include <array>

#include "base/cursor.h"

namespace postroad::imap {
namespace {

using namespace std::chrono;

constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<unsigned> digits(Cursor& in, std::size_t count) {
  unsigned value = 0;
  for (; count > 0; --count) {
    if (!ascii::is_digit(in.peek())) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(in.skip(1).front() - '0');
  }
  return value;
}

// date-day "-" date-month "-" date-year, behind a day that has been read.
std::optional<Date> month_and_year(Cursor& in, unsigned date_day) {
  if (!in.take('-')) return std::nullopt;
  unsigned month_number = 0;
  for (unsigned i = 0; i < months.size() && month_number == 0; ++i)
    if (in.take_keyword(months[i])) month_number = i + 1;
  if (month_number == 0 || !in.take('-')) return std::nullopt;
  const auto date_year = digits(in, 4);
  if (!date_year) return std::nullopt;
  const Date date{year(static_cast<int>(*date_year)), month(month_number), day(date_day)};
  if (!date.ok()) return std::nullopt;
  return date;
}

// date-day = 1*2DIGIT
std::optional<unsigned> date_day(Cursor& in) {
  const auto first = digits(in, 1);
  if (!first) return std::nullopt;
  const auto second = digits(in, 1);
  return second ? *first * 10 + *second : *first;
}

char* two_digits(char* at, unsigned value) {
  *at++ = static_cast<char>('0' + value / 10 % 10);
  *at++ = static_cast<char>('0' + value % 10);
  return at;
}

char* month_and_year(char* at, const Date& date) {
  *at++ = '-';
  at = std::ranges::copy(months[static_cast<unsigned>(date.month()) - 1], at).out;
  *at++ = '-';
  const auto y = static_cast<unsigned>(static_cast<int>(date.year()));
  return two_digits(two_digits(at, y / 100), y);
}

}  // namespace

std::optional<Date> parse_date(std::string_view text) {
  Cursor in(text);
  const auto day_number = date_day(in);
  if (!day_number) return std::nullopt;
  const auto date = month_and_year(in, *day_number);
  if (!date || !in.at_end()) return std::nullopt;
  return date;
}

std::optional<DateTime> parse_date_time(std::string_view text) {
  Cursor in(text);
  in.take(' ');  // date-day-fixed = (SP DIGIT) / 2DIGIT; old clients leave the blank out
  const auto day_number = date_day(in);
  if (!day_number) return std::nullopt;
  const auto date = month_and_year(in, *day_number);
  if (!date || !in.take(' ')) return std::nullopt;

  const auto hour = digits(in, 2);
  if (!hour || *hour > 23 || !in.take(':')) return std::nullopt;
  const auto minute = digits(in, 2);
  if (!minute || *minute > 59 || !in.take(':')) return std::nullopt;
  const auto second = digits(in, 2);
  if (!second || *second > 60 || !in.take(' ')) return std::nullopt;

  const bool west = in.peek() == '-';
  if (!in.take('-') && !in.take('+')) return std::nullopt;
  const auto zone_hours = digits(in, 2);
  if (!zone_hours || *zone_hours > 23) return std::nullopt;
  const auto zone_minutes = digits(in, 2);
  if (!zone_minutes || *zone_minutes > 59 || !in.at_end()) return std::nullopt;

  const int zone = static_cast<int>(*zone_hours * 60 + *zone_minutes) * (west ? -1 : 1);
  const auto local = sys_days(*date).time_since_epoch() + hours(*hour) + minutes(*minute) +
                     std::chrono::seconds(std::min(*second, 59u));
  return DateTime{.seconds = duration_cast<std::chrono::seconds>(local).count() - zone * 60,
                  .zone_minutes = static_cast<std::int16_t>(zone)};
}

void append_date(std::string& out, Date date) {
  std::array<char, 11> text;
  char* at = two_digits(text.data(), static_cast<unsigned>(date.day()));
  at = month_and_year(at, date);
  const bool one_digit = text[0] == '0';
  out.append(text.data() + one_digit, at);
}

void append_date_time(std::string& out, const DateTime& when) {
  // date-year has four digits: what lies outside of 0000 to 9999 is shown as the nearest there is.
  constexpr std::int64_t first = sys_seconds(sys_days(year(0) / 1 / 2)).time_since_epoch().count();
  constexpr std::int64_t last = sys_seconds(sys_days(year(9999) / 12 / 31)).time_since_epoch().count() - 1;
  const int zone = when.zone_minutes;
  const sys_seconds local{std::chrono::seconds(std::clamp(when.seconds, first, last) + zone * 60)};
  const auto midnight = floor<days>(local);
  const Date date{midnight};
  const auto second_of_day = static_cast<unsigned>((local - midnight).count());
  const auto east = static_cast<unsigned>(zone < 0 ? -zone : zone);

  std::array<char, 28> text;
  char* at = text.data();
  *at++ = '"';
  at = two_digits(at, static_cast<unsigned>(date.day()));
  if (text[1] == '0') text[1] = ' ';  // date-day-fixed
  at = month_and_year(at, date);
  *at++ = ' ';
  at = two_digits(at, second_of_day / 3600);
  *at++ = ':';
  at = two_digits(at, second_of_day / 60 % 60);
  *at++ = ':';
  at = two_digits(at, second_of_day % 60);
  *at++ = ' ';
  *at++ = zone < 0 ? '-' : '+';
  at = two_digits(two_digits(at, east / 60), east % 60);
  *at++ = '"';
  out.append(text.data(), at);
}

}  // namespace postroad::imap
