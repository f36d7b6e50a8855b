// The same operations on an Index and on a std::map leave the same messages; and whoever is told of the
// changes between any two snapshots, as an IMAP client is, ends with the same list.
#include <cstdlib>
#include <map>

#include "mailbox/delta.h"

namespace {

using namespace postroad;
using namespace postroad::mailbox;

void require(bool condition) {
  if (!condition) std::abort();
}

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}
  bool empty() const { return at_ == end_; }
  std::uint32_t octet() { return empty() ? 0 : *at_++; }
  // Small numbers often, and now and then one that is pages away.
  std::uint32_t uid() {
    const std::uint32_t first = octet();
    return 1 + (first < 200 ? first : (first - 200) * 251 + octet());
  }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

std::vector<std::uint32_t> told(std::vector<std::uint32_t> uids, const Snapshot& from, const Snapshot& to) {
  const Changes changes = compare(from, to);
  for (auto gone = changes.gone.rbegin(); gone != changes.gone.rend(); ++gone) {
    require(uids.at(gone->sequence - 1) == gone->uid.value());
    uids.erase(uids.begin() + gone->sequence - 1);
  }
  if (changes.first_new)
    for (auto n = changes.first_new; n <= to.index.size(); ++n) uids.push_back(to.index.at(n).uid.value());
  return uids;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input in(data, size);
  std::map<std::uint32_t, std::uint8_t> model;  // flags by UID
  Snapshot now, then;
  std::vector<std::uint32_t> known;  // by a client who has seen `then`
  std::uint32_t uid_next = 1;
  for (std::uint64_t version = 1; !in.empty() && version < 200; ++version) {
    Operation operation;
    const std::uint32_t kind = in.octet();
    if (kind % 4 == 0) {
      Add add;
      for (std::uint32_t n = in.octet() % 40; n > 0; --n) {
        uid_next += kind % 8 == 4 ? in.octet() : 0;
        add.entries.push_back(
            {.uid = Uid{uid_next}, .octets = 1, .flags = static_cast<std::uint8_t>(kind & 31)});
        model[uid_next++] = kind & 31;
      }
      operation = std::move(add);
    } else {
      const std::uint32_t first = in.uid();
      NumberSet uids;
      uids.add(first, first + in.octet());
      if (kind & 64) uids.add(in.uid());
      if (kind % 4 == 1) {
        std::erase_if(model, [&](const auto& m) { return uids.contains(m.first); });
        operation = Expunge{uids};
      } else {
        const auto remove = static_cast<std::uint8_t>(in.octet() & 31),
                   add = static_cast<std::uint8_t>(in.octet() & 31);
        for (auto& [uid, flags] : model)
          if (uids.contains(uid)) flags = static_cast<std::uint8_t>((flags & ~remove) | add);
        operation = ChangeFlags{.uids = uids, .remove = remove, .add = add};
      }
    }
    Editor editor(now.index);
    Keywords keywords;
    apply(editor, now.summary, keywords, operation, ModSeq{version});
    now.index = editor.finish();

    require(now.index.size() == model.size() && now.summary.messages == model.size());
    auto expected = model.begin();
    now.index.each([&](std::uint32_t sequence, const Entry& e) {
      require(e.uid.value() == expected->first && e.flags == expected->second);
      const auto found = now.index.locate(e.uid);
      require(found && found->sequence == sequence);
      ++expected;
    });
    if (kind & 128) {
      known = told(std::move(known), then, now);
      then = now;
      require(known.size() == model.size());
    }
  }
  return 0;
}
