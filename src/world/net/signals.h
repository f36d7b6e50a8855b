// SIGTERM, SIGHUP and the like, delivered as a call on a core.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>

#include "net/core.h"

namespace postroad::net {

// First thing in main: blocks these signals in this thread, and thereby in all that it will make.
void block_signals(std::initializer_list<int> numbers);

// From construction on, the blocked signals arrive as on_signal(number) on that core (of a Runtime); several
// of one kind may come as one. Destroyed on that core, or while nobody runs it.
class Signals {
 public:
  Signals(Core& core, std::initializer_list<int> numbers, std::function<void(int)> on_signal);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace postroad::net
