// Archive: the stream in which a backup or an exported partition travels. Pure framing over Sink and Source.
//
//   archive = "postroad archive 1\n", frames
//   frame   = length 4, checksum 8, kind 1, payload        (length counts the payload, at most 1 MiB)
//
// It ends with a frame End that counts all frames, so that a stream that broke off is not taken for whole.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "store/store.h"

namespace postroad::store {

enum class Frame : std::uint8_t {
  Backup = 1,  // superblock as text
  File,        // name, octets; Data follow
  Data,
  Partition = 16,  // realm, id, version
  Entry,           // family, key, record as in the database
  Reference,       // blob, by
  Op,              // op, version
  Blob,            // blob, octets; Data follow
  End = 255,       // number of frames before it
};

// What ends a backup, a restore, an import: the stream is not an archive, is damaged, or breaks off.
class BadArchive : public std::runtime_error {
  using runtime_error::runtime_error;
};

class ArchiveWriter {
 public:
  explicit ArchiveWriter(Sink& sink);
  void frame(Frame kind, std::string_view payload);
  // Any number of octets, as Data frames.
  void data(std::string_view octets);
  void end();

 private:
  Sink& sink_;
  std::uint64_t frames_ = 0;
  std::string buffer_;
};

class ArchiveReader {
 public:
  explicit ArchiveReader(Source& source);
  // The next frame; payload() is valid until the next call. Throws BadArchive.
  Frame next();
  std::string_view payload() const { return payload_; }
  // The next frame must be this.
  std::string_view expect(Frame kind);

 private:
  void read(char* into, std::size_t octets);
  Source& source_;
  std::uint64_t frames_ = 0;
  std::string payload_;
};

}  // namespace postroad::store
