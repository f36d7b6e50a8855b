// The queue: accepted mail until its fate is known (DESIGN §2, §3.9; durability.md C1-C8).
//
// accept() is the one door for new mail, for every service alike: SMTP, LMTP, API, campaigns, reports. Its
// positive answer means that the message and its envelope are durable and that one of delivery, retry or a
// report will follow (RFC 5321 §6.1). Mail for one account whose filter plan stays in that account is
// delivered by the very commit that accepts it (`Door`); everything else gets a record in a queue shard.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "directory/directory.h"
#include "ledger/event.h"
#include "mail/enhanced_status.h"
#include "mail/envelope.h"
#include "mail/ids.h"
#include "net/task.h"
#include "store/store.h"

namespace postroad::queue {

// The octets of a message: `prefix` (our own trace fields, a few hundred octets, may differ per copy)
// followed by the blob. What is stored is never altered afterwards (C18).
struct Content {
  std::string prefix;
  store::BlobId blob;
  std::uint64_t blob_octets = 0;
  std::string structure;  // mime::serialize() of the part tree of prefix + blob; empty: not parsed yet
  std::uint64_t octets() const { return prefix.size() + blob_octets; }
};

// Where a message came from, for trace, policy and the ledger.
struct Origin {
  std::string protocol;                           // "ESMTPSA", "LMTP", "HTTP", "LOCAL" (RFC 3848)
  std::string client_address;                     // IP in text form, empty for our own
  std::string client_name;                        // EHLO argument
  std::optional<directory::Identity> identity{};  // who signed in
  std::string message_id{};                       // of the header, if it has one
  std::string subject{};                          // decoded, at most 200 octets of UTF-8
};

struct Submission {
  QueueId id;  // from next_id(): it stands in the Received field already
  Envelope envelope;
  Content content;
  Origin origin;
  unsigned received_count = 0;  // for the loop check; policy refuses before
  bool report = false;          // a DSN or other automatic message of our own: never reported on
};

// Per recipient, in order; `accept` fills them all alike but for LMTP and quota.
struct Verdict {
  bool accepted = false;
  Reply reply{};  // when not accepted: 452 4.2.2, 550 5.2.2 ...
};

// 451 4.3.0, 452 4.3.1, 552 5.3.4. Unknown: the disk failed in the middle, and after a restart the message
// may be there or not. Neither 2yz nor 4yz would be true (RFC 5321 §4.2.5): the connection ends without a
// reply, which tells the client just that.
enum class AcceptError { Unavailable, Full, TooBig, Unknown };

// What stands behind the straight-through door; `delivery` implements it, `app` joins the two.
class Door {
 public:
  virtual ~Door() = default;
  // Delivers and records in one commit, or says that it must go through the queue.
  enum class Through { Done, UseQueue, OverQuota, Unavailable, Full, Unknown };
  virtual net::task<Through> deliver_now(const Submission& submission, const directory::Local& target,
                                         std::vector<ledger::Event> events) = 0;
  // Would this account take so many octets more? For LMTP, where each recipient has his own answer.
  virtual net::task<bool> has_room(AccountId account, std::uint64_t octets) = 0;
};

class Queue {
 public:
  virtual ~Queue() = default;
  // Any core. Unique for ever on this server, rising.
  virtual QueueId next_id() = 0;
  // Whole message for all recipients or nothing (C2). With `per_recipient` (LMTP, RFC 2033 §4.2) a recipient
  // may be refused alone, by its Verdict.
  virtual net::task<Result<std::vector<Verdict>, AcceptError>> accept(Submission submission,
                                                                      bool per_recipient = false) = 0;
};

}  // namespace postroad::queue
