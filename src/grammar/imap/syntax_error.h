// SyntaxError: why a command was not understood, and the one line that tells the client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace postroad::imap {

enum class Fault : std::uint8_t {
  NoTag,  // answered with "* BAD": there is no tag to answer to
  UnknownCommand,
  WrongState,      // known, but not before login, or not without a selected mailbox
  Expected,        // something else stands where `expected` should
  BadUtf8,         // RFC 6855 §3: octets above 127 in a quoted string that are not UTF-8
  BadMailboxName,  // neither modified UTF-7 nor UTF-8 (NO, not BAD: the command was understood)
  TooDeep,         // Limits::depth
  TooMany,         // Limits::items or ranges
  LineTooLong,     // Limits::line or command
  LiteralTooBig,   // Limits::literal, command or non_synchronizing
  TooManyLiterals,
  BareLineFeed,  // a line that does not end in CRLF
  NotImap,       // a web browser, or somebody who makes one speak to us (durability.md, attack 93)
  ClientGaveUp,  // an APPEND of no octets: the client takes it back (RFC 3502)
};

struct SyntaxError {
  Fault fault = Fault::Expected;
  std::string tag{};            // empty: none was understood
  std::size_t position = 0;     // octets before the place; those of messages of APPEND do not count
  std::string_view expected{};  // for Fault::Expected: "a mailbox name"
  // The end of the command cannot be found, or not cheaply: say goodbye and close.
  bool close = false;
  friend bool operator==(const SyntaxError&, const SyntaxError&) = default;
};

// The tagged (or, without a tag, untagged) answer with its CRLF: NO for what was understood and cannot
// be, BAD for the rest; [TOOBIG], [LIMIT] or [CANNOT] where one fits (RFC 4469, RFC 5530). Nothing the
// client sent is echoed but the tag: it may be half a password.
std::string answer(const SyntaxError& error);

}  // namespace postroad::imap
