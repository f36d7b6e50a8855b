// The table of commands, and parse(), which begins with it.
//
// To add an extension: a struct in command.h, a rule in a file of its own (rules.h), a line here.
#include "imap/append.h"
#include "imap/command.h"
#include "imap/rules.h"

namespace postroad::imap {
namespace {

using namespace rules;

// RFC 9051 §6.1 to §6.4 and its command-any, command-nonauth, command-auth, command-select.
constexpr std::uint8_t not_authenticated = static_cast<std::uint8_t>(State::NotAuthenticated);
constexpr std::uint8_t selected = static_cast<std::uint8_t>(State::Selected);
constexpr std::uint8_t authenticated = static_cast<std::uint8_t>(State::Authenticated) | selected;
constexpr std::uint8_t any = not_authenticated | authenticated;

constexpr CommandRule table[]{
    {"CAPABILITY", any, "", plain<Capability>},
    {"NOOP", any, "", plain<Noop>},
    {"LOGOUT", any, "", plain<Logout>},
    {"ID", any, "ID", id},  // RFC 2971

    {"STARTTLS", not_authenticated, "STARTTLS", plain<StartTls>},
    {"AUTHENTICATE", not_authenticated, "", authenticate},
    {"LOGIN", not_authenticated, "", login},

    {"ENABLE", authenticated, "ENABLE", enable},  // RFC 5161
    {"SELECT", authenticated, "", select},
    {"EXAMINE", authenticated, "", examine},
    {"CREATE", authenticated, "", create},
    {"DELETE", authenticated, "", delete_},
    {"RENAME", authenticated, "", rename},
    {"SUBSCRIBE", authenticated, "", subscribe},
    {"UNSUBSCRIBE", authenticated, "", unsubscribe},
    {"LIST", authenticated, "", list},
    {"LSUB", authenticated, "", lsub},
    {"NAMESPACE", authenticated, "NAMESPACE", plain<Namespace>},  // RFC 2342
    {"STATUS", authenticated, "", status},
    {"APPEND", authenticated, "", nullptr},
    {"IDLE", authenticated, "IDLE", plain<Idle>},  // RFC 2177
    {"SETACL", authenticated, "ACL", set_acl},     // RFC 4314
    {"DELETEACL", authenticated, "ACL", delete_acl},
    {"GETACL", authenticated, "ACL", get_acl},
    {"LISTRIGHTS", authenticated, "ACL", list_rights},
    {"MYRIGHTS", authenticated, "ACL", my_rights},
    {"GETQUOTA", authenticated, "QUOTA", get_quota},  // RFC 9208
    {"GETQUOTAROOT", authenticated, "QUOTA", get_quota_root},
    {"SETQUOTA", authenticated, "QUOTASET", set_quota},
    {"GETMETADATA", authenticated, "METADATA", get_metadata},  // RFC 5464
    {"SETMETADATA", authenticated, "METADATA", set_metadata},
    {"COMPRESS", authenticated, "COMPRESS=DEFLATE", compress},                   // RFC 4978
    {"UNAUTHENTICATE", authenticated, "UNAUTHENTICATE", plain<Unauthenticate>},  // RFC 8437

    {"CHECK", selected, "", plain<Check>},
    {"CLOSE", selected, "", plain<Close>},
    {"UNSELECT", selected, "UNSELECT", plain<Unselect>},  // RFC 3691
    {"EXPUNGE", selected, "", plain<Expunge>},
    {"SEARCH", selected, "", search},
    {"FETCH", selected, "", fetch},
    {"STORE", selected, "", store},
    {"COPY", selected, "", copy},
    {"MOVE", selected, "MOVE", move},  // RFC 6851
    {"SORT", selected, "SORT", sort},  // RFC 5256
    {"THREAD", selected, "THREAD=REFERENCES", thread},
    {"REPLACE", selected, "REPLACE", nullptr},          // RFC 8508
    {"UID EXPUNGE", selected, "UIDPLUS", uid_expunge},  // RFC 4315
    {"UID SEARCH", selected, "", search},
    {"UID FETCH", selected, "", fetch},
    {"UID STORE", selected, "", store},
    {"UID COPY", selected, "", copy},
    {"UID MOVE", selected, "MOVE", move},
    {"UID SORT", selected, "SORT", sort},
    {"UID THREAD", selected, "THREAD=REFERENCES", thread},
    {"UID REPLACE", selected, "REPLACE", nullptr},
};

}  // namespace

std::span<const CommandRule> command_rules() { return table; }

const CommandRule* find_command(std::string_view name) {
  for (const auto& rule : table)
    if (ascii::iequals(rule.name, name)) return &rule;
  return nullptr;
}

const CommandRule* Parser::command_rule() {
  const auto start = position();
  std::string name(in_.take_while(is_atom_char));
  if (ascii::iequals(name, "UID") && take_sp()) {
    name = "UID " + std::string(in_.take_while(is_atom_char));
    uid_ = true;
  }
  const CommandRule* rule = find_command(name);
  if (!rule)
    fail_at(start, Fault::UnknownCommand, {});
  else if (!(rule->states & static_cast<std::uint8_t>(dialect_.state)))
    fail_at(start, Fault::WrongState, {});
  return rule;
}

Result<TaggedCommand, SyntaxError> parse(std::string_view text, const Dialect& dialect) {
  Parser in(text, dialect);
  TaggedCommand command;
  command.tag = std::string(in.tag());
  in.sp();
  command.rule = in.command_rule();
  // A message is streamed by the CommandReader; a text that comes here has none, and append.cc says where.
  if (in.ok() && !command.rule->parse) return refuse(AppendParser(dialect).piece(text, false).error());
  if (in.ok()) command.command = command.rule->parse(in);
  in.end();
  if (in.ok()) return command;

  SyntaxError error = *in.error();
  error.tag = std::move(command.tag);
  // "GET / HTTP/1.1": a web page can make a browser send this and worse, so nothing of it is answered.
  if (error.fault == Fault::UnknownCommand && dialect.state == State::NotAuthenticated &&
      text.find(" HTTP/") != std::string_view::npos)
    error = {.fault = Fault::NotImap, .close = true};
  return refuse(std::move(error));
}

}  // namespace postroad::imap
