// Turns: one after another, in the order of asking, on one core.
//
//   const auto turn = co_await turns_.take();   // until the end of the block
#pragma once

#include <deque>
#include <utility>

#include "net/later.h"
#include "net/task.h"

namespace postroad::net {

class Turns {
 public:
  class Turn {
   public:
    explicit Turn(Turns& turns) : turns_(&turns) {}
    Turn(Turn&& other) noexcept : turns_(std::exchange(other.turns_, nullptr)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (turns_) turns_->pass_on();
    }

   private:
    Turns* turns_;
  };

  Turns() = default;
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  task<Turn> take() {
    if (!std::exchange(taken_, true)) co_return Turn(*this);
    Place place(*this);
    co_await place.turn;
    place.reached = true;
    co_return Turn(*this);
  }

 private:
  // Somebody in the row. He may leave it (cancelled); if his turn had come by then, the next one gets it.
  struct Place {
    explicit Place(Turns& turns) : turns(turns), completer(turn.completer()) { turns.row_.push_back(this); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
      if (completer)
        std::erase(turns.row_, this);
      else if (!reached)
        turns.pass_on();
    }
    Turns& turns;
    bool reached = false;
    Later<void> turn;
    Completer<void> completer;
  };
  void pass_on() {
    if (row_.empty()) {
      taken_ = false;
      return;
    }
    Place* first = row_.front();
    row_.pop_front();
    std::exchange(first->completer, {}).complete();
  }
  bool taken_ = false;
  std::deque<Place*> row_;
};

}  // namespace postroad::net
