// The walls that this process puts around itself, once it has what it needs: a mistake in a parser must not
// become a shell, nor a reader of other people's files (durability.md §5, attack 124).
//
// Two walls, neither can be taken down again, and neither needs root:
//   restrict_files         Landlock: which folders can be reached at all
//   restrict_system_calls  seccomp: no new programs, no new processes, no mounts, no tracing, no modules,
//   only
//                          unix and internet sockets, no memory that is both writable and executable
// The order at start: what needs more rights (fork the zygote), restrict_files, first thread, sockets and
// store, restrict_system_calls.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace postroad::sandbox {

enum class SandboxError {
  Unsupported,  // this kernel cannot: the service goes on without, and says so
  TooLate,      // threads are running that this wall would leave outside
  NoSuchPath,   // a file or folder to be permitted is not there
  Refused,      // the kernel said no
};
struct Failure {
  SandboxError kind{};
  std::string what;  // for a person
};

struct Files {
  std::vector<std::filesystem::path> read;   // files, or folders with all in them
  std::vector<std::filesystem::path> write;  // read, write, create, rename, remove
};

// What a program on Debian reads by itself: libraries, name service, certificates, time zones, its own /proc.
// Only what exists on this machine.
Files system_files();

// From now on this thread, and all that it starts, reaches nothing but `files`; what is open stays open.
// Programs can be started nowhere. Call it while there is one thread.
Result<void, Failure> restrict_files(const Files& files);

// For all threads of the process, running or to come. Forbidden calls fail with EPERM; calls that nobody knew
// when this was written fail with ENOSYS, for which libraries have a way around.
Result<void, Failure> restrict_system_calls();

}  // namespace postroad::sandbox
