#include "ledger/event.h"

namespace postroad::ledger {

std::string_view to_text(Type type) {
  switch (type) {
    case Type::Accepted: return "accepted";
    case Type::RecipientAccepted: return "recipient_accepted";
    case Type::Delivered: return "delivered";
    case Type::Relayed: return "relayed";
    case Type::Deferred: return "deferred";
    case Type::Failed: return "failed";
    case Type::Expired: return "expired";
    case Type::DsnSent: return "dsn_sent";
    case Type::DsnSuppressed: return "dsn_suppressed";
    case Type::Cancelled: return "cancelled";
    case Type::Collected: return "collected";
    case Type::Erased: return "erased";
    case Type::Forwarded: return "forwarded";
    case Type::Refused: return "refused";
    case Type::Suspended: return "suspended";
  }
  return "unknown";
}

std::string_view to_text(Field field) {
  switch (field) {
    case Field::Sender: return "sender";
    case Field::Recipient: return "recipient";
    case Field::MessageId: return "message_id";
    case Field::Subject: return "subject";
    case Field::ClientAddress: return "client_address";
    case Field::ClientName: return "client_name";
    case Field::Protocol: return "protocol";
    case Field::Login: return "login";
    case Field::Octets: return "octets";
    case Field::Account: return "account";
    case Field::Mailbox: return "mailbox";
    case Field::Uid: return "uid";
    case Field::Host: return "host";
    case Field::RemoteAddress: return "remote_address";
    case Field::Source: return "source";
    case Field::Tls: return "tls";
    case Field::Reply: return "reply";
    case Field::Class: return "class";
    case Field::Reason: return "reason";
    case Field::NextAttempt: return "next_attempt";
    case Field::RelatedId: return "related_id";
    case Field::Attempt: return "attempt";
    case Field::Tenant: return "tenant";
    case Field::Campaign: return "campaign";
    case Field::Tags: return "tags";
    case Field::Recipients: return "recipients";
    case Field::DsnKind: return "dsn_kind";
    case Field::ResolvedTo: return "resolved_to";
    case Field::Domain: return "domain";
    case Field::Site: return "site";
    case Field::Stream: return "stream";
    case Field::Provider: return "provider";
  }
  return "unknown";
}

}  // namespace postroad::ledger
