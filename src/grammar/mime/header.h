// A header section and its fields, as they lie in the message: views, nothing is copied or changed.
//
// RFC 5322 §2.2 and §4.5; there is one rule for where a header ends, and everything that reads a header (the
// parser, IMAP's HEADER.FIELDS, DKIM, Sieve) gets it from here (durability.md, attack 45):
//
//   - a line that begins with a blank continues the field before it; at the very beginning it belongs to no
//   field;
//   - a line "name:" is a field; the name is printable ASCII without a colon, blanks before the colon are
//   forgiven;
//   - a separator of an mbox file ("From a@b Fri Feb 22 ...") belongs to the header and to no field;
//   - an empty line ends the header and belongs to it;
//   - any other line ends the header too, and is the first line of the body.
//
// A line ends with LF; a CR before it belongs to the line end. A CR elsewhere is an octet like any other.
#pragma once

#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace postroad::mime {

// A line whose first so many octets hold no colon is not a field (RFC 5322 §2.1.1: a line has at most 998).
inline constexpr std::size_t field_name_limit = 998;

struct Field {
  std::string_view name;   // as written; compare with ascii::iequals
  std::string_view value;  // after the colon, folding and leading blank intact, without its last line end
  std::string_view raw;    // the whole field, from the name to its last line end

  bool is(std::string_view other) const;  // names have no case
};

// The fields of a header section, top down. `section` begins at its first octet and may run on into the body.
class Header {
 public:
  explicit Header(std::string_view section = {}) : section_(section) {}

  class Iterator {
   public:
    using value_type = Field;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(std::string_view rest) : rest_(rest) { ++*this; }
    const Field& operator*() const { return field_; }
    const Field* operator->() const { return &field_; }
    Iterator& operator++();
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return field_.raw.empty(); }

   private:
    std::string_view rest_;
    Field field_;
  };
  Iterator begin() const { return Iterator(section_); }
  std::default_sentinel_t end() const { return {}; }

  // The topmost and the lowest field of that name. Of fields that may occur only once, the topmost counts
  // everywhere.
  std::optional<Field> first(std::string_view name) const;
  std::optional<Field> last(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  std::string_view section() const { return section_; }

 private:
  std::string_view section_;
};

// How many octets of `message` are its header, with the empty line that ends it if there is one.
std::size_t header_octets(std::string_view message);

// RFC 5322 §2.2.3: the line ends are taken out, the blanks stay; blanks around the whole are trimmed. Octets
// are not touched otherwise: encoded words stay, NUL and 8-bit octets too.
std::string unfold(std::string_view value);

// What FETCH BODY[HEADER.FIELDS (...)] and HEADER.FIELDS.NOT answer (RFC 9051 §6.4.5.1): the matching fields,
// whole and in their order, and an empty line at the end, whether the header had one or not.
enum class Pick { Named, AllButNamed };
std::string pick_fields(Header header, std::span<const std::string_view> names, Pick pick);

}  // namespace postroad::mime
