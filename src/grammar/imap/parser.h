// Parser: the hand that reads the arguments of one command. Inside this folder only.
//
// Its functions are the terminals of RFC 9051 §9 and what many commands share. After the first failure all
// further reading yields nothing and changes nothing, so a rule reads like its grammar; parse() asks once,
// at the end, whether all went well. Loops end because a failed parser takes nothing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/cursor.h"
#include "imap/date_time.h"
#include "imap/dialect.h"
#include "imap/flags.h"
#include "imap/mailbox_name.h"
#include "imap/sequence_set.h"
#include "imap/syntax_error.h"
#include "mail/ids.h"

namespace postroad::imap {

constexpr bool is_atom_char(char c) {
  switch (c) {
    case '(':
    case ')':
    case '{':
    case ' ':
    case '%':
    case '*':
    case '"':
    case '\\':
    case ']': return false;
    default: return !ascii::is_control(c) && !ascii::is_8bit(c);
  }
}
constexpr bool is_astring_char(char c) { return is_atom_char(c) || c == ']'; }
constexpr bool is_list_char(char c) { return is_astring_char(c) || c == '%' || c == '*'; }
// tag = 1*<any ASTRING-CHAR except "+">
constexpr bool is_tag_char(char c) { return is_astring_char(c) && c != '+'; }
// What names of items are made of: "RFC822.SIZE", "UTF8=ACCEPT".
constexpr bool is_word_char(char c) {
  return ascii::is_alnum(c) || c == '.' || c == '-' || c == '_' || c == '=';
}

struct CommandRule;

class Parser {
 public:
  // `literal_follows`: `text` ends with the header of a literal whose octets are not there (yet).
  Parser(std::string_view text, const Dialect& dialect, bool literal_follows = false)
      : in_(text),
        size_(text.size()),
        dialect_(dialect),
        literal_follows_(literal_follows),
        items_left_(dialect.limits.items),
        ranges_left_(dialect.limits.ranges) {}

  bool ok() const { return !error_; }
  const std::optional<SyntaxError>& error() const { return error_; }
  // Failed at the header of the literal that is not there yet, and nowhere else.
  bool wants_literal() const { return wants_literal_; }
  const Dialect& dialect() const { return dialect_; }
  bool uid() const { return uid_; }  // the name began with UID

  // tag SP has been read: the command's name, "UID" included, and whether it may be used now.
  const CommandRule* command_rule();  // command_table.cc

  // --- What is next, and steps that may be left out ----------------------------------------------------
  bool at_end() const { return in_.at_end(); }
  char peek() const { return in_.peek(); }
  std::string_view rest() const { return in_.rest(); }
  bool next_is(std::string_view keyword) const;  // in any case, and a whole word
  bool take(char c) { return in_.take(c); }
  // As take() for a whole word in any case.
  bool take_word(std::string_view keyword);

  // --- Steps that must be there ------------------------------------------------------------------------
  void fail(Fault fault) { fail_at(position(), fault, {}); }
  void fail(std::string_view expected) { fail_at(position(), Fault::Expected, expected); }
  // As fail(), for what began earlier.
  std::size_t position() const { return size_ - in_.rest().size(); }
  void fail_at(std::size_t position, std::string_view expected) {
    fail_at(position, Fault::Expected, expected);
  }
  void fail_before(std::string_view token, std::string_view expected) {
    fail_at(position() - token.size(), expected);
  }
  void expect(char c, std::string_view expected);
  // SP is one blank, and a client "MUST" not send more (RFC 9051 §9, note 2). Some do, and nothing else can
  // be meant by it, so several between arguments or inside parentheses are read as one.
  void sp();
  bool take_sp();
  void open();   // "(", one level deeper
  void close();  // ")"
  void end();    // nothing more
  // *(SP item) until ")": true while another item follows.
  bool more_in_list() { return take_sp() && in_.peek() != ')'; }
  void count_item();  // Limits::items

  // --- Terminals ---------------------------------------------------------------------------------------
  std::string_view tag();
  std::string_view atom(std::string_view expected);
  // A word out of a table, in any case.
  template <class T, std::size_t N>
  std::optional<T> word_of(const std::pair<std::string_view, T> (&table)[N], std::string_view expected) {
    const auto word = in_.take_while(is_word_char);
    for (const auto& [name, value] : table)
      if (ascii::iequals(word, name)) return value;
    fail_before(word, expected);
    return std::nullopt;
  }
  std::uint32_t number(std::string_view expected);
  std::uint32_t nz_number(std::string_view expected);
  std::uint64_t number64(std::string_view expected);
  std::uint64_t nz_number64(std::string_view expected);
  std::string astring(std::string_view expected);
  std::string string(std::string_view expected);
  std::optional<std::string> nstring(std::string_view expected);  // also a literal8: METADATA
  std::string list_mailbox();                                     // with wildcards, as sent

  // --- Rules that many commands share -------------------------------------------------------------------
  MailboxName mailbox();
  SequenceSet sequence_set();
  std::optional<std::uint32_t> seq_number();  // 0 for "*"
  Flags flag_list();                          // "(" [flag *(SP flag)] ")"
  void flag(Flags& into);
  Date date();
  DateTime date_time();

 private:
  void fail_at(std::size_t position, Fault fault, std::string_view expected);
  std::uint64_t digits(std::uint64_t least, std::uint64_t most, std::string_view expected);
  std::string quoted(std::string_view expected);
  std::string literal(std::string_view expected, bool may_hold_nul);

  Cursor in_;
  std::size_t size_;
  const Dialect& dialect_;
  bool literal_follows_;
  bool wants_literal_ = false;
  bool uid_ = false;
  std::size_t depth_ = 0;
  std::size_t items_left_;
  std::size_t ranges_left_;
  std::optional<SyntaxError> error_{};
};

// What a line ends in when a literal follows: "{n}", "{n+}", "~{n}", "~{n+}" (RFC 9051 §4.3, RFC 7888 §8, RFC
// 4466 §3).
struct LiteralHeader {
  std::uint64_t size = 0;  // more digits than fit: the largest number there is
  bool synchronizing = true;
  bool literal8 = false;
};
// `line` with or without its CRLF.
std::optional<LiteralHeader> literal_header(std::string_view line);

}  // namespace postroad::imap
