#include "app/hold.h"

#include <fstream>

namespace postroad::app {

namespace fs = std::filesystem;

namespace {
fs::path held_file(const fs::path& data) { return data / "queue.held"; }
fs::path resumed_file(const fs::path& data) { return data / "resumed"; }  // holds the generation
}  // namespace

bool starts_held(const fs::path& data, std::uint32_t generation) {
  std::error_code error;
  if (fs::exists(held_file(data), error)) return true;
  std::uint32_t resumed = 0;
  std::ifstream(resumed_file(data)) >> resumed;
  return resumed != generation;  // a store that was never restored has 0
}

void remember_held(const fs::path& data, std::uint32_t generation, bool held) {
  std::error_code error;
  if (held) {
    std::ofstream(held_file(data)) << "suspended by command; postroad queue resume\n";
  } else {
    fs::remove(held_file(data), error);
    std::ofstream(resumed_file(data)) << generation << "\n";
  }
}

}  // namespace postroad::app
