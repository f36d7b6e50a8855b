// IMAP's view of a message, written as the octets a FETCH response carries. No recursion: a composite's tail
// waits on a stack.
#include "mime/imap.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "base/cursor.h"
#include "base/utf8.h"
#include "mime/address.h"
#include "mime/lines.h"
#include "mime/text.h"

namespace postroad::mime {
namespace {

bool is_quotable(char c) { return (c >= ' ' && c < '\x7f') || c == '\t'; }

// RFC 3501 §9: string. See imap.h for what becomes of octets that are in neither form.
void put_string(std::string& out, std::string_view text) {
  std::string clean;
  if (!std::ranges::all_of(text, is_quotable)) {
    for (const std::string mended = octets_to_utf8(text); char c : mended) {
      if (c == '\0')
        clean += "\xef\xbf\xbd";
      else
        clean.push_back(c == '\r' || c == '\n' ? ' ' : c);
    }
    text = clean;
    if (!std::ranges::all_of(text, is_quotable)) {
      out += fmt::format("{{{}}}\r\n", text.size());
      out += text;
      return;
    }
  }
  out.push_back('"');
  for (;;) {
    const std::size_t plain = std::min(text.find_first_of("\"\\"), text.size());
    out += text.substr(0, plain);
    if (plain == text.size()) break;
    out.push_back('\\');
    out.push_back(text[plain]);
    text.remove_prefix(plain + 1);
  }
  out.push_back('"');
}

void put_nstring(std::string& out, const std::optional<std::string>& text) {
  if (text)
    put_string(out, *text);
  else
    out += "NIL";
}

// --- ENVELOPE
// -----------------------------------------------------------------------------------------------------

// RFC 9051 §7.5.2: (name route mailbox host); a host of NIL is for groups alone, so that a mailbox without a
// domain has "".
void put_entry(std::string& out, const AddressEntry& entry) {
  switch (entry.kind) {
    case AddressEntry::Kind::GroupEnd: out += "(NIL NIL NIL NIL)"; return;
    case AddressEntry::Kind::GroupStart:
      out += "(NIL NIL ";
      put_string(out, entry.display_name);
      out += " NIL)";
      return;
    case AddressEntry::Kind::Mailbox: break;
  }
  const auto or_nil = [](const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
  };
  out.push_back('(');
  put_nstring(out, or_nil(entry.display_name));
  out.push_back(' ');
  put_nstring(out, or_nil(entry.route));
  out.push_back(' ');
  put_string(out, entry.local_part);
  out.push_back(' ');
  put_string(out, entry.domain);
  out.push_back(')');
}

// What of a header the envelope needs: texts, and lists of addresses as they are rendered, without the outer
// parentheses.
struct EnvelopeFields {
  std::optional<std::string> date, subject, in_reply_to, message_id;
  std::string from, sender, reply_to, to, cc, bcc;
};

EnvelopeFields envelope_fields(const Message& message, std::size_t part) {
  EnvelopeFields out;
  std::size_t room = message.address_limit();
  const auto text = [](std::optional<std::string>& into, const Field& field) {
    if (!into) into = unfold(field.value);
  };
  // Address fields may come in several lines, which are one list.
  const auto list = [&](std::string& into, const Field& field) {
    room -= std::min(
        room, visit_addresses(field.value, room, [&](const AddressEntry& entry) { put_entry(into, entry); }));
  };
  for (const Field& field : message.header(part)) {
    switch (known_field(field.name)) {
      case Known::Date: text(out.date, field); break;
      case Known::Subject: text(out.subject, field); break;
      case Known::InReplyTo: text(out.in_reply_to, field); break;
      case Known::MessageId: text(out.message_id, field); break;
      case Known::From: list(out.from, field); break;
      case Known::Sender: list(out.sender, field); break;
      case Known::ReplyTo: list(out.reply_to, field); break;
      case Known::To: list(out.to, field); break;
      case Known::Cc: list(out.cc, field); break;
      case Known::Bcc: list(out.bcc, field); break;
      default: break;
    }
  }
  return out;
}

void put_envelope(std::string& out, const Message& message, std::size_t part) {
  const EnvelopeFields fields = envelope_fields(message, part);
  const auto put_list = [&](const std::string& entries) {
    if (entries.empty())
      out += " NIL";
    else
      ((out += " (") += entries) += ')';
  };
  out.push_back('(');
  put_nstring(out, fields.date);
  out.push_back(' ');
  put_nstring(out, fields.subject);
  put_list(fields.from);
  // §7.5.2: absent or empty, they are what From is.
  put_list(fields.sender.empty() ? fields.from : fields.sender);
  put_list(fields.reply_to.empty() ? fields.from : fields.reply_to);
  put_list(fields.to);
  put_list(fields.cc);
  put_list(fields.bcc);
  out.push_back(' ');
  put_nstring(out, fields.in_reply_to);
  out.push_back(' ');
  put_nstring(out, fields.message_id);
  out.push_back(')');
}

// --- BODYSTRUCTURE
// ------------------------------------------------------------------------------------------------

// RFC 2231 §4: charset'language'text with everything but attribute-char as %XX. RFC 9051 §7.5.2 wants UTF-8
// under the name "foo*".
std::string extended_value(const Parameter& parameter) {
  std::string out = "utf-8'" + parameter.language + "'";
  for (char c : parameter.value) {
    if (ascii::is_alnum(c) || std::string_view("!#$&+-.^_`{|}~").find(c) != std::string_view::npos)
      out.push_back(c);
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

// In alphabetical order: RFC 2045 §5 gives their order no meaning, and so equal structures are equal octets.
void put_parameters(std::string& out, const Parameters& parameters, bool is_text) {
  std::vector<const Parameter*> sorted;
  sorted.reserve(parameters.list.size() + 1);
  for (const Parameter& parameter : parameters.list) sorted.push_back(&parameter);
  const Parameter us_ascii{.name = "charset", .value = "US-ASCII"};  // RFC 2046 §4.1.2
  if (is_text && !parameters.find("charset")) sorted.push_back(&us_ascii);
  if (sorted.empty()) {
    out += "NIL";
    return;
  }
  std::ranges::sort(sorted, {}, &Parameter::name);
  char separator = '(';
  for (const Parameter* parameter : sorted) {
    out.push_back(separator);
    separator = ' ';
    put_string(out, parameter->extended ? parameter->name + "*" : parameter->name);
    out.push_back(' ');
    put_string(out, parameter->extended ? extended_value(*parameter) : parameter->value);
  }
  out.push_back(')');
}

// body-fld-dsp SP body-fld-lang SP body-fld-loc, the end of every body.
void put_extensions(std::string& out, const Content& content) {
  if (content.disposition) {
    out += " (";
    put_string(out, content.disposition->kind);
    out.push_back(' ');
    put_parameters(out, content.disposition->parameters, false);
    out.push_back(')');
  } else {
    out += " NIL";
  }
  if (content.languages.empty()) {
    out += " NIL";
  } else {
    char separator = '(';
    out.push_back(' ');
    for (const std::string& language : content.languages) {
      out.push_back(separator);
      separator = ' ';
      put_string(out, language);
    }
    out.push_back(')');
  }
  out.push_back(' ');
  put_nstring(out, content.location);
}

// body-fields: type and subtype, then parameters, id, description, encoding, octets.
void put_fields(std::string& out, const Content& content, std::uint64_t octets) {
  out.push_back('(');
  put_string(out, ascii::to_upper(content.type.type));
  out.push_back(' ');
  put_string(out, ascii::to_upper(content.type.subtype));
  out.push_back(' ');
  put_parameters(out, content.type.parameters, content.type.type == "text");
  out.push_back(' ');
  put_nstring(out, content.id);
  out.push_back(' ');
  put_nstring(out, content.description);
  out.push_back(' ');
  put_string(out, content.encoding);
  out += fmt::format(" {}", octets);
}

}  // namespace

std::string render_envelope(const Message& message, std::size_t part) {
  std::string out;
  out.reserve(512);
  put_envelope(out, message, part);
  return out;
}

std::string render_bodystructure(const Message& message) {
  struct Tail {
    std::size_t at;  // the part before which it stands
    std::string text;
  };
  std::vector<Tail> tails;
  std::string out;
  out.reserve(256);
  const Parts& parts = message.parts();
  for (std::size_t i = 0; i <= parts.size(); ++i) {
    for (; !tails.empty() && tails.back().at == i; tails.pop_back()) out += tails.back().text;
    if (i == parts.size()) break;
    const Part& part = parts[i];
    const Content content = message.content(i);
    std::string tail;
    if (part.kind == Kind::Multipart) {
      out.push_back('(');
      tail.push_back(' ');
      put_string(tail, ascii::to_upper(content.type.subtype));
      tail.push_back(' ');
      put_parameters(tail, content.type.parameters, false);
    } else {
      put_fields(out, content, part.body_octets());
      if (part.kind == Kind::Message) {
        out.push_back(' ');
        put_envelope(out, message, i + 1);
        out.push_back(' ');
        tail += fmt::format(" {}", part.lines);
      } else if (content.type.type == "text") {
        tail += fmt::format(" {}", part.lines);
      }
      tail.push_back(' ');
      put_nstring(tail, content.md5);
    }
    put_extensions(tail, content);
    tail.push_back(')');
    tails.push_back({part.after, std::move(tail)});
  }
  return out;
}

namespace {

// One value of the rendered text: a string, a literal, NIL, a number, or a whole list.
std::string_view take_value(Cursor& in) {
  const std::string_view rest = in.rest();
  std::size_t depth = 0, i = 0;
  while (i < rest.size()) {
    const char c = rest[i];
    if (c == '"') {
      for (++i; i < rest.size() && rest[i] != '"'; ++i) i += rest[i] == '\\';
      ++i;
    } else if (c == '{') {
      Cursor number(rest.substr(i + 1));
      const std::uint64_t octets = number.take_number().value_or(0);
      number.take("}\r\n");
      i = std::min<std::size_t>(rest.size(), static_cast<std::size_t>(number.rest().data() - rest.data()) +
                                                 std::min<std::uint64_t>(octets, rest.size()));
    } else if (c == '(') {
      ++depth, ++i;
      continue;
    } else if (c == ')') {
      if (depth == 0) break;
      --depth, ++i;
    } else if (c == ' ') {
      if (depth == 0) break;
      ++i;
      continue;
    } else {
      while (i < rest.size() && rest[i] != ' ' && rest[i] != '(' && rest[i] != ')') ++i;
    }
    if (depth == 0) break;
  }
  return in.skip(std::min(i, rest.size()));
}

}  // namespace

std::string derive_body(std::string_view bodystructure) {
  enum class Inside { Multipart, Message };
  std::vector<Inside> inside;
  std::string out;
  Cursor in(bodystructure);
  const auto copy = [&](std::size_t values) {
    for (std::size_t i = 0; i < values; ++i) {
      if (in.take(' ')) out.push_back(' ');
      out += take_value(in);
    }
  };
  const auto close = [&] {  // whatever else there is, is extension data
    while (in.take(' ')) take_value(in);
    if (in.take(')')) out.push_back(')');
  };
  while (in.take('(')) {
    out.push_back('(');
    if (in.peek() == '(') {
      inside.push_back(Inside::Multipart);
      continue;
    }
    const auto type = in.rest();
    const bool is_message =
        type.starts_with("\"MESSAGE\" \"RFC822\"") || type.starts_with("\"MESSAGE\" \"GLOBAL\"");
    copy(7);
    // A message that could not be opened is rendered under another type, so here an envelope follows for
    // certain.
    if (is_message) {
      copy(1);
      if (in.take(' ')) out.push_back(' ');
      inside.push_back(Inside::Message);
      continue;
    }
    if (type.starts_with("\"TEXT\"")) copy(1);
    close();
    while (!inside.empty() && in.peek() != '(') {
      copy(1);  // the subtype of a multipart, the lines of a message
      close();
      inside.pop_back();
      if (in.at_end()) return out;
    }
  }
  return out;
}

std::string render_body(const Message& message) { return derive_body(render_bodystructure(message)); }

}  // namespace postroad::mime
