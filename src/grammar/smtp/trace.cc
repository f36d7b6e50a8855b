#include "smtp/trace.h"

#include <fmt/format.h>

#include <vector>

#include "base/ascii.h"
#include "base/date.h"

namespace postroad::smtp {
namespace {

constexpr std::size_t columns = 78;  // RFC 5322 §2.1.1

// For the inside of a comment: what could end or nest it, and what is not printable ASCII, becomes "?".
std::string comment_text(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (ascii::is_control(c) || ascii::is_8bit(c) || c == '(' || c == ')' || c == '\\') c = '?';
  return out;
}

std::string literal(const IpAddress& ip) {
  return ip.is_v4() ? "[" + ip.text() + "]" : "[IPv6:" + ip.text() + "]";
}

// From-domain = "FROM" FWS Extended-Domain. A HELO that is no domain cannot stand there: the address does,
// and the HELO goes into a comment.
void from_clause(const Received& r, std::vector<std::string>& words) {
  if (!r.client && !r.peer) return;
  const bool proper = r.client && r.client->domain;
  words.push_back("from " + (proper   ? r.client->domain->text()
                             : r.peer ? literal(*r.peer)
                                      : "unknown.invalid"));
  if (r.peer) words.push_back((r.peer_name ? "(" + r.peer_name->text() + " " : "(") + literal(*r.peer) + ")");
  if (r.client && !proper) words.push_back("(helo " + comment_text(r.client->text) + ")");
}

// Each word stays on one line.
std::string folded(std::string_view name, const std::vector<std::string>& words) {
  std::string out;
  out.reserve(512);
  out.append(name) += ':';
  std::size_t column = out.size();
  for (const std::string& word : words) {
    const bool fold = column + 1 + word.size() > columns && column > 8;
    out += fold ? "\r\n\t" : " ";
    column = (fold ? 8 : column + 1) + word.size();
    out += word;
  }
  return out + "\r\n";
}

}  // namespace

std::string with_protocol(Protocol protocol, bool tls, bool authenticated, bool smtputf8) {
  if (protocol == Protocol::Http) return "HTTP";
  if (protocol == Protocol::Smtp && !tls && !authenticated && !smtputf8) return "SMTP";
  std::string name = protocol == Protocol::Lmtp ? "LMTP" : smtputf8 ? "SMTP" : "ESMTP";
  if (smtputf8) name = "UTF8" + name;
  if (tls) name += 'S';
  if (authenticated) name += 'A';
  return name;
}

// Time-stamp-line = "Received:" FWS Stamp CRLF; Stamp = From-domain By-domain Opt-info [CFWS] ";" FWS
// date-time
std::string received_field(const Received& r) {
  std::vector<std::string> words;
  words.reserve(9);
  from_clause(r, words);
  words.push_back("by " + r.by.text());
  words.push_back("with " + with_protocol(r.protocol, r.tls, r.authenticated, r.smtputf8));
  if (!r.tls_details.empty()) words.push_back("(" + comment_text(r.tls_details) + ")");
  if (!r.id.empty()) words.push_back("id " + r.id);
  // Without SMTPUTF8 the message may end where nobody reads UTF-8 in a header field.
  if (r.recipient && (r.smtputf8 || !r.recipient->needs_smtputf8()))
    words.push_back("for <" + r.recipient->text() + ">");
  if (r.priority) words.push_back(fmt::format("priority {}", *r.priority));
  words.back() += ';';
  words.push_back(rfc5322_date(r.time, r.zone));
  return folded("Received", words);
}

std::string return_path_field(const ReversePath& reverse_path) {
  return "Return-Path: <" + reverse_path.text() + ">\r\n";
}
std::string delivered_to_field(const Address& address) { return "Delivered-To: " + address.text() + "\r\n"; }

}  // namespace postroad::smtp
