// The command line (DESIGN §6).
#pragma once

#include <string>

namespace postroad::app {

// Exit codes (sysexits.h where there is one).
inline constexpr int done = 0, failed = 1, wrong_usage = 2, no_server = 69, bad_configuration = 78;

// argv as main got it; no argument at all, and --help, are its business too. Answers the exit code. Talks to
// the running server over DATA/control.sock; where none runs it opens the store in this process.
int run_command(int argc, char** argv);

// The page of the reference: every command, what it takes.
std::string commands_page();

}  // namespace postroad::app
