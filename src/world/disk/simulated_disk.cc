#include "disk/simulated_disk.h"

#include <algorithm>
#include <cstring>

#include "base/random.h"

namespace postroad::disk {
namespace {
constexpr std::uint64_t sector = 512;
}

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

SimulatedDisk::SimulatedDisk() : root_(std::make_shared<Node>(0, true)) { nodes_[0] = root_; }
SimulatedDisk::~SimulatedDisk() = default;

// --- What tests set
// --------------------------------------------------------------------------------------------

void SimulatedDisk::set_capacity(std::uint64_t octets) {
  const std::lock_guard lock(mutex_);
  capacity_ = octets;
  measure();
}
std::uint64_t SimulatedDisk::used() const {
  const std::lock_guard lock(mutex_);
  return used_;
}
void SimulatedDisk::set_ordered_names(bool on) {
  const std::lock_guard lock(mutex_);
  ordered_names_ = on;
}
void SimulatedDisk::set_sync_lies(bool on) {
  const std::lock_guard lock(mutex_);
  sync_lies_ = on;
}
void SimulatedDisk::fail(Fault fault) {
  const std::lock_guard lock(mutex_);
  fault_ = fault, seen_ = 0, struck_ = false;
}
void SimulatedDisk::heal() {
  const std::lock_guard lock(mutex_);
  fault_.reset();
}
bool SimulatedDisk::struck() const {
  const std::lock_guard lock(mutex_);
  return struck_;
}
std::uint64_t SimulatedDisk::operations(Site site) const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const auto& [s, n] : counts_)
    if (static_cast<unsigned>(s) & static_cast<unsigned>(site)) sum += n;
  return sum;
}
void SimulatedDisk::record() {
  const std::lock_guard lock(mutex_);
  recording_ = true;
}
std::size_t SimulatedDisk::changes() const {
  const std::lock_guard lock(mutex_);
  return journal_.size();
}
std::vector<std::string> SimulatedDisk::files() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> found;
  const auto walk = [&](const auto& self, const Node& node, const std::string& path) -> void {
    for (const auto& [name, child] : node.names) {
      if (!child->directory) found.push_back(path + "/" + name);
      self(self, *child, path + "/" + name);
    }
  };
  walk(walk, *root_, "");
  return found;
}
void SimulatedDisk::flip(const std::string& path, std::uint64_t offset, unsigned bit) {
  const std::lock_guard lock(mutex_);
  std::string& content = find(path)->node->content;
  content.at(offset) = static_cast<char>(content.at(offset) ^ (1 << bit));
}

// The error of this operation, if the fault is for it.
std::optional<IoError> SimulatedDisk::strike(Site site) {
  ++counts_[site];
  if (!fault_ || !(static_cast<unsigned>(fault_->site) & static_cast<unsigned>(site))) return std::nullopt;
  const std::uint64_t n = seen_++;
  if (n != fault_->nth && !(fault_->for_ever && n > fault_->nth)) return std::nullopt;
  struck_ = true;
  return fault_->error;
}

// --- Changes
// ---------------------------------------------------------------------------------------------------

SimulatedDisk::NodePtr SimulatedDisk::at(std::uint64_t number) const {
  const auto found = nodes_.find(number);
  return found == nodes_.end() ? nullptr : found->second.lock();
}

void SimulatedDisk::commit(Change change) {
  apply(change);
  if (recording_) journal_.push_back(std::move(change));
}

void SimulatedDisk::apply(const Change& c) {
  NodePtr node = at(c.node);
  const NodePtr directory = at(c.directory);
  switch (c.kind) {
    case Change::Make:
    case Change::MakeDirectory:
      node = std::make_shared<Node>(c.node, c.kind == Change::MakeDirectory);
      nodes_[c.node] = node;
      next_node_ = std::max(next_node_, c.node + 1);
      [[fallthrough]];
    case Change::Name:
      // What had the name may be gone with it; what gets it may have been reached by no other way.
      if (node && directory) directory->set_name(c.name, node);
      measure();
      break;
    case Change::Unname:
      if (directory) directory->set_name(c.name, nullptr);
      measure();
      break;
    case Change::Write:
    case Change::Resize:
    case Change::Reserve: {
      if (!node) break;  // nobody can see it any more
      const std::uint64_t room = node->room();
      if (c.kind == Change::Write) node->write(c.offset, c.octets);
      if (c.kind == Change::Resize) node->resize(c.offset);
      if (c.kind == Change::Reserve) node->reserved = std::max(node->reserved, c.offset);
      node->modified = ++time_;
      used_ += node->room() - room;
      break;
    }
    case Change::Sync:
      if (node) node->sync();
      if (ordered_names_ && node && !node->directory)
        for (const auto& [number, any] : nodes_)
          if (const auto other = any.lock(); other && other->directory) other->sync();
      break;
  }
}

