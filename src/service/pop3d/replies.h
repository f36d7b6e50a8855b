// Everything this server ever says in POP3 (RFC 1939 §3, response codes of RFC 2449 §8 and RFC 3206), but for
// listings and messages.
#pragma once

#include <fmt/format.h>

#include "base/ascii.h"
#include "mailbox/session.h"
#include "pop3/command.h"
#include "pop3/response.h"
#include "sasl/server.h"

namespace postroad::pop3d::replies {

using pop3::Code;
using pop3::err;
using pop3::ok;

inline std::string greeting(std::string_view host) { return ok(fmt::format("{} POP3 Postroad", host)); }
inline std::string bye() { return ok("Bye"); }
inline std::string left(std::uint32_t messages) {
  return ok(messages == 0 ? "Bye; the maildrop is empty" : fmt::format("Bye; {} messages left", messages));
}
inline std::string not_all_removed() { return err("Some deleted messages were not removed", Code::SysTemp); }

// The order of commands.
inline std::string cannot_parse(pop3::CommandError error) {
  std::string text(pop3::describe(error));
  text.front() = ascii::upper(text.front());
  return err(text);
}
inline std::string line_too_long() { return err("Line too long"); }
inline std::string bare_line_end() { return err("A line must end with CR LF, and hold neither elsewhere"); }
inline std::string sign_in_first() { return err("Sign in first (USER and PASS, or AUTH)"); }
inline std::string signed_in_already() { return err("You are signed in already"); }
inline std::string user_first() { return err("Say USER first"); }
inline std::string not_offered() { return err("Not offered here"); }
inline std::string too_many_errors() { return err("Too many errors; closing"); }
inline std::string too_busy() { return err("Too busy; try again later", Code::SysTemp); }
inline std::string too_many_connections() { return err("Too many connections from you", Code::SysTemp); }

// Signing in.
inline std::string send_password() { return ok("Now PASS"); }  // for every name alike (attack 22)
inline std::string stls_first() { return err("Passwords only over TLS: say STLS first"); }
inline std::string ready_for_tls() { return ok("Ready to start TLS"); }
inline std::string tls_already() { return err("TLS is active already"); }
inline std::string no_tls_after_utf8() { return err("STLS must come before UTF8"); }  // RFC 6856 §2.1
inline std::string too_eager() { return err("You speak before TLS has begun; closing"); }
inline std::string wrong_credentials() { return err("User name or password is wrong", Code::Auth); }
inline std::string in_use() { return err("Another session has this maildrop", Code::InUse); }
inline std::string maildrop(std::uint32_t messages, std::uint64_t octets) {
  return ok(fmt::format("The maildrop has {} messages ({} octets)", messages, octets));
}
inline std::string sasl_failure(sasl::Failure why) {
  switch (why) {
    case sasl::Failure::Cancelled: return err("Cancelled");
    case sasl::Failure::BadBase64:
    case sasl::Failure::BadMessage: return err("That is not what this mechanism says");
    case sasl::Failure::TooLong: return err("Line too long");
    case sasl::Failure::UnknownMechanism: return err("This mechanism is not offered");
    case sasl::Failure::TryLater:
      return err("Cannot check passwords at the moment; try again later", Code::SysTemp);
    case sasl::Failure::WrongCredentials:
    case sasl::Failure::NotAuthorized:
    case sasl::Failure::ChannelBinding: break;
  }
  return wrong_credentials();
}

// Messages.
inline std::string no_such_message(std::uint32_t messages) {
  return err(fmt::format("No such message; there are {}", messages));
}
inline std::string deleted_already(std::uint32_t message) {
  return err(fmt::format("Message {} is marked as deleted", message));
}
inline std::string deleted(std::uint32_t message) { return ok(fmt::format("Message {} deleted", message)); }
inline std::string octets(std::uint64_t octets) { return ok(fmt::format("{} octets", octets)); }
inline std::string cannot_send(std::uint32_t message, mailbox::Refusal why) {
  switch (why) {
    case mailbox::Refusal::Expunged:
      return err(fmt::format("Message {} was removed by another program", message));
    case mailbox::Refusal::Damaged:
      return err(fmt::format("Message {} is damaged on disk; tell the administrator", message),
                 Code::SysPerm);
    default: return err("Cannot be read at the moment; try again later", Code::SysTemp);
  }
}
inline std::string refused(mailbox::Refusal why) {
  switch (why) {
    case mailbox::Refusal::InUse: return in_use();
    case mailbox::Refusal::NoSuchAccount: return err("This account is not there any more", Code::SysPerm);
    default: return err("The maildrop cannot be opened at the moment; try again later", Code::SysTemp);
  }
}

}  // namespace postroad::pop3d::replies
