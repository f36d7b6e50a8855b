// Events as octets: fixed head, then tagged fields. A tag's meaning never changes; unknown ones are kept.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ledger/event.h"

namespace postroad::ledger {

// About 19 octets and 2 + n for each field; a field longer than 1,000 octets is cut there.
std::string encode(const Event& event);
// Nothing if the octets are not an event of this format.
std::optional<Event> decode(std::string_view octets);

}  // namespace postroad::ledger
