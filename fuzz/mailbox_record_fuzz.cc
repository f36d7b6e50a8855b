// Stored records: octets that are not ours are refused or mean something, and what they mean can be written
// and read again as the same. A delta that can be read can be played, and counts stay a recount.
#include <cstdlib>

#include "mailbox/delta.h"
#include "mailbox/record.h"

namespace {

using namespace postroad;
using namespace postroad::mailbox;

void require(bool condition) {
  if (!condition) std::abort();
}

template <class T, class Decode>
void round_trip(std::string_view octets, Decode decode) {
  const Result<T, RecordError> read = decode(octets);
  if (!read) return;
  const std::string written = encode(*read);
  const Result<T, RecordError> again = decode(written);
  require(again && *again == *read);
}

void page(std::string_view octets) {
  const auto read = decode_page(octets);
  if (!read) return;
  for (std::size_t i = 1; i < read->entries.size(); ++i)
    require(read->entries[i - 1].uid < read->entries[i].uid);
  const auto again = decode_page(encode_page(read->as_of, read->entries));
  require(again && again->as_of == read->as_of && again->entries == read->entries);
}

void delta(std::string_view octets) {
  const auto read = decode_delta(ModSeq{7}, {&octets, 1});
  if (!read) return;
  for (const Section& section : read->sections) {
    Editor editor(Index{});
    for (std::uint32_t uid = 1; uid < 2000; uid += 3) editor.add({.uid = Uid{uid}, .octets = uid});
    const Index before = editor.finish();
    Summary summary;
    before.each([&](std::uint32_t, const Entry& e) { summary.count(e); });
    Keywords keywords;
    Editor next(before);
    for (const Operation& operation : section.operations)
      apply(next, summary, keywords, operation, read->modseq);
    const Index after = next.finish();
    Summary recount = summary;
    recount.messages = recount.unseen = recount.deleted = recount.recent = 0;
    recount.octets = recount.deleted_octets = 0;
    Uid last{};
    after.each([&](std::uint32_t, const Entry& e) {
      require(last < e.uid);
      last = e.uid;
      recount.count(e);
    });
    require(recount == summary);
  }
  const auto parts = encode_delta(*read);
  const std::vector<std::string_view> views(parts.begin(), parts.end());
  require(decode_delta(read->modseq, views).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0: page(octets); break;
    case 1: delta(octets); break;
    case 2: round_trip<AccountRecord>(octets, decode_account); break;
    case 3: round_trip<MailboxRecord>(octets, decode_mailbox); break;
    case 4: round_trip<Locator>(octets, decode_locator); break;
    case 5: round_trip<Limbo>(octets, decode_limbo); break;
    case 6: round_trip<Grave>(octets, decode_grave); break;
    case 7: {
      // Whatever the header: the fields that are kept are whole fields of it, and the record can be read.
      const std::string record = HeaderFields::encode(octets, true);
      const auto fields = HeaderFields::decode(record);
      require(fields.has_value());
      if (*fields) require((*fields)->size() <= octets.size() + 2);
      (void)HeaderFields::decode(octets);
      break;
    }
  }
  return 0;
}
