#include "delivery/attempt.h"
#include "delivery/reply_rules.h"

namespace postroad::delivery {

std::string_view to_text(Cause cause) {
  switch (cause) {
    case Cause::Accepted: return "accepted";
    case Cause::RefusedByReply: return "refused by reply";
    case Cause::NoSuchDomain: return "no such domain";
    case Cause::NullMx: return "domain takes no mail";
    case Cause::DnsTrouble: return "DNS trouble";
    case Cause::NoSuchHost: return "no such host";
    case Cause::NoHostAnswered: return "no host answered";
    case Cause::ConnectionLost: return "connection lost";
    case Cause::NotTried: return "not tried";
    case Cause::Loops: return "mail loops back to us";
    case Cause::PrivateAddress: return "only private addresses";
    case Cause::TlsFailed: return "TLS failed";
    case Cause::LoginFailed: return "login failed";
    case Cause::NotConvertible: return "not convertible";
    case Cause::TooBig: return "too big";
    case Cause::BadProtocol: return "not SMTP";
    case Cause::Expired: return "expired";
    case Cause::NoMailbox: return "no such mailbox";
    case Cause::MailboxFull: return "mailbox full";
    case Cause::StoreTrouble: return "store trouble";
  }
  return "unknown";
}

Verdict verdict_of(const Outcome& outcome) {
  if (outcome.remote_reply) return outcome.verdict;
  const auto class_of = [&] {
    switch (outcome.cause) {
      case Cause::NoSuchDomain:
      case Cause::NoSuchHost:
      case Cause::NullMx: return Class::NoSuchDomain;
      case Cause::DnsTrouble: return Class::DnsTrouble;
      case Cause::NoHostAnswered:
      case Cause::PrivateAddress: return Class::Unreachable;
      case Cause::ConnectionLost:
      case Cause::NotTried: return Class::ConnectionLost;
      case Cause::Loops: return Class::Loop;
      case Cause::TlsFailed: return Class::TlsFailed;
      case Cause::LoginFailed: return Class::LoginNeeded;
      case Cause::NotConvertible: return Class::International;
      case Cause::TooBig: return Class::TooBig;
      case Cause::BadProtocol: return Class::NotSmtp;
      case Cause::NoMailbox: return Class::NoSuchMailbox;
      case Cause::MailboxFull: return Class::MailboxFull;
      case Cause::StoreTrouble: return Class::Ours;
      case Cause::Accepted:
      case Cause::RefusedByReply:
      case Cause::Expired: break;
    }
    return Class::Unknown;
  };
  return completed({.klass = class_of(), .permanent = outcome.fate == Outcome::Fate::Failed}, outcome.stage);
}

}  // namespace postroad::delivery
