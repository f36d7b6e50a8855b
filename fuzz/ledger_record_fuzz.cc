// The ledger's records: events, blocks, counters. What can be read can be written and read again as the same;
// an event is found under what it is indexed by; what a block held is counted the same however it is packed.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>

#include "ledger/block.h"
#include "ledger/codec.h"

namespace {

using namespace postroad;
using namespace postroad::ledger;

void require(bool condition) {
  if (!condition) std::abort();
}

bool same(const Event& a, const Event& b) {
  return a.type == b.type && a.at == b.at && a.tenant == b.tenant && a.queue_id == b.queue_id &&
         a.fields == b.fields;
}

// One event, its codec and its indexes.
void event(std::string_view octets) {
  const auto read = decode(octets);
  if (!read) return;
  const std::string written = encode(*read);
  const auto again = decode(written);  // long fields are cut once, and never again
  require(again && again->fields.size() == read->fields.size() && encode(*again) == written);
  for (const auto& [field, value] : again->fields) require(value.size() <= 1000);

  if (read->at < Time{}) return;  // nobody asks for what was before 1970
  std::set<std::string> prefixes;
  each_index_prefix(*read, [&](std::string prefix) { prefixes.insert(std::move(prefix)); });
  const auto found_by = [&](const std::string& prefix, const Query& query) {
    require(prefixes.contains(prefix) && matches(query, *read));
  };
  if (read->queue_id.number() != 0) found_by(prefix_of(read->queue_id), {.queue_id = read->queue_id});
  if (const std::string id(read->get(Field::MessageId)); !id.empty())
    found_by(prefix_of_message_id(id), {.message_id = id});
  // Events hold addresses as they are written by us.
  const auto written_as = [&](Field field) -> std::optional<Address> {
    const auto address = Address::parse(read->get(field));
    if (!address || address->text() != read->get(field)) return std::nullopt;
    return *address;
  };
  if (const auto address = written_as(Field::Recipient))
    found_by(prefix_of_recipient(*address), {.recipient = *address});
  if (const auto address = written_as(Field::Sender))
    found_by(prefix_of_sender(*address), {.sender = *address});
  if (read->at < Time::max()) require(!matches({.from = read->at + Duration{1}}, *read));
}

// Octets of a block, as a damaged disk may give them; then a block of what could be read.
void block(std::string_view octets) {
  const auto read = read_block(octets);
  if (!read) return;
  BlockBuilder builder;
  Counts counted;
  for (const Event& e : *read) builder.add(encode(e)), count(counted, e);
  const auto again = read_block(builder.finish());
  require(again && again->size() == read->size());
  Counts recounted;
  for (const Event& e : *again) count(recounted, e);
  if (std::ranges::equal(*read, *again, same)) require(counted == recounted);
}

// Events that lie one after the other, each behind its length: packed and unpacked.
void packed(std::string_view octets) {
  BlockBuilder builder;
  std::vector<Event> events;
  while (!octets.empty()) {
    const std::size_t length = static_cast<std::uint8_t>(octets.front());
    const auto read = decode(octets.substr(1, length));
    octets.remove_prefix(std::min(octets.size(), 1 + length));
    if (!read) continue;
    events.push_back(*read);
    builder.add(encode(*read));
  }
  require(builder.events() == events.size());
  std::string whole = builder.finish();
  const auto read = read_block(whole);
  require(read && std::ranges::equal(*read, events, same));
  (void)read_block(std::string_view(whole).substr(0, whole.size() / 2));
  whole[whole.size() / 2] ^= 1;
  (void)read_block(whole);
}

void counters(std::string_view octets) {
  if (const auto key = read_counter_key(octets)) {
    require(read_counter_key(counter_key(*key)) == key);
  }
  const Counts counts = read_counter_value(octets);
  require(read_counter_value(counter_value(counts)) == counts);
  if (octets.size() >= 14) (void)read_block_entry(octets.substr(0, 14), octets.substr(14));
  if (const auto week = week_of_family(octets)) {
    require(week_of_family(family_name(*week)) == week);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: event(octets); break;
    case 1: block(octets); break;
    case 2: packed(octets); break;
    case 3: counters(octets); break;
  }
  return 0;
}
