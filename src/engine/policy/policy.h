// Policy: may this pass? Asked by smtpd (and later httpd) at each step, before anything is accepted.
//
// It decides and explains; it stores nothing but short-lived counters. Every refusal is a Reply ready to be
// said, and an event of its own. Known and unknown names take the same time and give the same words where a
// stranger could learn from a difference (attacks 20, 22, 87).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "directory/directory.h"
#include "mail/enhanced_status.h"
#include "mail/envelope.h"
#include "net/task.h"

namespace postroad::policy {

enum class Service : std::uint8_t { Smtp, Submission, Lmtp };

// What is known of the peer so far; smtpd keeps one per session.
struct Peer {
  Service service{};
  std::string address;  // IP in text form; "unix" for a local socket
  std::string prefix;   // the network it counts with ([limits] prefix_v4, prefix_v6)
  std::string helo;
  bool tls = false;
  bool exempt = false;  // in [limits] exempt
  std::optional<directory::Identity> identity{};
};

// What RCPT found: `accept` hands the addresses to the queue, which resolves them again at commit.
struct RecipientVerdict {
  bool local = false;  // in our directory; else to be relayed for an authenticated sender
};

class Policy {
 public:
  virtual ~Policy() = default;
  // MAIL: syntax is done. Domain exists (MX, A or AAAA; not null MX: RFC 7505 §4.2), signed-in sender owns
  // it, domains of ours are not used by strangers when the administrator says so. Trouble in DNS is
  // 451 4.4.3.
  virtual net::task<Result<void, Reply>> sender(const Peer& peer, const ReversePath& path) = 0;
  // RCPT: in the directory, or relaying permitted. Harvesting is slowed and then ended (attack 22): the delay
  // has been waited for when this answers.
  virtual net::task<Result<RecipientVerdict, Reply>> recipient(const Peer& peer, const ReversePath& sender,
                                                               const Address& recipient) = 0;
};

}  // namespace postroad::policy
