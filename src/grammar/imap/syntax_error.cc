#include "imap/syntax_error.h"

#include <fmt/format.h>

namespace postroad::imap {
namespace {

struct Words {
  std::string_view condition;  // with its response code
  std::string_view text;
};

// What is said; the place and what was expected there are added for Fault::Expected.
Words words(Fault fault) {
  switch (fault) {
    case Fault::NoTag: return {"BAD", "A command is a tag, a space, a name and its arguments"};
    case Fault::UnknownCommand: return {"BAD", "Unknown command"};
    case Fault::WrongState:
      return {"BAD", "Not now: this command needs another state (log in, or select a mailbox)"};
    case Fault::Expected: return {"BAD", "Expected"};
    case Fault::BadUtf8: return {"BAD", "A quoted string is not valid UTF-8"};
    case Fault::BadMailboxName: return {"NO [CANNOT]", "No mailbox can have this name"};
    case Fault::TooDeep: return {"BAD [LIMIT]", "Nested too deeply"};
    case Fault::TooMany: return {"BAD [LIMIT]", "Too many items in one command"};
    case Fault::LineTooLong: return {"BAD [TOOBIG]", "The line is too long"};
    case Fault::LiteralTooBig: return {"BAD [TOOBIG]", "The literal is too big"};
    case Fault::TooManyLiterals: return {"BAD [TOOBIG]", "Too many literals in one command"};
    case Fault::BareLineFeed: return {"BAD", "A line ends with CR LF, not with LF alone"};
    case Fault::NotImap: return {"BAD", "This is not IMAP"};
    case Fault::ClientGaveUp: return {"NO", "A message without octets: nothing was stored"};
  }
  return {"BAD", "Not understood"};
}

}  // namespace

std::string answer(const SyntaxError& error) {
  const Words say = words(error.fault);
  const std::string_view tag = error.tag.empty() ? std::string_view("*") : std::string_view(error.tag);
  if (error.fault == Fault::Expected)
    return fmt::format("{} {} {} {} at octet {}\r\n", tag, say.condition, say.text, error.expected,
                       error.position + 1);
  return fmt::format("{} {} {}\r\n", tag, say.condition, say.text);
}

}  // namespace postroad::imap
