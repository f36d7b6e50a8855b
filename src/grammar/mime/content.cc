// Content-Type and its relatives. Parameters are read first as they stand and joined by RFC 2231 afterwards.
#include "mime/content.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "base/cursor.h"
#include "mime/text.h"
#include "mime/tokens.h"

namespace postroad::mime {
namespace {

// What a token may hold here: RFC 2045 §5.1 forbids more, mail does not.
bool is_value_octet(char c) { return !is_space(c) && c != ';'; }
bool is_name_octet(char c) { return !is_space(c) && c != ';' && c != '=' && c != '"' && c != '('; }
bool is_type_octet(char c) {
  return !is_space(c) && c != ';' && c != '/' && c != '(' && c != '"' && c != ',';
}

// One attribute=value as written, its name taken apart (RFC 2231 §3 and §4): name ["*" number] ["*"].
struct Piece {
  std::string name;
  unsigned number = 0;
  bool numbered = false;
  bool extended = false;
  std::string value;
};

bool take_piece_name(std::string_view written, Piece& piece) {
  const std::size_t star = written.find('*');
  piece.name = ascii::to_lower(written.substr(0, star));
  if (piece.name.empty()) return false;
  if (star == std::string_view::npos) return true;
  Cursor rest(written.substr(star + 1));
  if (ascii::is_digit(rest.peek())) {
    const auto number = rest.take_number();
    if (!number || *number > 99'999) return false;
    piece.number = static_cast<unsigned>(*number);
    piece.numbered = true;
    if (rest.at_end()) return true;
    if (!rest.take('*')) return false;
  }
  piece.extended = true;
  return rest.at_end();
}

// True if a blank is followed by "name=": the semicolon before the next parameter was forgotten.
bool at_parameter(Cursor in) {
  const auto name = in.take_while(is_name_octet);
  return !name.empty() && name.size() < 64 && in.peek() == '=';
}

// A quoted string or a token; a token may go on over blanks ("name=my file.pdf") as long as nothing else
// begins.
std::string take_value(Cursor& in) {
  std::string value;
  skip_space_and_comments(in);
  if (in.peek() == '"') {
    take_quoted(in, value);
    return value;
  }
  for (;;) {
    value += in.take_while(is_value_octet);
    skip_space_and_comments(in);
    if (in.at_end() || in.peek() == ';' || at_parameter(in)) return value;
    value += ' ';
  }
}

// Everything after the type: *(";" attribute "=" value). Of a value only what one pass over it yields.
std::vector<Piece> take_pieces(Cursor& in, std::size_t limit, bool& cut) {
  std::vector<Piece> pieces;
  for (;;) {
    skip_space_and_comments(in);
    if (in.at_end()) return pieces;
    if (in.take(';')) continue;
    const auto written = in.take_while(is_name_octet);
    skip_space_and_comments(in);
    if (!in.take('=')) {
      if (written.empty()) in.skip(1);
      continue;
    }
    if (pieces.size() == limit) {
      cut = true;
      return pieces;
    }
    Piece piece;
    piece.value = take_value(in);
    if (take_piece_name(written, piece)) pieces.push_back(std::move(piece));
  }
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = i + 2 < text.size() ? ascii::hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? ascii::hex_value(text[i + 2]) : -1;
    if (text[i] == '%' && high >= 0 && low >= 0) {
      out.push_back(static_cast<char>(high << 4 | low));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// The pieces of one name, in the order of their numbers, as one value (RFC 2231 §4.1). Gaps are closed: what
// a filter reads as a name must be what a client may read (attack 36).
Parameter join(std::vector<const Piece*>& pieces) {
  // They lie in one vector, so that equal numbers keep their order by their address.
  std::ranges::sort(pieces, {}, [](const Piece* p) { return std::pair(p->number, p); });
  Parameter out{.name = pieces.front()->name, .value = {}};
  std::string charset;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    std::string_view value = pieces[i]->value;
    if (i > 0 && pieces[i]->number == pieces[i - 1]->number) continue;
    if (!pieces[i]->extended) {
      out.value += value;
      continue;
    }
    out.extended = true;
    if (i == 0) {
      const auto first = value.find('\''),
                 second = first == std::string_view::npos ? first : value.find('\'', first + 1);
      if (second != std::string_view::npos) {
        charset = value.substr(0, first);
        out.language = value.substr(first + 1, second - first - 1);
        value.remove_prefix(second + 1);
      }
    }
    out.value += percent_decoded(value);
  }
  if (out.extended) out.value = charset.empty() ? octets_to_utf8(out.value) : to_utf8(out.value, charset);
  return out;
}

// RFC 2231's form of a name counts before its plain form: who writes both means the first for who can read
// it.
Parameters joined(const std::vector<Piece>& pieces) {
  Parameters out;
  std::vector<const Piece*> same;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Piece& piece = pieces[i];
    if (out.find(piece.name)) continue;
    const Piece* plain = nullptr;
    same.clear();
    for (std::size_t k = i; k < pieces.size(); ++k) {
      if (pieces[k].name != piece.name) continue;
      if (pieces[k].numbered || pieces[k].extended) {
        for (const Piece* other : same) out.repeated |= other->number == pieces[k].number;
        same.push_back(&pieces[k]);
      } else if (plain) {
        out.repeated = true;
      } else {
        plain = &pieces[k];
      }
    }
    out.repeated |= plain && !same.empty();
    out.list.push_back(same.empty() ? Parameter{.name = piece.name, .value = plain->value} : join(same));
  }
  return out;
}

Parameters take_parameters(Cursor& in, std::size_t limit) {
  bool cut = false;
  const auto pieces = take_pieces(in, limit, cut);
  Parameters out = joined(pieces);
  out.cut = cut;
  return out;
}

}  // namespace

const Parameter* Parameters::get(std::string_view lower_case_name) const {
  const auto found = std::ranges::find(list, lower_case_name, &Parameter::name);
  return found == list.end() ? nullptr : &*found;
}

const std::string* Parameters::find(std::string_view lower_case_name) const {
  const Parameter* parameter = get(lower_case_name);
  return parameter ? &parameter->value : nullptr;
}

std::optional<MediaType> parse_media_type(std::string_view value, std::size_t limit) {
  Cursor in(value);
  skip_space_and_comments(in);
  MediaType out;
  out.type = ascii::to_lower(in.take_while(is_type_octet));
  skip_space_and_comments(in);
  if (in.take('/')) {
    skip_space_and_comments(in);
    out.subtype = ascii::to_lower(in.take_while(is_type_octet));
  }
  if (out.type.empty()) return std::nullopt;
  if (out.subtype.empty()) {
    if (out.type != "text" && out.type != "multipart") return std::nullopt;
    out.subtype = out.type == "text" ? "plain" : "mixed";
  }
  out.parameters = take_parameters(in, limit);
  return out;
}

std::optional<Disposition> parse_disposition(std::string_view value, std::size_t limit) {
  Cursor in(value);
  skip_space_and_comments(in);
  Disposition out;
  out.kind = ascii::to_lower(in.take_while(is_type_octet));
  if (out.kind.empty() || out.kind.find('=') != std::string::npos) {
    // "; filename=x" or "filename=x": RFC 2183 §2.8 has an unknown disposition treated as an attachment.
    out.kind = "attachment";
    in = Cursor(value);
  }
  out.parameters = take_parameters(in, limit);
  return out;
}

TransferEncoding parse_transfer_encoding(std::string_view value) {
  Cursor in(value);
  skip_space_and_comments(in);
  std::string quoted;
  if (in.peek() == '"') take_quoted(in, quoted);
  const std::string_view token = quoted.empty() ? in.take_while(is_type_octet) : std::string_view(quoted);
  struct Name {
    std::string_view name;
    TransferEncoding encoding;
  };
  using enum TransferEncoding;
  constexpr std::array names{
      Name{"7bit", SevenBit},  Name{"8bit", EightBit},     Name{"binary", Binary},
      Name{"base64", Base64},  Name{"uuencode", Uuencode}, Name{"x-uuencode", Uuencode},
      Name{"x-uue", Uuencode}, Name{"uue", Uuencode},      Name{"quoted-printable", QuotedPrintable}};
  for (const Name& name : names)
    if (ascii::iequals(token, name.name)) return name.encoding;
  return token.empty() ? SevenBit : Unknown;
}

std::optional<std::string> file_name(const Content& content) {
  const Parameter* name = content.disposition ? content.disposition->parameters.get("filename") : nullptr;
  if (!name) name = content.type.parameters.get("name");
  if (!name || name->value.empty()) return std::nullopt;
  // What RFC 2231 has decoded is not looked through for encoded words once more.
  return name->extended ? tame(name->value) : decode_words(name->value);
}

std::string safe_file_name(std::string_view name) {
  if (const auto slash = name.find_last_of("/\\"); slash != std::string_view::npos)
    name.remove_prefix(slash + 1);
  std::string out;
  for (char c : name)
    if (!ascii::is_control(c) && c != ':') out.push_back(c);
  const auto first = out.find_first_not_of(". ");
  out.erase(0, first == std::string::npos ? out.size() : first);
  while (!out.empty() && (out.back() == '.' || out.back() == ' ')) out.pop_back();
  if (out.size() > 200) {  // file systems end at 255 octets; the extension is what matters
    const auto dot = out.rfind('.');
    const std::string extension = dot != std::string::npos && out.size() - dot <= 16 ? out.substr(dot) : "";
    std::size_t keep = 200 - extension.size();
    while (keep > 0 && (static_cast<unsigned char>(out[keep]) & 0xc0) == 0x80) --keep;
    out = out.substr(0, keep) + extension;
  }
  return out.empty() ? "attachment" : out;
}

}  // namespace postroad::mime
