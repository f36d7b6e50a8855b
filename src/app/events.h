// What the program as a whole tells the log.
#pragma once

#include "observe/event.h"

namespace postroad::app {

using observe::Field;

struct Started {
  static constexpr std::string_view name = "server.started";
  static constexpr std::string_view help = "All listeners answer.";
  std::string version;
  std::vector<std::string> listening;
  static constexpr std::tuple fields{Field{"version", &Started::version},
                                     Field{"listening", &Started::listening}};
};

struct Stopping {
  static constexpr std::string_view name = "server.stopping";
  static constexpr std::string_view help =
      "A signal asked the server to stop; sessions finish what they are at.";
  int signal = 0;
  static constexpr std::tuple fields{Field{"signal", &Stopping::signal}};
};

struct Stopped {
  static constexpr std::string_view name = "server.stopped";
  static constexpr std::string_view help = "Everything has been written and closed.";
  bool drained = false;
  static constexpr std::tuple fields{Field{"drained", &Stopped::drained}};
};

struct Reloaded {
  static constexpr std::string_view name = "server.reloaded";
  static constexpr std::string_view help =
      "The configuration was read again; problems says what could not be used.";
  std::vector<std::string> changed;
  std::vector<std::string> problems;
  static constexpr std::tuple fields{Field{"changed", &Reloaded::changed},
                                     Field{"problems", &Reloaded::problems}};
};

struct LoadChanged {
  static constexpr std::string_view name = "server.load";
  static constexpr std::string_view help =
      "How loaded the server is by its memory and its disk: normal, busy (short with strangers) or shedding "
      "(lets no more in).";
  std::string load;
  std::uint64_t memory_octets = 0;
  std::int64_t slow_commit_ms = 0;
  static constexpr std::tuple fields{Field{"load", &LoadChanged::load},
                                     Field{"memory_octets", &LoadChanged::memory_octets},
                                     Field{"slow_commit_ms", &LoadChanged::slow_commit_ms}};
};

struct SessionFailed {
  static constexpr std::string_view name = "session.failed";
  static constexpr std::string_view help = "A session or task ended by an error of ours; what says which.";
  static constexpr observe::Level level = observe::Level::Error;
  std::string where;
  std::string what;
  static constexpr std::tuple fields{Field{"where", &SessionFailed::where},
                                     Field{"what", &SessionFailed::what}};
};

struct StoreFailed {
  static constexpr std::string_view name = "store.failed";
  static constexpr std::string_view help =
      "A write or sync failed: no mail is taken until the server is started again.";
  static constexpr observe::Level level = observe::Level::Error;
  std::string trouble;
  static constexpr std::tuple fields{Field{"trouble", &StoreFailed::trouble}};
};

struct SandboxMissing {
  static constexpr std::string_view name = "sandbox.missing";
  static constexpr std::string_view help =
      "This kernel cannot confine the process in this way; it runs without.";
  static constexpr observe::Level level = observe::Level::Warning;
  std::string what;
  static constexpr std::tuple fields{Field{"what", &SandboxMissing::what}};
};

}  // namespace postroad::app
