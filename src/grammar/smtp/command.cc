// The command grammar of RFC 5321 §4.1.1, one function per rule.
#include "smtp/command.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base/cursor.h"
#include "base/utf8.h"
#include "smtp/parameters.h"

namespace postroad::smtp {
namespace {

using Parsed = Result<Command, CommandError>;

constexpr std::size_t longest_name = 255;
constexpr std::string_view line_breakers("\r\n\0", 3);

auto refused(SyntaxError what) { return refuse(CommandError{what}); }

bool is_graphic(char c) { return c > ' ' && c != 0x7f; }

// The rest of the line as one word or text, without the blanks around it.
std::string_view argument(Cursor in) { return ascii::trim(in.rest()); }

// helo = "HELO" SP Domain; ehlo = "EHLO" SP ( Domain / address-literal )  (§4.1.1.1)
template <class Hello>
Parsed hello(Cursor in) {
  const auto text = argument(in);
  if (text.empty()) return refused(SyntaxError::NoArgument);
  if (text.size() > longest_name || !utf8::valid(text)) return refused(SyntaxError::BadArgument);
  for (char c : text)
    if (!is_graphic(c) && !ascii::is_8bit(c)) return refused(SyntaxError::BadArgument);
  auto domain = Domain::parse(text.ends_with('.') ? text.substr(0, text.size() - 1) : text);
  ClientName client{std::string(text), std::nullopt};
  if (domain) client.domain = std::move(*domain);
  return Hello{std::move(client)};
}

// A-d-l = At-domain *( "," At-domain ) ":"  (§4.1.2). What is between is not looked at: it is ignored.
void skip_source_route(Cursor& in) {
  if (in.peek() != '@') return;
  Cursor route = in;
  if (route.take_until(':') && route.take(':')) in = route;
}

// The text between "<" and its ">", which a quoted local part may contain too.
std::optional<std::string_view> take_path(Cursor& in) {
  bool quoted = false;
  const auto text = in.rest();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && quoted)
      ++i;
    else if (text[i] == '"')
      quoted = !quoted;
    else if (text[i] == '>' && !quoted) {
      in.skip(i + 1);
      return text.substr(0, i);
    }
  }
  return std::nullopt;
}

// "FROM:" or "TO:", the blanks people write after it, and the "<".
std::optional<SyntaxError> take_opening(Cursor& in, std::string_view keyword) {
  in.take_while(ascii::is_blank);
  if (in.at_end()) return SyntaxError::NoArgument;
  if (!in.take_keyword(keyword)) return SyntaxError::BadArgument;
  in.take_while(ascii::is_blank);
  if (in.at_end()) return SyntaxError::NoArgument;
  if (!in.take('<')) return SyntaxError::NoBrackets;
  return std::nullopt;
}

Result<Address, AddressError> mailbox(std::string_view path) {
  Cursor in(path);
  skip_source_route(in);
  return Address::parse(in.rest());
}

// mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF  (§4.1.1.2)
Parsed mail_from(Cursor in) {
  if (const auto error = take_opening(in, "FROM:")) return refused(*error);
  const auto path = take_path(in);
  if (!path) return refused(SyntaxError::NoBrackets);
  MailFrom mail;
  if (!path->empty()) {  // "<>": the null path, §4.5.5
    auto address = mailbox(*path);
    if (!address) return refuse(CommandError{SyntaxError::BadReversePath, address.error()});
    mail.reverse_path = ReversePath(std::move(*address));
  }
  if (const auto error = read_parameters(in, mail)) return refused(*error);
  const auto& sender = mail.reverse_path.address();
  if (sender && sender->needs_smtputf8() && !mail.smtputf8) return refused(SyntaxError::AddressNeedsSmtpUtf8);
  return mail;
}

// rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) ...  (§4.1.1.3)
Parsed rcpt_to(Cursor in) {
  if (const auto error = take_opening(in, "TO:")) return refused(*error);
  const auto path = take_path(in);
  if (!path) return refused(SyntaxError::NoBrackets);
  RcptTo rcpt;
  if (!ascii::iequals(*path, "postmaster")) {
    auto address = mailbox(*path);
    if (!address) return refuse(CommandError{SyntaxError::BadForwardPath, address.error()});
    rcpt.forward_path = std::move(*address);
  }
  if (const auto error = read_parameters(in, rcpt)) return refused(*error);
  return rcpt;
}

