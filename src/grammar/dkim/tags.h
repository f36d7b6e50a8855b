// Tag=value lists (RFC 6376 §3.2): DKIM signatures and keys, ARC and DMARC records are written so. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace postroad::dkim {

enum class TagError {
  NotATag,    // something that is not "name=value"
  Duplicate,  // §3.2: then the whole list is invalid
  TooMany,    // more than 100 tags
};

class Tags {
 public:
  // Octets above 127 may stand in values (RFC 8616); folding and blanks around names and values do not count.
  static Result<Tags, TagError> parse(std::string_view list);

  // As written, blanks within kept; nothing if there is no such tag. Names have their case.
  std::optional<std::string_view> get(std::string_view name) const;
  std::string_view get(std::string_view name, std::string_view otherwise) const {
    return get(name).value_or(otherwise);
  }
  bool begins_with(std::string_view name) const { return !all_.empty() && all_.front().first == name; }
  const std::vector<std::pair<std::string_view, std::string_view>>& all() const { return all_; }

 private:
  std::vector<std::pair<std::string_view, std::string_view>> all_;  // views into the list
};

// Without any folding white space: base64 may be broken anywhere (§3.2, §3.5).
std::string without_blanks(std::string_view value);
// The words of a list parted by colons, blanks around each dropped (§3.5, h=); empty words too.
std::vector<std::string_view> colon_list(std::string_view value);

}  // namespace postroad::dkim