// Octets of all files that have a name.
void SimulatedDisk::measure() {
  if (capacity_ == UINT64_MAX) return;
  used_ = 0;
  std::set<const Node*> seen;
  const auto walk = [&](const auto& self, const Node& node) -> void {
    if (!seen.insert(&node).second) return;
    used_ += node.room();
    for (const auto& [name, child] : node.names) self(self, *child);
  };
  walk(walk, *root_);
}

Result<void, IoError> SimulatedDisk::refuse_growth(std::uint64_t more) const {
  if (used_ + more <= capacity_) return {};
  return refuse(IoError::no_space_on_device);
}

Result<void, IoError> SimulatedDisk::write(Node& node, std::uint64_t offset,
                                           std::span<const std::string_view> pieces) {
  std::string all;
  for (const auto piece : pieces) all.append(piece);
  const auto error = strike(Site::Write);
  if (error && fault_->partial) all.resize(all.size() / 2);
  if (error && !fault_->partial) return refuse(*error);
  const std::uint64_t end = offset + all.size();
  if (auto fits = refuse_growth(end - std::min(end, node.room())); !fits) {
    // As much as there is room for, as a full disk does.
    const std::uint64_t until = node.room() + (capacity_ - std::min(capacity_, used_));
    all.resize(until > offset ? std::min<std::uint64_t>(all.size(), until - offset) : 0);
    commit({.kind = Change::Write, .node = node.number, .offset = offset, .octets = std::move(all)});
    return fits;
  }
  commit({.kind = Change::Write, .node = node.number, .offset = offset, .octets = std::move(all)});
  if (error) return refuse(*error);
  return {};
}

// --- Power
// -----------------------------------------------------------------------------------------------------

std::unique_ptr<SimulatedDisk> SimulatedDisk::copy() const {
  auto other = std::make_unique<SimulatedDisk>();
  std::unordered_map<const Node*, NodePtr> twins{{root_.get(), other->root_}};
  const auto twin = [&](const auto& self, const NodePtr& node) -> NodePtr {
    const auto known = twins.find(node.get());
    NodePtr made =
        known == twins.end() ? std::make_shared<Node>(node->number, node->directory) : known->second;
    if (known != twins.end() && node != root_) return made;
    twins[node.get()] = made;
    other->nodes_[node->number] = made;
    made->content = node->content;
    made->durable_size = node->durable_size;
    made->before = node->before;
    made->reserved = node->reserved;
    made->modified = node->modified;
    for (const auto& [name, child] : node->names) made->names[name] = self(self, child);
    for (const auto& [name, child] : node->durable_names) made->durable_names[name] = self(self, child);
    for (const auto& [name, child] : node->unsynced)
      made->unsynced.push_back({name, child ? self(self, child) : nullptr});
    return made;
  };
  twin(twin, root_);
  other->next_node_ = next_node_;
  other->ordered_names_ = ordered_names_;
  other->capacity_ = capacity_;
  other->time_ = time_;
  return other;
}

void SimulatedDisk::lose_power(Loss loss, std::uint64_t seed) {
  SeededRandom random(seed);
  std::vector<std::pair<std::uint64_t, NodePtr>> all;  // by number: a seed gives the same loss each time
  for (const auto& [number, weak] : nodes_)
    if (auto node = weak.lock()) all.emplace_back(number, std::move(node));
  std::ranges::sort(all, {}, [](const auto& n) { return n.first; });
  for (const auto& [number, node] : all) node->lose(loss, random);
  measure();
}

std::unique_ptr<SimulatedDisk> SimulatedDisk::after_power_cut(Loss loss, std::uint64_t seed) const {
  const std::lock_guard lock(mutex_);
  auto left = copy();
  left->lose_power(loss, seed);
  return left;
}

PowerCuts::PowerCuts(const SimulatedDisk& recorded)
    : recorded_(recorded), reached_(std::make_unique<SimulatedDisk>()) {
  reached_->ordered_names_ = recorded.ordered_names_;
}
PowerCuts::~PowerCuts() = default;

