// Who the client is and what it can do: ID, LOGIN, AUTHENTICATE, ENABLE, COMPRESS.
#include "imap/rules.h"

namespace postroad::imap::rules {
namespace {

// RFC 2971 §3.3
constexpr std::size_t id_fields = 30;
constexpr std::size_t id_name_octets = 30;
constexpr std::size_t id_value_octets = 1'024;

}  // namespace

// id = "ID" SP ("(" [string SP nstring *(SP string SP nstring)] ")" / nil)                  (RFC 2971 §4)
Command id(Parser& in) {
  Id command;
  in.sp();
  if (in.take_word("NIL")) return command;
  in.open();
  while (in.ok() && in.peek() != ')') {
    if (!command.fields.empty()) {
      in.take(',');  // RFC 822's "#" meant commas and RFC 2060's blanks; some clients took the wrong one
      in.sp();
    }
    in.count_item();
    std::string name = in.string("a quoted field name");
    in.take(',');
    in.sp();
    std::optional<std::string> value;
    // Versions come without quotes at times. ID changes nothing, so it is no reason to refuse anybody.
    if (!in.take_word("NIL")) value = in.astring("a quoted value or NIL");
    if (name.size() > id_name_octets || (value && value->size() > id_value_octets)) in.fail(Fault::TooMany);
    if (command.fields.size() == id_fields) in.fail(Fault::TooMany);
    command.fields.emplace_back(std::move(name), std::move(value));
  }
  in.close();
  return command;
}

// authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp]             (RFC 9051 §6.2.2, RFC 4959 §7)
//
// Both are made of characters an astring may hold; those who send them as strings are understood, too.
Command authenticate(Parser& in) {
  Authenticate command;
  in.sp();
  command.mechanism = ascii::to_upper(in.astring("a mechanism, like PLAIN"));
  if (in.take_sp()) command.initial_response = in.astring("a response in base64, or \"=\"");
  return command;
}

// login = "LOGIN" SP userid SP password                                                (RFC 9051 §6.2.3)
Command login(Parser& in) {
  Login command;
  in.sp();
  command.user = in.astring("a user name");
  in.sp();
  command.password = in.astring("a password");
  return command;
}

// enable = "ENABLE" 1*(SP capability)                                       (RFC 9051 §6.3.1, RFC 5161 §4)
Command enable(Parser& in) {
  Enable command;
  do {
    in.sp();
    in.count_item();
    command.capabilities.push_back(ascii::to_upper(in.atom("a capability")));
  } while (in.ok() && in.peek() == ' ');
  return command;
}

// compress = "COMPRESS" SP algorithm                                                       (RFC 4978 §5)
Command compress(Parser& in) {
  in.sp();
  return Compress{.algorithm = ascii::to_upper(in.atom("an algorithm, like DEFLATE"))};
}

}  // namespace postroad::imap::rules
