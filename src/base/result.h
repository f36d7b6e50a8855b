// Result: an answer that may be a refusal.
//
// A Result is an answer; an exception ends a session. What a caller can act on is in the return type,
// with an error enum of the module; what nobody can act on is thrown and caught once, by the task group
// that ran the session or by main.
#pragma once

#include <expected>
#include <utility>

namespace postroad {

template <class T, class E>
using Result = std::expected<T, E>;

// return refuse(SyntaxError::BadParameters);
template <class E>
constexpr auto refuse(E&& error) {
  return std::unexpected<std::decay_t<E>>(std::forward<E>(error));
}

}  // namespace postroad
