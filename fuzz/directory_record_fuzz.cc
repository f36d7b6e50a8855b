// The directory: a record of foreign octets is refused or can be asked about; and however aliases, groups,
// alias domains, catch-alls and subaddresses refer to each other, a question ends, each target is named once,
// and mail leads to accounts that exist and are on.
#include <cstdint>
#include <cstdlib>
#include <set>

#include "directory/tables.h"

namespace {

using namespace postroad;
using namespace postroad::directory;

void require(bool condition) {
  if (!condition) std::abort();
}

constexpr TenantId tenant{1}, other{2};

void ask(const Tables& tables, const Address& recipient) {
  const std::string postmaster = "postmaster@d0.test";
  const auto found = tables.resolve(recipient, postmaster);
  if (!found) return;
  require(!found->accounts.empty() || !found->forwards.empty());
  std::set<AccountId> seen;
  for (const Local& local : found->accounts) {
    require(seen.insert(local.account).second);
    const auto entry = tables.accounts.find(local.account);
    require(entry != tables.accounts.end() && !entry->second->record.disabled());
    require(local.address == entry->second->address);
  }
  std::set<std::string> forwards;
  for (const Address& forward : found->forwards) {
    require(forwards.insert(forward.text()).second);
    require(!tables.home(forward.domain()));
  }
  for (const auto& [id, entry] : tables.accounts)
    if (tables.owns(id, recipient, postmaster)) {
      const Name* name = tables.find(recipient, nullptr);
      require(name && (!name->alias || seen.contains(id)));
    }
}

template <class Record>
bool foreign(Tables& tables, std::string_view octets) {
  Record record;
  if (!record.ParseFromArray(octets.data(), static_cast<int>(octets.size()))) return false;
  Record again;
  require(again.ParseFromString(record.SerializeAsString()));
  require(again.SerializeAsString() == record.SerializeAsString());
  if constexpr (std::is_same_v<Record, disk::Tenant>)
    tables.tenants[tenant] = std::move(record);
  else
    tables.insert(tenant, std::move(record));
  return true;
}

// Records as they lie on disk, each behind two octets of kind and length.
void from_disk(std::string_view in) {
  Tables tables;
  tables.tenants[tenant] = {};
  while (in.size() > 2) {
    const auto kind = static_cast<std::uint8_t>(in[0]) % 4;
    const std::string_view octets = in.substr(2, static_cast<std::uint8_t>(in[1]));
    in.remove_prefix(2 + octets.size());
    if (kind == 0) foreign<disk::Tenant>(tables, octets);
    if (kind == 1) foreign<disk::Domain>(tables, octets);
    if (kind == 2) foreign<disk::Account>(tables, octets);
    if (kind == 3) foreign<disk::Alias>(tables, octets);
  }
  std::vector<Address> known;
  for (const auto& [id, entry] : tables.accounts) known.push_back(view(*entry).address);
  for (const auto& [name, domain] : tables.domains)
    known.push_back(*Address::make("postmaster", domain.domain));
  for (const Address& address : known) ask(tables, address);
}

// A small world in which everything may refer to everything.
void tangle(std::string_view in) {
  const auto octet = [&] {
    const std::uint8_t o = in.empty() ? 0 : static_cast<std::uint8_t>(in.front());
    in.remove_prefix(in.empty() ? 0 : 1);
    return o;
  };
  const auto domain = [](unsigned n) { return "d" + std::to_string(n % 4) + ".test"; };
  const auto address = [&](std::uint8_t o) {  // the last domain is never ours
    const std::string detail = o & 64 ? "+x" : "";
    return (o & 128 ? "postmaster" : "u" + std::to_string(o % 8) + detail) + "@" + domain(o >> 3);
  };
  Tables tables;
  tables.tenants[tenant] = {};
  tables.tenants[other].set_disabled(octet() & 1);
  for (unsigned n = 0; n < 3; ++n) {
    disk::Domain record;
    const std::uint8_t bits = octet();
    record.set_name(domain(n));
    record.set_disabled((bits & 7) == 7);
    if (bits & 8) record.set_alias_of(domain(bits >> 4));
    if (const std::uint8_t all = octet(); all & 1) record.set_catch_all(address(octet()));
    tables.insert(bits & 128 ? other : tenant, std::move(record));
  }
  for (std::uint64_t id = 1; !in.empty() && id < 24; ++id) {
    const std::uint8_t kind = octet();
    if (kind & 1) {
      disk::Account record;
      record.set_id(id);
      record.set_address(address(octet() & 0x3f));
      record.set_disabled((kind & 6) == 6);
      record.set_administrator(kind & 8);
      tables.insert(tenant, std::move(record));
    } else {
      disk::Alias record;
      record.set_address(address(octet() & 0xbf));
      record.set_disabled((kind & 6) == 6);
      for (unsigned n = kind >> 4; n > 0; --n) record.add_targets(address(octet()));
      tables.insert(tenant, std::move(record));
    }
  }
  for (unsigned o = 0; o < 256; o += 17) ask(tables, *Address::parse(address(static_cast<std::uint8_t>(o))));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0)
    from_disk(octets);
  else
    tangle(octets);
  return 0;
}
