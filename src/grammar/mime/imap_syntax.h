// A second reading of what imap.h writes, straight from the ABNF of RFC 3501 §9. For tests and fuzzers only:
// it shares nothing with the renderer, recurses (a structure is at most a hundred deep), and knows what to
// complain about.
#pragma once

#include <string>
#include <string_view>

#include "base/ascii.h"
#include "base/cursor.h"
#include "base/utf8.h"

namespace postroad::mime {

class ImapSyntax {
 public:
  // What is wrong with an ENVELOPE, a BODY, a BODYSTRUCTURE; empty if nothing is.
  static std::string of_envelope(std::string_view text) {
    ImapSyntax s(text);
    return s.finish(s.envelope());
  }
  static std::string of_body(std::string_view text) {
    ImapSyntax s(text);
    return s.finish(s.body(false));
  }
  static std::string of_bodystructure(std::string_view text) {
    ImapSyntax s(text);
    return s.finish(s.body(true));
  }

 private:
  explicit ImapSyntax(std::string_view text) : in_(text) {}

  std::string finish(bool ok) {
    if (ok && in_.at_end()) return {};
    const std::string where(in_.rest().substr(0, 60));
    return (wrong_.empty() ? std::string(ok ? "text after the end" : "syntax") : wrong_) + " at: " + where;
  }
  bool complain(std::string what) {
    if (wrong_.empty()) wrong_ = std::move(what);
    return false;
  }

  bool string() { return quoted() || literal() || complain("no string"); }
  bool quoted() {
    if (in_.peek() != '"') return false;
    in_.skip(1);
    for (;;) {
      if (in_.at_end()) return complain("open string");
      const char c = in_.peek();
      in_.skip(1);
      if (c == '"') return true;
      if (c == '\r' || c == '\n' || c == '\0' || ascii::is_8bit(c))
        return complain("octet not allowed between quotes");
      if (c == '\\') {
        if (in_.peek() != '"' && in_.peek() != '\\') return complain("bad escape");
        in_.skip(1);
      }
    }
  }
  bool literal() {
    if (!in_.take('{')) return false;
    const auto n = in_.take_number();
    if (!n || !in_.take("}\r\n") || *n > in_.rest().size()) return complain("bad literal");
    const auto octets = in_.skip(*n);
    if (octets.find('\0') != std::string_view::npos) return complain("NUL in a literal");
    if (!utf8::valid(octets)) return complain("literal is not UTF-8");
    return true;
  }
  bool nil() { return in_.take("NIL"); }
  bool nstring() { return nil() || string(); }
  bool number() { return in_.take_number() || complain("no number"); }
  bool sp() { return in_.take(' ') || complain("no space"); }

  // "(" date SP subject SP from ... SP message-id ")"
  bool envelope() {
    if (!in_.take('(') || !nstring() || !sp() || !nstring()) return false;
    for (int i = 0; i < 6; ++i)
      if (!sp() || !addresses()) return false;
    return sp() && nstring() && sp() && nstring() && (in_.take(')') || complain("envelope not closed"));
  }
  bool addresses() {
    if (nil()) return true;
    if (!in_.take('(')) return complain("no address list");
    bool in_group = false;
    do {
      if (!in_.take('(') || !nstring() || !sp() || !nstring() || !sp()) return complain("bad address");
      const bool no_mailbox = in_.rest().starts_with("NIL");
      if (!nstring() || !sp()) return false;
      const bool no_host = in_.rest().starts_with("NIL");
      if (!nstring() || !in_.take(')')) return complain("bad address");
      if (no_mailbox && !no_host) return complain("a host without a mailbox");
      if (no_host && no_mailbox != in_group) return complain("groups are not balanced");
      if (no_host) in_group = !in_group;
    } while (in_.peek() == '(');
    if (in_group) return complain("a group without end");
    return in_.take(')') || complain("address list not closed");
  }
  bool parameters() {
    if (nil()) return true;
    if (!in_.take('(')) return complain("no parameters");
    do {
      if (!string() || !sp() || !string()) return false;
    } while (in_.take(' '));
    return in_.take(')') || complain("parameters not closed");
  }
  bool disposition() {
    if (nil()) return true;
    return in_.take('(') && string() && sp() && parameters() && in_.take(')');
  }
  bool language() {
    if (in_.peek() != '(') return nstring();
    in_.skip(1);
    do {
      if (!string()) return false;
    } while (in_.take(' '));
    return in_.take(')');
  }
  bool extension() { return sp() && disposition() && sp() && language() && sp() && nstring(); }

  bool body(bool extended) {
    if (!in_.take('(')) return complain("no body");
    if (in_.peek() == '(') {
      while (in_.peek() == '(')
        if (!body(extended)) return false;
      if (!sp() || !string()) return false;
      if (extended && (!sp() || !parameters() || !extension())) return false;
      return in_.take(')') || complain("multipart not closed");
    }
    const auto type = in_.rest();
    if (!string() || !sp() || !string() || !sp() || !parameters() || !sp() || !nstring() || !sp() ||
        !nstring() || !sp() || !string() || !sp() || !number())
      return false;
    if (type.starts_with("\"MULTIPART\"")) return complain("a multipart without parts");
    if (type.starts_with("\"MESSAGE\" \"RFC822\"") || type.starts_with("\"MESSAGE\" \"GLOBAL\"")) {
      if (!sp() || !envelope() || !sp() || !body(extended) || !sp() || !number()) return false;
    } else if (type.starts_with("\"TEXT\"")) {
      if (!sp() || !number()) return false;
    }
    if (extended && (!sp() || !nstring() || !extension())) return false;
    return in_.take(')') || complain("body not closed");
  }

  Cursor in_;
  std::string wrong_;
};

}  // namespace postroad::mime
