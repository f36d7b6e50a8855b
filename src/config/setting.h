// Setting: one row of a table of settings. Everything else is made of the tables: parsing, defaults,
// checks, the reference page, what a reload may change.
#pragma once

#include <chrono>
#include <string_view>
#include <type_traits>

#include "config/value.h"

namespace postroad::config {

// When a change of the file takes effect.
enum class Effect : std::uint8_t {
  OnReload,   // SIGHUP: the next session, message or step sees it
  OnRestart,  // a reload keeps the old value and says so
};

template <class T>
inline constexpr bool is_duration = false;
template <class Rep, class Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;

// Only what has an order that people mean can have bounds.
template <class T>
inline constexpr bool has_bounds = (std::is_integral_v<T> && !std::is_same_v<T, bool>) || is_duration<T> ||
                                   std::is_same_v<T, Octets> || std::is_same_v<T, Percent>;

struct Unbounded {};
template <class T>
using Bound = std::conditional_t<has_bounds<T>, std::optional<T>, Unbounded>;

template <class S, class T>
struct Setting {
  std::string_view name;
  T S::* place;
  std::string_view help;  // one or two sentences: unit, consequence, source
  Bound<T> least{};
  Bound<T> most{};
  Effect effect = Effect::OnReload;

  constexpr Setting(std::string_view name, T S::* place, std::string_view help)
      : name(name), place(place), help(help) {}
  constexpr Setting(std::string_view name, T S::* place, std::string_view help, std::type_identity_t<T> least)
    requires has_bounds<T>
      : name(name), place(place), help(help), least(least) {}
  constexpr Setting(std::string_view name, T S::* place, std::string_view help, std::type_identity_t<T> least,
                    std::type_identity_t<T> most)
    requires has_bounds<T>
      : name(name), place(place), help(help), least(least), most(most) {}

  constexpr Setting at_restart() const {
    Setting changed = *this;
    changed.effect = Effect::OnRestart;
    return changed;
  }
};

}  // namespace postroad::config
