// A new message, made ready to be stored: what is kept beside its entry, made where the caller is. Not
// public.
#pragma once

#include "base/clock.h"
#include "mailbox/account.h"
#include "mailbox/mailbox.h"

namespace postroad::mailbox {

// Reads the blob where the structure was not given, and the header in any case. NoSuchMessage: Unavailable.
task<Result<Prepared, Refusal>> prepare(store::Store& store, const Clock& clock, NewMessage message);

// "\\Seen" and its like; 0 for a keyword.
std::uint8_t system_flag(std::string_view name);

}  // namespace postroad::mailbox
