// powercut_fs: a file system (FUSE) on which power can be cut and writes can be made to fail.
//
//   powercut_fs LIVE OBJECTS MOUNT [--strict]
//
// LIVE holds what processes see. What a disk would have after a power cut is kept apart: the content of each
// file as of its last fsync (OBJECTS/<number>), and the names as of the last time the metadata was made
// durable. By default names follow any fsync, in order, as in ext4's journal; with --strict only an fsync of
// their directory makes them durable. Commands are written into the file MOUNT/.control, one a line:
//
//   cut OUT SEED          write what a disk would have into the folder OUT, and end. With SEED 0 nothing that
//                         was not synced survives; else a random part of it does, sector by sector (512
//                         octets), and a random prefix of the name changes, as a real disk may have it.
//   fail write|sync N     the N-th write (sync) from now on and all after it answer EIO
//   heal                  nothing fails any more
//
// One thread, so that a cut falls between two operations. Hard links are refused; nothing here needs them.
#define FUSE_USE_VERSION 31
#include <dirent.h>
#include <fcntl.h>
#include <fuse.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using Id = std::uint64_t;
using Ranges = std::map<off_t, off_t>;  // begin -> end, apart from each other

struct NameChange {
  enum class Kind { Create, Mkdir, Remove, Rename } kind;
  std::string path, to;
  Id id = 0;
};

struct Disk {
  std::string live, objects;
  bool strict = false;
  std::map<ino_t, Id> id_of;        // of files as they are seen
  std::map<Id, Ranges> unsynced;    // octets written since the last fsync
  std::map<std::string, Id> names;  // durable
  std::set<std::string> folders;    // durable
  std::vector<NameChange> changes;  // not durable yet, in order
  Id next_id = 1;
  long writes_left = -1, syncs_left = -1;  // until they fail; -1: never
};
Disk disk;

std::string live_path(const char* path) { return disk.live + path; }
std::string object_path(Id id) { return disk.objects + "/" + std::to_string(id); }
std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}
int answer(int result) { return result < 0 ? -errno : 0; }
bool is_control(const char* path) { return std::strcmp(path, "/.control") == 0; }

bool counts_down(long& left) {
  if (left < 0) return false;
  if (left > 0) --left;
  return left == 0;
}

void copy_octets(int from, int to, off_t begin, off_t end) {
  std::vector<char> buffer(1 << 16);
  while (begin < end) {
    const ssize_t n =
        pread(from, buffer.data(), std::min<off_t>(static_cast<off_t>(buffer.size()), end - begin), begin);
    if (n <= 0) return;  // a hole at the end: the size is set apart
    if (pwrite(to, buffer.data(), static_cast<std::size_t>(n), begin) != n) std::abort();
    begin += n;
  }
}

void mark(Id id, off_t begin, off_t end) {
  Ranges& ranges = disk.unsynced[id];
  auto at = ranges.upper_bound(begin);
  if (at != ranges.begin() && std::prev(at)->second >= begin) --at;
  while (at != ranges.end() && at->first <= end) {
    begin = std::min(begin, at->first);
    end = std::max(end, at->second);
    at = ranges.erase(at);
  }
  ranges[begin] = end;
}

Id id_of_fd(int fd) {
  struct stat status{};
  fstat(fd, &status);
  return disk.id_of[status.st_ino];
}

void apply(const NameChange& change) {
  switch (change.kind) {
    case NameChange::Kind::Create: disk.names[change.path] = change.id; break;
    case NameChange::Kind::Mkdir: disk.folders.insert(change.path); break;
    case NameChange::Kind::Remove:
      disk.names.erase(change.path);
      disk.folders.erase(change.path);
      break;
    case NameChange::Kind::Rename: {
      if (const auto file = disk.names.extract(change.path)) {
        disk.names[change.to] = file.mapped();
        break;
      }
      std::map<std::string, Id> names;
      std::set<std::string> folders;
      const auto moved = [&change](const std::string& path) {
        const bool inside = path == change.path || path.starts_with(change.path + "/");
        return inside ? change.to + path.substr(change.path.size()) : path;
      };
      for (const auto& [path, id] : disk.names) names[moved(path)] = id;
      for (const auto& path : disk.folders) folders.insert(moved(path));
      disk.names = std::move(names);
      disk.folders = std::move(folders);
      break;
    }
  }
}

