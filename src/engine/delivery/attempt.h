// One attempt to hand a message to a remote server: what is tried, and what came of it for each recipient.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "delivery/classify.h"
#include "mail/enhanced_status.h"
#include "mail/envelope.h"

namespace postroad::delivery {

// Why an attempt ended as it did; what decides is the fate, this is for people and statistics.
enum class Cause : std::uint8_t {
  Accepted,
  RefusedByReply,  // a 4yz or 5yz of the remote server
  NoSuchDomain,    // RFC 3463: 5.1.2
  NullMx,          // RFC 7505: 5.1.10
  DnsTrouble,      // 4.4.3
  NoSuchHost,      // 5.4.4: none of the domain's mail servers has an address
  NoHostAnswered,  // 4.4.1
  ConnectionLost,  // 4.4.2
  NotTried,  // 4.4.2: the line ended before it was this recipient's turn; another line may be tried at once
  Loops,     // 5.4.6: the best MX is ourselves
  PrivateAddress,  // 5.4.6: every address of every MX is one that mail must not go to
  TlsFailed,       // 4.7.5
  LoginFailed,     // 4.7.8: the smart host does not take our credentials
  NotConvertible,  // 5.6.3, 5.6.7: the other side lacks what the message needs
  TooBig,          // 5.3.4: announced SIZE
  BadProtocol,     // 4.5.0: not SMTP what it says
  Expired,         // 5.4.7
  NoMailbox,       // local: 5.1.1
  MailboxFull,     // local: 4.2.2
  StoreTrouble,    // local: 4.3.0
};
std::string_view to_text(Cause cause);

struct Outcome {
  enum class Fate : std::uint8_t { Delivered, Deferred, Failed };
  Fate fate = Fate::Deferred;
  Cause cause{};
  Reply reply{};              // theirs, or what we would say: code and status are always set
  bool remote_reply = false;  // the reply was theirs
  bool dsn_relayed = false;   // Delivered to a server that does DSN itself (RFC 3461 §5.2)
  Stage stage{};              // when a remote reply came; End without one: the server may have the message
  Verdict verdict{};          // of a remote refusal; see verdict_of()
};

// Whose trouble it is and what to do, whether a server said so or we found out ourselves.
Verdict verdict_of(const Outcome& outcome);

struct Contact {           // whom we spoke to last
  std::string host;        // "mx1.example.org"
  std::string address;     // "192.0.2.1"
  std::string tls;         // "TLSv1.3 TLS_AES_256_GCM_SHA384 verified", or empty
  std::string provider{};  // as in Route; empty: no route was found
};

struct Attempt {
  std::vector<Outcome> outcomes;  // by step
  Contact contact;
};

// No line came about: nobody's mail was tried.
struct Refusal {
  Outcome outcome;
  Contact contact;
};

}  // namespace postroad::delivery