std::unique_ptr<SimulatedDisk> PowerCuts::at(std::size_t changes, Loss loss, std::uint64_t seed) {
  const std::lock_guard lock(recorded_.mutex_);
  for (; done_ < changes && done_ < recorded_.journal_.size(); ++done_)
    reached_->apply(recorded_.journal_[done_]);
  auto left = reached_->copy();
  left->lose_power(loss, seed);
  return left;
}

// --- As a disk
// -------------------------------------------------------------------------------------------------

// Found under a lock of the disk, so that it cannot change meanwhile.
Result<SimulatedDisk::Place, IoError> SimulatedDisk::find(const std::string& path) const {
  Place place{.directory = root_, .name = "", .node = root_};
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, slash - at);
    at = slash + 1;
    if (part.empty() || part == ".") continue;
    if (!place.node) return refuse(IoError::no_such_file_or_directory);
    if (!place.node->directory) return refuse(IoError::not_a_directory);
    place.directory = place.node;
    place.name = part;
    const auto found = place.directory->names.find(part);
    place.node = found == place.directory->names.end() ? nullptr : found->second;
  }
  return place;
}

Result<SimulatedDisk::Place, IoError> SimulatedDisk::find_existing(const std::string& path) const {
  auto place = find(path);
  if (place && !place->node) return refuse(IoError::no_such_file_or_directory);
  return place;
}

class SimulatedFile final : public File {
 public:
  SimulatedFile(SimulatedDisk& disk, SimulatedDisk::NodePtr node) : disk_(disk), node_(std::move(node)) {}

  Result<std::size_t, IoError> read(std::uint64_t offset, std::span<char> into) override {
    const std::lock_guard lock(disk_.mutex_);
    if (const auto error = disk_.strike(Site::Read)) return refuse(*error);
    if (offset >= node_->content.size()) return std::size_t{0};
    const std::size_t n = std::min<std::uint64_t>(into.size(), node_->content.size() - offset);
    std::memcpy(into.data(), node_->content.data() + offset, n);
    return n;
  }
  Result<std::size_t, IoError> read_now(std::uint64_t offset, std::span<char> into) override {
    return read(offset, into);
  }
  Result<void, IoError> write(std::uint64_t offset, std::span<const std::string_view> pieces) override {
    const std::lock_guard lock(disk_.mutex_);
    return disk_.write(*node_, offset, pieces);
  }
  Result<void, IoError> sync() override {
    const std::lock_guard lock(disk_.mutex_);
    if (const auto error = disk_.strike(Site::Sync)) return refuse(*error);
    if (!disk_.sync_lies_) disk_.commit({.kind = SimulatedDisk::Change::Sync, .node = node_->number});
    return {};
  }
  Result<void, IoError> resize(std::uint64_t octets) override {
    const std::lock_guard lock(disk_.mutex_);
    if (const auto error = disk_.strike(Site::Resize)) return refuse(*error);
    if (auto fits = disk_.refuse_growth(octets - std::min(octets, node_->room())); !fits) return fits;
    disk_.commit({.kind = SimulatedDisk::Change::Resize, .node = node_->number, .offset = octets});
    return {};
  }
  Result<void, IoError> reserve(std::uint64_t offset, std::uint64_t octets) override {
    const std::lock_guard lock(disk_.mutex_);
    if (const auto error = disk_.strike(Site::Resize)) return refuse(*error);
    const std::uint64_t end = offset + octets;
    if (auto fits = disk_.refuse_growth(end - std::min(end, node_->room())); !fits) return fits;
    disk_.commit({.kind = SimulatedDisk::Change::Reserve, .node = node_->number, .offset = end});
    return {};
  }
  void write_out_soon(std::uint64_t, std::uint64_t) override {}
  Result<std::uint64_t, IoError> octets() override {
    const std::lock_guard lock(disk_.mutex_);
    return node_->content.size();
  }

 private:
  SimulatedDisk& disk_;
  const SimulatedDisk::NodePtr node_;
};

