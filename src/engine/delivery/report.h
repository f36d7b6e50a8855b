// Delivery status notifications (RFC 3461, 3464, 6522): what the sender is told, in words and for machines.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "delivery/attempt.h"
#include "queue/record.h"

namespace postroad::delivery {

enum class Action : std::uint8_t { Failed, Delayed, Delivered, Relayed, Expanded };  // RFC 3464 §2.3.3
std::string_view to_text(Action action);

struct Told {  // one recipient in a report
  const queue::Step* step = nullptr;
  Action action{};
  Outcome outcome{};
  std::optional<Time> until{};  // Delayed: when we give up
};

// Does the sender want to hear this of this recipient (RFC 3461 §4.1)? Without a NOTIFY: failures and delays.
bool wants(const DsnNotify& notify, Action action);

struct ReportInput {
  const queue::Message* message = nullptr;
  std::vector<Told> told;
  Contact contact{};
  std::string our_name;
  std::string_view
      original{};  // the message, or as much of it as is returned; whole only if it is `complete`
  bool complete = false;
  Time now{};
};

// The whole report as octets. At most `original` and a few KiB.
std::string compose_report(const ReportInput& input, Random& random);

}  // namespace postroad::delivery
