// Header text as people read it: RFC 2047 encoded words, RFC 6532 UTF-8, and every charset the world still
// sends.
//
// What comes out is valid UTF-8 of one line, for showing, searching and comparing. It must never be written
// into a header again and never decides where a message goes (durability.md, attacks 37 and 38): decoding an
// encoded word can yield anything. All functions are linear in their input.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postroad::mime {

// The text of an unstructured field (Subject, Comments, Content-Description): unfolded, encoded words
// decoded, octets above 127 taken by the rule of octets_to_utf8(), line ends and tabs a space, other control
// characters U+FFFD.
std::string decode_text(std::string_view value);

// Encoded words inside a phrase, a comment or a parameter's value, where the blanks around them stand for
// themselves. RFC 2047 §5 allows them in fewer places than they are found in; they are decoded wherever they
// are delimited. This is what decode_text() does after unfolding.
std::string decode_words(std::string_view text);

// One line that no terminal obeys: line ends, tabs and line separators a space, other control characters and
// what is not UTF-8 U+FFFD. The last step of the two above, for text that was decoded another way.
std::string tame(std::string utf8);

// RFC 2047 §2: charset "?" encoding "?" text between "=?" and "?=", with RFC 2231 §5's language taken off.
struct EncodedWord {
  std::string_view charset;
  char encoding;  // 'b' or 'q'
  std::string_view text;
  std::size_t octets;  // of the whole word
};
// The encoded word that `text` begins with.
std::optional<EncodedWord> encoded_word(std::string_view text);

// `octets` of `charset` as UTF-8. ICU converts; names are those of RFC 2978 with the aliases in use, and as
// browsers do (Encoding Standard) a few name a superset: ISO-8859-1 is windows-1252, GB2312 is
// GB18030, EUC-KR and KS_C_5601-1987 are windows-949, Shift_JIS is windows-31j, ISO-8859-9 is windows-1254,
// TIS-620 is windows-874. Octets that mean nothing in it become U+FFFD. An unknown charset is taken by
// octets_to_utf8().
std::string to_utf8(std::string_view octets, std::string_view charset);
bool known_charset(std::string_view charset);

// Octets nobody named a charset for: UTF-8 if they are valid UTF-8, else windows-1252.
std::string octets_to_utf8(std::string_view octets);

}  // namespace postroad::mime
