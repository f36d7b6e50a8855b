#include "smtp/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/date.h"
#include "base/utf8.h"
#include "smtp/xtext.h"

namespace postroad::smtp {
namespace {

constexpr std::size_t longest_envid = 100, longest_orcpt = 500;  // RFC 3461 §4.4, §4.2, as they are written
constexpr std::uint64_t longest_interval = 999'999'999;          // RFC 2852 §4, RFC 4865 §2

// One parameter's value: absent and empty differ.
using Value = std::optional<std::string_view>;

constexpr bool is_keyword_char(char c) { return ascii::is_alnum(c) || c == '-'; }
// esmtp-value (RFC 5321 §4.1.2), with UTF-8 (RFC 6531 §3.3); "=" may not stand in it.
constexpr bool is_value_char(char c) { return (c > ' ' && c < 0x7f && c != '=') || ascii::is_8bit(c); }

// SIZE=1*20DIGIT (RFC 1870 §6)
bool size(Value value, MailFrom& mail) {
  Cursor in(value.value_or(""));
  const auto octets = in.take_number();
  if (!octets || !in.at_end()) return false;
  mail.size = *octets;
  return true;
}

// BODY=7BIT / 8BITMIME (RFC 6152 §2) / BINARYMIME (RFC 3030 §3)
bool body(Value value, MailFrom& mail) {
  if (!value) return false;
  if (ascii::iequals(*value, "7BIT"))
    mail.body = Body::SevenBit;
  else if (ascii::iequals(*value, "8BITMIME"))
    mail.body = Body::EightBitMime;
  else if (ascii::iequals(*value, "BINARYMIME"))
    mail.body = Body::BinaryMime;
  else
    return false;
  return true;
}

bool smtputf8(Value value, MailFrom& mail) { return mail.smtputf8 = true, !value; }
bool require_tls(Value value, MailFrom& mail) { return mail.require_tls = true, !value; }

// RET=FULL / HDRS (RFC 3461 §4.3)
bool ret(Value value, MailFrom& mail) {
  if (!value) return false;
  if (ascii::iequals(*value, "FULL"))
    mail.ret = DsnReturn::Full;
  else if (ascii::iequals(*value, "HDRS"))
    mail.ret = DsnReturn::Headers;
  else
    return false;
  return true;
}

// ENVID=xtext (RFC 3461 §4.4)
bool envid(Value value, MailFrom& mail) {
  if (!value || value->empty() || value->size() > longest_envid) return false;
  auto decoded = from_xtext(*value);
  if (!decoded) return false;
  mail.envid = std::move(*decoded);
  return true;
}

// AUTH=xtext of a mailbox, or "<>" (RFC 4954 §5). "<>" written as xtext too: some clients encode it.
bool auth(Value value, MailFrom& mail) {
  if (!value) return false;
  if (*value == "<>") return mail.auth = ReversePath(), true;
  // The mailbox may be UTF-8 in plain sight (RFC 6531 §3.3), which xtext has no place for.
  const auto mailbox = utf8::is_ascii(*value) ? from_xtext(*value) : std::string(*value);
  if (!mailbox) return false;
  if (*mailbox == "<>") return mail.auth = ReversePath(), true;
  auto address = Address::parse(*mailbox);
  if (!address) return false;
  mail.auth = ReversePath(std::move(*address));
  return true;
}

// MT-PRIORITY=(["-"] NZDIGIT) / "0" (RFC 6710 §7)
bool priority(Value value, MailFrom& mail) {
  Cursor in(value.value_or(""));
  const bool negative = in.take('-');
  if (in.rest().size() != 1 || !ascii::is_digit(in.peek()) || (negative && in.peek() == '0')) return false;
  const int level = in.peek() - '0';
  mail.priority = static_cast<std::int8_t>(negative ? -level : level);
  return true;
}

// HOLDFOR=1..999999999 (RFC 4865 §2)
bool hold_for(Value value, MailFrom& mail) {
  Cursor in(value.value_or(""));
  if (in.peek() == '0') return false;
  const auto seconds = in.take_number();
  if (!seconds || *seconds > longest_interval || !in.at_end()) return false;
  mail.hold = std::chrono::seconds(*seconds);
  return true;
}

bool hold_until(Value value, MailFrom& mail) {
  const auto time = parse_rfc3339(value.value_or(""));
  if (!time) return false;
  mail.hold = *time;
  return true;
}

// BY=["-" / "+"]1*9digit ";" ("N" / "R") ["T"] (RFC 2852 §4)
bool by(Value value, MailFrom& mail) {
  Cursor in(value.value_or(""));
  const bool negative = in.take('-');
  if (!negative) in.take('+');
  const auto seconds = in.take_number();
  if (!seconds || *seconds > longest_interval || !in.take(';')) return false;
  DeliverBy result{.seconds = static_cast<std::int32_t>(*seconds) * (negative ? -1 : 1)};
  if (in.take_keyword("N"))
    result.mode = DeliverBy::Mode::Notify;
  else if (!in.take_keyword("R") || result.seconds <= 0)
    return false;
  result.trace = in.take_keyword("T");
  if (!in.at_end()) return false;
  mail.by = result;
  return true;
}

// NOTIFY="NEVER" / 1#("SUCCESS" / "FAILURE" / "DELAY") (RFC 3461 §4.1)
bool notify(Value value, RcptTo& rcpt) {
  if (!value) return false;
  if (ascii::iequals(*value, "NEVER")) return rcpt.notify.never = true;
  Cursor in(*value);
  do {
    bool* which = in.take_keyword("SUCCESS")   ? &rcpt.notify.success
                  : in.take_keyword("FAILURE") ? &rcpt.notify.failure
                  : in.take_keyword("DELAY")   ? &rcpt.notify.delay
                                               : nullptr;
    if (!which || std::exchange(*which, true)) return false;
  } while (in.take(','));
  return in.at_end();
}

// ORCPT=addr-type ";" xtext (RFC 3461 §4.2); type utf-8 has its own encoding (RFC 6533 §3).
bool orcpt(Value value, RcptTo& rcpt) {
  if (!value || value->size() > longest_orcpt) return false;
  Cursor in(*value);
  const auto type =
      in.take_while([](char c) { return ascii::is_alnum(c) || c == '-' || c == '.' || c == '_'; });
  if (type.empty() || !in.take(';') || in.at_end()) return false;
  const bool utf8 = ascii::iequals(type, "utf-8");
  auto address = utf8 ? from_utf8_address(in.rest()) : from_xtext(in.rest());
  if (!address) return false;
  // UTF-8 in plain sight grows when it has to go on as xtext, and must not grow too long there.
  if (utf8 && type.size() + 1 + utf8_address_xtext(*address).size() > longest_orcpt) return false;
  rcpt.original = OriginalRecipient{ascii::to_lower(type), std::move(*address)};
  return true;
}

// RRVS=date-time [ ";" ( "C" / "R" ) ] (RFC 7293 §3.1)
bool valid_since(Value value, RcptTo& rcpt) {
  if (!value) return false;
  const auto time = parse_rfc3339(value->substr(0, value->find(';')));
  if (!time) return false;
  ValidSince result{*time};
  Cursor in(*value);
  if (in.take_until(';')) {
    in.take(';');
    if (in.take_keyword("C"))
      result.otherwise = ValidSince::Else::Continue;
    else if (in.take_keyword("R"))
      result.otherwise = ValidSince::Else::Reject;
    else
      return false;
    if (!in.at_end()) return false;
  }
  rcpt.valid_since = result;
  return true;
}

// Two keywords with one `slot` exclude each other (RFC 4865 §2: HOLDFOR and HOLDUNTIL).
template <class C>
struct Parameter {
  std::string_view keyword;
  unsigned slot;
  bool (*read)(Value, C&);
};

constexpr std::array<Parameter<MailFrom>, 11> mail_parameters{{
    {"SIZE", 0, size},
    {"BODY", 1, body},
    {"SMTPUTF8", 2, smtputf8},
    {"RET", 3, ret},
    {"ENVID", 4, envid},
    {"AUTH", 5, auth},
    {"MT-PRIORITY", 6, priority},
    {"HOLDFOR", 7, hold_for},
    {"HOLDUNTIL", 7, hold_until},
    {"BY", 8, by},
    {"REQUIRETLS", 9, require_tls},
}};
constexpr std::array<Parameter<RcptTo>, 3> rcpt_parameters{
    {{"NOTIFY", 0, notify}, {"ORCPT", 1, orcpt}, {"RRVS", 2, valid_since}}};

// Each of the few parameters there are may stand once, so that however long the line is, this ends soon.
template <class C, std::size_t n>
std::optional<SyntaxError> read(Cursor in, C& command, const std::array<Parameter<C>, n>& known) {
  unsigned seen = 0;
  while (in.take(' ')) {
    in.take_while(ascii::is_blank);
    if (in.at_end()) break;
    const auto keyword = in.take_while(is_keyword_char);
    Value value;
    if (in.take('=')) value = in.take_while(is_value_char);
    if (keyword.empty() || keyword.front() == '-' || (!in.at_end() && in.peek() != ' '))
      return SyntaxError::BadParameter;

    const auto* parameter = std::find_if(known.begin(), known.end(), [&](const Parameter<C>& p) {
      return ascii::iequals(p.keyword, keyword);
    });
    if (parameter == known.end()) return SyntaxError::UnknownParameter;
    if (seen & 1u << parameter->slot) return SyntaxError::DuplicateParameter;
    seen |= 1u << parameter->slot;
    if (!parameter->read(value, command)) return SyntaxError::BadParameter;
  }
  if (!in.at_end()) return SyntaxError::BadParameter;
  return std::nullopt;
}

std::string_view body_keyword(Body body) {
  switch (body) {
    case Body::SevenBit: return "7BIT";
    case Body::EightBitMime: return "8BITMIME";
    case Body::BinaryMime: return "BINARYMIME";
  }
  return "7BIT";
}

std::string hold_parameter(const Hold& hold) {
  if (const auto* interval = std::get_if<std::chrono::seconds>(&hold))
    return fmt::format(" HOLDFOR={}", interval->count());
  return " HOLDUNTIL=" + rfc3339(std::get<Time>(hold));
}

std::string auth_parameter(const ReversePath& auth) {
  if (auth.is_null()) return " AUTH=<>";
  const std::string text = auth.text();
  return " AUTH=" + (utf8::is_ascii(text) ? xtext(text) : text);
}

std::string notify_parameter(const DsnNotify& notify) {
  if (notify.never) return " NOTIFY=NEVER";
  std::string list;
  if (notify.success) list += ",SUCCESS";
  if (notify.failure) list += ",FAILURE";
  if (notify.delay) list += ",DELAY";
  return " NOTIFY=" + list.substr(1);
}

}  // namespace

std::optional<SyntaxError> read_parameters(Cursor in, MailFrom& mail) {
  return read(in, mail, mail_parameters);
}
std::optional<SyntaxError> read_parameters(Cursor in, RcptTo& rcpt) {
  return read(in, rcpt, rcpt_parameters);
}

std::string parameters_of(const MailFrom& mail) {
  std::string out;
  if (mail.size) out += fmt::format(" SIZE={}", mail.size);
  if (mail.body) out.append(" BODY=").append(body_keyword(*mail.body));
  if (mail.smtputf8) out += " SMTPUTF8";
  if (mail.ret != DsnReturn::Unspecified) out += mail.ret == DsnReturn::Full ? " RET=FULL" : " RET=HDRS";
  if (!mail.envid.empty()) out += " ENVID=" + xtext(mail.envid);
  if (mail.auth) out += auth_parameter(*mail.auth);
  if (mail.priority) out += fmt::format(" MT-PRIORITY={}", *mail.priority);
  if (mail.hold) out += hold_parameter(*mail.hold);
  if (mail.by)
    out += fmt::format(" BY={};{}{}", mail.by->seconds, mail.by->mode == DeliverBy::Mode::Notify ? 'N' : 'R',
                       mail.by->trace ? "T" : "");
  if (mail.require_tls) out += " REQUIRETLS";
  return out;
}

std::string parameters_of(const RcptTo& rcpt) {
  std::string out;
  if (rcpt.notify.given()) out += notify_parameter(rcpt.notify);
  if (rcpt.original) {
    const bool utf8 = rcpt.original->type == "utf-8";
    out += " ORCPT=" + rcpt.original->type + ';' +
           (utf8 ? utf8_address_xtext(rcpt.original->address) : xtext(rcpt.original->address));
  }
  if (rcpt.valid_since) {
    out += " RRVS=" + rfc3339(rcpt.valid_since->since);
    if (rcpt.valid_since->otherwise == ValidSince::Else::Continue) out += ";C";
    if (rcpt.valid_since->otherwise == ValidSince::Else::Reject) out += ";R";
  }
  return out;
}

}  // namespace postroad::smtp
