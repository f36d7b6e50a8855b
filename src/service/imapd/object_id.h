// Names of things that last (RFC 8474 §4, §5): within an account, never given out twice.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "mailbox/entry.h"
#include "mailbox/snapshot.h"

namespace postroad::imapd {

inline std::string object_id(MailboxId mailbox) { return fmt::format("F{}", mailbox.value()); }
inline std::string object_id(const mailbox::Home& home) {
  return fmt::format("M{}-{}", home.space, home.uid);
}
// RFC 7162 §3.1.2.1: never 0, which would mean that the mailbox has none.
inline std::uint64_t highest(const mailbox::Summary& summary) {
  return std::max<std::uint64_t>(summary.highest.value(), 1);
}

}  // namespace postroad::imapd
