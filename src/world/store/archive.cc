#include "store/archive.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "crypto/checksum.h"

namespace postroad::store {
namespace {
constexpr std::string_view magic = "postroad archive 1\n";
constexpr std::size_t frame_limit = 1 << 20;
constexpr std::size_t frame_header = 13;

// Covers the place in the stream, so that frames cannot change places.
std::uint64_t frame_checksum(std::uint64_t number, Frame kind, std::string_view payload) {
  std::string head;
  Writer(head).u64(number).u8(static_cast<std::uint8_t>(kind)).u64(crypto::xxh3(payload));
  return crypto::xxh3(head);
}
}  // namespace

ArchiveWriter::ArchiveWriter(Sink& sink) : sink_(sink) { sink_.write(magic); }

void ArchiveWriter::frame(Frame kind, std::string_view payload) {
  if (payload.size() > frame_limit) throw std::length_error("store: a frame of an archive is too long");
  buffer_.clear();
  Writer(buffer_)
      .u32(static_cast<std::uint32_t>(payload.size()))
      .u64(frame_checksum(frames_++, kind, payload))
      .u8(static_cast<std::uint8_t>(kind));
  sink_.write(buffer_);
  sink_.write(payload);
}

void ArchiveWriter::data(std::string_view octets) {
  for (; !octets.empty(); octets.remove_prefix(std::min(octets.size(), frame_limit)))
    frame(Frame::Data, octets.substr(0, frame_limit));
}

void ArchiveWriter::end() {
  std::string count;
  Writer(count).u64(frames_);
  frame(Frame::End, count);
}

ArchiveReader::ArchiveReader(Source& source) : source_(source) {
  std::string found(magic.size(), '\0');
  read(found.data(), found.size());
  if (found != magic) throw BadArchive("this is not an archive of ours");
}

void ArchiveReader::read(char* into, std::size_t octets) {
  while (octets > 0) {
    const std::size_t n = source_.read(into, octets);
    if (n == 0) throw BadArchive(fmt::format("the archive breaks off after frame {}", frames_));
    into += n;
    octets -= n;
  }
}

Frame ArchiveReader::next() {
  std::string head(frame_header, '\0');
  read(head.data(), head.size());
  Reader in(head);
  const std::uint32_t length = in.u32();
  const std::uint64_t checksum = in.u64();
  const auto kind = static_cast<Frame>(in.u8());
  if (length > frame_limit) throw BadArchive(fmt::format("frame {} of the archive is damaged", frames_));
  payload_.resize(length);
  read(payload_.data(), length);
  if (frame_checksum(frames_, kind, payload_) != checksum)
    throw BadArchive(fmt::format("frame {} of the archive is damaged", frames_));
  if (kind == Frame::End && Reader(payload_).u64() != frames_)
    throw BadArchive("the archive has lost frames");
  ++frames_;
  return kind;
}

std::string_view ArchiveReader::expect(Frame kind) {
  if (next() != kind)
    throw BadArchive(fmt::format("frame {} of the archive is not what should follow", frames_ - 1));
  return payload_;
}

}  // namespace postroad::store
