// The command line: every command but `serve` (DESIGN §6).
#pragma once

namespace postroad::app {

// Exit codes (sysexits.h where there is one).
inline constexpr int done = 0, failed = 1, wrong_usage = 2, no_server = 69, bad_configuration = 78;

// argv as main got it; no argument at all, and --help, are its business too. Answers the exit code. Talks to
// the running server over DATA/control.sock; where none runs it opens the store in this process.
int run_command(int argc, char** argv);

}  // namespace postroad::app
