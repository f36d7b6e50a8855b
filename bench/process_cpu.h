// CPU time of a server that consists of many processes, as the kernel counts it.
//
// Each root stands for its whole tree. Children that ended are counted by their parent (cutime,
// cstime), so a server that forks a process per message hides nothing from this sum.
#pragma once

#include <sys/types.h>

#include <span>

namespace postroad::bench {

// Seconds of user and system time used so far by these processes and all their descendants, dead or
// alive. A root that does not exist counts as nothing. Resolution: a clock tick (10 ms) per process.
double tree_cpu_seconds(std::span<const pid_t> roots);

// Seconds used so far by this process itself.
double own_cpu_seconds();

}  // namespace postroad::bench
