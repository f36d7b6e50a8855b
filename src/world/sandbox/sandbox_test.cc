// Each wall is put up in a child of its own: a wall cannot be taken down again.
#include "sandbox/sandbox.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <thread>

namespace postroad::sandbox {
namespace {

namespace fs = std::filesystem;

// 0 if `story` is true to its end; else the number of the line that was not.
int in_a_child(const std::function<int()>& story) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(story());
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
// The exit status holds 8 bits: tests stay below 256 lines from here on, counted by hand of the macro.
#define STORY_START const int first_line = __LINE__
#define EXPECT_IN_STORY(what) \
  if (!(what)) return __LINE__ - first_line
#define EXPECT_ERRNO(wanted, call) \
  if (errno = 0; (call) >= 0 || errno != (wanted)) return __LINE__ - first_line

bool runs(const char* program) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl(program, program, static_cast<char*>(nullptr));
    ::_exit(99);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
bool writes(const fs::path& file, std::string_view text) {
  std::ofstream out(file);
  return static_cast<bool>(out << text << std::flush);
}
std::string reads(const fs::path& file) {
  std::ifstream in(file);
  std::string text;
  std::getline(in, text);
  return text;
}

class Sandbox : public testing::Test {
 protected:
  void SetUp() override {
    std::string form = testing::TempDir() + "/sandbox_XXXXXX";
    ASSERT_NE(::mkdtemp(form.data()), nullptr);
    folder_ = form;
    for (const char* name : {"data", "secret", "given"}) fs::create_directory(folder_ / name);
    ASSERT_TRUE(writes(folder_ / "secret/key", "private"));
    ASSERT_TRUE(writes(folder_ / "given/cert", "public"));
  }
  void TearDown() override { fs::remove_all(folder_); }

