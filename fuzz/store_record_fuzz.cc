// What lies in the store's files: a record means what was printed or nothing; an octet that has changed, a
// record at another place, an archive that broke off are found out. A batch reads back as it was filled.
#include <cstdint>
#include <cstdlib>

#include "store/archive.h"
#include "store/batch.h"
#include "store/layout.h"
#include "store/record.h"

namespace {

using namespace postroad;
using namespace postroad::store;

void require(bool condition) {
  if (!condition) std::abort();
}

// Draws what is needed from the front of the input; zeros when there is no more.
class Input {
 public:
  explicit Input(std::string_view octets) : octets_(octets) {}
  bool empty() const { return octets_.empty(); }
  std::uint8_t octet() { return static_cast<std::uint8_t>(number(1)); }
  std::uint64_t number(int octets = 8) {
    std::uint64_t n = 0;
    for (; octets > 0 && !octets_.empty(); --octets, octets_.remove_prefix(1))
      n = n << 8 | static_cast<std::uint8_t>(octets_.front());
    return n;
  }
  std::string_view text() { return take(octet()); }
  std::string_view rest() { return take(octets_.size()); }

 private:
  std::string_view take(std::size_t n) {
    const std::string_view taken = octets_.substr(0, n);
    octets_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view octets_;
};

std::string with_a_flip(std::string_view octets, std::uint64_t at) {
  std::string flipped(octets);
  const std::size_t place = at / 8 % flipped.size();
  flipped[place] = static_cast<char>(flipped[place] ^ (1 << at % 8));
  return flipped;
}

// Any octets, read as each kind of record: what means something means the same when it is written again.
void foreign(std::string_view octets) {
  if (const auto at = layout::read_location(octets))
    require(layout::read_location(layout::location_record(*at)) == at);
  if (const auto row = layout::read_segment(octets))
    require(octets.starts_with(layout::segment_record(*row)));
  if (const auto number = layout::read_number(octets))
    require(octets.starts_with(layout::number_record(*number)));
  if (const auto blob = layout::read_blob_key(octets)) require(octets.starts_with(layout::blob_key(*blob)));
  if (const auto partition = layout::read_partition(octets))
    require(octets.starts_with(layout::Prefix(*partition, 0).partition()));
  (void)layout::read_value("key", octets);
  (void)layout::read_outbox(octets);
  (void)layout::read_body(octets);
  (void)parse_segment_header(octets);
  (void)parse_record_header(octets, 1, 64);
  if (const auto block = layout::parse_superblock(octets)) require(layout::print(*block) == octets);
}

void records(Input in) {
  const std::uint64_t flip = in.number(2);
  const Partition partition{static_cast<Realm>(in.octet()), in.number()};
  const std::string key(in.text());
  const Version version{in.number()};
  const std::uint64_t salt = in.number(), offset = in.number();
  const std::string value(in.rest());

  std::string record(layout::ValueHeader(version, value_checksum(key, value)).view());
  record += value;
  const auto stored = layout::read_value(key, record);
  require(stored && stored->version == version && stored->value == value);

  layout::OutboxBundle bundle;
  bundle.add(partition, value);
  bundle.add(partition, key);
  const std::string outbox = bundle.take();
  const auto told = layout::read_outbox(outbox);
  require(told && told->size() == 2 && (*told)[0].partition == partition && (*told)[0].octets == value &&
          (*told)[1].octets == key && bundle.empty());
  require(!layout::read_outbox(with_a_flip(outbox, flip)));

  const std::string body = layout::body_checksum(value) + value;
  require(layout::read_body(body) == value);
  require(!layout::read_body(with_a_flip(body, flip)));

  RecordHeader header{.blob = BlobId{version.value()}, .octets = value.size(), .checksum = salt ^ offset};
  const RecordHeaderOctets printed = print(header, salt, offset);
  const std::string_view octets(printed.data(), printed.size());
  const auto found = parse_record_header(octets, salt, offset);
  require(found && found->blob == header.blob && found->octets == header.octets &&
          found->checksum == header.checksum && found->created == header.created);
  require(!parse_record_header(octets, salt + 1, offset) && !parse_record_header(octets, salt, offset + 8));
  require(!parse_record_header(with_a_flip(octets, flip), salt, offset));
  require(record_octets(value.size()) % 8 == 0 &&
          record_octets(value.size()) >= record_header_octets + value.size() + sums_octets(value.size()));

  std::string name = value.substr(0, 16);
  name.resize(16, '-');
  const SegmentHeader segment{
      .store = name, .number = static_cast<std::uint32_t>(offset), .salt = salt, .created = 7};
  const std::string front = print(segment);
  const auto again = parse_segment_header(front);
  require(front.size() == segment_header_octets && again && again->store == name &&
          again->number == segment.number && again->salt == salt);
  require(!parse_segment_header(with_a_flip(front, flip)));

  const layout::Superblock superblock{
      .store = name, .restored = static_cast<std::uint32_t>(salt), .features = {}};
  const std::string text = layout::print(superblock);
  const auto read = layout::parse_superblock(text);
  require(read && read->store == name && read->restored == superblock.restored);
  require(!layout::parse_superblock(with_a_flip(text, flip)));
}

struct Memory final : Sink, Source {
  void write(std::string_view more) override { octets += more; }
  std::size_t read(char* into, std::size_t room) override {
    room = std::min({room, piece, octets.size() - at});
    octets.copy(into, room, at);
    return at += room, room;
  }
  std::string octets;
  std::size_t at = 0, piece = SIZE_MAX;
};

// All frames up to End; nothing if it is not a whole archive.
std::optional<std::vector<std::pair<Frame, std::string>>> frames_of(Memory archive, std::size_t piece) {
  std::vector<std::pair<Frame, std::string>> out;
  archive.at = 0, archive.piece = piece;
  try {
    ArchiveReader reader(archive);
    for (;;) {
      const Frame kind = reader.next();
      if (kind == Frame::End) return out;
      out.emplace_back(kind, reader.payload());
    }
  } catch (const BadArchive&) {
    return std::nullopt;
  }
}

void archive(Input in) {
  const std::uint64_t flip = in.number(3);
  const std::size_t piece = in.octet() + 1u;
  Memory memory;
  ArchiveWriter writer(memory);
  std::vector<std::pair<Frame, std::string>> frames;
  while (!in.empty()) {
    const auto kind = static_cast<Frame>(in.octet() % 255);
    frames.emplace_back(kind, in.text());
    writer.frame(kind, frames.back().second);
  }
  writer.end();
  require(frames_of(memory, piece) == frames);
  Memory damaged = memory;
  damaged.octets = with_a_flip(memory.octets, flip);
  require(!frames_of(damaged, piece));
  damaged.octets = memory.octets.substr(0, flip % memory.octets.size());
  require(!frames_of(damaged, piece));
}

void foreign_archive(std::string_view octets) {
  Memory memory;
  memory.octets = octets;
  (void)frames_of(memory, 7);
}

void batch(Input in) {
  struct Said {
    Batch::Kind kind;
    std::uint64_t number;
    std::string key, value;
  };
  std::vector<Said> said;
  Batch batch({Realm::Account, 7});
  while (!in.empty()) {
    Said one{static_cast<Batch::Kind>(in.octet() % 7 + 1), in.octet(), std::string(in.text()), {}};
    const Family family{static_cast<std::uint32_t>(one.number)};
    switch (one.kind) {
      case Batch::Kind::Put: batch.put(one.key, one.value = in.text(), family); break;
      case Batch::Kind::Remove: batch.remove(one.key, family); break;
      case Batch::Kind::Refer: batch.refer(BlobId{one.number}, one.key); break;
      case Batch::Kind::Release: batch.release(BlobId{one.number}, one.key); break;
      case Batch::Kind::Forget: {
        OpId op;
        op.octets.fill(static_cast<std::uint8_t>(one.number));
        one.key = op.view();
        batch.forget(op);
        break;
      }
      case Batch::Kind::Emit: batch.emit(one.value = std::exchange(one.key, {})); break;
      case Batch::Kind::Trim: batch.trim_outbox(one.number), one.key.clear(); break;
    }
    said.push_back(std::move(one));
  }
  require(batch.operations() == said.size());
  std::size_t at = 0;
  for (const Said& one : said) {
    const auto read = batch.operation(at);
    require(read && read->kind == one.kind && read->key == one.key && read->value == one.value);
    if (one.kind == Batch::Kind::Put) require(read->checksum == value_checksum(one.key, one.value));
    if (one.kind == Batch::Kind::Refer) require(read->blob.value() == one.number);
    if (one.kind == Batch::Kind::Trim) require(read->upto == one.number);
  }
  require(!batch.operation(at));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0: foreign(octets); break;
    case 1: records(Input(octets)); break;
    case 2: archive(Input(octets)); break;
    case 3: foreign_archive(octets); break;
    case 4: batch(Input(octets)); break;
  }
  return 0;
}
