// Where the directory's records lie in the store (directory.proto). Not public.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "mail/ids.h"
#include "store/types.h"

namespace postroad::directory::keys {

inline constexpr store::Partition system{store::Realm::System, 0};
inline store::Partition of(TenantId tenant) { return {store::Realm::Tenant, tenant.value()}; }

inline constexpr std::string_view tenants = "t/", domains = "d/", accounts = "a/", aliases = "l/";
inline constexpr std::string_view scram_secret = "k/scram", last_account = "n";

inline std::string tenant(TenantId id) {
  std::string key(tenants);
  Writer(key).u32_key(id.value());
  return key;
}
inline std::string domain(std::string_view name) { return std::string(domains).append(name); }
inline std::string account(std::uint64_t id) {
  std::string key(accounts);
  Writer(key).u64_key(id);
  return key;
}
inline std::string alias(std::string_view folded) { return std::string(aliases).append(folded); }

}  // namespace postroad::directory::keys
