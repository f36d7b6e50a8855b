// What the POP3 service tells the log.
#pragma once

#include "mail/address.h"
#include "observe/event.h"

namespace postroad::pop3d {

using observe::Field;

struct SignedIn {
  static constexpr std::string_view name = "pop3.signed_in";
  static constexpr std::string_view help = "A user signed in to collect mail.";
  std::string peer;
  Address account;
  std::uint32_t messages = 0;

  static constexpr std::tuple fields{Field{"peer", &SignedIn::peer}, Field{"account", &SignedIn::account},
                                     Field{"messages", &SignedIn::messages}};
};

struct SignInFailed {
  static constexpr std::string_view name = "pop3.sign_in_failed";
  static constexpr std::string_view help = "PASS or AUTH was answered no.";
  static constexpr observe::Level level = observe::Level::Warning;
  std::string peer;

  static constexpr std::tuple fields{Field{"peer", &SignInFailed::peer}};
};

struct Collected {
  static constexpr std::string_view name = "pop3.collected";
  static constexpr std::string_view help = "A session ended by QUIT: what it fetched and what was erased.";
  std::string peer;
  Address account;
  std::uint32_t retrieved = 0;
  std::uint32_t erased = 0;
  std::uint32_t left = 0;

  static constexpr std::tuple fields{Field{"peer", &Collected::peer}, Field{"account", &Collected::account},
                                     Field{"retrieved", &Collected::retrieved},
                                     Field{"erased", &Collected::erased}, Field{"left", &Collected::left}};
};

struct MessageDamaged {
  static constexpr std::string_view name = "pop3.message.damaged";
  static constexpr std::string_view help =
      "A stored message fails its checksum and was not sent; `postroad verify` tells more. Others are not "
      "affected.";
  static constexpr observe::Level level = observe::Level::Error;
  Address account;
  std::uint32_t uid = 0;

  static constexpr std::tuple fields{Field{"account", &MessageDamaged::account},
                                     Field{"uid", &MessageDamaged::uid}};
};

struct SessionEnded {
  static constexpr std::string_view name = "pop3.session.ended";
  static constexpr std::string_view help =
      "A connection ended otherwise than by QUIT: nothing was erased; reason says how.";
  static constexpr observe::Level level = observe::Level::Debug;
  std::string peer;
  std::string reason;

  static constexpr std::tuple fields{Field{"peer", &SessionEnded::peer},
                                     Field{"reason", &SessionEnded::reason}};
};

}  // namespace postroad::pop3d
