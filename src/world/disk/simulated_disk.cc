#include "base/random.h"
#include "disk/simulated_node.h"

namespace postroad::disk {

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

}  // namespace postroad::disk
