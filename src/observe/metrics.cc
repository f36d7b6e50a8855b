#include "observe/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "observe/process.h"

namespace postroad::observe {
namespace {

// A cell holds a count, or a sum as the bits of a double. Every thread has its own copy of every cell, so
// that an increment is a plain load and store; readers see each copy whole because it is atomic, and add them
// up.
using Cell = std::atomic<std::uint64_t>;
constexpr std::size_t chunk_cells = 256, chunks = 256;

struct Shard {
  std::array<std::atomic<Cell*>, chunks> chunk{};

  ~Shard() {
    for (auto& c : chunk) delete[] c.load();
  }
  Cell& at(std::size_t index) {
    auto& slot = chunk[index / chunk_cells];
    Cell* cells = slot.load(std::memory_order_acquire);
    if (!cells) slot.store(cells = new Cell[chunk_cells]{}, std::memory_order_release);
    return cells[index % chunk_cells];
  }
  std::uint64_t read(std::size_t index) const {
    const Cell* cells = chunk[index / chunk_cells].load(std::memory_order_acquire);
    return cells ? cells[index % chunk_cells].load(std::memory_order_relaxed) : 0;
  }
};

enum class Kind { Counter, Gauge, Histogram };

struct Entry {
  Kind kind{};
  std::string help;
  std::size_t cell = 0;
  std::span<const double> bounds;
  std::function<double()> ask;
  const void* owner = nullptr;
};

class Registry {
 public:
  static Registry& instance() {
    static auto* registry = new Registry;  // outlives every static that counts
    return *registry;
  }

  // A metric declared again is the same metric.
  std::size_t cells(Kind kind, std::string_view name, std::string_view help, std::string_view labels,
                    std::span<const double> bounds) {
    const std::lock_guard lock(mutex_);
    auto [at, fresh] = entries_.try_emplace({std::string(name), std::string(labels)});
    Entry& entry = at->second;
    if (!fresh) {
      if (entry.kind != kind || !std::ranges::equal(entry.bounds, bounds))
        throw std::logic_error(fmt::format("metric {} is declared twice, differently", name));
      return entry.cell;
    }
    const std::size_t count = kind == Kind::Histogram ? bounds.size() + 2 : 1;
    if (is_sum_.size() + count > chunk_cells * chunks) throw std::length_error("too many metrics");
    entry = {.kind = kind,
             .help = std::string(help),
             .cell = is_sum_.size(),
             .bounds = bounds,
             .ask = {},
             .owner = nullptr};
    is_sum_.resize(is_sum_.size() + count, false);
    if (kind == Kind::Histogram) is_sum_.back() = true;
    return entry.cell;
  }

  void ask(std::string_view name, std::string_view help, std::string_view labels, std::function<double()> ask,
           const void* owner) {
    const std::lock_guard lock(mutex_);
    entries_[{std::string(name), std::string(labels)}] = {.kind = Kind::Gauge,
                                                          .help = std::string(help),
                                                          .cell = 0,
                                                          .bounds = {},
                                                          .ask = std::move(ask),
                                                          .owner = owner};
  }
  void forget(const void* owner) {
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [&](const auto& entry) { return entry.second.owner == owner; });
  }

  void add_shard(Shard& shard) {
    const std::lock_guard lock(mutex_);
    shards_.push_back(&shard);
  }
  void retire(Shard& shard) {
    const std::lock_guard lock(mutex_);
    std::erase(shards_, &shard);
    for (std::size_t i = 0; i < is_sum_.size(); ++i) accumulate(retired_.at(i), shard.read(i), is_sum_[i]);
  }
  // For a thread that is past its own end: static destructors that still count.
  void add_late(std::size_t cell, std::uint64_t bits, bool sum) {
    const std::lock_guard lock(mutex_);
    accumulate(retired_.at(cell), bits, sum);
  }

  std::uint64_t count(std::size_t cell) const {
    const std::lock_guard lock(mutex_);
    return sum_of(cell);
  }
  double sum(std::size_t cell) const {
    const std::lock_guard lock(mutex_);
    return std::bit_cast<double>(sum_of(cell));
  }
  std::string exposition() const;

  static void accumulate(Cell& into, std::uint64_t bits, bool sum) {
    const std::uint64_t before = into.load(std::memory_order_relaxed);
    into.store(sum ? std::bit_cast<std::uint64_t>(std::bit_cast<double>(before) + std::bit_cast<double>(bits))
                   : before + bits,
               std::memory_order_relaxed);
  }

