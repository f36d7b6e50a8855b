// The tokens all structured fields share (RFC 5322 §3.2): blanks and folding, comments, quoted strings,
// atoms.
//
// Line ends count as blanks, so a folded value is read as it lies. Nothing here recurses: comments are
// counted.
#pragma once

#include <string>
#include <string_view>

#include "base/ascii.h"
#include "base/cursor.h"

namespace postroad::mime {

constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// atext, and what is found in its place: 8-bit octets, control characters. Not: blanks and specials (RFC 5322
// §3.2.3).
constexpr bool is_atom(char c) {
  switch (c) {
    case ' ':
    case '\t':
    case '\r':
    case '\n':
    case '(':
    case ')':
    case '<':
    case '>':
    case '[':
    case ']':
    case ':':
    case ';':
    case '@':
    case '\\':
    case ',':
    case '.':
    case '"': return false;
    default: return true;
  }
}

// The cursor stands at "(": reads to the end of the comment, or of the value if it is never closed. `text`,
// if wanted, gets what it says: without the outer parentheses, backslashes undone, folding taken out.
void take_comment(Cursor& in, std::string* text);

// The cursor stands at a double quote: appends the content, backslashes undone, folding taken out, blanks
// kept.
void take_quoted(Cursor& in, std::string& content);

// CFWS.
void skip_space_and_comments(Cursor& in);

}  // namespace postroad::mime
