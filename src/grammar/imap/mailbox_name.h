// MailboxName: UTF-8 inside, modified UTF-7 (RFC 3501 §5.1.3) towards clients that know no better.
//
// Strict both ways: a name has exactly one spelling in modified UTF-7, so decode and encode are inverse.
// What hierarchy there is, and how long a name may be, is the mailbox engine's business; so is Unicode
// normalisation (RFC 5198).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace postroad::imap {

enum class NameError : std::uint8_t {
  BadModifiedUtf7,  // a shift that does not end, that was not needed, or that encodes no UTF-16
  BadUtf8,
  ForbiddenCharacter,  // controls, U+2028, U+2029 (RFC 6855 §3)
};

class MailboxName {
 public:
  MailboxName() = default;  // "": the server itself in METADATA, nothing elsewhere
  // As a rev1 client says it. A name with octets above 127 is no modified UTF-7 at all; clients that send
  // one mean UTF-8, and RFC 6855 §3 has it taken so.
  static Result<MailboxName, NameError> from_modified_utf7(std::string_view text);
  // As a client says it after ENABLE UTF8=ACCEPT or IMAP4rev2.
  static Result<MailboxName, NameError> from_utf8(std::string_view text);

  const std::string& text() const { return text_; }  // UTF-8; every spelling of INBOX is "INBOX"
  bool is_inbox() const { return text_ == "INBOX"; }
  bool empty() const { return text_.empty(); }
  friend auto operator<=>(const MailboxName&, const MailboxName&) = default;

 private:
  explicit MailboxName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// The UTF-8 of a name or LIST pattern, without the rules for names. Nothing when it is not strict modified
// UTF-7 (its octets are all printable ASCII).
std::optional<std::string> from_modified_utf7(std::string_view text);
// At the end of `out`. `utf8` came from a MailboxName or the store; what is no UTF-8 in it becomes U+FFFD.
void append_modified_utf7(std::string& out, std::string_view utf8);

}  // namespace postroad::imap