// Makes name changes durable: all of them, or (strict) those in one folder.
void sync_names(const std::string* folder) {
  std::vector<NameChange> left;
  for (auto& change : disk.changes) {
    const auto& where = change.kind == NameChange::Kind::Rename ? change.to : change.path;
    if (folder && folder_of(where) != *folder)
      left.push_back(change);
    else
      apply(change);
  }
  disk.changes = std::move(left);
}

int sync_file(int fd) {
  if (counts_down(disk.syncs_left)) return -EIO;
  struct stat status{};
  if (fstat(fd, &status)) return -errno;
  const Id id = disk.id_of[status.st_ino];
  const int from = open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY);
  const int to = open(object_path(id).c_str(), O_WRONLY | O_CREAT, 0600);
  if (from < 0 || to < 0) std::abort();
  for (const auto& [begin, end] : disk.unsynced[id]) copy_octets(from, to, begin, end);
  if (ftruncate(to, status.st_size)) std::abort();
  close(from);
  close(to);
  disk.unsynced.erase(id);
  if (!disk.strict) sync_names(nullptr);
  return 0;
}

// --- The cut -------------------------------------------------------------------------------------------

// What a disk may have of a file: its synced content, and by chance some of the sectors written since.
void surviving_content(Id id, const std::string& seen_at, const std::string& out, std::mt19937_64* dice) {
  std::error_code none;
  fs::copy_file(object_path(id), out, fs::copy_options::overwrite_existing, none);
  const int to = open(out.c_str(), O_WRONLY | O_CREAT, 0600);
  const auto unsynced = disk.unsynced.find(id);
  if (dice && unsynced != disk.unsynced.end() && !seen_at.empty()) {
    const int from = open(seen_at.c_str(), O_RDONLY);
    struct stat status{};
    fstat(from, &status);
    off_t size = fs::exists(object_path(id)) ? static_cast<off_t>(fs::file_size(object_path(id))) : 0;
    if ((*dice)() % 2) size = status.st_size;
    for (const auto& [begin, end] : unsynced->second)
      for (off_t sector = begin / 512 * 512; sector < end; sector += 512)
        if ((*dice)() % 2) copy_octets(from, to, std::max(begin, sector), std::min(end, sector + 512));
    if (ftruncate(to, size)) std::abort();
    close(from);
  }
  close(to);
}

void cut(const std::string& out, std::uint64_t seed) {
  std::mt19937_64 dice(seed);
  std::map<Id, std::string> seen_at;
  for (const auto& entry : fs::recursive_directory_iterator(disk.live)) {
    struct stat status{};
    if (entry.is_regular_file() && !stat(entry.path().c_str(), &status))
      seen_at[disk.id_of[status.st_ino]] = entry.path();
  }
  if (seed && !disk.changes.empty()) {
    disk.changes.resize(dice() % (disk.changes.size() + 1));
    sync_names(nullptr);
  }
  fs::create_directories(out);
  for (const auto& folder : disk.folders) fs::create_directories(out + folder);
  for (const auto& [path, id] : disk.names) {
    if (!fs::exists(folder_of(out + path))) continue;  // its folder never became durable
    surviving_content(id, seen_at[id], out + path, seed ? &dice : nullptr);
  }
  std::_Exit(0);
}

int control(const std::string& line) {
  std::istringstream words(line);
  std::string verb, what;
  words >> verb;
  if (verb == "cut") {
    std::uint64_t seed = 0;
    words >> what >> seed;
    cut(what, seed);
  } else if (verb == "fail") {
    long n = 0;
    words >> what >> n;
    (what == "write" ? disk.writes_left : disk.syncs_left) = n;
  } else if (verb == "heal") {
    disk.writes_left = disk.syncs_left = -1;
  } else {
    return -EINVAL;
  }
  return 0;
}

