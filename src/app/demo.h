// The demonstration of `make run` (DESIGN §6): domain demo.test, three accounts, everything on loopback.
#pragma once

#include <optional>
#include <string>

#include "directory/admin.h"

namespace postroad::app {

// Makes what is not there yet. An answer is what went wrong.
net::task<std::optional<std::string>> make_demo(directory::Administration& directory);
void print_demo_banner();

}  // namespace postroad::app