class SimulatedLock final : public Lock {
 public:
  SimulatedLock(SimulatedDisk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  ~SimulatedLock() override {
    const std::lock_guard lock(disk_.mutex_);
    disk_.locks_.erase(path_);
  }

 private:
  SimulatedDisk& disk_;
  const std::string path_;
};

Result<std::unique_ptr<File>, IoError> SimulatedDisk::open(const std::string& path, Open how) {
  const std::lock_guard lock(mutex_);
  auto place = find(path);
  if (!place) return refuse(place.error());
  if (place->node && place->node->directory) return refuse(IoError::is_a_directory);
  if (!place->node) {
    if (how == Open::Read || how == Open::Write) return refuse(IoError::no_such_file_or_directory);
    if (const auto error = strike(Site::Names)) return refuse(*error);
    const std::uint64_t number = next_node_++;
    commit(
        {.kind = Change::Make, .node = number, .directory = place->directory->number, .name = place->name});
    place->node = at(number);
  } else if (how == Open::New) {
    if (const auto error = strike(Site::Names)) return refuse(*error);
    commit({.kind = Change::Resize, .node = place->node->number, .offset = 0});
  }
  return std::make_unique<SimulatedFile>(*this, place->node);
}

Result<void, IoError> SimulatedDisk::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto place = find_existing(path);
  if (!place) return refuse(place.error());
  if (place->node->directory) return refuse(IoError::is_a_directory);
  if (const auto error = strike(Site::Names)) return refuse(*error);
  commit({.kind = Change::Unname, .directory = place->directory->number, .name = place->name});
  return {};
}

Result<void, IoError> SimulatedDisk::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  const auto source = find_existing(from);
  if (!source) return refuse(source.error());
  const auto target = find(to);
  if (!target) return refuse(target.error());
  if (const auto error = strike(Site::Names)) return refuse(*error);
  const NodePtr node = source->node;  // lives while it has no name
  commit({.kind = Change::Name,
          .node = node->number,
          .directory = target->directory->number,
          .name = target->name});
  commit({.kind = Change::Unname, .directory = source->directory->number, .name = source->name});
  return {};
}

Result<void, IoError> SimulatedDisk::link(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  const auto source = find_existing(from);
  if (!source) return refuse(source.error());
  const auto target = find(to);
  if (!target) return refuse(target.error());
  if (target->node) return refuse(IoError::file_exists);
  if (const auto error = strike(Site::Names)) return refuse(*error);
  commit({.kind = Change::Name,
          .node = source->node->number,
          .directory = target->directory->number,
          .name = target->name});
  return {};
}

Result<void, IoError> SimulatedDisk::make_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto place = find(path);
  if (!place) return refuse(place.error());
  if (place->node) return refuse(IoError::file_exists);
  if (const auto error = strike(Site::Names)) return refuse(*error);
  commit({.kind = Change::MakeDirectory,
          .node = next_node_++,
          .directory = place->directory->number,
          .name = place->name});
  return {};
}

Result<void, IoError> SimulatedDisk::remove_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto place = find_existing(path);
  if (!place) return refuse(place.error());
  if (!place->node->directory) return refuse(IoError::not_a_directory);
  if (!place->node->names.empty()) return refuse(IoError::directory_not_empty);
  if (const auto error = strike(Site::Names)) return refuse(*error);
  commit({.kind = Change::Unname, .directory = place->directory->number, .name = place->name});
  return {};
}

Result<std::vector<std::string>, IoError> SimulatedDisk::list(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto place = find_existing(path);
  if (!place) return refuse(place.error());
  if (!place->node->directory) return refuse(IoError::not_a_directory);
  std::vector<std::string> found;
  for (const auto& [name, node] : place->node->names) found.push_back(name);
  return found;
}

Result<Status, IoError> SimulatedDisk::status(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto place = find_existing(path);
  if (!place) return refuse(place.error());
  return Status{.octets = place->node->content.size(),
                .directory = place->node->directory,
                .modified = time_of_micros(place->node->modified)};
}

Result<void, IoError> SimulatedDisk::sync_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto place = find_existing(path);
  if (!place) return refuse(place.error());
  if (const auto error = strike(Site::Sync)) return refuse(*error);
  if (!sync_lies_) commit({.kind = Change::Sync, .node = place->node->number});
  return {};
}

Result<Space, IoError> SimulatedDisk::space(const std::string&) {
  const std::lock_guard lock(mutex_);
  return Space{.free = capacity_ - std::min(capacity_, used_), .total = capacity_};
}

Result<std::unique_ptr<Lock>, IoError> SimulatedDisk::lock(const std::string& path) {
  if (auto made = open(path, Open::Create); !made) return refuse(made.error());
  const std::lock_guard lock(mutex_);
  if (!locks_.insert(path).second) return refuse(IoError::device_or_resource_busy);
  return std::make_unique<SimulatedLock>(*this, path);
}

}  // namespace postroad::disk
