#include "delivery/attempt.h"

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

}  // namespace postroad::delivery
