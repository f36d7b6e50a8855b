// Annotations of mailboxes and of the server: GETMETADATA and SETMETADATA (RFC 5464).
#include <algorithm>

#include "imap/rules.h"

namespace postroad::imap::rules {
namespace {

// entry = astring: "/private/..." or "/shared/...", parts divided by single slashes, printable ASCII without
// "*" and "%", in any case (§3.2). Where a value is set, it has at least two parts, four under vendor/.
std::string entry(Parser& in, bool complete) {
  const auto start = in.position();
  std::string name = ascii::to_lower(in.astring("an entry name, like /private/comment"));
  if (!in.ok()) return {};
  bool valid = !name.ends_with('/') && name.find("//") == std::string::npos;
  for (const char c : name) valid &= c >= 0x20 && c < 0x7f && c != '*' && c != '%';
  const std::string below = name + "/";
  valid &= below.starts_with("/private/") || below.starts_with("/shared/");
  if (complete) {
    const auto parts = std::count(name.begin(), name.end(), '/');
    valid &= parts >= 2;
    if (below.starts_with("/private/vendor/") || below.starts_with("/shared/vendor/")) valid &= parts >= 4;
  }
  if (!valid) in.fail_at(start, "an entry name, like /private/comment");
  return name;
}

// getmetadata-options = "(" getmetadata-option *(SP getmetadata-option) ")"
void options(Parser& in, GetMetadata& command) {
  static constexpr std::pair<std::string_view, GetMetadata::Depth> depths[]{
      {"0", GetMetadata::Depth::Zero},
      {"1", GetMetadata::Depth::One},
      {"INFINITY", GetMetadata::Depth::Infinity}};
  in.open();
  do {
    in.count_item();
    if (in.take_word("MAXSIZE")) {
      in.sp();
      command.max_size = in.number("a size");
    } else if (in.take_word("DEPTH")) {
      in.sp();
      if (const auto depth = in.word_of(depths, "0, 1 or infinity")) command.depth = *depth;
    } else {
      in.fail("MAXSIZE or DEPTH");
    }
  } while (in.more_in_list());
  in.close();
}

}  // namespace

// getmetadata = "GETMETADATA" [SP getmetadata-options] SP mailbox SP entries
//
// The examples are wider than the grammar: in §4.2.1 and §4.2.2 the options stand behind the mailbox, in
// §4.4.1 several entries without parentheses. Clients were made after both.
Command get_metadata(Parser& in) {
  GetMetadata command;
  in.sp();
  bool has_options = in.peek() == '(';
  if (has_options) {
    options(in, command);
    in.sp();
  }
  command.mailbox = in.mailbox();
  in.sp();
  if (!has_options && (in.next_is("(MAXSIZE") || in.next_is("(DEPTH"))) {
    options(in, command);
    in.sp();
  }
  const bool parentheses = in.peek() == '(';
  if (parentheses) in.open();
  do {
    in.count_item();
    command.entries.push_back(entry(in, false));
  } while (in.more_in_list());
  if (parentheses) in.close();
  return command;
}

// setmetadata = "SETMETADATA" SP mailbox SP "(" entry SP value *(SP entry SP value) ")"
// value = nstring / literal8
Command set_metadata(Parser& in) {
  SetMetadata command;
  in.sp();
  command.mailbox = in.mailbox();
  in.sp();
  in.open();
  do {
    in.count_item();
    std::string name = entry(in, true);
    in.sp();
    command.values.emplace_back(std::move(name), in.nstring("a quoted value, a literal or NIL"));
  } while (in.more_in_list());
  in.close();
  return command;
}

}  // namespace postroad::imap::rules
