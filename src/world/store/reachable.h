// Reads all of a family that can be read, past blocks that are damaged.
#pragma once

#include <functional>
#include <string_view>

#include "store/database.h"

namespace postroad::store {

// Calls `each` once for every entry that can be reached, in no order; `fault` once for each table that is
// damaged. Where a damaged table spans keys, an entry may be older than one that was lost there. What lies
// between two places that cannot be read is searched for at most 2,000 times.
void read_reachable(Database& database, Database::Handle family,
                    const std::function<void(std::string_view key, std::string_view value)>& each,
                    const std::function<void(const std::string& what)>& fault);

}  // namespace postroad::store
