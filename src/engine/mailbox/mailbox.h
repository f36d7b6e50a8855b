// Mailboxes: mail is kept here until its owner collects it. What every other part may ask of them.
//
// An account's mailboxes are one partition with one owner core, which assigns UIDs and MODSEQs, keeps the hot
// state and submits commits in order; nothing is visible before its commit (DESIGN §3.7; C14-C18). Any core
// may call; calls travel to the owner and back. imapd and pop3d use Session (session.h); delivery uses
// deliver().
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "ledger/event.h"
#include "mail/ids.h"
#include "net/task.h"
#include "store/store.h"

namespace postroad::mailbox {

// A message to be stored: its octets are prefix + blob and never change.
struct NewMessage {
  std::string prefix;
  store::BlobId blob;
  std::uint64_t blob_octets = 0;
  std::string structure;          // mime::serialize() of prefix + blob; empty: made when it is stored
  std::string mailbox = "INBOX";  // UTF-8; if it does not exist: INBOX, or made when `create`
  bool create = false;
  std::vector<std::string> flags;  // system flags and keywords, as IMAP writes them
  Time internal_date{};            // time of arrival
  QueueId queue_id{};              // 0: did not come through the queue (APPEND)
};

struct Stored {
  MailboxId mailbox;
  UidValidity uid_validity;
  Uid uid;
};

// Unknown: it may be stored or not, and may come to light later. A peer gets neither a yes nor a no (C3).
enum class StoreError {
  NoSuchMailbox,
  OverQuota,
  Unavailable,
  DiskFull,
  NoSuchAccount,
  TooManyMailboxes,
  Unknown
};

class Mailboxes {
 public:
  virtual ~Mailboxes() = default;
  // Stores and records `events` (each gets account, mailbox and uid) in one commit. `op` makes a repeat
  // harmless: the answer of the first is given again (C7). Quota is exact; `overshoot` lets a message that
  // was promised already go past it (DESIGN §2).
  virtual net::task<Result<Stored, StoreError>> deliver(AccountId account, NewMessage message,
                                                        std::optional<store::OpId> op, bool overshoot,
                                                        std::vector<ledger::Event> events) = 0;
  // The source has confirmed: `op` need not be remembered any longer. Goes along with a later commit.
  virtual void forget(AccountId account, store::OpId op) = 0;
};

}  // namespace postroad::mailbox