// Commands that take no argument answer 501 to one (§4.1.1).
template <class Bare>
Parsed bare(Cursor in) {
  if (!argument(in).empty()) return refused(SyntaxError::UnwantedArgument);
  return Bare{};
}

// bdat-cmd = "BDAT" SP chunk-size [ SP "LAST" ]  (RFC 3030 §2). What follows a wrong one cannot be told from
// commands: the session closes.
Parsed bdat(Cursor in) {
  in.take_while(ascii::is_blank);
  Bdat chunk;
  const auto octets = in.take_number();
  if (!octets) return refused(SyntaxError::BadChunkSize);
  chunk.octets = *octets;
  const auto rest = argument(in);
  if (!rest.empty() && (in.peek() != ' ' || !ascii::iequals(rest, "LAST")))
    return refused(SyntaxError::BadChunkSize);
  chunk.last = !rest.empty();
  return chunk;
}

Parsed noop(Cursor) { return Noop{}; }  // its argument says nothing (§4.1.1.9)
Parsed help(Cursor in) { return Help{std::string(argument(in))}; }

// vrfy = "VRFY" SP String; RFC 6531 §3.7.4.2 lets SMTPUTF8 follow.
template <class Ask>
Parsed ask(Cursor in) {
  auto text = argument(in);
  if (text.empty()) return refused(SyntaxError::NoArgument);
  bool smtputf8 = false;
  if (const auto blank = text.find_last_of(" \t");
      blank != std::string_view::npos && ascii::iequals(text.substr(blank + 1), "SMTPUTF8")) {
    smtputf8 = true;
    text = ascii::trim(text.substr(0, blank));
  }
  if (!utf8::valid(text)) return refused(SyntaxError::BadArgument);
  return Ask{std::string(text), smtputf8};
}

// auth-command = "AUTH" SP sasl-mech [SP initial-response]  (RFC 4954 §8)
Parsed auth(Cursor in) {
  in.take_while(ascii::is_blank);
  if (in.at_end()) return refused(SyntaxError::NoArgument);
  const auto is_mechanism_char = [](char c) { return ascii::is_alnum(c) || c == '-' || c == '_'; };
  const auto mechanism = in.take_while(is_mechanism_char);
  if (mechanism.empty() || mechanism.size() > 20) return refused(SyntaxError::BadArgument);  // RFC 4422 §3.1
  Auth result{ascii::to_upper(mechanism), std::nullopt};
  const auto response = argument(in);
  if (response.empty()) return result;
  if (in.peek() != ' ' || response.find_first_of(" \t") != std::string_view::npos)
    return refused(SyntaxError::BadArgument);
  result.initial_response = response;
  return result;
}

// etrn = "ETRN" SP [ "@" / "#" ] name  (RFC 1985 §5.2)
Parsed etrn(Cursor in) {
  const auto text = argument(in);
  if (text.empty()) return refused(SyntaxError::NoArgument);
  if (text.size() > longest_name || !std::all_of(text.begin(), text.end(), is_graphic))
    return refused(SyntaxError::BadArgument);
  return Etrn{std::string(text)};
}

Parsed http(Cursor) { return HttpVerb{}; }

struct Verb {
  std::string_view name;
  Parsed (*parse)(Cursor);
};
constexpr std::array<Verb, 25> verbs{{
    {"EHLO", hello<Ehlo>}, {"HELO", hello<Helo>},
    {"LHLO", hello<Lhlo>}, {"MAIL", mail_from},
    {"RCPT", rcpt_to},     {"DATA", bare<Data>},
    {"BDAT", bdat},        {"RSET", bare<Rset>},
    {"NOOP", noop},        {"QUIT", bare<Quit>},
    {"VRFY", ask<Vrfy>},   {"EXPN", ask<Expn>},
    {"HELP", help},        {"STARTTLS", bare<StartTls>},
    {"AUTH", auth},        {"ETRN", etrn},
    {"GET", http},         {"POST", http},
    {"PUT", http},         {"HEAD", http},
    {"DELETE", http},      {"OPTIONS", http},
    {"CONNECT", http},     {"PATCH", http},
    {"PRI", http},
}};

}  // namespace

