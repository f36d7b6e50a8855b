// The simulated disk as a disk: names, files, locks. What tests do to it is in simulated_disk.cc.
#include "disk/simulated_node.h"

namespace postroad::disk {

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
