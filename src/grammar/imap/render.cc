// The words of responses, and the responses that are about the conversation itself.
#include "imap/render.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/encoding.h"
#include "base/utf8.h"
#include "imap/mailbox_name.h"
#include "imap/parser.h"

namespace postroad::imap {
namespace {

// RFC 2683 §3.4.1 asks for quoted strings below about 1,000 octets.
constexpr std::size_t longest_quoted = 1'000;

enum class Spelling : std::uint8_t { Quoted, Literal, LiteralWithNul };

Spelling spelling(std::string_view octets, bool utf8) {
  bool eight_bit = false, control = false;
  for (const char c : octets) {
    if (c == '\0') return Spelling::LiteralWithNul;
    eight_bit |= ascii::is_8bit(c);
    control |= ascii::is_control(c) && c != '\t';
  }
  if (control || octets.size() > longest_quoted) return Spelling::Literal;
  if (eight_bit && !(utf8 && utf8::valid(octets))) return Spelling::Literal;
  return Spelling::Quoted;
}

void append_number(std::string& out, std::uint64_t value) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

// A short text put together on the stack and appended at once: a FETCH of 100,000 messages is made of these.
class Short {
 public:
  Short& operator<<(std::string_view text) {
    at_ = std::copy(text.begin(), text.end(), at_);
    return *this;
  }
  Short& operator<<(char c) {
    *at_++ = c;
    return *this;
  }
  Short& operator<<(std::uint64_t value) {
    at_ = std::to_chars(at_, text_.data() + text_.size(), value).ptr;
    return *this;
  }
  std::string_view text() const { return {text_.data(), static_cast<std::size_t>(at_ - text_.data())}; }

