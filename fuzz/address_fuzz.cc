// An address that is taken means the same when it is written and read again, in each of its forms, and
// nothing in it could end a line or a path.
#include <cstdlib>

#include "base/ascii.h"
#include "mail/address.h"
#include "mail/public_suffix.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postroad;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto address = Address::parse(text)) {
    if (address->text().size() > 254) std::abort();
    for (char c : address->text())
      if (ascii::is_control(c)) std::abort();
    if (Address::parse(address->text()) != *address) std::abort();
    if (Address::make(address->local_part(), address->domain()) != *address) std::abort();
    // Two spellings of one mailbox fold alike, and what is folded is folded for good.
    if (const auto folded = Address::parse(address->folded());
        folded && folded->folded() != address->folded())
      std::abort();
    const auto split = split_subaddress(address->local_part(), "+-");
    if (split.user.size() + (split.detail ? split.detail->size() + 1 : 0) != address->local_part().size())
      std::abort();
  }
  if (const auto domain = Domain::parse(text)) {
    if (domain->text().size() > 253 || Domain::parse(domain->text()) != *domain) std::abort();
    if (Domain::parse(domain->unicode()) != *domain) std::abort();
    const auto owner = organizational_domain(*domain);
    if (owner && !domain->text().ends_with(owner->text())) std::abort();
  }
  return 0;
}
