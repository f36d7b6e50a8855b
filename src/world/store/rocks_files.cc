#include "store/rocks_files.h"

#include <rocksdb/env.h>

namespace postroad::store {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus status_of(disk::IoError error, const std::string& path) {
  const std::string text = disk::error_text(error);
  if (disk::out_of_space(error)) return IOStatus::NoSpace(path, text);
  if (error == disk::IoError::no_such_file_or_directory) return IOStatus::PathNotFound(path, text);
  return IOStatus::IOError(path, text);
}
template <class T>
IOStatus status_of(const Result<T, disk::IoError>& result, const std::string& path) {
  return result ? IOStatus::OK() : status_of(result.error(), path);
}

struct Opened {
  std::string path;
  std::unique_ptr<disk::File> file;
};

class Sequential final : public rocksdb::FSSequentialFile {
 public:
  explicit Sequential(Opened opened) : opened_(std::move(opened)) {}
  IOStatus Read(size_t n, const IOOptions&, Slice* result, char* scratch, IODebugContext*) override {
    const auto read = opened_.file->read(at_, {scratch, n});
    if (!read) return status_of(read, opened_.path);
    at_ += *read;
    *result = Slice(scratch, *read);
    return IOStatus::OK();
  }
  IOStatus Skip(uint64_t n) override { return at_ += n, IOStatus::OK(); }

 private:
  Opened opened_;
  std::uint64_t at_ = 0;
};

class RandomAccess final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccess(Opened opened) : opened_(std::move(opened)) {}
  IOStatus Read(uint64_t offset, size_t n, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    const auto read = opened_.file->read(offset, {scratch, n});
    if (!read) return status_of(read, opened_.path);
    *result = Slice(scratch, *read);
    return IOStatus::OK();
  }

 private:
  Opened opened_;
};

class Writable final : public rocksdb::FSWritableFile {
 public:
  Writable(Opened opened, const FileOptions& options, std::uint64_t end)
      : FSWritableFile(options), opened_(std::move(opened)), end_(end) {}
  using FSWritableFile::Append;
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    const auto written = opened_.file->write(end_, std::string_view(data.data(), data.size()));
    if (written) end_ += data.size();
    return status_of(written, opened_.path);
  }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
    end_ = size;
    return status_of(opened_.file->resize(size), opened_.path);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return opened_.file.reset(), IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    return status_of(opened_.file->sync(), opened_.path);
  }
  bool IsSyncThreadSafe() const override { return true; }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return end_; }

 private:
  Opened opened_;
  std::uint64_t end_;
};

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(disk::Disk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return status_of(disk_.sync_directory(path_), path_);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  disk::Disk& disk_;
  std::string path_;
};

class HeldLock final : public rocksdb::FileLock {
 public:
  explicit HeldLock(std::unique_ptr<disk::Lock> lock) : lock_(std::move(lock)) {}

 private:
  std::unique_ptr<disk::Lock> lock_;
};

class Files final : public rocksdb::FileSystem {
 public:
  explicit Files(disk::Disk& disk) : disk_(disk) {}
  const char* Name() const override { return "postroad"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result, IODebugContext*) override {
    return open(path, disk::Open::Read,
                [&](Opened opened) { *result = std::make_unique<Sequential>(std::move(opened)); });
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                               IODebugContext*) override {
    return open(path, disk::Open::Read,
                [&](Opened opened) { *result = std::make_unique<RandomAccess>(std::move(opened)); });
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext*) override {
    return open(path, disk::Open::New,
                [&](Opened opened) { *result = std::make_unique<Writable>(std::move(opened), options, 0); });
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext*) override {
    const auto status = disk_.status(path);
    const std::uint64_t end = status ? status->octets : 0;
    return open(path, disk::Open::Create, [&](Opened opened) {
      *result = std::make_unique<Writable>(std::move(opened), options, end);
    });
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext*) override {
    const auto status = disk_.status(path);
    if (!status) return status_of(status, path);
    *result = std::make_unique<Directory>(disk_, path);
    return IOStatus::OK();
  }
  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    const auto status = disk_.status(path);
    if (status) return IOStatus::OK();
    if (status.error() == disk::IoError::no_such_file_or_directory) return IOStatus::NotFound();
    return status_of(status, path);
  }
  IOStatus GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* result,
                       IODebugContext*) override {
    auto names = disk_.list(path);
    if (names) *result = std::move(*names);
    return status_of(names, path);
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return status_of(disk_.remove(path), path);
  }
  IOStatus Truncate(const std::string& path, size_t size, const IOOptions&, IODebugContext*) override {
    auto file = disk_.open(path, disk::Open::Write);
    if (!file) return status_of(file, path);
    return status_of((*file)->resize(size), path);
  }
  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return status_of(disk_.make_directory(path), path);
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    const auto made = disk_.make_directory(path);
    if (!made && made.error() == disk::IoError::file_exists) return IOStatus::OK();
    return status_of(made, path);
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return status_of(disk_.remove_directory(path), path);
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, uint64_t* size, IODebugContext*) override {
    const auto status = disk_.status(path);
    if (status) *size = status->octets;
    return status_of(status, path);
  }
  IOStatus GetFileModificationTime(const std::string& path, const IOOptions&, uint64_t* time,
                                   IODebugContext*) override {
    const auto status = disk_.status(path);
    if (status) *time = static_cast<std::uint64_t>(seconds(status->modified));
    return status_of(status, path);
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    return status_of(disk_.rename(from, to), from);
  }
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions&,
                    IODebugContext*) override {
    return status_of(disk_.link(from, to), from);
  }
  IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** lock,
                    IODebugContext*) override {
    auto held = disk_.lock(path);
    if (held) *lock = new HeldLock(std::move(*held));
    return status_of(held, path);
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    delete lock;
    return IOStatus::OK();
  }
  IOStatus GetTestDirectory(const IOOptions&, std::string*, IODebugContext*) override {
    return IOStatus::NotSupported("test directory");
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* result,
                           IODebugContext*) override {
    return *result = path, IOStatus::OK();
  }
  IOStatus GetFreeSpace(const std::string& path, const IOOptions&, uint64_t* free, IODebugContext*) override {
    const auto space = disk_.space(path);
    if (space) *free = space->free;
    return status_of(space, path);
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* is_directory,
                       IODebugContext*) override {
    const auto status = disk_.status(path);
    if (status) *is_directory = status->directory;
    return status_of(status, path);
  }

 private:
  template <class Make>
  IOStatus open(const std::string& path, disk::Open how, Make make) {
    auto file = disk_.open(path, how);
    if (!file) return status_of(file, path);
    make(Opened{path, std::move(*file)});
    return IOStatus::OK();
  }

  disk::Disk& disk_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> rocks_files(disk::Disk& disk) { return std::make_shared<Files>(disk); }

}  // namespace postroad::store
