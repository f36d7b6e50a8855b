// From an envelope to entries: who gets the message, by which way, and what the ledger is told of it. Pure;
// not public.
#pragma once

#include <optional>
#include <vector>

#include "queue/record.h"

namespace postroad::queue {

struct Plan {
  TenantId tenant{};
  std::vector<Entry> entries;                 // local ones first
  std::vector<std::optional<Reply>> refused;  // by recipient: the directory knows him no more
  std::optional<directory::Local> only;       // the whole message is for this one account
};

// Resolves every recipient. Foreign ones are kept: whether relaying is permitted was decided at RCPT.
Plan plan(const directory::Directory& directory, const Submission& submission, Time now);

// Accepted, and RecipientAccepted for each.
std::vector<ledger::Event> events_of(const Submission& submission, const Plan& plan, Time now);

// A message with these recipients, one entry per domain and as many as its size needs; stamp() makes them
// whole.
std::vector<Entry> entries_for(QueueId id, std::vector<Step> local, std::vector<Step> remote);

}  // namespace postroad::queue
