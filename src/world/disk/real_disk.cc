// The machine's file systems, by system calls.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "disk/disk.h"

namespace postroad::disk {
namespace {

IoError last_error() { return static_cast<IoError>(errno); }

Result<void, IoError> answer(int r) {
  if (r < 0) return refuse(last_error());
  return {};
}

// open(2) again while a signal interrupts it.
int open_again(const char* path, int flags, mode_t mode = 0600) {
  int fd;
  do fd = ::open(path, flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  return fd;
}

class RealFile final : public File {
 public:
  explicit RealFile(int fd) : fd_(fd) {}
  ~RealFile() override { ::close(fd_); }

  Result<std::size_t, IoError> read(std::uint64_t offset, std::span<char> into) override {
    std::size_t done = 0;
    while (done < into.size()) {
      const ssize_t n =
          ::pread(fd_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return refuse(last_error());
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  Result<std::size_t, IoError> read_now(std::uint64_t offset, std::span<char> into) override {
    std::size_t done = 0;
    while (done < into.size()) {
      const iovec piece{into.data() + done, into.size() - done};
      const ssize_t n = ::preadv2(fd_, &piece, 1, static_cast<off_t>(offset + done), RWF_NOWAIT);
      if (n < 0 && errno == EINTR) continue;
      // Not every file system knows RWF_NOWAIT; a part in memory is no better than nothing.
      if (n < 0 && (errno == EAGAIN || errno == EOPNOTSUPP))
        return refuse(IoError::resource_unavailable_try_again);
      if (n < 0) return refuse(last_error());
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  Result<void, IoError> write(std::uint64_t offset, std::span<const std::string_view> pieces) override {
    std::array<iovec, 256> vectors;
    std::size_t piece = 0, within = 0;
    for (;;) {
      int count = 0;
      std::size_t skip = within;
      for (std::size_t i = piece; i < pieces.size() && count < static_cast<int>(vectors.size()); ++i) {
        if (pieces[i].size() > skip)
          vectors[static_cast<std::size_t>(count++)] = {const_cast<char*>(pieces[i].data()) + skip,
                                                        pieces[i].size() - skip};
        skip = 0;
      }
      if (count == 0) return {};
      const ssize_t n = ::pwritev(fd_, vectors.data(), count, static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return refuse(last_error());
      offset += static_cast<std::uint64_t>(n);
      for (auto left = static_cast<std::size_t>(n); piece < pieces.size();) {
        const std::size_t here = pieces[piece].size() - within;
        if (left < here) {
          within += left;
          break;
        }
        left -= here;
        within = 0;
        ++piece;
      }
    }
  }

  Result<void, IoError> sync() override { return answer(::fdatasync(fd_)); }
  Result<void, IoError> resize(std::uint64_t octets) override {
    return answer(::ftruncate(fd_, static_cast<off_t>(octets)));
  }
  Result<void, IoError> reserve(std::uint64_t offset, std::uint64_t octets) override {
    int r;
    do r = ::fallocate(fd_, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(octets));
    while (r < 0 && errno == EINTR);
    if (r < 0 && errno == EOPNOTSUPP) return {};  // the file system has no such promise to give
    return answer(r);
  }
  void write_out_soon(std::uint64_t offset, std::uint64_t octets) override {
    ::sync_file_range(fd_, static_cast<off_t>(offset), static_cast<off_t>(octets), SYNC_FILE_RANGE_WRITE);
  }
  Result<std::uint64_t, IoError> octets() override {
    struct stat s;
    if (::fstat(fd_, &s) < 0) return refuse(last_error());
    return static_cast<std::uint64_t>(s.st_size);
  }

 private:
  const int fd_;
};

class RealLock final : public Lock {
 public:
  explicit RealLock(int fd) : fd_(fd) {}
  ~RealLock() override { ::close(fd_); }

 private:
  const int fd_;
};

class RealDisk final : public Disk {
 public:
  Result<std::unique_ptr<File>, IoError> open(const std::string& path, Open how) override {
    static constexpr std::array flags{O_RDONLY, O_RDWR, O_RDWR | O_CREAT, O_RDWR | O_CREAT | O_TRUNC};
    const int fd = open_again(path.c_str(), flags[static_cast<std::size_t>(how)]);
    if (fd < 0) return refuse(last_error());
    return std::make_unique<RealFile>(fd);
  }
  Result<void, IoError> remove(const std::string& path) override { return answer(::unlink(path.c_str())); }
  Result<void, IoError> rename(const std::string& from, const std::string& to) override {
    return answer(::rename(from.c_str(), to.c_str()));
  }
  Result<void, IoError> link(const std::string& from, const std::string& to) override {
    return answer(::link(from.c_str(), to.c_str()));
  }
  Result<void, IoError> make_directory(const std::string& path) override {
    return answer(::mkdir(path.c_str(), 0700));
  }
  Result<void, IoError> remove_directory(const std::string& path) override {
    return answer(::rmdir(path.c_str()));
  }

  Result<std::vector<std::string>, IoError> list(const std::string& path) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
    if (!directory) return refuse(last_error());
    std::vector<std::string> names;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(directory.get());
      if (!entry) break;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return refuse(last_error());
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<Status, IoError> status(const std::string& path) override {
    struct stat s;
    if (::stat(path.c_str(), &s) < 0) return refuse(last_error());
    return Status{.octets = static_cast<std::uint64_t>(s.st_size),
                  .directory = S_ISDIR(s.st_mode),
                  .modified = time_of_micros(s.st_mtim.tv_sec * 1'000'000 + s.st_mtim.tv_nsec / 1000)};
  }

  Result<void, IoError> sync_directory(const std::string& path) override {
    const int fd = open_again(path.c_str(), O_RDONLY | O_DIRECTORY);
    if (fd < 0) return refuse(last_error());
    const auto done = answer(::fsync(fd));
    ::close(fd);
    return done;
  }

  Result<Space, IoError> space(const std::string& path) override {
    struct statvfs s;
    if (::statvfs(path.c_str(), &s) < 0) return refuse(last_error());
    return Space{.free = s.f_bavail * s.f_frsize, .total = s.f_blocks * s.f_frsize};
  }

  Result<std::unique_ptr<Lock>, IoError> lock(const std::string& path) override {
    const int fd = open_again(path.c_str(), O_RDWR | O_CREAT);
    if (fd < 0) return refuse(last_error());
    if (::flock(fd, LOCK_EX | LOCK_NB) < 0) {
      const IoError error = errno == EWOULDBLOCK ? IoError::device_or_resource_busy : last_error();
      ::close(fd);
      return refuse(error);
    }
    return std::make_unique<RealLock>(fd);
  }
};

}  // namespace

Disk& real_disk() {
  static RealDisk disk;
  return disk;
}

}  // namespace postroad::disk