// --- The operations ------------------------------------------------------------------------------------

int fs_getattr(const char* path, struct stat* status, fuse_file_info*) {
  if (!is_control(path)) return answer(lstat(live_path(path).c_str(), status));
  *status = {};
  status->st_mode = S_IFREG | 0600;
  status->st_nlink = 1;
  return 0;
}

int fs_readdir(const char* path, void* buffer, fuse_fill_dir_t fill, off_t, fuse_file_info*,
               fuse_readdir_flags) {
  DIR* folder = opendir(live_path(path).c_str());
  if (!folder) return -errno;
  while (const dirent* entry = readdir(folder))
    fill(buffer, entry->d_name, nullptr, 0, fuse_fill_dir_flags(0));
  closedir(folder);
  return 0;
}

constexpr int kNotOurs = O_CREAT | O_EXCL | O_APPEND | O_DIRECT | O_TRUNC | O_SYNC | O_DSYNC;

int fs_open(const char* path, fuse_file_info* info) {
  if (is_control(path)) return 0;
  // Reading is needed to copy at fsync, whatever the opener asked for.
  const int access = (info->flags & O_ACCMODE) == O_RDONLY ? O_RDONLY : O_RDWR;
  const int fd = open(live_path(path).c_str(), (info->flags & ~kNotOurs & ~O_ACCMODE) | access);
  if (fd < 0) return -errno;
  if (info->flags & O_TRUNC) {
    if (ftruncate(fd, 0)) std::abort();
    mark(id_of_fd(fd), 0, 0);
  }
  info->fh = static_cast<std::uint64_t>(fd);
  return 0;
}

int fs_create(const char* path, mode_t mode, fuse_file_info* info) {
  const int fd = open(live_path(path).c_str(), O_CREAT | O_RDWR, mode);
  if (fd < 0) return -errno;
  struct stat status{};
  fstat(fd, &status);
  const Id id = disk.next_id++;
  disk.id_of[status.st_ino] = id;  // the number of a file that is gone may come again
  disk.changes.push_back({NameChange::Kind::Create, path, "", id});
  info->fh = static_cast<std::uint64_t>(fd);
  return 0;
}

int fs_read(const char* path, char* buffer, std::size_t size, off_t offset, fuse_file_info* info) {
  if (is_control(path)) return 0;
  const ssize_t n = pread(static_cast<int>(info->fh), buffer, size, offset);
  return n < 0 ? -errno : static_cast<int>(n);
}

int fs_write(const char* path, const char* buffer, std::size_t size, off_t offset, fuse_file_info* info) {
  if (is_control(path)) {
    const int result = control(std::string(buffer, size));
    return result < 0 ? result : static_cast<int>(size);
  }
  if (counts_down(disk.writes_left)) return -EIO;
  const int fd = static_cast<int>(info->fh);
  const ssize_t n = pwrite(fd, buffer, size, offset);
  if (n < 0) return -errno;
  mark(id_of_fd(fd), offset, offset + n);
  return static_cast<int>(n);
}

int fs_truncate(const char* path, off_t size, fuse_file_info*) {
  if (is_control(path)) return 0;
  struct stat status{};
  if (stat(live_path(path).c_str(), &status) || truncate(live_path(path).c_str(), size)) return -errno;
  mark(disk.id_of[status.st_ino], std::min(size, status.st_size), std::max(size, status.st_size));
  return 0;
}

int fs_fallocate(const char*, int mode, off_t offset, off_t length, fuse_file_info* info) {
  const int fd = static_cast<int>(info->fh);
  if (fallocate(fd, mode, offset, length)) return -errno;
  mark(id_of_fd(fd), offset, offset + length);
  return 0;
}

