// Everything this server ever says in SMTP and LMTP (RFC 5321 §4.2.3, RFC 3463); what policy says is in
// policy/replies.h.
#pragma once

#include <fmt/format.h>

#include "base/ascii.h"
#include "mail/enhanced_status.h"
#include "mail/ids.h"
#include "smtp/command.h"

namespace postroad::smtpd::replies {

inline Reply greeting(const std::string& host) {
  return {220, {}, host + " ESMTP Postroad; say HELP for help"};
}
inline Reply lmtp_greeting(const std::string& host) { return {220, {}, host + " LMTP Postroad"}; }
inline const Reply ok{250, {2, 0, 0}, "Ok"};
inline const Reply sender_ok{250, {2, 1, 0}, "Sender ok"};
inline const Reply recipient_ok{250, {2, 1, 5}, "Recipient ok"};
inline const Reply start_mail_input{354, {}, "Send the message; end it with a line that holds a dot only"};
inline const Reply bye{221, {2, 0, 0}, "Bye"};
inline const Reply cannot_vrfy{252, {2, 0, 0}, "Cannot say; send the message and see"};  // RFC 5321 §3.5.3
inline const Reply ready_for_tls{220, {2, 0, 0}, "Ready to start TLS"};
inline const Reply signed_in{235, {2, 7, 0}, "Signed in"};

inline Reply queued(QueueId id) { return {250, {2, 0, 0}, "Queued as " + id.text()}; }
inline Reply chunk(std::uint64_t octets) {
  return {250, {2, 0, 0}, fmt::format("{} octets received", octets)};
}

// The peer's order of commands or its grammar.
inline const Reply say_ehlo_first{503, {5, 5, 1}, "Say EHLO first"};
inline const Reply say_lhlo_first{503, {5, 5, 1}, "Say LHLO first"};
inline const Reply lmtp_wants_lhlo{500, {5, 5, 1}, "This is LMTP: say LHLO"};
inline const Reply smtp_wants_ehlo{500, {5, 5, 1}, "This is SMTP: say EHLO"};
inline const Reply already_in_transaction{
    503, {5, 5, 1}, "A transaction is open; RSET ends it"};  // RFC 5321 §4.1.4
inline const Reply no_transaction{503, {5, 5, 1}, "Say MAIL FROM first"};
inline const Reply no_recipients{503, {5, 5, 1}, "Say RCPT TO first"};  // RFC 5321 §3.3
inline const Reply no_valid_recipients{554, {5, 5, 1}, "No valid recipients"};
inline const Reply bdat_under_way{503, {5, 5, 1}, "BDAT has begun; only BDAT, RSET and QUIT may follow"};
inline const Reply not_offered{502, {5, 5, 1}, "Not offered here"};
inline const Reply parameter_not_offered{555, {5, 5, 4}, "A parameter that was not offered"};
inline const Reply hold_too_long{501, {5, 5, 4}, "We hold messages for thirty days at most"};  // RFC 4865 §4
inline const Reply too_eager{503, {5, 5, 0}, "You speak before it is your turn; closing"};  // RFC 2920 §3.1
inline const Reply line_too_long{500, {5, 5, 6}, "Line too long"};
inline const Reply bare_line_end{500, {5, 5, 2}, "A line must end with CR LF, and hold neither elsewhere"};
inline const Reply needs_smtputf8{553, {5, 6, 7}, "Say SMTPUTF8 with MAIL FROM to use such an address"};
inline const Reply duplicate_ehlo_tls{503, {5, 5, 1}, "TLS is active already"};

inline Reply cannot_parse(const smtp::CommandError& error) {
  using smtp::SyntaxError;
  std::string text(smtp::describe(error));
  text.front() = ascii::upper(text.front());
  switch (error.what) {
    case SyntaxError::UnknownCommand: return {500, {5, 5, 1}, text};
    case SyntaxError::BadLine: return {500, {5, 5, 2}, text};
    case SyntaxError::NoBrackets: return {501, {5, 5, 2}, text};
    case SyntaxError::BadReversePath: return {501, {5, 1, 7}, text};
    case SyntaxError::BadForwardPath: return {501, {5, 1, 3}, text};
    case SyntaxError::AddressNeedsSmtpUtf8: return needs_smtputf8;
    case SyntaxError::UnknownParameter: return {555, {5, 5, 4}, text};
    default: return {501, {5, 5, 4}, text};
  }
}

// Limits. 452 and 421 are for now, 5yz for good.
inline const Reply too_many_recipients{
    452, {4, 5, 3}, "Too many recipients"};  // RFC 5321 §4.5.3.1.10: not 552
inline const Reply message_too_big{552, {5, 3, 4}, "The message is larger than we take"};
inline const Reply disk_full{452, {4, 3, 1}, "No room for mail at the moment; try again later"};
inline const Reply try_again_later{451, {4, 3, 0}, "Mail cannot be taken at the moment; try again later"};
inline const Reply overloaded{452, {4, 3, 1}, "Too busy; try again later"};
inline const Reply busy_421{421, {4, 3, 2}, "Too busy; try again later"};
inline const Reply unhealthy_421{421, {4, 3, 0}, "Mail cannot be taken at the moment; try again later"};
inline const Reply too_many_errors{421, {4, 7, 0}, "Too many errors; closing"};
inline const Reply too_many_idle{421, {4, 7, 0}, "Too many commands without mail; closing"};
inline const Reply too_many_messages{421, {4, 7, 0}, "Enough messages on one connection; come again"};
inline const Reply stopping{421, {4, 3, 2}, "The server is being stopped; come again"};
inline const Reply timed_out{421, {4, 4, 2}, "Waited too long; closing"};

// The message.
inline const Reply bad_line_ends{
    554, {5, 6, 0}, "Lines of the message must end with CR LF, and hold no other CR, LF or NUL; closing"};
inline const Reply loops{554, {5, 4, 6}, "The message has passed through too many servers: it loops"};
inline const Reply bad_originator{
    550, {5, 7, 1}, "The message must have one From field with an address of yours"};

// Signing in (RFC 4954 §6).
inline const Reply sign_in_first{530, {5, 7, 0}, "Sign in first (AUTH)"};
inline const Reply starttls_first{538, {5, 7, 11}, "Passwords only over TLS: say STARTTLS first"};
inline const Reply signed_in_already{503, {5, 5, 1}, "You are signed in already"};
inline const Reply not_in_transaction{503, {5, 5, 1}, "Not within a transaction"};
inline const Reply wrong_credentials{535, {5, 7, 8}, "User name or password is wrong"};
inline const Reply auth_later{454, {4, 7, 0}, "Cannot check passwords at the moment; try again later"};
inline const Reply auth_cancelled{501, {5, 7, 0}, "Cancelled"};
inline const Reply auth_base64{501, {5, 5, 2}, "That is not what this mechanism says"};
inline const Reply auth_too_long{500, {5, 5, 6}, "Line too long"};
inline const Reply auth_unknown{504, {5, 5, 4}, "This mechanism is not offered"};

}  // namespace postroad::smtpd::replies