  Files files() const {
    Files files = system_files();
    files.read.push_back(folder_ / "given");
    files.write.push_back(folder_ / "data");
    return files;
  }
  // Nothing else to test where the kernel has no Landlock.
  static bool unsupported(const Result<void, Failure>& done) {
    return !done && done.error().kind == SandboxError::Unsupported;
  }
  fs::path folder_;
};

// What a store does with files: all the kinds of calls that RocksDB and segment files make.
bool works_like_a_store(const fs::path& folder) {
  fs::create_directory(folder / "db");
  const fs::path one = folder / "db/000001.log", two = folder / "db/CURRENT";
  const int fd = ::open(one.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 || ::flock(fd, LOCK_EX | LOCK_NB) != 0 || ::posix_fallocate(fd, 0, 8192) != 0) return false;
  if (::pwrite(fd, "mail", 4, 4000) != 4 || ::fdatasync(fd) != 0 || ::ftruncate(fd, 4096) != 0) return false;
  void* memory = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED || static_cast<char*>(memory)[4000] != 'm') return false;
  ::munmap(memory, 4096);
  ::sync_file_range(fd, 0, 4096, SYNC_FILE_RANGE_WRITE);
  ::close(fd);
  if (::rename(one.c_str(), two.c_str()) != 0 || ::link(two.c_str(), one.c_str()) != 0) return false;
  const int dir = ::open((folder / "db").c_str(), O_RDONLY | O_DIRECTORY);
  if (dir < 0 || ::fsync(dir) != 0) return false;
  ::close(dir);
  int entries = 0;
  for (const auto& entry : fs::directory_iterator(folder / "db")) entries += entry.is_regular_file();
  if (fs::space(folder).capacity == 0) return false;
  return entries == 2 && fs::remove_all(folder / "db") == 3;
}

bool speaks_tcp() {
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof place;
  if (::bind(server, reinterpret_cast<sockaddr*>(&place), size) != 0 || ::listen(server, 1) != 0)
    return false;
  ::getsockname(server, reinterpret_cast<sockaddr*>(&place), &size);
  const int client = ::socket(AF_INET, SOCK_STREAM, 0);
  if (::connect(client, reinterpret_cast<sockaddr*>(&place), size) != 0) return false;
  const int taken = ::accept4(server, nullptr, nullptr, SOCK_NONBLOCK);
  const int one = 1;
  ::setsockopt(taken, IPPROTO_TCP, 1, &one, sizeof one);

  const int poller = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event wanted{.events = EPOLLIN, .data = {.fd = taken}}, seen{};
  ::epoll_ctl(poller, EPOLL_CTL_ADD, taken, &wanted);
  if (::send(client, "EHLO", 4, MSG_NOSIGNAL) != 4 || ::epoll_wait(poller, &seen, 1, 2'000) != 1)
    return false;
  char text[4];
  const bool heard = ::recv(taken, text, 4, 0) == 4;
  for (const int fd : {server, client, taken, poller}) ::close(fd);
  return heard;
}

bool threads_run() {
  std::atomic<int> sum{0};
  {
    std::vector<std::jthread> crowd;
    for (int i = 0; i < 4; ++i)
      crowd.emplace_back([&] { sum += static_cast<int>(std::string(1'000'000, 'x').size()); });
  }
  return sum == 4'000'000;
}

TEST_F(Sandbox, FilesOutsideTheListsAreOutOfReach) {
  const int line = in_a_child([&] {
    STORY_START;
    EXPECT_IN_STORY(reads(folder_ / "secret/key") == "private");
    fs::create_symlink(folder_ / "secret/key", folder_ / "data/innocent");
    const auto done = restrict_files(files());
    if (unsupported(done)) return 255;
    EXPECT_IN_STORY(done);
    EXPECT_ERRNO(EACCES, ::open((folder_ / "secret/key").c_str(), O_RDONLY));
    EXPECT_ERRNO(EACCES, ::open((folder_ / "data/innocent").c_str(), O_RDONLY));
    EXPECT_ERRNO(EACCES, ::open((folder_ / "data/../secret/key").c_str(), O_RDONLY));
    EXPECT_ERRNO(EACCES, ::open((folder_ / "secret/new").c_str(), O_WRONLY | O_CREAT, 0600));
    EXPECT_ERRNO(EACCES, ::unlink((folder_ / "secret/key").c_str()));
    EXPECT_IN_STORY(::rename((folder_ / "secret/key").c_str(), (folder_ / "data/key").c_str()) != 0);
    EXPECT_IN_STORY(!runs("/bin/true"));
    return 0;
  });
  if (line == 255) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(line, 0);
}

TEST_F(Sandbox, FilesOfTheListsWorkAsBefore) {
  const int line = in_a_child([&] {
    STORY_START;
    const auto done = restrict_files(files());
    if (unsupported(done)) return 255;
    EXPECT_IN_STORY(done);
    EXPECT_IN_STORY(reads(folder_ / "given/cert") == "public");
    EXPECT_ERRNO(EACCES, ::open((folder_ / "given/cert").c_str(), O_WRONLY));
    EXPECT_ERRNO(EACCES, ::open((folder_ / "given/new").c_str(), O_WRONLY | O_CREAT, 0600));
    EXPECT_IN_STORY(works_like_a_store(folder_ / "data"));
    EXPECT_IN_STORY(writes("/dev/null", "x"));
    EXPECT_IN_STORY(!reads("/proc/self/status").empty());
    EXPECT_IN_STORY(!reads("/etc/passwd").empty());
    EXPECT_IN_STORY(threads_run());
    EXPECT_IN_STORY(speaks_tcp());
    return 0;
  });
  if (line == 255) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(line, 0);
}

TEST_F(Sandbox, OneFileCanBeGivenWithoutItsFolder) {
  const int line = in_a_child([&] {
    STORY_START;
    Files files = system_files();
    files.read.push_back(folder_ / "given/cert");
    const auto done = restrict_files(files);
    if (unsupported(done)) return 255;
    EXPECT_IN_STORY(done);
    EXPECT_IN_STORY(reads(folder_ / "given/cert") == "public");
    EXPECT_IN_STORY(::opendir((folder_ / "given").c_str()) == nullptr);
    return 0;
  });
  if (line == 255) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(line, 0);
}

TEST_F(Sandbox, AListThatCannotBeKeptIsRefused) {
  const int line = in_a_child([&] {
    STORY_START;
    Files files;
    files.read.push_back(folder_ / "missing");
    const auto missing = restrict_files(files);
    if (unsupported(missing)) return 255;
    EXPECT_IN_STORY(!missing && missing.error().kind == SandboxError::NoSuchPath);
    EXPECT_IN_STORY(missing.error().what.find("missing: No such file") != std::string::npos);
    EXPECT_IN_STORY(runs("/bin/true"));  // nothing was restricted
    std::atomic<bool> stop{false};
    std::jthread other([&] { stop.wait(false); });
    const auto late = restrict_files({});
    EXPECT_IN_STORY(!late && late.error().kind == SandboxError::TooLate);
    stop = true;
    stop.notify_all();
    return 0;
  });
  if (line == 255) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(line, 0);
}

// Attack 124: whatever a parser can be talked into, it is no shell.
TEST_F(Sandbox, NoProgramAndNoProcessIsStarted) {
  EXPECT_EQ(in_a_child([] {
              STORY_START;
              EXPECT_IN_STORY(runs("/bin/true"));
              EXPECT_IN_STORY(restrict_system_calls());
              EXPECT_IN_STORY(!runs("/bin/true"));
              EXPECT_ERRNO(EPERM, ::execl("/bin/true", "/bin/true", static_cast<char*>(nullptr)));
              EXPECT_ERRNO(EPERM, static_cast<int>(::fork()));
              EXPECT_ERRNO(EPERM, static_cast<int>(
                                      ::syscall(SYS_execveat, AT_FDCWD, "/bin/true", nullptr, nullptr, 0)));
              EXPECT_IN_STORY(std::system("true") != 0);
              return 0;
            }),
            0);
}

TEST_F(Sandbox, WhatOnlyAnAttackerNeedsIsRefused) {
  EXPECT_EQ(in_a_child([] {
              STORY_START;
              EXPECT_IN_STORY(restrict_system_calls());
              EXPECT_ERRNO(EPERM, ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr));
              EXPECT_ERRNO(EPERM, ::mount("none", "/mnt", "tmpfs", 0, nullptr));
              EXPECT_ERRNO(EPERM, ::unshare(CLONE_NEWUSER));
              EXPECT_ERRNO(EPERM, ::setuid(0));
              EXPECT_ERRNO(EPERM, ::chroot("/"));
              EXPECT_ERRNO(EPERM, ::symlink("/etc/passwd", "/tmp/postroad_sandbox_link"));
              EXPECT_ERRNO(EPERM, ::syscall(SYS_bpf, 0, nullptr, 0));
              EXPECT_ERRNO(EPERM, ::syscall(SYS_io_uring_setup, 1, nullptr));
              EXPECT_ERRNO(EPERM, ::syscall(SYS_userfaultfd, 0));
              EXPECT_ERRNO(EPERM, ::syscall(SYS_perf_event_open, nullptr, 0, 0, 0, 0));
              EXPECT_ERRNO(EPERM, ::syscall(SYS_process_vm_readv, ::getpid(), nullptr, 0, nullptr, 0, 0));
              EXPECT_ERRNO(EPERM, ::syscall(SYS_keyctl, 0, 0));
              EXPECT_ERRNO(EPERM, ::syscall(SYS_finit_module, -1, "", 0));
              EXPECT_ERRNO(ENOSYS, ::syscall(SYS_clone3, nullptr, 0));
              EXPECT_ERRNO(EAFNOSUPPORT, ::socket(AF_NETLINK, SOCK_RAW, 0));
              EXPECT_ERRNO(EAFNOSUPPORT, ::socket(AF_PACKET, SOCK_RAW, 0));
              return 0;
            }),
            0);
}

TEST_F(Sandbox, MemoryIsWritableOrExecutableNeverBoth) {
  EXPECT_EQ(in_a_child([] {
              STORY_START;
              const auto map = [](int protection) {
                return ::mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              };
              EXPECT_IN_STORY(map(PROT_READ | PROT_WRITE | PROT_EXEC) != MAP_FAILED);
              EXPECT_IN_STORY(restrict_system_calls());
              EXPECT_IN_STORY(map(PROT_READ | PROT_WRITE | PROT_EXEC) == MAP_FAILED && errno == EPERM);
              void* memory = map(PROT_READ | PROT_WRITE);
              EXPECT_IN_STORY(memory != MAP_FAILED);
              EXPECT_IN_STORY(::mprotect(memory, 4096, PROT_READ) == 0);
              EXPECT_ERRNO(EPERM, ::mprotect(memory, 4096, PROT_READ | PROT_EXEC));
              EXPECT_IN_STORY(map(PROT_READ | PROT_EXEC) != MAP_FAILED);  // how libraries are loaded
              return 0;
            }),
            0);
}

TEST_F(Sandbox, ThreadsThatRunAlreadyAreInside) {
  EXPECT_EQ(in_a_child([] {
              STORY_START;
              std::atomic<int> step{0};
              std::atomic<bool> refused{false};
              std::jthread other([&] {
                step.wait(0);
                refused = ::unshare(CLONE_NEWUSER) != 0 && errno == EPERM;
              });
              EXPECT_IN_STORY(restrict_system_calls());
              step = 1;
              step.notify_all();
              other.join();
              EXPECT_IN_STORY(refused.load());
              return 0;
            }),
            0);
}

TEST_F(Sandbox, AMailServersDailyWorkGoesOn) {
  EXPECT_EQ(in_a_child([&] {
              STORY_START;
              if (const auto done = restrict_files(files()); !unsupported(done)) {
                EXPECT_IN_STORY(done);
              }
              EXPECT_IN_STORY(restrict_system_calls());
              EXPECT_IN_STORY(works_like_a_store(folder_ / "data"));
              EXPECT_IN_STORY(threads_run());
              EXPECT_IN_STORY(speaks_tcp());
              int pair[2];
              EXPECT_IN_STORY(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
              EXPECT_IN_STORY(::eventfd(0, EFD_CLOEXEC) >= 0);
              EXPECT_IN_STORY(::mlock(pair, sizeof pair) == 0 || errno == ENOMEM);
              rlimit limit{};
              EXPECT_IN_STORY(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
              // Names are still resolved: libraries are loaded for it, and netlink does without.
              addrinfo* found = nullptr;
              EXPECT_IN_STORY(::getaddrinfo("localhost", "25", nullptr, &found) == 0);
              ::freeaddrinfo(found);
              EXPECT_IN_STORY(::prctl(PR_SET_NAME, "postroad") == 0);
              std::this_thread::sleep_for(std::chrono::milliseconds(1));
              return 0;
            }),
            0);
}

}  // namespace
}  // namespace postroad::sandbox