Parsed parse_command(std::string_view line) {
  if (line.find_first_of(line_breakers) != std::string_view::npos) return refused(SyntaxError::BadLine);
  Cursor in(line);
  const auto name = in.take_while([](char c) { return !ascii::is_blank(c); });
  for (const Verb& verb : verbs)
    if (ascii::iequals(verb.name, name)) return verb.parse(in);
  return refused(SyntaxError::UnknownCommand);
}

namespace {

struct Renderer {
  std::string operator()(const Helo& c) const { return "HELO " + c.client.text; }
  std::string operator()(const Ehlo& c) const { return "EHLO " + c.client.text; }
  std::string operator()(const Lhlo& c) const { return "LHLO " + c.client.text; }
  std::string operator()(const MailFrom& c) const {
    return "MAIL FROM:<" + c.reverse_path.text() + ">" + parameters_of(c);
  }
  std::string operator()(const RcptTo& c) const {
    return "RCPT TO:<" + (c.forward_path ? c.forward_path->text() : "Postmaster") + ">" + parameters_of(c);
  }
  std::string operator()(const Data&) const { return "DATA"; }
  std::string operator()(const Bdat& c) const {
    return "BDAT " + std::to_string(c.octets) + (c.last ? " LAST" : "");
  }
  std::string operator()(const Rset&) const { return "RSET"; }
  std::string operator()(const Noop&) const { return "NOOP"; }
  std::string operator()(const Quit&) const { return "QUIT"; }
  std::string operator()(const Vrfy& c) const { return "VRFY " + c.text + (c.smtputf8 ? " SMTPUTF8" : ""); }
  std::string operator()(const Expn& c) const { return "EXPN " + c.text + (c.smtputf8 ? " SMTPUTF8" : ""); }
  std::string operator()(const Help& c) const { return c.topic.empty() ? "HELP" : "HELP " + c.topic; }
  std::string operator()(const StartTls&) const { return "STARTTLS"; }
  std::string operator()(const Auth& c) const {
    return "AUTH " + c.mechanism + (c.initial_response ? " " + *c.initial_response : "");
  }
  std::string operator()(const Etrn& c) const { return "ETRN " + c.argument; }
  std::string operator()(const HttpVerb&) const { return ""; }
};

}  // namespace

std::string render(const Command& command) {
  std::string line = std::visit(Renderer{}, command);
  // What comes from parse_command() has none; what a caller made up must not become two commands.
  if (line.find_first_of(line_breakers) != std::string::npos)
    throw std::logic_error("an SMTP command with a line break in it");
  return line;
}

std::string_view describe(const CommandError& error) {
  if (error.address) return postroad::describe(*error.address);
  switch (error.what) {
    case SyntaxError::UnknownCommand: return "that is no command of ours; HELP lists them";
    case SyntaxError::BadLine: return "a line ends with CR LF, and neither stands anywhere else";
    case SyntaxError::NoArgument: return "something is missing after the command";
    case SyntaxError::UnwantedArgument: return "that command stands alone";
    case SyntaxError::BadArgument: return "what follows the command is not valid";
    case SyntaxError::NoBrackets: return "an address stands in angle brackets: <user@example.org>";
    case SyntaxError::BadReversePath: return "the sender's address is not valid";
    case SyntaxError::BadForwardPath: return "the recipient's address is not valid";
    case SyntaxError::AddressNeedsSmtpUtf8: return "that address needs the parameter SMTPUTF8";
    case SyntaxError::UnknownParameter: return "that parameter is not known here";
    case SyntaxError::DuplicateParameter: return "that parameter stands there twice, or excludes another";
    case SyntaxError::BadChunkSize: return "BDAT is followed by a number of octets, and LAST or nothing";
    case SyntaxError::BadParameter: return "a parameter's value is not valid";
  }
  return "that is not valid";
}

}  // namespace postroad::smtp
