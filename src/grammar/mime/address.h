// Address lists of header fields (RFC 5322 §3.4 and §4.4, RFC 6532, RFC 6854), read as tolerantly as mail is
// written.
//
// These are addresses as they are shown and filtered by, not addresses to send to: those are
// postroad::Address. Nothing here is decoded: an encoded word in a local part stays what it is
// (durability.md, attack 38). Whatever the text, parsing is linear, recurses nowhere, and ends at `limit`
// addresses.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mail/address.h"

namespace postroad::mime {

inline constexpr std::size_t address_limit = 10'000;

// One entry of a list, in the flat form IMAP uses: a group is a GroupStart, its members, a GroupEnd (RFC 9051
// §7.5.2).
struct AddressEntry {
  enum class Kind { Mailbox, GroupStart, GroupEnd };
  Kind kind = Kind::Mailbox;
  std::string display_name{};  // unquoted, encoded words as they are; without one the last comment.
                               // GroupStart: its name
  std::string route{};         // "@a.example,@b.example" of an obs-route, mostly empty
  std::string local_part{};    // unquoted
  std::string domain{};        // without blanks and comments; empty if the text had none ("To: bob")

  bool operator==(const AddressEntry&) const = default;
};

std::vector<AddressEntry> parse_addresses(std::string_view value, std::size_t limit = address_limit);

// The same, one entry at a time: a list of ten thousand need not be held. Answers how many there were.
std::size_t visit_addresses(std::string_view value, std::size_t limit,
                            const std::function<void(AddressEntry&&)>& take);

// The mailboxes only, groups opened.
std::vector<AddressEntry> parse_mailboxes(std::string_view value, std::size_t limit = address_limit);

// The display name as people read it (decode_words).
std::string shown_name(const AddressEntry& entry);

// The envelope address an entry names, if it is a valid one.
Result<Address, AddressError> envelope_address(const AddressEntry& entry);

}  // namespace postroad::mime
