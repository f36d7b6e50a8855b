// Disk: the one door to files. The store's segments and its database both pass through it, so that a test can
// put a disk behind it that fails or loses power at any write (simulated_disk.h).
//
// Paths are absolute or relative to the working directory, '/' separates. Errors are errno values;
// error_text() says them. What is written is lost by a power cut until sync(); a name made, changed or
// removed until sync_directory() of the directory that holds it. Every function may be called by any thread;
// a File by several at once.
#pragma once

#include <cerrno>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace postroad::disk {

using IoError = std::errc;
inline std::string error_text(IoError error) { return std::make_error_code(error).message(); }
inline bool out_of_space(IoError error) {
  return error == IoError::no_space_on_device || error == static_cast<IoError>(EDQUOT);
}

enum class Open : std::uint8_t {
  Read,    // must exist
  Write,   // must exist; read and write
  Create,  // made if it is not there; read and write
  New,     // made, or emptied if it is there; read and write
};

class File {
 public:
  virtual ~File() = default;
  // Fills `into`; fewer octets only at the end of the file.
  virtual Result<std::size_t, IoError> read(std::uint64_t offset, std::span<char> into) = 0;
  // The same, but only if it need not wait for the disk; else resource_unavailable_try_again.
  virtual Result<std::size_t, IoError> read_now(std::uint64_t offset, std::span<char> into) = 0;
  // Writes all pieces one after the other, or answers an error after having written any part of them.
  virtual Result<void, IoError> write(std::uint64_t offset, std::span<const std::string_view> pieces) = 0;
  Result<void, IoError> write(std::uint64_t offset, std::string_view octets) {
    return write(offset, std::span<const std::string_view>(&octets, 1));
  }
  // Durable when it answers. After an error nobody knows what is on the disk: never repeat it and believe the
  // answer.
  virtual Result<void, IoError> sync() = 0;
  virtual Result<void, IoError> resize(std::uint64_t octets) = 0;
  // Room for [offset, offset + octets), which then reads as zeros; the file's size does not change.
  virtual Result<void, IoError> reserve(std::uint64_t offset, std::uint64_t octets) = 0;
  // Begin to write out what is dirty there, so that the sync later has little to do.
  virtual void write_out_soon(std::uint64_t offset, std::uint64_t octets) = 0;
  virtual Result<std::uint64_t, IoError> octets() = 0;
};

// Exclusive among processes; released when destroyed, or when the process dies.
class Lock {
 public:
  virtual ~Lock() = default;
};

struct Space {
  std::uint64_t free = 0;  // for us, not for root
  std::uint64_t total = 0;
};

struct Status {
  std::uint64_t octets = 0;
  bool directory = false;
  Time modified{};
};

class Disk {
 public:
  virtual ~Disk() = default;
  virtual Result<std::unique_ptr<File>, IoError> open(const std::string& path, Open how) = 0;
  virtual Result<void, IoError> remove(const std::string& path) = 0;
  virtual Result<void, IoError> rename(const std::string& from, const std::string& to) = 0;  // replaces `to`
  virtual Result<void, IoError> link(const std::string& from, const std::string& to) = 0;
  virtual Result<void, IoError> make_directory(const std::string& path) = 0;
  virtual Result<void, IoError> remove_directory(const std::string& path) = 0;
  virtual Result<std::vector<std::string>, IoError> list(const std::string& path) = 0;  // names, sorted
  virtual Result<Status, IoError> status(const std::string& path) = 0;
  virtual Result<void, IoError> sync_directory(const std::string& path) = 0;
  virtual Result<Space, IoError> space(const std::string& path) = 0;
  // The file is made if need be; device_or_resource_busy while another holds it.
  virtual Result<std::unique_ptr<Lock>, IoError> lock(const std::string& path) = 0;
};

// The machine's file systems.
Disk& real_disk();

// --- In terms of the above
// -----------------------------------------------------------------------------------

Result<std::string, IoError> read_file(Disk& disk, const std::string& path, std::size_t limit = 1 << 20);
// Whole or not at all, and durable: a temporary file beside it, sync, rename, sync of the directory.
Result<void, IoError> replace_file(Disk& disk, const std::string& path, std::string_view octets);
// `path` and what is above it; answers whether `path` was made now.
Result<bool, IoError> make_directories(Disk& disk, const std::string& path);
// A directory with all it holds; nothing there is no error.
Result<void, IoError> remove_tree(Disk& disk, const std::string& path);
std::string parent_of(const std::string& path);

}  // namespace postroad::disk
