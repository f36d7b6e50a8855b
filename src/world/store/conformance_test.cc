#include "store/conformance.h"

#include <unistd.h>

#include "base/encoding.h"
#include "base/random.h"
#include "disk/simulated_disk.h"
#include "store/embedded.h"

namespace postroad::store {
namespace {

class EmbeddedSubject final : public Subject {
 public:
  EmbeddedSubject(bool threads, bool real_disk) {
    if (real_disk) {
      directory_.emplace();
      options_.data = directory_->path() + "/data";
    } else {
      options_.disk = &simulated_;
      options_.data = "/data";
    }
    options_.cores = 2;
    options_.threads = threads;
    options_.reserve_octets = 0;
    options_.segment_octets = 1 << 20;  // many segments, and compaction
    options_.memtable_octets = 1 << 20;
    options_.blob_grace = options_.erase_within = std::chrono::seconds{0};
    options_.compact_octets_per_second = 0;
    open();
  }
  Store& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    open();
  }
  void tend() override { store_->tend(); }

 private:
  void open() {
    auto opened = open_embedded(options_);
    if (!opened) throw std::runtime_error(opened.error().text);
    store_ = std::move(*opened);
  }
  std::optional<ScratchDirectory> directory_;
  disk::SimulatedDisk simulated_;
  EmbeddedOptions options_;
  std::unique_ptr<EmbeddedStore> store_;
};

}  // namespace

std::vector<SubjectKind> subject_kinds() {
  return {{"embedded", [] { return std::make_unique<EmbeddedSubject>(true, true); }},
          {"embedded_in_memory", [] { return std::make_unique<EmbeddedSubject>(true, false); }},
          {"embedded_without_threads", [] { return std::make_unique<EmbeddedSubject>(false, false); }}};
}

std::optional<Value> Conformance::get(Partition partition, const std::string& key, Family family) {
  auto value = run(store().get(partition, key, family));
  EXPECT_TRUE(value);
  return value ? *value : std::nullopt;
}

Page Conformance::scan(Partition partition, Range range, Family family) {
  auto page = run(store().scan(partition, std::move(range), family));
  EXPECT_TRUE(page);
  return page ? std::move(*page) : Page{};
}

BlobId Conformance::write(std::string_view octets, std::unique_ptr<BlobWriter>& writer) {
  writer = store().new_blob();
  writer->append(octets);
  const auto id = run(writer->finish());
  EXPECT_TRUE(id);
  return id ? *id : BlobId{};
}

BlobId Conformance::keep(Partition partition, std::string_view octets, std::string_view by) {
  std::unique_ptr<BlobWriter> writer;
  const BlobId id = write(octets, writer);
  Batch batch(partition);
  batch.refer(id, by);
  EXPECT_EQ(commit(std::move(batch)).outcome, Outcome::Committed);
  return id;
}

net::task<Result<std::string, BlobError>> read_all(Store& store, BlobId id) {
  auto reader = co_await store.open_blob(id);
  if (!reader) co_return refuse(reader.error());
  std::string all;
  for (;;) {
    const auto piece = co_await (*reader)->read(all.size());
    if (!piece) co_return refuse(piece.error());
    if (piece->empty()) break;
    all.append(*piece);
  }
  EXPECT_EQ(all.size(), (*reader)->octets());
  co_return all;
}

Result<std::string, BlobError> Conformance::read_blob(BlobId id) { return run(read_all(store(), id)); }

ScratchDirectory::ScratchDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "postroad-store-XXXXXX").string();
  if (!::mkdtemp(name.data())) throw std::system_error(errno, std::generic_category(), name);
  path_ = name;
}
ScratchDirectory::~ScratchDirectory() { std::filesystem::remove_all(path_); }

std::string noise(std::size_t octets, std::uint64_t seed) { return SeededRandom(seed).bytes(octets); }
std::string hex_noise(std::uint64_t seed) { return hex(noise(16, seed)); }

}  // namespace postroad::store
