// One thing that happened to one message: the unit of the ledger (DESIGN §3, "Ledger").
//
// An event is written in the same commit as the change it tells of (record()), so that history and state
// cannot disagree. Every engine adds types here; none changes the mechanism. On disk: fixed head, then tagged
// fields (a tag never changes its meaning and unknown tags are kept).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "mail/ids.h"

namespace postroad::ledger {

enum class Type : std::uint16_t {
  Accepted =
      1,  // the message is ours: one per message, with sender, size, client, protocol, authenticated as
  RecipientAccepted,  // one per recipient, with what the address resolved to
  Delivered,          // into a mailbox: account, mailbox, uid
  Relayed,            // a remote server said 2yz: host, address, TLS, reply
  Deferred,           // an attempt failed for now: class, reply, next attempt
  Failed,             // for good: class, reply
  Expired,
  DsnSent,        // a report was queued: its queue id, kind
  DsnSuppressed,  // and why not
  Cancelled,      // by an administrator
  Collected,      // fetched by POP3 or first fetched by IMAP
  Erased,         // its copy left the mailbox for good
  Forwarded,      // an alias or a filter sent it on: new recipient
  Refused,        // never accepted: which check, reply (kept for a shorter time)
  Suspended,      // with scope and reason
  // 100-199 belong to campaign, 200-299 to trust, 300-399 to filter.
};

std::string_view to_text(Type type);  // "accepted", "delivered" ...: as `why`, the API and exports say it

enum class Field : std::uint8_t {
  Sender = 1,
  Recipient,
  MessageId,
  Subject,
  ClientAddress,
  ClientName,
  Protocol,
  Login,
  Octets,
  Account,
  Mailbox,
  Uid,
  Host,
  RemoteAddress,
  Source,
  Tls,
  Reply,
  Class,
  Reason,
  NextAttempt,
  RelatedId,
  Attempt,
  Tenant,
  Campaign,
  Tags,
  Recipients,
  DsnKind,
  ResolvedTo,
  Domain,
  Site,
  Stream,
  Provider,
};

std::string_view to_text(Field field);

struct Event {
  Type type{};
  Time at{};
  TenantId tenant{};
  QueueId queue_id{};
  std::vector<std::pair<Field, std::string>> fields;  // numbers as decimal text

  // The first field of that name; empty if there is none.
  std::string_view get(Field field) const {
    for (const auto& [name, value] : fields)
      if (name == field) return value;
    return {};
  }
  Event& with(Field field, std::string_view value) { return fields.emplace_back(field, value), *this; }
  Event& with(Field field, std::uint64_t value) {
    return fields.emplace_back(field, std::to_string(value)), *this;
  }
};

}  // namespace postroad::ledger
