// What the IMAP service tells the log.
#pragma once

#include "mail/address.h"
#include "observe/event.h"

namespace postroad::imapd {

using observe::Field;

struct SignedIn {
  static constexpr std::string_view name = "imap.signed_in";
  static constexpr std::string_view help = "A user signed in to read mail.";
  std::string peer;
  Address account;
  bool tls = false;

  static constexpr std::tuple fields{Field{"peer", &SignedIn::peer}, Field{"account", &SignedIn::account},
                                     Field{"tls", &SignedIn::tls}};
};

struct SignInFailed {
  static constexpr std::string_view name = "imap.sign_in_failed";
  static constexpr std::string_view help = "LOGIN or AUTHENTICATE was answered no; reason is what was said.";
  static constexpr observe::Level level = observe::Level::Warning;
  std::string peer;
  std::string reason;

  static constexpr std::tuple fields{Field{"peer", &SignInFailed::peer},
                                     Field{"reason", &SignInFailed::reason}};
};

struct MessageDamaged {
  static constexpr std::string_view name = "imap.message.damaged";
  static constexpr std::string_view help = "A message could not be read whole: its checksum is wrong.";
  static constexpr observe::Level level = observe::Level::Error;
  std::uint64_t account = 0;
  std::uint32_t mailbox = 0;
  std::uint32_t uid = 0;

  static constexpr std::tuple fields{Field{"account", &MessageDamaged::account},
                                     Field{"mailbox", &MessageDamaged::mailbox},
                                     Field{"uid", &MessageDamaged::uid}};
};

struct SessionEnded {
  static constexpr std::string_view name = "imap.session.ended";
  static constexpr std::string_view help = "A connection ended otherwise than by LOGOUT; reason says how.";
  static constexpr observe::Level level = observe::Level::Debug;
  std::string peer;
  std::string reason;

  static constexpr std::tuple fields{Field{"peer", &SessionEnded::peer},
                                     Field{"reason", &SessionEnded::reason}};
};

}  // namespace postroad::imapd
