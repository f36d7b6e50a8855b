#include "disk/disk.h"

namespace postroad::disk {

std::string parent_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<std::string, IoError> read_file(Disk& disk, const std::string& path, std::size_t limit) {
  auto file = disk.open(path, Open::Read);
  if (!file) return refuse(file.error());
  const auto octets = (*file)->octets();
  if (!octets) return refuse(octets.error());
  if (*octets > limit) return refuse(IoError::file_too_large);
  std::string content(*octets, '\0');
  const auto n = (*file)->read(0, content);
  if (!n) return refuse(n.error());
  content.resize(*n);
  return content;
}

Result<void, IoError> replace_file(Disk& disk, const std::string& path, std::string_view octets) {
  const std::string temporary = path + ".new";
  {
    auto file = disk.open(temporary, Open::New);
    if (!file) return refuse(file.error());
    if (auto done = (*file)->write(0, octets); !done) return done;
    if (auto done = (*file)->sync(); !done) return done;
  }
  if (auto done = disk.rename(temporary, path); !done) return done;
  return disk.sync_directory(parent_of(path));
}

Result<bool, IoError> make_directories(Disk& disk, const std::string& path) {
  if (const auto status = disk.status(path)) {
    if (!status->directory) return refuse(IoError::not_a_directory);
    return false;
  }
  const std::string parent = parent_of(path);
  if (parent != path)
    if (auto above = make_directories(disk, parent); !above) return above;
  if (auto made = disk.make_directory(path); !made) {
    if (made.error() == IoError::file_exists) return false;
    return refuse(made.error());
  }
  if (auto synced = disk.sync_directory(parent); !synced) return refuse(synced.error());
  return true;
}

Result<void, IoError> remove_tree(Disk& disk, const std::string& path) {
  const auto status = disk.status(path);
  if (!status) {
    if (status.error() == IoError::no_such_file_or_directory) return {};
    return refuse(status.error());
  }
  if (!status->directory) return disk.remove(path);
  const auto names = disk.list(path);
  if (!names) return refuse(names.error());
  for (const auto& name : *names)
    if (auto done = remove_tree(disk, path + "/" + name); !done) return done;
  return disk.remove_directory(path);
}

}  // namespace postroad::disk
