// SIGTERM, SIGHUP and the like, delivered as a call on a core.
//
// Construct it before any thread exists: it blocks these signals in the calling thread, and threads inherit
// that. start() once the core runs.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>

#include "net/core.h"

namespace postroad::net {

class Signals {
 public:
  explicit Signals(std::initializer_list<int> numbers);
  ~Signals();  // the signals stay blocked
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Calls on_signal(number) on that core, for each that arrives; several of one kind may come as one.
  void start(Core& core, std::function<void(int)> on_signal);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace postroad::net
