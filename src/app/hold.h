// Whether the queue is held outlives the process: after a restore until somebody resumes it (else what was
// sent is sent again, DESIGN §3), and after `queue suspend`. Two small files in DATA, for server and commands
// alike.
#pragma once

#include <cstdint>
#include <filesystem>

namespace postroad::app {

// `generation` is Store::restored_generation().
bool starts_held(const std::filesystem::path& data, std::uint32_t generation);
void remember_held(const std::filesystem::path& data, std::uint32_t generation, bool held);

}  // namespace postroad::app
