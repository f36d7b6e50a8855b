// Part numbers: what BODY[1.2.TEXT] means (RFC 9051 §6.4.5.1).
//
// The tree alone answers; with the octets at (offset, octets) of the message a FETCH needs no second parse.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mime/message.h"

namespace postroad::mime {

enum class Section { Whole, Header, Text, Mime };  // BODY[p], BODY[p.HEADER], BODY[p.TEXT], BODY[p.MIME]

struct Range {
  std::uint64_t offset = 0;
  std::uint64_t octets = 0;
  bool operator==(const Range&) const = default;
};

// A header that no empty line ended is given as it lies, without one (bytes in = bytes out).
// Nothing if there is no such part or it has no such section: HEADER and TEXT need a message, MIME a number.
// An empty path is the message itself.
std::optional<Range> find_section(std::span<const Part> parts, std::span<const std::uint32_t> path,
                                  Section section);

// The part whose body BODY[path] is, for BINARY (its encoding) and SEARCH. An empty path is the message.
std::optional<std::size_t> find_part(std::span<const Part> parts, std::span<const std::uint32_t> path);
std::optional<std::size_t> find_part(std::span<const Part> parts, std::string_view path);  // "1.2.3", ""

// "1.2.3" of a part, for links and lists; empty for a multipart message itself.
std::string part_number(std::span<const Part> parts, std::size_t part);

}  // namespace postroad::mime
