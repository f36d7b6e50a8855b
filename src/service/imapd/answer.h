// Answer: how a command ended, its tagged response. Everything this server says of itself is said here.
#pragma once

#include <string>
#include <string_view>

#include "imap/render.h"
#include "mailbox/session.h"
#include "sasl/server.h"

namespace postroad::imapd {

struct Answer {
  imap::Condition condition = imap::Condition::Ok;
  std::string code{};
  std::string text{};
  bool silent = false;  // not yet, or said already: IDLE, STARTTLS

  static Answer ok(std::string_view text, std::string code = {}) {
    return {imap::Condition::Ok, std::move(code), std::string(text)};
  }
  static Answer no(std::string_view code, std::string_view text) {
    return {imap::Condition::No, std::string(code), std::string(text)};
  }
  static Answer bad(std::string_view text) { return {imap::Condition::Bad, {}, std::string(text)}; }
  static Answer said() { return {.silent = true}; }
};

// Whether the mailbox that was not found is one to create first: [TRYCREATE] (RFC 9051 §7.1).
enum class Target : bool { Exists, MayBeCreated };
Answer refused(mailbox::Refusal why, Target target = Target::Exists);
Answer refused(sasl::Failure why);

namespace texts {
using namespace std::string_view_literals;

inline constexpr auto greeting = "Postroad is ready"sv;
inline constexpr auto bye = "Until next time"sv;
inline constexpr auto stopping = "The server is being stopped; come again"sv;
inline constexpr auto mailbox_gone = "The selected mailbox was deleted by another session"sv;
inline constexpr auto too_many_errors = "Too many errors; closing"sv;
inline constexpr auto too_many_sign_ins = "Too many failures to sign in; closing"sv;
inline constexpr auto too_many_sessions = "This account has too many sessions; close some"sv;
inline constexpr auto idling = "Idling; say DONE to end it"sv;
inline constexpr auto go_on = "Go on"sv;
inline constexpr auto not_offered = "Not offered here; see CAPABILITY"sv;
inline constexpr auto no_such_message = "No message has this number; the last is the number EXISTS told"sv;
inline constexpr auto read_only = "The mailbox was opened read-only, by EXAMINE"sv;
inline constexpr auto some_expunged = "Some of the messages were expunged by another session; say NOOP"sv;
inline constexpr auto expect_done = "Say DONE, and nothing else, to end IDLE"sv;

}  // namespace texts
}  // namespace postroad::imapd
