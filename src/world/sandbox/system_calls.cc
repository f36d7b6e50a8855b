// seccomp (seccomp(2)): the calls that a mail server makes, and no others.
//
// A list of what is permitted, not of what is forbidden: the next dangerous call that a kernel invents is
// outside already. Names that this machine's architecture does not have are left out.
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <memory>
#include <system_error>

#include "sandbox/sandbox.h"

namespace postroad::sandbox {
namespace {

constexpr const char* permitted[] = {
    // files
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2",
    "open", "openat", "openat2", "close", "close_range", "stat", "lstat", "fstat", "newfstatat", "fstatat64",
    "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2", "lseek", "fsync", "fdatasync",
    "sync_file_range", "syncfs", "ftruncate", "truncate", "fallocate", "fadvise64", "readahead",
    "copy_file_range", "sendfile", "splice", "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir",
    "mkdirat", "rmdir", "link", "linkat", "readlink", "readlinkat", "chmod", "fchmod", "fchmodat", "umask",
    "utimensat", "getdents64", "getcwd", "flock", "fcntl", "ioctl", "dup", "dup2", "dup3", "pipe", "pipe2",
    // waiting
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll",
    "ppoll", "select", "pselect6", "eventfd", "eventfd2", "timerfd_create", "timerfd_settime",
    "timerfd_gettime", "signalfd", "signalfd4", "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
    "nanosleep", "clock_nanosleep", "futex", "futex_waitv", "restart_syscall",
    // network; socket() itself is below
    "bind", "listen", "accept", "accept4", "connect", "getsockname", "getpeername", "setsockopt",
    "getsockopt", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "shutdown",
    // memory; mmap() and mprotect() are below
    "munmap", "mremap", "madvise", "brk", "msync", "mincore", "mlock", "mlock2", "munlock", "membarrier",
    "get_mempolicy",
    // threads and signals; clone() is below
    "set_robust_list", "get_robust_list", "set_tid_address", "rseq", "arch_prctl", "prctl", "sched_yield",
    "sched_getaffinity", "sched_setaffinity", "sched_getparam", "sched_getscheduler",
    "sched_get_priority_max", "sched_get_priority_min", "getcpu", "gettid", "getpid", "getppid", "getpgrp",
    "getpgid", "getsid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups",
    "setpriority", "getpriority", "ioprio_get", "ioprio_set", "rt_sigaction", "rt_sigprocmask",
    "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "rt_sigsuspend", "rt_sigqueueinfo",
    "rt_tgsigqueueinfo", "sigaltstack", "kill", "tgkill", "wait4", "waitid", "exit", "exit_group",
    // time, chance, limits
    "clock_gettime", "clock_getres", "gettimeofday", "time", "times", "getrandom", "getrusage", "getrlimit",
    "setrlimit", "prlimit64", "sysinfo", "uname"};

// Not merely unknown but unwanted: the caller hears EPERM.
constexpr const char* forbidden[] = {"execve",
                                     "execveat",
                                     "fork",
                                     "vfork",
                                     "ptrace",
                                     "process_vm_readv",
                                     "process_vm_writev",
                                     "pidfd_getfd",
                                     "kcmp",
                                     "mount",
                                     "umount2",
                                     "move_mount",
                                     "open_tree",
                                     "fsopen",
                                     "fsmount",
                                     "pivot_root",
                                     "chroot",
                                     "unshare",
                                     "setns",
                                     "init_module",
                                     "finit_module",
                                     "delete_module",
                                     "kexec_load",
                                     "kexec_file_load",
                                     "reboot",
                                     "swapon",
                                     "swapoff",
                                     "bpf",
                                     "perf_event_open",
                                     "userfaultfd",
                                     "io_uring_setup",
                                     "io_uring_enter",
                                     "io_uring_register",
                                     "keyctl",
                                     "add_key",
                                     "request_key",
                                     "setuid",
                                     "setgid",
                                     "setreuid",
                                     "setregid",
                                     "setresuid",
                                     "setresgid",
                                     "setfsuid",
                                     "setfsgid",
                                     "setgroups",
                                     "capset",
                                     "personality",
                                     "mknod",
                                     "mknodat",
                                     "chown",
                                     "fchown",
                                     "lchown",
                                     "fchownat",
                                     "symlink",
                                     "symlinkat",
                                     "memfd_create",
                                     "acct",
                                     "quotactl",
                                     "settimeofday",
                                     "clock_settime",
                                     "clock_adjtime",
                                     "adjtimex",
                                     "sethostname",
                                     "setdomainname",
                                     "iopl",
                                     "ioperm",
                                     "modify_ldt",
                                     "name_to_handle_at",
                                     "open_by_handle_at",
                                     "lookup_dcookie",
                                     "vhangup",
                                     "syslog",
                                     "fanotify_init",
                                     "pkey_mprotect"};

class Filter {
 public:
  explicit Filter(std::uint32_t otherwise) : context_(::seccomp_init(otherwise)) {
    if (!context_) error_ = ENOMEM;
  }

