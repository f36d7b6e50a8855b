// Events are values: what happened is a struct with typed fields. The log line, the metric and the page
// docs/reference/events.md are renderings of it. There is no format string, so nothing is logged that is
// not a declared field.
//
//   struct SessionEnded {
//     static constexpr std::string_view name = "smtp.session.ended";
//     static constexpr std::string_view help = "A connection is over; reason says how.";
//     static constexpr Level level = Level::Info;                        // Info when left out
//     IpAddress peer;
//     std::chrono::milliseconds lasted;
//
//     static constexpr std::tuple fields{Field{"peer", &SessionEnded::peer},
//                                        Field{"lasted", &SessionEnded::lasted}};
//   };
//   log(SessionEnded{.peer = peer, .lasted = 340ms});
//   // {"time":"2026-03-01T12:00:00.000123Z","level":"info","event":"smtp.session.ended",
//   //  "peer":"192.0.2.1","lasted":0.34}
//
// A field may be: bool, integer, floating point, anything that is a string_view, Strong<>, anything with
// text() (Address, Domain, QueueId, IpAddress, ...), an enumeration with to_text(), a duration (in seconds),
// a Time, an optional (left out when empty), a vector of these. Texts are cut at 1 KiB.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "base/clock.h"

namespace postroad::observe {

enum class Level : std::uint8_t { Debug, Info, Warning, Error };
constexpr std::string_view to_text(Level level) {
  constexpr std::string_view names[] = {"debug", "info", "warning", "error"};
  return names[static_cast<std::size_t>(level)];
}

// Words that no field may be called: what they name is never logged.
consteval bool names_a_secret(std::string_view name) {
  for (std::string_view word : {"password", "passwd", "secret", "token", "credential", "private"})
    if (name.find(word) != std::string_view::npos) return true;
  return false;
}

template <class E, class T>
struct Field {
  using Value = T;
  std::string_view name;
  T E::* place;

  consteval Field(std::string_view name, T E::* place) : name(name), place(place) {
    if (names_a_secret(name)) throw "a field with this name would log a secret";
    if (name == "time" || name == "level" || name == "event") throw "this name belongs to every line";
    for (char c : name)
      if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) throw "snake_case, please";
  }
};

template <class E>
concept Event = requires {
  { E::name } -> std::convertible_to<std::string_view>;
  { E::help } -> std::convertible_to<std::string_view>;
  std::tuple_size<std::remove_cvref_t<decltype(E::fields)>>::value;
};

template <Event E>
constexpr Level level_of() {
  if constexpr (requires { E::level; }) return E::level;
  return Level::Info;
}

// One line of the log as it grows. Whatever is put in, what comes out is one line of valid JSON in UTF-8
// without control characters (attack 124).
class Line {
 public:
  Line(Time time, Level level, std::string_view event);

  void put(std::string_view name, std::string_view value);
  void put(std::string_view name, const char* value) { put(name, std::string_view(value)); }
  template <std::same_as<bool> B>
  void put(std::string_view name, B value) {
    key(name), raw(value ? "true" : "false");
  }
  template <std::signed_integral I>
  void put(std::string_view name, I value) {
    key(name), number(std::int64_t{value});
  }
  template <std::unsigned_integral I>
    requires(!std::same_as<I, bool>)
  void put(std::string_view name, I value) {
    key(name), number(std::uint64_t{value});
  }
  void put(std::string_view name, double value);
  void put(std::string_view name, Time value);
  template <class Rep, class Period>
  void put(std::string_view name, std::chrono::duration<Rep, Period> value) {
    put(name, std::chrono::duration<double>(value).count());
  }
  template <class E>
    requires std::is_enum_v<E>
  void put(std::string_view name, E value) {
    put(name, std::string_view(to_text(value)));
  }
  template <class T>
  void put(std::string_view name, const std::optional<T>& value) {
    if (value) put(name, *value);
  }
  template <class T>
  void put(std::string_view name, const std::vector<T>& values) {
    key(name), raw("[");
    for (const T& value : values) put(std::string_view(), value);
    end_list();
  }
  template <class T>
    requires std::is_class_v<T>
  void put(std::string_view name, const T& value) {
    if constexpr (std::convertible_to<const T&, std::string_view>)
      put(name, std::string_view(value));
    else if constexpr (requires {
                         value.value();
                         typename T::Value;
                       })
      put(name, value.value());
    else
      put(name, std::string_view(value.text()));
  }

  // The finished line with its "\n".
  std::string finish() &&;

 private:
  void key(std::string_view name);  // a comma if needed, "name": unless name is empty
  void raw(std::string_view json) { json_ += json; }
  void number(std::int64_t value);
  void number(std::uint64_t value);
  void end_list();
  std::string json_;
};

template <Event E>
std::string render(const E& event, Time time) {
  Line line(time, level_of<E>(), E::name);
  std::apply([&](const auto&... field) { (line.put(field.name, event.*field.place), ...); }, E::fields);
  return std::move(line).finish();
}

// What an event is called and holds: a row of docs/reference/events.md.
struct EventInfo {
  std::string_view name, help;
  Level level{};
  std::vector<std::string_view> fields;
};

// Every event that this program can log, by name. An event is known by being logged anywhere in it.
std::vector<EventInfo> known_events();
std::string reference_page();  // docs/reference/events.md, printed by `postroad docs events`

class Counter;

namespace detail {
// Enters a type of event into the list of known ones and gives it its counter; once per type, before main().
const Counter& enroll(EventInfo info);
void count(const Counter& counter);

template <Event E>
const Counter& enroll() {
  EventInfo info{.name = E::name, .help = E::help, .level = level_of<E>(), .fields = {}};
  std::apply([&](const auto&... field) { (info.fields.push_back(field.name), ...); }, E::fields);
  return enroll(std::move(info));
}
template <Event E>
inline const Counter& counter_of = enroll<E>();
}  // namespace detail

}  // namespace postroad::observe