 private:
  std::uint64_t sum_of(std::size_t cell) const {
    Cell total{retired_.read(cell)};
    for (const Shard* shard : shards_) accumulate(total, shard->read(cell), is_sum_[cell]);
    return total.load();
  }

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Entry> entries_;  // by name, then labels
  std::vector<bool> is_sum_;                                      // by cell
  std::vector<Shard*> shards_;
  Shard retired_;
};

thread_local Shard* my_shard = nullptr;
thread_local bool past_end = false;

struct ShardOwner {
  Shard shard;
  ShardOwner() { Registry::instance().add_shard(shard), my_shard = &shard; }
  ~ShardOwner() {
    my_shard = nullptr, past_end = true;
    Registry::instance().retire(shard);
  }
};

void add_to(std::size_t cell, std::uint64_t bits, bool sum = false) {
  if (!my_shard) {
    if (past_end) return Registry::instance().add_late(cell, bits, sum);
    thread_local ShardOwner owner;
  }
  Registry::accumulate(my_shard->at(cell), bits, sum);
}

std::string braces(std::string_view labels, std::string_view more = {}) {
  if (labels.empty() && more.empty()) return {};
  return fmt::format("{{{}{}{}}}", labels, labels.empty() || more.empty() ? "" : ",", more);
}

std::string Registry::exposition() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  const auto append = [&]<class... Args>(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
  };
  std::string_view last;
  for (const auto& [key, entry] : entries_) {
    const auto& [name, labels] = key;
    if (name != last) {
      constexpr std::string_view kinds[] = {"counter", "gauge", "histogram"};
      append("# HELP {} ", name);
      for (char c : entry.help) out += c == '\\' ? "\\\\" : c == '\n' ? "\\n" : std::string(1, c);
      append("\n# TYPE {} {}\n", name, kinds[static_cast<std::size_t>(entry.kind)]);
      last = name;
    }
    if (entry.ask) {
      append("{}{} {}\n", name, braces(labels), entry.ask());
    } else if (entry.kind == Kind::Counter) {
      append("{}{} {}\n", name, braces(labels), sum_of(entry.cell));
    } else {
      std::uint64_t below = 0;
      for (std::size_t i = 0; i <= entry.bounds.size(); ++i) {
        below += sum_of(entry.cell + i);
        const std::string bound = i < entry.bounds.size() ? fmt::format("{}", entry.bounds[i]) : "+Inf";
        append("{}_bucket{} {}\n", name, braces(labels, fmt::format("le=\"{}\"", bound)), below);
      }
      const double sum = std::bit_cast<double>(sum_of(entry.cell + entry.bounds.size() + 1));
      append("{}_sum{} {}\n{}_count{} {}\n", name, braces(labels), sum, name, braces(labels), below);
    }
  }
  return out;
}

}  // namespace

Counter::Counter(std::string_view name, std::string_view help, std::string_view labels)
    : cell_(Registry::instance().cells(Kind::Counter, name, help, labels, {})) {}
void Counter::add(std::uint64_t n) const { add_to(cell_, n); }
std::uint64_t Counter::value() const { return Registry::instance().count(cell_); }

Gauge::Gauge(std::string_view name, std::string_view help, std::string_view labels) {
  Registry::instance().ask(name, help, labels, [this] { return static_cast<double>(value()); }, this);
}
Gauge::~Gauge() { Registry::instance().forget(this); }

Probe::Probe(std::string_view name, std::string_view help, std::function<double()> ask,
             std::string_view labels) {
  Registry::instance().ask(name, help, labels, std::move(ask), this);
}
Probe::~Probe() { Registry::instance().forget(this); }

Histogram::Histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                     std::string_view labels)
    : bounds_(bounds), cell_(Registry::instance().cells(Kind::Histogram, name, help, labels, bounds)) {}

void Histogram::record(double value) const {
  const auto bucket = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
  add_to(cell_ + static_cast<std::size_t>(bucket), 1);
  add_to(cell_ + bounds_.size() + 1, std::bit_cast<std::uint64_t>(value), true);
}
std::uint64_t Histogram::count() const {
  std::uint64_t all = 0;
  for (std::size_t i = 0; i <= bounds_.size(); ++i) all += Registry::instance().count(cell_ + i);
  return all;
}
double Histogram::sum() const { return Registry::instance().sum(cell_ + bounds_.size() + 1); }

std::string exposition() { return Registry::instance().exposition() + process_exposition(); }

}  // namespace postroad::observe
