#include "imap/parser.h"

#include "base/utf8.h"

namespace postroad::imap {

// --- Steps ---------------------------------------------------------------------------------------------

bool Parser::next_is(std::string_view keyword) const {
  const auto rest = in_.rest();
  return rest.size() >= keyword.size() && ascii::iequals(rest.substr(0, keyword.size()), keyword) &&
         (rest.size() == keyword.size() || !is_word_char(rest[keyword.size()]));
}

bool Parser::take_word(std::string_view keyword) {
  if (!next_is(keyword)) return false;
  in_.skip(keyword.size());
  return true;
}

void Parser::fail_at(std::size_t position, Fault fault, std::string_view expected) {
  if (error_) return;
  error_ = SyntaxError{.fault = fault, .position = position, .expected = expected};
  in_ = Cursor({});  // nothing more can be taken
}

void Parser::expect(char c, std::string_view expected) {
  if (!in_.take(c)) fail(expected);
}

bool Parser::take_sp() {
  return !in_.take_while([](char c) { return c == ' '; }).empty();
}

void Parser::sp() {
  if (!take_sp()) fail("a space");
}

void Parser::open() {
  expect('(', "an opening parenthesis");
  take_sp();
  if (++depth_ > dialect_.limits.depth) fail(Fault::TooDeep);
}

void Parser::close() {
  take_sp();
  expect(')', "a space or a closing parenthesis");
  --depth_;
}

void Parser::end() {
  if (!in_.at_end()) fail("the end of the command");
}

void Parser::count_item() {
  if (items_left_ == 0) return fail(Fault::TooMany);
  --items_left_;
}

// --- Terminals -------------------------------------------------------------------------------------------

std::string_view Parser::tag() {
  const auto tag = in_.take_while(is_tag_char);
  // A tag is followed by a space or, from somebody who just presses Enter, by nothing.
  if (tag.empty() || (!in_.at_end() && in_.peek() != ' ')) {
    fail(Fault::NoTag);
    return {};
  }
  return tag;
}

std::string_view Parser::atom(std::string_view expected) {
  const auto atom = in_.take_while(is_atom_char);
  if (atom.empty()) fail(expected);
  return atom;
}

std::uint64_t Parser::digits(std::uint64_t least, std::uint64_t most, std::string_view expected) {
  const std::size_t start = position();
  const bool leading_zero = least > 0 && in_.peek() == '0';  // nz-number = digit-nz *DIGIT
  const auto value = in_.take_number();
  if (!value || leading_zero || *value < least || *value > most) {
    fail_at(start, expected);
    return 0;
  }
  return *value;
}

std::uint32_t Parser::number(std::string_view expected) {
  return static_cast<std::uint32_t>(digits(0, UINT32_MAX, expected));
}
std::uint32_t Parser::nz_number(std::string_view expected) {
  return static_cast<std::uint32_t>(digits(1, UINT32_MAX, expected));
}
std::uint64_t Parser::number64(std::string_view expected) { return digits(0, INT64_MAX, expected); }
std::uint64_t Parser::nz_number64(std::string_view expected) { return digits(1, INT64_MAX, expected); }

// quoted = DQUOTE *QUOTED-CHAR DQUOTE, octets above 127 being UTF-8 (RFC 6855 §3).
std::string Parser::quoted(std::string_view expected) {
  const std::size_t start = position();
  in_.take('"');
  std::string out;
  for (;;) {
    out.append(
        in_.take_while([](char c) { return c != '"' && c != '\\' && c != '\r' && c != '\n' && c != '\0'; }));
    if (in_.take('"')) break;
    if (in_.take('\\') && (in_.peek() == '"' || in_.peek() == '\\')) {
      out.append(in_.skip(1));
      continue;
    }
    fail_at(start, expected);  // it does not end, or escapes what needs none
    return {};
  }
  if (!utf8::valid(out)) {
    fail_at(start, Fault::BadUtf8, {});
    return {};
  }
  return out;
}

// literal = "{" number64 ["+"] "}" CRLF *CHAR8; literal8 = "~{" number64 ["+"] "}" CRLF *OCTET
std::string Parser::literal(std::string_view expected, bool may_hold_nul) {
  const std::size_t start = position();
  const bool literal8 = in_.take('~');
  in_.take('{');
  const auto size = in_.take_number();
  in_.take('+');
  if (!size || !in_.take("}\r\n") || (literal8 && !may_hold_nul)) {
    fail_at(start, expected);
    return {};
  }
  if (literal_follows_ && in_.at_end()) {
    fail_at(start, expected);
    wants_literal_ = true;
    return {};
  }
  if (*size > in_.rest().size()) {
    fail_at(start, expected);
    return {};
  }
  std::string octets(in_.skip(*size));
  if (!literal8 && octets.find('\0') != std::string::npos) {
    fail_at(start, "a literal without NUL");
    return {};
  }
  return octets;
}

std::string Parser::string(std::string_view expected) {
  if (in_.peek() == '"') return quoted(expected);
  if (in_.peek() == '{') return literal(expected, false);
  fail(expected);
  return {};
}

std::string Parser::astring(std::string_view expected) {
  if (in_.peek() == '"' || in_.peek() == '{') return string(expected);
  const auto word = in_.take_while(is_astring_char);
  if (word.empty()) fail(expected);
  return std::string(word);
}

std::optional<std::string> Parser::nstring(std::string_view expected) {
  if (take_word("NIL")) return std::nullopt;
  if (in_.peek() == '~') return literal(expected, true);
  return string(expected);
}

std::string Parser::list_mailbox() {
  if (in_.peek() == '"' || in_.peek() == '{') return string("a mailbox pattern");
  const auto pattern = in_.take_while(is_list_char);
  if (pattern.empty()) fail("a mailbox pattern");
  return std::string(pattern);
}

// --- Rules that many commands share -----------------------------------------------------------------------

MailboxName Parser::mailbox() {
  const std::size_t start = position();
  const std::string text = astring("a mailbox name");
  if (!ok()) return {};
  auto name = dialect_.utf8_names ? MailboxName::from_utf8(text) : MailboxName::from_modified_utf7(text);
  if (name) return *std::move(name);
  fail_at(start, Fault::BadMailboxName, {});
  return {};
}

SequenceSet Parser::sequence_set() {
  const auto text = in_.take_while(
      [](char c) { return ascii::is_digit(c) || c == ':' || c == '*' || c == ',' || c == '$'; });
  if (!ok()) return {};
  auto set = SequenceSet::parse(text, ranges_left_);
  if (!set) {
    if (SequenceSet::parse(text))
      fail(Fault::TooMany);
    else
      fail_before(text, "a message set");
    return {};
  }
  ranges_left_ -= std::min(ranges_left_, set->ranges().size());
  return *std::move(set);
}

std::optional<std::uint32_t> Parser::seq_number() {
  if (in_.take('*')) return SequenceSet::star;
  const auto number = nz_number("a message number");
  if (!ok()) return std::nullopt;
  return number;
}

// flag = "\Answered" / "\Flagged" / "\Deleted" / "\Seen" / "\Draft" / flag-keyword / flag-extension
void Parser::flag(Flags& into) {
  static constexpr std::pair<std::string_view, SystemFlag> system[]{
      {"Seen", SystemFlag::Seen},       {"Answered", SystemFlag::Answered}, {"Flagged", SystemFlag::Flagged},
      {"Deleted", SystemFlag::Deleted}, {"Draft", SystemFlag::Draft},       {"Recent", SystemFlag::Recent}};
  count_item();
  if (in_.take('\\')) {
    const auto flag =
        word_of(system, "one of the flags \\Seen, \\Answered, \\Flagged, \\Deleted and \\Draft");
    // RFC 3501 §2.3.2: a client cannot alter \Recent. Those who copy flags from elsewhere try.
    if (flag && *flag != SystemFlag::Recent) into.set(*flag);
    return;
  }
  const auto keyword = atom("a flag");
  if (!ok()) return;
  for (const auto& known : into.keywords)
    if (ascii::iequals(known, keyword)) return;
  into.keywords.emplace_back(keyword);
}

Flags Parser::flag_list() {
  Flags flags;
  open();
  if (peek() != ')') {
    do flag(flags);
    while (more_in_list());
  }
  close();
  return flags;
}

// date = date-text / DQUOTE date-text DQUOTE
Date Parser::date() {
  const bool quotes = in_.take('"');
  const auto text = in_.take_while([](char c) { return ascii::is_alnum(c) || c == '-'; });
  const auto date = parse_date(text);
  if (!date) {
    fail_before(text, "a date like 1-Feb-1994");
    return {};
  }
  if (quotes) expect('"', "a closing quote");
  return *date;
}

DateTime Parser::date_time() {
  const auto start = position();
  const auto text = string("a date like \"17-Jul-1996 02:44:25 -0700\"");
  if (!ok()) return {};
  const auto when = parse_date_time(text);
  if (!when) {
    fail_at(start, "a date like \"17-Jul-1996 02:44:25 -0700\"");
    return {};
  }
  return *when;
}

// --- Literals ----------------------------------------------------------------------------------------------

std::optional<LiteralHeader> literal_header(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!line.ends_with('}')) return std::nullopt;
  line.remove_suffix(1);
  LiteralHeader header;
  if (line.ends_with('+')) {
    header.synchronizing = false;
    line.remove_suffix(1);
  }
  const auto last_other = line.find_last_not_of("0123456789");
  if (last_other == std::string_view::npos || line[last_other] != '{') return std::nullopt;
  const auto number = line.substr(last_other + 1);
  if (number.empty()) return std::nullopt;
  header.size = Cursor(number).take_number().value_or(UINT64_MAX);
  header.literal8 = last_other > 0 && line[last_other - 1] == '~';
  return header;
}

}  // namespace postroad::imap
