// What a simulated disk is made of: files and directories with what is durable of them, and the changes a
// power cut may lose. Not public.
#pragma once

#include <algorithm>
#include <cstring>

#include "base/random.h"
#include "disk/simulated_disk.h"

namespace postroad::disk {
inline constexpr std::uint64_t sector = 512;

// A file: its content as processes see it, and what of it the disk holds: `before` has the durable octets of
// every sector changed since the last sync, `durable_size` the length then. A directory: its names, now and
// durable, and in which order they changed since.
struct SimulatedDisk::Node {
  Node(std::uint64_t n, bool d) : number(n), directory(d) {}
  const std::uint64_t number;
  const bool directory;

  std::string content;
  std::uint64_t durable_size = 0;
  std::unordered_map<std::uint64_t, std::string> before;
  std::uint64_t reserved = 0;  // room, perhaps beyond the content
  std::int64_t modified = 0;

  struct NameChange {
    std::string name;
    NodePtr node;  // null: removed
  };
  std::map<std::string, NodePtr> names, durable_names;
  std::vector<NameChange> unsynced;

  void keep(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t s = from / sector; s * sector < to; ++s) {
      auto [it, added] = before.try_emplace(s);
      if (!added) continue;
      if (s * sector < content.size()) it->second = content.substr(s * sector, sector);
      it->second.resize(sector, '\0');
    }
  }
  void write(std::uint64_t offset, std::string_view octets) {
    if (octets.empty()) return;
    keep(offset, offset + octets.size());
    if (content.size() < offset + octets.size()) content.resize(offset + octets.size(), '\0');
    std::memcpy(content.data() + offset, octets.data(), octets.size());
  }
  void resize(std::uint64_t size) {
    keep(std::min<std::uint64_t>(size, content.size()), std::max<std::uint64_t>(size, content.size()));
    content.resize(size, '\0');
    reserved = 0;
  }
  std::uint64_t room() const { return std::max<std::uint64_t>(content.size(), reserved); }

  void set_name(const std::string& name, NodePtr node) {
    if (node)
      names[name] = node;
    else
      names.erase(name);
    unsynced.push_back({name, std::move(node)});
  }
  void names_reach_disk(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      if (unsynced[i].node)
        durable_names[unsynced[i].name] = unsynced[i].node;
      else
        durable_names.erase(unsynced[i].name);
    }
    unsynced.erase(unsynced.begin(), unsynced.begin() + static_cast<std::ptrdiff_t>(count));
  }
  void sync() {
    before.clear();
    durable_size = content.size();
    names_reach_disk(unsynced.size());
  }

  void lose(Loss loss, Random& random) {
    // Of the names a part that is first in order; of the octets any sectors, any length that was ever true.
    std::size_t surviving = loss == Loss::Nothing ? unsynced.size() : 0;
    if (loss == Loss::Random && !unsynced.empty()) surviving = random.below(unsynced.size() + 1);
    names_reach_disk(surviving);
    unsynced.clear();
    names = durable_names;
    if (loss == Loss::Nothing || (before.empty() && durable_size == content.size())) return sync();
    const std::uint64_t way = loss == Loss::Everything ? 0 : random.below(4);
    if (way == 1) return sync();  // this file had reached the disk
    const std::uint64_t size = way == 0 || random.below(2) ? durable_size : content.size();
    const std::uint64_t boundary = random.below(content.size() / sector + 2);
    for (auto& [at, octets] : before) {
      const bool reached = way == 0 ? false : way == 2 ? random.below(2) != 0 : at < boundary;
      if (reached || at * sector >= content.size()) continue;
      const std::uint64_t n = std::min<std::uint64_t>(sector, content.size() - at * sector);
      std::memcpy(content.data() + at * sector, octets.data(), n);
    }
    if (content.size() < size && size == durable_size) {  // it had been cut shorter, and was not
      const std::uint64_t had = content.size();
      content.resize(size, '\0');
      for (const auto& [at, octets] : before) {
        const std::uint64_t begin = std::max(had, at * sector), end = std::min(size, (at + 1) * sector);
        if (begin < end)
          std::memcpy(content.data() + begin, octets.data() + (begin - at * sector), end - begin);
      }
    }
    content.resize(size, '\0');
    reserved = 0;
    before.clear();
    durable_size = content.size();
  }
};

struct SimulatedDisk::Change {
  enum Kind : std::uint8_t { Make, MakeDirectory, Write, Resize, Reserve, Sync, Name, Unname } kind{};
  std::uint64_t node = 0;       // Name, Make: what gets the name
  std::uint64_t offset = 0;     // Write; the length for Resize, Reserve
  std::string octets{};         // Write
  std::uint64_t directory = 0;  // Make, Name, Unname
  std::string name{};
};

}  // namespace postroad::disk