int fs_unlink(const char* path) {
  if (unlink(live_path(path).c_str())) return -errno;
  disk.changes.push_back({NameChange::Kind::Remove, path, "", 0});
  return 0;
}
int fs_mkdir(const char* path, mode_t mode) {
  if (mkdir(live_path(path).c_str(), mode)) return -errno;
  disk.changes.push_back({NameChange::Kind::Mkdir, path, "", 0});
  return 0;
}
int fs_rmdir(const char* path) {
  if (rmdir(live_path(path).c_str())) return -errno;
  disk.changes.push_back({NameChange::Kind::Remove, path, "", 0});
  return 0;
}
int fs_rename(const char* from, const char* to, unsigned flags) {
  if (flags) return -EINVAL;
  if (rename(live_path(from).c_str(), live_path(to).c_str())) return -errno;
  disk.changes.push_back({NameChange::Kind::Rename, from, to, 0});
  return 0;
}
int fs_release(const char* path, fuse_file_info* info) {
  if (!is_control(path)) close(static_cast<int>(info->fh));
  return 0;
}
int fs_fsync(const char* path, int, fuse_file_info* info) {
  return is_control(path) ? 0 : sync_file(static_cast<int>(info->fh));
}
int fs_fsyncdir(const char* path, int, fuse_file_info*) {
  if (counts_down(disk.syncs_left)) return -EIO;
  const std::string folder = path;
  sync_names(disk.strict ? &folder : nullptr);
  return 0;
}
int fs_utimens(const char* path, const timespec times[2], fuse_file_info*) {
  return is_control(path) ? 0
                          : answer(utimensat(AT_FDCWD, live_path(path).c_str(), times, AT_SYMLINK_NOFOLLOW));
}
int fs_chmod(const char* path, mode_t mode, fuse_file_info*) {
  return answer(chmod(live_path(path).c_str(), mode));
}
int fs_statfs(const char* path, struct statvfs* status) {
  return answer(statvfs(live_path(path).c_str(), status));
}
// A socket's name (control.sock) lives as long as the process: never durable.
int fs_mknod(const char* path, mode_t mode, dev_t device) {
  return answer(mknod(live_path(path).c_str(), mode, device));
}

void* fs_init(fuse_conn_info*, fuse_config* config) {
  config->kernel_cache = 0;
  config->attr_timeout = config->entry_timeout = config->negative_timeout = 0;
  config->hard_remove = 1;
  return nullptr;
}

// What is there when it starts is durable.
void begin() {
  for (const auto& entry : fs::recursive_directory_iterator(disk.live)) {
    const std::string path = entry.path().string().substr(disk.live.size());
    if (entry.is_directory()) {
      disk.folders.insert(path);
    } else if (entry.is_regular_file()) {
      struct stat status{};
      stat(entry.path().c_str(), &status);
      const Id id = disk.next_id++;
      disk.id_of[status.st_ino] = id;
      disk.names[path] = id;
      fs::copy_file(entry.path(), object_path(id), fs::copy_options::overwrite_existing);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "powercut_fs LIVE OBJECTS MOUNT [--strict]\n");
    return 2;
  }
  disk.live = fs::absolute(argv[1]);
  disk.objects = fs::absolute(argv[2]);
  disk.strict = argc > 4 && std::strcmp(argv[4], "--strict") == 0;
  fs::create_directories(disk.objects);
  begin();

  fuse_operations operations{};
  operations.init = fs_init;
  operations.getattr = fs_getattr;
  operations.readdir = fs_readdir;
  operations.open = fs_open;
  operations.create = fs_create;
  operations.mknod = fs_mknod;
  operations.read = fs_read;
  operations.write = fs_write;
  operations.truncate = fs_truncate;
  operations.fallocate = fs_fallocate;
  operations.unlink = fs_unlink;
  operations.mkdir = fs_mkdir;
  operations.rmdir = fs_rmdir;
  operations.rename = fs_rename;
  operations.release = fs_release;
  operations.fsync = fs_fsync;
  operations.fsyncdir = fs_fsyncdir;
  operations.utimens = fs_utimens;
  operations.chmod = fs_chmod;
  operations.statfs = fs_statfs;
  char foreground[] = "-f", one_thread[] = "-s";
  char* arguments[] = {argv[0], argv[3], foreground, one_thread, nullptr};
  return fuse_main(4, arguments, &operations, nullptr);
}
