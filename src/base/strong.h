// Strong: a number or string with a meaning of its own. No implicit conversion, no arithmetic.
//
//   using Uid = Strong<std::uint32_t, struct UidTag>;
#pragma once

#include <fmt/format.h>

#include <compare>
#include <functional>
#include <utility>

namespace postroad {

template <class T, class Tag>
class Strong {
 public:
  using Value = T;
  constexpr Strong() = default;
  constexpr explicit Strong(T value) : value_(std::move(value)) {}
  constexpr const T& value() const { return value_; }
  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;

 private:
  T value_{};
};

}  // namespace postroad

template <class T, class Tag>
struct std::hash<postroad::Strong<T, Tag>> {
  std::size_t operator()(const postroad::Strong<T, Tag>& s) const noexcept {
    return std::hash<T>{}(s.value());
  }
};

template <class T, class Tag>
struct fmt::formatter<postroad::Strong<T, Tag>> : fmt::formatter<T> {
  template <class Context>
  auto format(const postroad::Strong<T, Tag>& s, Context& context) const {
    return fmt::formatter<T>::format(s.value(), context);
  }
};