  template <class... Conditions>
  void rule(std::uint32_t action, const char* name, Conditions... conditions) {
    const int number = ::seccomp_syscall_resolve_name(name);
    if (error_ != 0 || number < 0) return;
    // By array: the variadic form would take a struct by "...".
    if constexpr (sizeof...(conditions) == 0) {
      keep(::seccomp_rule_add_array(context_.get(), action, number, 0, nullptr));
    } else {
      const scmp_arg_cmp list[] = {conditions...};
      keep(::seccomp_rule_add_array(context_.get(), action, number, sizeof...(conditions), list));
    }
  }
  void attribute(scmp_filter_attr name, std::uint32_t value) {
    if (error_ == 0) keep(::seccomp_attr_set(context_.get(), name, value));
  }
  // 0, or what the kernel or the library said first.
  int load() {
    if (error_ == 0) keep(::seccomp_load(context_.get()));
    return error_;
  }

 private:
  struct Release {
    void operator()(void* context) const { ::seccomp_release(context); }
  };
  void keep(int result) {
    if (result < 0 && error_ == 0) error_ = -result;
  }
  std::unique_ptr<void, Release> context_;
  int error_ = 0;
};

constexpr scmp_arg_cmp argument(unsigned index, scmp_compare compare, std::uint64_t a, std::uint64_t b = 0) {
  return {index, compare, a, b};
}
// (argument & mask) == wanted
constexpr scmp_arg_cmp masked(unsigned index, std::uint64_t mask, std::uint64_t wanted) {
  return argument(index, SCMP_CMP_MASKED_EQ, mask, wanted);
}

}  // namespace

Result<void, Failure> restrict_system_calls() {
  Filter filter(SCMP_ACT_ERRNO(ENOSYS));
  filter.attribute(SCMP_FLTATR_CTL_TSYNC, 1);     // threads that run already, too
  filter.attribute(SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree: some hundred rules in a few steps

  for (const char* name : permitted) filter.rule(SCMP_ACT_ALLOW, name);
  for (const char* name : forbidden) filter.rule(SCMP_ACT_ERRNO(EPERM), name);

  // Threads, but no processes. clone3 hides its flags in memory: without it glibc takes clone.
  filter.rule(SCMP_ACT_ALLOW, "clone", masked(0, CLONE_THREAD, CLONE_THREAD));
  filter.rule(SCMP_ACT_ERRNO(EPERM), "clone", masked(0, CLONE_THREAD, 0));

  // Sockets of this machine and the internet; no packets, no netlink, no bluetooth.
  for (const std::uint64_t family : {AF_UNIX, AF_INET, AF_INET6})
    filter.rule(SCMP_ACT_ALLOW, "socket", argument(0, SCMP_CMP_EQ, family));
  filter.rule(SCMP_ACT_ERRNO(EAFNOSUPPORT), "socket", argument(0, SCMP_CMP_GT, AF_INET6));
  filter.rule(SCMP_ACT_ALLOW, "socketpair", argument(0, SCMP_CMP_EQ, AF_UNIX));

  // What can be written cannot be run. Libraries map their code read-only from the start.
  filter.rule(SCMP_ACT_ALLOW, "mmap", masked(2, PROT_WRITE | PROT_EXEC, PROT_WRITE));
  filter.rule(SCMP_ACT_ALLOW, "mmap", masked(2, PROT_WRITE, 0));
  filter.rule(SCMP_ACT_ERRNO(EPERM), "mmap", masked(2, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC));
  filter.rule(SCMP_ACT_ALLOW, "mprotect", masked(2, PROT_EXEC, 0));
  filter.rule(SCMP_ACT_ERRNO(EPERM), "mprotect", masked(2, PROT_EXEC, PROT_EXEC));

  const int error = filter.load();
  if (error == 0) return {};
  const auto kind =
      error == ENOSYS || error == EOPNOTSUPP ? SandboxError::Unsupported : SandboxError::Refused;
  return refuse(Failure{kind, "seccomp: " + std::error_code(error, std::system_category()).message()});
}

}  // namespace postroad::sandbox
