// The queue's records: octets that are not ours are refused or mean something, and what they mean can be
// written and read again as the same. A key is one entry's and nobody else's.
#include <cstdint>
#include <cstdlib>

#include "queue/record.h"

namespace {

using namespace postroad;
using namespace postroad::queue;

void require(bool condition) {
  if (!condition) std::abort();
}

void message(std::string_view octets) {
  const auto read = read_message(octets);
  if (!read) return;
  require(read->envelope.recipients.empty());
  const std::string written = encode(*read);
  const auto again = read_message(written);
  require(again && again->id == read->id && again->accepted == read->accepted);
  require(again->envelope.reverse_path == read->envelope.reverse_path);
  require(again->origin.identity == read->origin.identity);
  require(encode(*again) == written);
  // A later release adds fields at the end; they are passed over.
  require(read_message(written + "more").has_value());
  // Nothing less than all of it is a message.
  for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, written.size() / 2, written.size() - 1})
    require(!read_message(std::string_view(written).substr(0, cut)));
}

void entry(std::string_view key, std::string_view octets) {
  const auto read = read_entry(key, octets);
  if (!read) return;
  require(entry_key(read->due, name_of(*read)) == key);
  const auto head = read_head(key, octets);
  require(head && head->first.name == name_of(*read) && head->second == read->domain);
  require(read->steps.size() <= octets.size());
  const std::string written = encode(*read);
  const auto again = read_entry(key, written);
  require(again && again->steps.size() == read->steps.size() && encode(*again) == written);
  for (std::size_t i = 0; i < read->steps.size(); ++i) {
    require(again->steps[i].address == read->steps[i].address);
    require(again->steps[i].given.address == read->steps[i].given.address);
    require(again->steps[i].given.original == read->steps[i].given.original);
  }
  require(read_entry(key, written + "more").has_value());
  require(!read_entry(key, std::string_view(written).substr(0, written.size() - 1)));
  require(!read_entry(message_key(read->id), written));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t key = 19;
  if (size <= key) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  if (data[0] == 'e')
    entry(octets.substr(0, key), octets.substr(key));
  else
    message(octets.substr(1));
  return 0;
}
