// What the SMTP service tells the log.
#pragma once

#include "mail/address.h"
#include "mail/ids.h"
#include "observe/event.h"

namespace postroad::smtpd {

using observe::Field;

struct MessageAccepted {
  static constexpr std::string_view name = "smtp.message.accepted";
  static constexpr std::string_view help =
      "A message was accepted: it is durable, in a mailbox or in the queue.";
  QueueId queue_id;
  std::string peer;
  std::string sender;
  std::size_t recipients = 0;
  std::uint64_t octets = 0;

  static constexpr std::tuple fields{
      Field{"queue_id", &MessageAccepted::queue_id}, Field{"peer", &MessageAccepted::peer},
      Field{"sender", &MessageAccepted::sender}, Field{"recipients", &MessageAccepted::recipients},
      Field{"octets", &MessageAccepted::octets}};
};

struct RecipientRefused {
  static constexpr std::string_view name = "smtp.recipient.refused";
  static constexpr std::string_view help = "RCPT was answered no; code and reply say why.";
  std::string peer;
  Address recipient;
  std::uint32_t code = 0;
  std::string reply;

  static constexpr std::tuple fields{
      Field{"peer", &RecipientRefused::peer}, Field{"recipient", &RecipientRefused::recipient},
      Field{"code", &RecipientRefused::code}, Field{"reply", &RecipientRefused::reply}};
};

struct SignedIn {
  static constexpr std::string_view name = "smtp.signed_in";
  static constexpr std::string_view help = "A user signed in for submission.";
  std::string peer;
  std::string_view service;
  Address account;

  static constexpr std::tuple fields{Field{"peer", &SignedIn::peer}, Field{"service", &SignedIn::service},
                                     Field{"account", &SignedIn::account}};
};

struct SignInFailed {
  static constexpr std::string_view name = "smtp.sign_in_failed";
  static constexpr std::string_view help = "AUTH was answered no.";
  static constexpr observe::Level level = observe::Level::Warning;
  std::string peer;
  std::string_view service;
  std::uint32_t reply = 0;

  static constexpr std::tuple fields{Field{"peer", &SignInFailed::peer},
                                     Field{"service", &SignInFailed::service},
                                     Field{"reply", &SignInFailed::reply}};
};

struct SessionEnded {
  static constexpr std::string_view name = "smtp.session.ended";
  static constexpr std::string_view help = "A connection ended otherwise than by QUIT; reason says how.";
  static constexpr observe::Level level = observe::Level::Debug;
  std::string peer;
  std::string_view service;
  std::string reason;

  static constexpr std::tuple fields{Field{"peer", &SessionEnded::peer},
                                     Field{"service", &SessionEnded::service},
                                     Field{"reason", &SessionEnded::reason}};
};

}  // namespace postroad::smtpd
