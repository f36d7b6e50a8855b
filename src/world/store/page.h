// What reading answers: a value, a range to scan, a page of entries.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/types.h"

namespace postroad::store {

struct Value {
  std::string octets;
  Version version;  // of the commit that put it
};

struct OutboxEntry {
  std::uint64_t number = 0;
  Partition partition;
  std::string octets;
};

// Keys from `from` (included) to `to` (not included; empty: to the end of the partition). A page ends after
// `limit` entries or once it holds `octets`, whichever comes first; one entry always fits.
struct Range {
  std::string from{};
  std::string to{};
  std::size_t limit = 1000;
  bool reverse = false;  // from the last key below `to` down to `from`
  std::size_t octets = 1024 * 1024;

  // Every key that begins with `prefix`.
  static Range prefix(std::string_view prefix, std::size_t limit = 1000, bool reverse = false) {
    Range range{.from = std::string(prefix), .to = std::string(prefix), .limit = limit, .reverse = reverse};
    while (!range.to.empty() && static_cast<unsigned char>(range.to.back()) == 0xff) range.to.pop_back();
    if (!range.to.empty()) range.to.back() = static_cast<char>(range.to.back() + 1);
    return range;
  }
};

struct Entry {
  std::string_view key;
  std::string_view value;
  Version version;
};

// Entries lie in one buffer; views are valid as long as the page.
class Page {
 public:
  class Iterator {
   public:
    using value_type = Entry;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    Entry operator*() const { return (*page_)[at_]; }
    Iterator& operator++() { return ++at_, *this; }
    Iterator operator++(int) { return Iterator(page_, at_++); }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.at_ == b.at_; }

   private:
    friend class Page;
    Iterator(const Page* page, std::size_t at) : page_(page), at_(at) {}
    const Page* page_ = nullptr;
    std::size_t at_ = 0;
  };

  Version version{};          // of the partition, as this page saw it
  bool more = false;          // there are further entries in the range
  std::uint32_t damaged = 0;  // entries left out because their checksum fails

  std::size_t size() const { return slots_.size(); }
  bool empty() const { return slots_.empty(); }
  Entry operator[](std::size_t i) const {
    const Slot& s = slots_[i];
    const std::string_view all(buffer_.data(), buffer_.size());
    return {all.substr(s.at, s.key), all.substr(s.at + s.key, s.value), s.version};
  }
  Entry back() const { return (*this)[slots_.size() - 1]; }
  Iterator begin() const { return Iterator(this, 0); }
  Iterator end() const { return Iterator(this, slots_.size()); }

  // For engines.
  void add(std::string_view key, std::string_view value, Version v) {
    slots_.push_back({buffer_.size(), static_cast<std::uint32_t>(key.size()),
                      static_cast<std::uint32_t>(value.size()), v});
    buffer_.insert(buffer_.end(), key.begin(), key.end());
    buffer_.insert(buffer_.end(), value.begin(), value.end());
  }
  std::size_t octets() const { return buffer_.size(); }

 private:
  struct Slot {
    std::size_t at;
    std::uint32_t key;
    std::uint32_t value;
    Version version;
  };
  std::vector<Slot> slots_;
  std::vector<char> buffer_;
};

}  // namespace postroad::store
