#include "store/reachable.h"

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

namespace postroad::store {
namespace {

constexpr int most_probes = 2'000;
constexpr int most_halvings = 256;  // of the octets between two keys that were read: 32 of them

// Between two keys, both excluded; no upper key: to the end.
struct Gap {
  std::string lower;
  std::optional<std::string> upper;
  int halvings = 0;
};

// A key about half way, the keys read as binary fractions; nothing if there is no room.
std::optional<std::string> middle(const std::string& lower, const std::optional<std::string>& upper) {
  constexpr std::size_t further = 8;  // octets beyond where they begin to differ
  std::size_t same = 0;
  while (upper && same < lower.size() && same < upper->size() && lower[same] == (*upper)[same]) ++same;
  std::string out = lower.substr(0, same);
  const auto octet = [](const std::string& key, std::size_t i) -> unsigned {
    return i < key.size() ? static_cast<unsigned char>(key[i]) : 0;
  };
  std::string sum;  // of both, from `same` on, least octet last; then halved
  unsigned carry = 0;
  for (std::size_t i = same + further; i-- > same;) {
    const unsigned high = upper ? octet(*upper, i) : 0xff;
    carry += octet(lower, i) + high;
    sum.insert(sum.begin(), static_cast<char>(carry & 0xff));
    carry >>= 8;
  }
  unsigned carried = carry;  // from the octet before, as 256ths of it
  for (const char c : sum) {
    const unsigned now = carried << 8 | static_cast<unsigned char>(c);
    out.push_back(static_cast<char>(now >> 1));
    carried = now & 1;
  }
  if (out <= lower || (upper && out >= *upper)) return std::nullopt;
  return out;
}

// A table with a block that cannot be read, and the keys it spans: [first, end).
struct Damaged {
  std::uint64_t number;
  std::string first, end;
};

class Walk {
 public:
  Walk(Database& database, Database::Handle family,
       const std::function<void(std::string_view, std::string_view)>& each,
       const std::function<void(const std::string&)>& fault)
      : database_(database), family_(family), each_(each), fault_(fault) {}

  // A damaged first block of one table stops every search below it, whatever the other tables hold. So tables
  // are looked at only where they span keys.
  void run() {
    find_damage();
    std::set<std::string> borders;
    for (const auto& table : damaged_) borders.insert({table.first, table.end});
    std::string lower;
    for (const auto& border : borders) walk(lower, border), lower = border;
    walk(lower, std::nullopt);
  }

 private:
  void find_damage() {
    rocksdb::ColumnFamilyMetaData all;
    database_.db().GetColumnFamilyMetaData(family_, &all);
    for (const auto& level : all.levels)
      for (const auto& file : level.files) {
        tables_ = [number = file.file_number](std::uint64_t other) { return other == number; };
        fresh();
        for (it_->SeekToFirst(); it_->Valid();) it_->Next();
        if (it_->status().ok()) continue;
        fault_(it_->status().ToString());
        damaged_.push_back({file.file_number, file.smallestkey, file.largestkey + '\0'});
      }
  }

  // All in [lower, upper).
  void walk(const std::string& lower, const std::optional<std::string>& upper) {
    std::set<std::uint64_t> elsewhere;
    for (const auto& table : damaged_)
      if (table.end <= lower || (upper && table.first >= *upper)) elsewhere.insert(table.number);
    tables_ = [&elsewhere](std::uint64_t number) { return !elsewhere.contains(number); };
    damage_here_ = elsewhere.size() < damaged_.size();
    given_.clear();
    fresh();
    it_->Seek(lower);
    const auto stopped = forward(lower, upper);
    if (!stopped) return;
    search(*stopped, upper);
    // What no damaged table answers for: it may be older than what was lost there, but it is something.
    for (const auto& table : damaged_) elsewhere.insert(table.number);
    fresh();
    it_->Seek(lower);
    forward(lower, upper);
  }

  void search(const std::string& stopped, const std::optional<std::string>& upper) {
    fresh();
    upper ? it_->SeekForPrev(*upper) : it_->SeekToLast();
    if (upper && it_->Valid() && it_->key() == *upper) it_->Prev();
    const auto least = backward(stopped);
    gaps_.push_back({stopped, least ? least : upper});
    for (int probes = 0; !gaps_.empty() && probes < most_probes; ++probes) {
      const Gap gap = std::move(gaps_.front());
      gaps_.pop_front();
      look_into(gap);
    }
    gaps_.clear();
  }

  void fresh() {  // an error sticks to an iterator
    auto options = Database::reading();
    options.fill_cache = false;
    options.table_filter = [this](const rocksdb::TableProperties& table) {
      return tables_(table.orig_file_number);
    };
    it_.reset(database_.db().NewIterator(options, family_));
  }

  // From where the iterator is, up to `upper`. Answers the last key before a fault; nothing if there was
  // none.
  std::optional<std::string> forward(std::string last, const std::optional<std::string>& upper) {
    for (; it_->Valid(); it_->Next()) {
      if (upper && it_->key().compare(*upper) >= 0) return std::nullopt;
      give(), last = it_->key().ToString();
    }
    return it_->status().ok() ? std::nullopt : std::optional(std::move(last));
  }
  // The same downwards to `lower`. Answers the least key that was read.
  std::optional<std::string> backward(const std::string& lower) {
    std::optional<std::string> least;
    for (; it_->Valid() && it_->key().compare(lower) > 0; it_->Prev()) give(), least = it_->key().ToString();
    return least;
  }
  void give() {
    const std::string_view key(it_->key().data(), it_->key().size());
    if (damage_here_ && !given_.emplace(key).second) return;
    each_(key, {it_->value().data(), it_->value().size()});
  }

  void look_into(const Gap& gap) {
    if (gap.halvings >= most_halvings) return;
    const auto half = middle(gap.lower, gap.upper);
    if (!half) return;
    fresh();
    it_->Seek(*half);
    if (!it_->status().ok()) {
      // The damage begins at the lower end, and probably ends once: what lies before `half` comes last.
      gaps_.push_back({gap.lower, half, gap.halvings + 1});
      gaps_.push_front({*half, gap.upper, gap.halvings + 1});
      return;
    }
    if (!it_->Valid() || (gap.upper && it_->key().compare(*gap.upper) >= 0))  // nothing from half on
      return gaps_.push_front({gap.lower, half, gap.halvings + 1});
    const std::string found = it_->key().ToString();
    if (auto last = forward(found, gap.upper)) gaps_.push_front({std::move(*last), gap.upper, 0});
    fresh();
    it_->SeekForPrev(found);
    if (it_->Valid()) it_->Prev();  // `found` itself was given
    auto least = backward(gap.lower);
    if (it_->status().ok()) return;  // read down to where the gap began
    if (!least) least = found;
    gaps_.push_back({gap.lower, std::move(least), gap.halvings + 1});
  }

  Database& database_;
  const Database::Handle family_;
  const std::function<void(std::string_view, std::string_view)>& each_;
  const std::function<void(const std::string&)>& fault_;
  std::function<bool(std::uint64_t)> tables_;  // which to look at, by number
  std::vector<Damaged> damaged_;
  bool damage_here_ = false;
  std::unordered_set<std::string> given_;  // where there is damage
  std::unique_ptr<rocksdb::Iterator> it_;
  std::deque<Gap> gaps_;
};

}  // namespace

void read_reachable(Database& database, Database::Handle family,
                    const std::function<void(std::string_view, std::string_view)>& each,
                    const std::function<void(const std::string&)>& fault) {
  Walk(database, family, each, fault).run();
}

}  // namespace postroad::store
