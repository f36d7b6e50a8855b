#include "pop3/command.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base/cursor.h"

namespace postroad::pop3 {
namespace {

using Parsed = Result<Command, CommandError>;

constexpr std::string_view line_breakers("\r\n\0", 3);
constexpr std::size_t longest_name = 255;

std::string_view take_word(Cursor& in) {
  in.take_while(ascii::is_blank);
  return in.take_while([](char c) { return !ascii::is_blank(c); });
}
bool only_blanks(Cursor in) { return in.take_while(ascii::is_blank), in.at_end(); }

Result<std::uint32_t, CommandError> take_message(Cursor& in) {
  const auto word = take_word(in);
  if (word.empty()) return refuse(CommandError::NoArgument);
  if (!std::all_of(word.begin(), word.end(), ascii::is_digit)) return refuse(CommandError::BadArgument);
  const auto number = Cursor(word).take_number();
  if (!number || *number == 0 || *number > UINT32_MAX) return refuse(CommandError::NoSuchMessage);
  return static_cast<std::uint32_t>(*number);
}

template <class Bare>
Parsed bare(Cursor in) {
  if (!only_blanks(in)) return refuse(CommandError::UnwantedArgument);
  return Bare{};
}

template <class OfMessage>
Parsed of_message(Cursor in) {
  const auto message = take_message(in);
  if (!message) return refuse(message.error());
  if (!only_blanks(in)) return refuse(CommandError::UnwantedArgument);
  return OfMessage{*message};
}

// LIST and UIDL, with a message or for all of them.
template <class Listing>
Parsed listing(Cursor in) {
  if (only_blanks(in)) return Listing{};
  return of_message<Listing>(in);
}

Parsed user(Cursor in) {
  const auto name = ascii::trim(in.rest());
  if (name.empty()) return refuse(CommandError::NoArgument);
  if (name.size() > longest_name || std::any_of(name.begin(), name.end(), ascii::is_control))
    return refuse(CommandError::BadArgument);
  return User{std::string(name)};
}

Parsed pass(Cursor in) {
  if (!in.take(' ') || in.at_end()) return refuse(CommandError::NoArgument);
  return Pass{std::string(in.rest())};
}

// TOP msg n (RFC 1939 §7): n is not negative. More lines than a number holds are all the lines there are.
Parsed top(Cursor in) {
  const auto message = take_message(in);
  if (!message) return refuse(message.error());
  const auto lines = take_word(in);
  if (lines.empty()) return refuse(CommandError::NoArgument);
  if (!std::all_of(lines.begin(), lines.end(), ascii::is_digit)) return refuse(CommandError::BadArgument);
  if (!only_blanks(in)) return refuse(CommandError::UnwantedArgument);
  return Top{*message, Cursor(lines).take_number().value_or(UINT64_MAX)};
}

// AUTH mechanism [initial-response] (RFC 5034 §4)
Parsed auth(Cursor in) {
  const auto mechanism = take_word(in);
  if (mechanism.empty()) return Auth{};
  const auto is_mechanism_char = [](char c) { return ascii::is_alnum(c) || c == '-' || c == '_'; };
  if (mechanism.size() > 20 || !std::all_of(mechanism.begin(), mechanism.end(), is_mechanism_char))
    return refuse(CommandError::BadArgument);
  Auth result{ascii::to_upper(mechanism), std::nullopt};
  if (const auto response = take_word(in); !response.empty()) result.initial_response = response;
  if (!only_blanks(in)) return refuse(CommandError::UnwantedArgument);
  return result;
}

// LANG [ "*" / language tag ] (RFC 6856 §3)
Parsed lang(Cursor in) {
  const auto tag = take_word(in);
  const auto is_tag_char = [](char c) { return ascii::is_alnum(c) || c == '-'; };
  if (tag != "*" && (tag.size() > 64 || !std::all_of(tag.begin(), tag.end(), is_tag_char)))
    return refuse(CommandError::BadArgument);
  if (!only_blanks(in)) return refuse(CommandError::UnwantedArgument);
  return Lang{ascii::to_lower(tag)};
}

Parsed http(Cursor) { return HttpVerb{}; }

struct Keyword {
  std::string_view name;
  Parsed (*parse)(Cursor);
};
constexpr std::array<Keyword, 22> keywords{{
    {"USER", user},
    {"PASS", pass},
    {"QUIT", bare<Quit>},
    {"STAT", bare<Stat>},
    {"LIST", listing<List>},
    {"RETR", of_message<Retr>},
    {"DELE", of_message<Dele>},
    {"NOOP", bare<Noop>},
    {"RSET", bare<Rset>},
    {"TOP", top},
    {"UIDL", listing<Uidl>},
    {"CAPA", bare<Capa>},
    {"STLS", bare<Stls>},
    {"AUTH", auth},
    {"UTF8", bare<Utf8>},
    {"LANG", lang},
    {"GET", http},
    {"POST", http},
    {"PUT", http},
    {"HEAD", http},
    {"OPTIONS", http},
    {"CONNECT", http},
}};

struct Renderer {
  static std::string with(std::string_view keyword, std::optional<std::uint32_t> message) {
    return message ? std::string(keyword) + ' ' + std::to_string(*message) : std::string(keyword);
  }
  std::string operator()(const User& c) const { return "USER " + c.name; }
  std::string operator()(const Pass& c) const { return "PASS " + c.password; }
  std::string operator()(const Quit&) const { return "QUIT"; }
  std::string operator()(const Stat&) const { return "STAT"; }
  std::string operator()(const List& c) const { return with("LIST", c.message); }
  std::string operator()(const Retr& c) const { return with("RETR", c.message); }
  std::string operator()(const Dele& c) const { return with("DELE", c.message); }
  std::string operator()(const Noop&) const { return "NOOP"; }
  std::string operator()(const Rset&) const { return "RSET"; }
  std::string operator()(const Top& c) const {
    return with("TOP", c.message) + ' ' + std::to_string(c.lines);
  }
  std::string operator()(const Uidl& c) const { return with("UIDL", c.message); }
  std::string operator()(const Capa&) const { return "CAPA"; }
  std::string operator()(const Stls&) const { return "STLS"; }
  std::string operator()(const Auth& c) const {
    if (c.mechanism.empty()) return "AUTH";
    return "AUTH " + c.mechanism + (c.initial_response ? ' ' + *c.initial_response : "");
  }
  std::string operator()(const Utf8&) const { return "UTF8"; }
  std::string operator()(const Lang& c) const { return c.tag.empty() ? "LANG" : "LANG " + c.tag; }
  std::string operator()(const HttpVerb&) const { return ""; }
};

}  // namespace

Parsed parse_command(std::string_view line) {
  if (line.find_first_of(line_breakers) != std::string_view::npos) return refuse(CommandError::BadLine);
  Cursor in(line);
  const auto name = in.take_while([](char c) { return !ascii::is_blank(c); });
  for (const Keyword& keyword : keywords)
    if (ascii::iequals(keyword.name, name)) return keyword.parse(in);
  return refuse(CommandError::UnknownCommand);
}

std::string render(const Command& command) {
  std::string line = std::visit(Renderer{}, command);
  if (line.find_first_of(line_breakers) != std::string::npos)
    throw std::logic_error("a POP3 command with a line break in it");
  return line;
}

std::string_view describe(CommandError error) {
  switch (error) {
    case CommandError::UnknownCommand: return "that is no command of ours; CAPA lists what there is";
    case CommandError::BadLine: return "a line ends with CR LF, and neither stands anywhere else";
    case CommandError::NoArgument: return "something is missing after the command";
    case CommandError::UnwantedArgument:
      return "something stands after the command that does not belong there";
    case CommandError::BadArgument: return "what follows the command is not valid";
    case CommandError::NoSuchMessage: return "there is no such message";
  }
  return "that is not valid";
}

}  // namespace postroad::pop3
