#include "smtp/capabilities.h"

#include <algorithm>
#include <array>

#include "base/cursor.h"

namespace postroad::smtp {
namespace {

constexpr std::size_t most_mechanisms = 64;

std::string_view take_word(Cursor& in) {
  in.take_while(ascii::is_blank);
  return in.take_while([](char c) { return !ascii::is_blank(c); });
}

void size(Cursor in, Capabilities& out) {
  Cursor word(take_word(in));
  out.size = word.take_number();
  if (!out.size || !word.at_end()) out.size = 0;  // "SIZE" alone: no fixed limit (RFC 1870 §4)
}

void auth(Cursor in, Capabilities& out) {
  for (auto word = take_word(in); !word.empty() && out.auth.size() < most_mechanisms; word = take_word(in))
    if (!out.offers_auth(word)) out.auth.push_back(ascii::to_upper(word));
}

// limits-param = limit-name "=" limit-value; 1*6DIGIT, and zero means nothing (RFC 9422 §3)
void limits(Cursor in, Capabilities& out) {
  for (auto word = take_word(in); !word.empty(); word = take_word(in)) {
    Cursor limit(word);
    std::optional<std::uint64_t>* slot = limit.take_keyword("MAILMAX=")         ? &out.limits.mail_max
                                         : limit.take_keyword("RCPTMAX=")       ? &out.limits.rcpt_max
                                         : limit.take_keyword("RCPTDOMAINMAX=") ? &out.limits.rcpt_domain_max
                                                                                : nullptr;
    if (!slot || *slot) continue;
    const auto number = limit.take_number();
    if (number && *number != 0 && limit.at_end()) *slot = number;
  }
}

struct Flag {
  std::string_view keyword;
  bool Capabilities::* field;
};
constexpr std::array<Flag, 14> flags{{
    {"PIPELINING", &Capabilities::pipelining},
    {"8BITMIME", &Capabilities::eight_bit_mime},
    {"SMTPUTF8", &Capabilities::smtputf8},
    {"STARTTLS", &Capabilities::starttls},
    {"DSN", &Capabilities::dsn},
    {"ENHANCEDSTATUSCODES", &Capabilities::enhanced_status_codes},
    {"CHUNKING", &Capabilities::chunking},
    {"BINARYMIME", &Capabilities::binary_mime},
    {"REQUIRETLS", &Capabilities::require_tls},
    {"DELIVERBY", &Capabilities::deliver_by},
    {"MT-PRIORITY", &Capabilities::mt_priority},
    {"FUTURERELEASE", &Capabilities::future_release},
    {"RRVS", &Capabilities::rrvs},
    {"ETRN", &Capabilities::etrn},
}};

void keyword_line(std::string_view line, Capabilities& out) {
  Cursor in(line);
  if (in.take_keyword("AUTH=")) return auth(in, out);  // before RFC 2554 was final, and to this day
  const auto keyword = take_word(in);
  if (ascii::iequals(keyword, "SIZE") && !out.size) return size(in, out);
  if (ascii::iequals(keyword, "AUTH")) return auth(in, out);
  if (ascii::iequals(keyword, "LIMITS")) return limits(in, out);
  for (const Flag& flag : flags)
    if (ascii::iequals(flag.keyword, keyword)) out.*flag.field = true;
}

}  // namespace

bool Capabilities::offers_auth(std::string_view mechanism) const {
  return std::any_of(auth.begin(), auth.end(),
                     [&](const std::string& m) { return ascii::iequals(m, mechanism); });
}

Capabilities parse_capabilities(const Reply& reply) {
  Capabilities out;
  std::string_view text = reply.text;
  for (bool first = true;; first = false) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    if (first)
      out.greeting = line.substr(0, line.find(' '));
    else
      keyword_line(line, out);
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

}  // namespace postroad::smtp
