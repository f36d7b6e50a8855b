// Kinds: for each type that a setting may have, how its value is read from a text, how it is written in
// TOML, and what it is called. Inside config only.
#pragma once

#include <fmt/format.h>

#include <string>

#include "config/setting.h"

namespace postroad::config {

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;

// A TOML basic string.
std::string toml_string(std::string_view text);

// What a value of type T must be: "must be ...".
template <class T>
Expected wanted() {
  if constexpr (std::is_same_v<T, bool>)
    return {"true or false"};
  else if constexpr (std::is_integral_v<T>)
    return {"a whole number"};
  else if constexpr (std::is_same_v<T, std::filesystem::path>)
    return {"a file name in quotes"};
  else if constexpr (std::is_same_v<T, Domain> || std::is_same_v<T, std::optional<Domain>>)
    return {"a domain name such as \"mail.example.org\""};
  else if constexpr (is_duration<T>)
    return read_duration("").error();
  else if constexpr (std::is_same_v<T, Octets>)
    return read_octets("").error();
  else if constexpr (std::is_same_v<T, Percent>)
    return read_percent("").error();
  else if constexpr (std::is_same_v<T, Rate>)
    return read_rate("").error();
  else if constexpr (std::is_same_v<T, Endpoint>)
    return read_endpoint("").error();
  else if constexpr (std::is_same_v<T, Bind>)
    return read_bind("").error();
  else if constexpr (std::is_same_v<T, Network>)
    return read_network("").error();
  else
    return {"a text in quotes"};
}

// From the text between the quotes. Numbers, booleans and lists have none and never come here.
template <class T>
Result<T, Expected> from_text(std::string_view text) {
  if constexpr (std::is_same_v<T, std::string>) {
    return std::string(text);
  } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
    if (text.find('\0') != std::string_view::npos) return refuse(wanted<T>());
    return std::filesystem::path(text);
  } else if constexpr (std::is_same_v<T, Domain>) {
    auto domain = Domain::parse(text);
    if (!domain || domain->is_literal()) return refuse(wanted<T>());
    return *std::move(domain);
  } else if constexpr (std::is_same_v<T, std::optional<Domain>>) {
    if (text.empty()) return std::nullopt;
    auto domain = from_text<Domain>(text);
    if (!domain) return refuse(domain.error());
    return *std::move(domain);
  } else if constexpr (is_duration<T>) {
    const auto length = read_duration(text);
    if (!length) return refuse(length.error());
    const T rounded = std::chrono::duration_cast<T>(*length);
    if (rounded != *length) return refuse(Expected{"a time in whole seconds"});
    return rounded;
  } else if constexpr (std::is_same_v<T, Octets>) {
    return read_octets(text);
  } else if constexpr (std::is_same_v<T, Percent>) {
    return read_percent(text);
  } else if constexpr (std::is_same_v<T, Rate>) {
    return read_rate(text);
  } else if constexpr (std::is_same_v<T, Endpoint>) {
    return read_endpoint(text);
  } else if constexpr (std::is_same_v<T, Bind>) {
    return read_bind(text);
  } else {
    static_assert(std::is_same_v<T, Network>);
    return read_network(text);
  }
}

// As it stands in the file, quotes and brackets included.
template <class T>
std::string written(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_integral_v<T>) {
    return fmt::format("{}", value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return toml_string(value);
  } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
    return toml_string(value.native());
  } else if constexpr (std::is_same_v<T, Domain>) {
    return toml_string(value.text());
  } else if constexpr (std::is_same_v<T, std::optional<Domain>>) {
    return toml_string(value ? value->text() : std::string());
  } else if constexpr (is_duration<T>) {
    return toml_string(text_of(std::chrono::milliseconds(value)));
  } else if constexpr (Named<T>) {
    return toml_string(to_text(value));
  } else if constexpr (is_vector<T>) {
    std::string list;
    for (const auto& item : value) list += (list.empty() ? "" : ", ") + written(item);
    return "[" + list + "]";
  } else {
    return toml_string(text_of(value));
  }
}

}  // namespace postroad::config
