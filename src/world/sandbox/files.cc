// Landlock (landlock(7)): access to files as a list of folders, kept by the kernel.
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "sandbox/sandbox.h"

namespace postroad::sandbox {
namespace {

// Debian 12's header ends before these two.
constexpr std::uint64_t access_truncate = 1ULL << 14;      // since ABI 3
constexpr std::uint64_t access_ioctl_device = 1ULL << 15;  // since ABI 5

// What can be said of a single file; the rest is about what is in a folder.
constexpr std::uint64_t of_files = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                   LANDLOCK_ACCESS_FS_READ_FILE | access_truncate | access_ioctl_device;
constexpr std::uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t writing = reading | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                  LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                  LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                  LANDLOCK_ACCESS_FS_REFER | access_truncate;

std::uint64_t known_to(long abi) {
  std::uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  if (abi >= 2) all |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) all |= access_truncate;
  if (abi >= 5) all |= access_ioctl_device;
  return all;
}

class Descriptor {
 public:
  explicit Descriptor(long fd) : fd_(static_cast<int>(fd)) {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  bool open() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_;
};

std::unexpected<Failure> failed(SandboxError kind, std::string what) {
  return refuse(Failure{kind, std::move(what)});
}
std::string system_says() { return std::error_code(errno, std::system_category()).message(); }

std::size_t threads() {
  std::error_code hidden;  // then /proc cannot tell us; the caller is trusted
  std::filesystem::directory_iterator tasks("/proc/self/task", hidden);
  return hidden ? 1 : static_cast<std::size_t>(std::distance(tasks, {}));
}

}  // namespace

Files system_files() {
  Files files;
  std::error_code error;
  for (const char* path : {"/usr", "/lib", "/lib64", "/etc", "/run/systemd/resolve", "/proc",
                           "/sys/fs/cgroup", "/sys/devices/system/cpu", "/dev/urandom"})
    if (std::filesystem::exists(path, error)) files.read.emplace_back(path);
  if (std::filesystem::exists("/dev/null", error)) files.write.emplace_back("/dev/null");
  return files;
}

Result<void, Failure> restrict_files(const Files& files) {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) return failed(SandboxError::Unsupported, "Landlock: " + system_says());
  if (threads() > 1)
    return failed(SandboxError::TooLate,
                  "Landlock binds only the threads that come after; there are others already");

  landlock_ruleset_attr handled{};
  handled.handled_access_fs = known_to(abi);
  const Descriptor rules(::syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0));
  if (!rules.open()) return failed(SandboxError::Refused, "Landlock: " + system_says());

  const auto permit = [&](const std::filesystem::path& path, std::uint64_t access) -> Result<void, Failure> {
    const Descriptor place(::open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat status{};
    if (!place.open() || ::fstat(place.get(), &status) != 0)
      return failed(SandboxError::NoSuchPath, path.string() + ": " + system_says());
    access &= handled.handled_access_fs;
    if (!S_ISDIR(status.st_mode)) access &= of_files;
    const landlock_path_beneath_attr rule{.allowed_access = access, .parent_fd = place.get()};
    if (::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
      return failed(SandboxError::Refused, path.string() + ": Landlock: " + system_says());
    return {};
  };
  for (const auto& path : files.read)
    if (auto done = permit(path, reading); !done) return done;
  for (const auto& path : files.write)
    if (auto done = permit(path, writing); !done) return done;

  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0)
    return failed(SandboxError::Refused, "Landlock: " + system_says());
  return {};
}

}  // namespace postroad::sandbox