 private:
  std::array<char, 96> text_;  // enough for what follows: a name, 64 bits, a list of system flags
  char* at_ = text_.data();
};

void append_quoted(std::string& out, std::string_view octets) {
  out.push_back('"');
  for (;;) {
    const auto special = octets.find_first_of("\"\\");
    out.append(octets.substr(0, special));
    if (special == std::string_view::npos) break;
    out.push_back('\\');
    out.push_back(octets[special]);
    octets.remove_prefix(special + 1);
  }
  out.push_back('"');
}

std::string_view word(Condition condition) {
  switch (condition) {
    case Condition::Ok: return "OK";
    case Condition::No: return "NO";
    case Condition::Bad: return "BAD";
    case Condition::PreAuth: return "PREAUTH";
    case Condition::Bye: return "BYE";
  }
  return "BAD";
}

// The 64 lists there can be, ready to be appended. Without parentheses.
struct FlagList {
  std::array<char, 56> text{};
  std::uint8_t size = 0;
  constexpr std::string_view view() const { return {text.data(), size}; }
};
constexpr auto flag_lists = [] {
  constexpr std::pair<SystemFlag, std::string_view> names[]{
      {SystemFlag::Answered, "\\Answered"}, {SystemFlag::Flagged, "\\Flagged"},
      {SystemFlag::Deleted, "\\Deleted"},   {SystemFlag::Seen, "\\Seen"},
      {SystemFlag::Draft, "\\Draft"},       {SystemFlag::Recent, "\\Recent"}};
  std::array<FlagList, 64> lists{};
  for (std::size_t set = 0; set < lists.size(); ++set)
    for (const auto& [flag, name] : names) {
      if (!(set & static_cast<std::size_t>(flag))) continue;
      FlagList& list = lists[set];
      if (list.size > 0) list.text[list.size++] = ' ';
      for (const char c : name) list.text[list.size++] = c;
    }
  return lists;
}();

void append_flags(std::string& out, std::uint8_t system, auto&& keywords) {
  out.push_back('(');
  const auto list = flag_lists[system & 63].view();
  out.append(list);
  bool space = !list.empty();
  for (const auto& keyword : keywords) {
    if (space) out.push_back(' ');
    space = true;
    out.append(keyword);
  }
  out.push_back(')');
}

void append_astring(std::string& out, std::string_view octets, bool utf8) {
  if (!octets.empty() && octets.size() < longest_quoted && std::ranges::all_of(octets, is_astring_char) &&
      !ascii::iequals(octets, "NIL")) {
    out.append(octets);
  } else {
    Renderer(out, utf8).string(octets);
  }
}

}  // namespace

// --- Words -------------------------------------------------------------------------------------------------

void Renderer::number(std::uint64_t value) { append_number(out_, value); }

void Renderer::quoted(std::string_view octets) { append_quoted(out_, octets); }

void Renderer::string(std::string_view octets) {
  switch (spelling(octets, utf8_)) {
    case Spelling::Quoted: return quoted(octets);
    case Spelling::Literal:
      literal_header(octets.size());
      out_.append(octets);
      return;
    case Spelling::LiteralWithNul:
      literal_header(octets.size());
      for (const char c : octets) out_.push_back(c == '\0' ? '?' : c);
      return;
  }
}

void Renderer::nstring(std::optional<std::string_view> octets) {
  if (octets)
    string(*octets);
  else
    out_.append("NIL");
}

void Renderer::astring(std::string_view octets) { append_astring(out_, octets, utf8_); }

void Renderer::mailbox(std::string_view name) {
  if (utf8_) return string(name);
  if (std::ranges::all_of(name, is_atom_char) &&
      name.find('&') == name.npos) {  // nearly all, and itself in UTF-7
    out_.push_back('"');
    out_.append(name);
    out_.push_back('"');
    return;
  }
  std::string encoded;
  append_modified_utf7(encoded, name);
  string(encoded);
}

void Renderer::flags(std::uint8_t system, std::span<const std::string_view> keywords) {
  append_flags(out_, system, keywords);
}

void Renderer::flags(const Flags& flags) { append_flags(out_, flags.system, flags.keywords); }

void Renderer::literal_header(std::uint64_t octets) {
  out_.push_back('{');
  number(octets);
  out_.append("}\r\n");
}

void Renderer::literal8_header(std::uint64_t octets) {
  out_.push_back('~');
  literal_header(octets);
}

// text = 1*(TEXT-CHAR / UTF-8 after ENABLE). Never empty: old clients stumble over it.
void Renderer::line(std::string_view text) {
  if (text.empty()) text = "-";
  const bool keep_utf8 = utf8_ && utf8::valid(text);
  for (const char c : text)
    out_.push_back(ascii::is_control(c) || (ascii::is_8bit(c) && !keep_utf8) ? '?' : c);
  out_.append("\r\n");
}

// --- Conditions (§7.1) -------------------------------------------------------------------------------------

void Renderer::tagged(std::string_view tag, Condition condition, std::string_view code,
                      std::string_view text) {
  out_.append(tag.empty() ? std::string_view("*") : tag);
  out_.push_back(' ');
  out_.append(word(condition));
  out_.push_back(' ');
  if (!code.empty()) {
    out_.push_back('[');
    out_.append(code);
    out_.append("] ");
  }
  line(text);
}

void Renderer::untagged(Condition condition, std::string_view code, std::string_view text) {
  tagged("*", condition, code, text);
}

void Renderer::continuation(std::string_view text) {
  out_.append("+ ");
  line(text);
}

void Renderer::continuation_base64(std::string_view octets) {
  out_.append("+ ");
  out_.append(base64(octets));
  out_.append("\r\n");
}

// --- The server (§7.2) -------------------------------------------------------------------------------------

void Renderer::names(std::string_view response, std::span<const std::string_view> names) {
  out_.append(response);
  for (const auto name : names) {
    out_.push_back(' ');
    out_.append(name);
  }
  out_.append("\r\n");
}

void Renderer::capability(std::span<const std::string_view> capabilities) {
  names("* CAPABILITY", capabilities);
}
void Renderer::enabled(std::span<const std::string_view> capabilities) { names("* ENABLED", capabilities); }

void Renderer::id(std::span<const std::pair<std::string_view, std::string_view>> fields) {
  out_.append("* ID ");
  if (fields.empty()) out_.append("NIL");
  char before = '(';
  for (const auto& [name, value] : fields) {
    out_.push_back(before);
    before = ' ';
    string(name);
    out_.push_back(' ');
    string(value);
  }
  out_.append(fields.empty() ? "\r\n" : ")\r\n");
}

// --- FETCH (§7.5.2)
// ------------------------------------------------------------------------------------------

void Renderer::fetch_begin(std::uint32_t number) {
  Short text;
  text << "* " << std::uint64_t{number} << " FETCH (";
  out_.append(text.text());
  first_item_ = true;
}

std::string_view Renderer::separator() { return std::exchange(first_item_, false) ? "" : " "; }

void Renderer::fetch_item(std::string_view name) {
  out_.append(separator());
  out_.append(name);
  out_.push_back(' ');
}

void Renderer::fetch_uid(Uid uid) {
  Short text;
  text << separator() << "UID " << std::uint64_t{uid.value()};
  out_.append(text.text());
}

void Renderer::fetch_flags(std::uint8_t system, std::span<const std::string_view> keywords) {
  if (!keywords.empty()) {
    fetch_item("FLAGS");
    return flags(system, keywords);
  }
  Short text;
  text << separator() << "FLAGS (" << flag_lists[system & 63].view() << ')';
  out_.append(text.text());
}

void Renderer::fetch_mod_seq(ModSeq mod_seq) {
  Short text;
  text << separator() << "MODSEQ (" << mod_seq.value() << ')';
  out_.append(text.text());
}

void Renderer::fetch_size(std::uint64_t octets) {
  Short text;
  text << separator() << "RFC822.SIZE " << octets;
  out_.append(text.text());
}

void Renderer::fetch_internal_date(const DateTime& when) {
  fetch_item("INTERNALDATE");
  append_date_time(out_, when);
}

void Renderer::fetch_save_date(std::optional<DateTime> when) {
  fetch_item("SAVEDATE");
  if (when)
    append_date_time(out_, *when);
  else
    out_.append("NIL");
}

void Renderer::fetch_email_id(std::string_view object_id) {
  fetch_item("EMAILID");
  out_.push_back('(');
  out_.append(object_id);
  out_.push_back(')');
}

void Renderer::fetch_thread_id(std::optional<std::string_view> object_id) {
  fetch_item("THREADID");
  if (!object_id) return raw("NIL");
  out_.push_back('(');
  out_.append(*object_id);
  out_.push_back(')');
}

void Renderer::fetch_preview(std::optional<std::string_view> text) {
  fetch_item("PREVIEW");
  nstring(text);
}

void append_item_name(std::string& out, const BodyAttribute& attribute) {
  using Kind = BodyAttribute::Kind;
  switch (attribute.kind) {
    case Kind::Rfc822: out.append("RFC822"); return;
    case Kind::Rfc822Header: out.append("RFC822.HEADER"); return;
    case Kind::Rfc822Text: out.append("RFC822.TEXT"); return;
    case Kind::Body: out.append("BODY["); break;
    case Kind::Binary: out.append("BINARY["); break;
    case Kind::BinarySize: out.append("BINARY.SIZE["); break;
  }
  const Section& section = attribute.section;
  for (std::size_t i = 0; i < section.part.size(); ++i) {
    if (i > 0) out.push_back('.');
    append_number(out, section.part[i]);
  }
  if (section.text != SectionText::Everything && !section.part.empty()) out.push_back('.');
  switch (section.text) {
    case SectionText::Everything: break;
    case SectionText::Header: out.append("HEADER"); break;
    case SectionText::HeaderFields: out.append("HEADER.FIELDS"); break;
    case SectionText::HeaderFieldsNot: out.append("HEADER.FIELDS.NOT"); break;
    case SectionText::Text: out.append("TEXT"); break;
    case SectionText::Mime: out.append("MIME"); break;
  }
  if (section.text == SectionText::HeaderFields || section.text == SectionText::HeaderFieldsNot) {
    out.append(" (");
    for (std::size_t i = 0; i < section.fields.size(); ++i) {
      if (i > 0) out.push_back(' ');
      append_astring(out, section.fields[i], false);
    }
    out.push_back(')');
  }
  out.push_back(']');
  if (!attribute.partial) return;
  out.push_back('<');
  append_number(out, attribute.partial->offset);
  out.push_back('>');
}

}  // namespace postroad::imap
