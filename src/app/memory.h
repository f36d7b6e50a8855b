// How much memory this process has, and what it uses of it.
#pragma once

#include <cstdint>

namespace postroad::app {

// The limit of our cgroup (version 2 or 1), or the machine's memory where that is less.
std::uint64_t memory_limit();
// Octets of ours that the kernel cannot drop: resident, but not of files. 0 if it does not tell.
std::uint64_t memory_used();

}  // namespace postroad::app
