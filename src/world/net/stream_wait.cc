// The operations of a Stream: small machines that go on whenever something happens, without a frame of their
// own, and say when they are finished.
#include <algorithm>
#include <stdexcept>
#include <utility>

#include "net/stream_state.h"

namespace postroad::net {
namespace detail {

Duration StreamWait::patience() { return Duration::max(); }

bool StreamWait::suspend(std::coroutine_handle<> h, Scope& scope) {
  if (stream_.wait) throw std::logic_error("net: two tasks wait on one stream");
  if (!begin(h, scope)) return false;
  stream_.wait = this;
  stream_.core = &scope.core();
  prepare_wait();
  if (waiting()) block();
  return true;
}

void StreamWait::block() {
  if (step_ == Step::Yield) {
    core().disarm(stream_);
    return stream_.yield();
  }
  stream_.this_turn = 0;
  since_ = core().recently();
  const Duration left = patience();
  if (left != Duration::max()) core().arm(stream_, since_ + std::max(left, Duration::zero()));
}

void StreamWait::again() {
  if (step_ == Step::Blocked) {
    const Instant now = core().recently();
    waited(now - since_);
    since_ = now;
  }
  if (!go_on()) return block();
  leave();
  resume_now();
}

void StreamWait::expired() {
  waited(core().recently() - since_);
  leave();
  too_late();
  resume_now();
}

void StreamWait::leave() noexcept {
  if (stream_.wait != this) return;
  stream_.wait = nullptr;
  core().disarm(stream_);
  forget_more();
}

void StreamWait::forget() noexcept { leave(); }

void StreamWait::fail(Io io) {
  switch (io) {
    case Io::End: ended_ = Ending::Closed; break;
    case Io::Truncated: ended_ = Ending::Truncated; break;
    case Io::TlsFailed: ended_ = Ending::TlsFailed; break;
    default: ended_ = Ending::Reset; break;
  }
}

void StreamWait::conclude() {
  check();
  if (!ended_) return;
  if (*ended_ == Ending::TimedOut) throw TimedOut();
  throw ConnectionEnded(*ended_, stream_.detail());
}

}  // namespace detail

using detail::StreamState;

// --- read_line ---

Stream::ReadLine::Step Stream::ReadLine::advance() {
  if (!std::exchange(begun_, true)) stream_.read_left = stream_.allowed;  // each line has its own allowance
  for (;;) {
    if (stream_.take_line(limit_, line_)) return Step::Finished;
    if (at_rest() && stream_.stop && stream_.stop->latched()) {
      line_ = refuse(LineError::Stopping);
      return Step::Finished;
    }
    switch (stream_.read_more()) {
      case StreamState::Read::More: break;
      case StreamState::Read::Yield: return Step::Yield;
      case StreamState::Read::Ended: fail(*stream_.in_end); return Step::Finished;
      case StreamState::Read::Blocked:
        stream_.send_some();
        if (!stream_.write_failed) return Step::Blocked;
        fail(Io::Reset);
        return Step::Finished;
    }
  }
}

// Between two lines: the peer has begun nothing.
bool Stream::ReadLine::at_rest() const {
  return stream_.in.empty() && stream_.skip == StreamState::Skip::Nothing;
}

void Stream::ReadLine::prepare_wait() {
  if (stream_.stop && at_rest()) stream_.stop->listen(*this);
}

// The peer may have begun a line since we began to wait; then it shall end it.
void Stream::ReadLine::signalled() {
  if (!at_rest()) return;
  line_ = refuse(LineError::Stopping);
  leave();
  resume_soon();
}

Duration Stream::ReadLine::patience() { return stream_.read_left; }
void Stream::ReadLine::waited(Duration time) { stream_.read_left -= time; }
Result<std::string_view, LineError> Stream::ReadLine::await_resume() {
  conclude();
  return line_;
}

// --- fill ---

Stream::Fill::Step Stream::Fill::advance() {
  if (stream_.in.size() >= StreamState::most_buffered)
    throw std::length_error("net: fill() without consume(): 1 MiB is buffered");
  switch (stream_.read_more()) {
    case StreamState::Read::More: more_ = true; return Step::Finished;
    case StreamState::Read::Yield: return Step::Yield;
    case StreamState::Read::Ended:
      if (*stream_.in_end != Io::End) fail(*stream_.in_end);
      return Step::Finished;
    case StreamState::Read::Blocked: break;
  }
  stream_.send_some();
  if (!stream_.write_failed) return Step::Blocked;
  fail(Io::Reset);
  return Step::Finished;
}

Duration Stream::Fill::patience() { return stream_.read_left; }
void Stream::Fill::waited(Duration time) { stream_.read_left -= time; }
bool Stream::Fill::await_resume() {
  conclude();
  return more_;
}

// --- write, write_view, flush ---

Stream::Write::Step Stream::Write::advance() {
  StreamState& s = stream_;
  if (keep_ > 0 && s.out.size() < std::min(keep_, StreamState::send_early) && !s.write_failed)
    return Step::Finished;
  while (!view_.empty() && !s.write_failed) {
    const IoResult result = s.transport->write_some(s.out.view(), view_);
    if (result.io == Io::WouldBlock) return Step::Blocked;
    if (result.io != Io::Done) {
      s.write_failed = true;
      break;
    }
    const std::size_t of_buffer = std::min(result.octets, s.out.size());
    s.out.consume(of_buffer);
    view_.remove_prefix(result.octets - of_buffer);
    s.octets_out += result.octets;
    s.gain(s.write_left, result.octets);
  }
  s.send_some();
  if (!s.write_failed) return s.out.size() <= keep_ ? Step::Finished : Step::Blocked;

  // A peer that closes often says why ("421 ..."), and whoever reads next shall see it. Who goes on writing
  // without reading is told.
  view_ = {};
  if (std::exchange(s.write_failure_seen, true) || (s.in.empty() && !s.transport->readable_now()))
    fail(Io::Reset);
  return Step::Finished;
}

Duration Stream::Write::patience() { return stream_.write_left; }
void Stream::Write::waited(Duration time) { stream_.write_left -= time; }
// Part of the caller's memory is on the wire, and TLS may hold half a record of it: nothing can follow.
void Stream::Write::forget_more() noexcept {
  if (!view_.empty()) stream_.write_failed = true;
}
void Stream::Write::await_resume() { conclude(); }

// --- wait ---

Stream::Wait::Step Stream::Wait::advance() {
  woke_ = Woke::Input;
  if (!stream_.in.empty()) return Step::Finished;
  switch (stream_.read_more()) {
    case StreamState::Read::More:
    case StreamState::Read::Ended: return Step::Finished;
    case StreamState::Read::Yield: return Step::Yield;
    case StreamState::Read::Blocked: break;
  }
  stream_.send_some();
  if (stream_.write_failed) return Step::Finished;  // the next read tells
  woke_ = Woke::Stopping;
  if (stream_.stop && stream_.stop->latched()) return Step::Finished;
  woke_ = Woke::Signalled;
  if (signal_ && !listening() && signal_->take()) return Step::Finished;
  woke_ = Woke::Deadline;
  return Step::Blocked;
}

void Stream::Wait::prepare_wait() {
  if (stream_.stop) stream_.stop->listen(on_stop_);
  if (signal_) signal_->listen(*this);
}
void Stream::Wait::wake(Woke why) {
  woke_ = why;
  leave();
  resume_soon();
}
Duration Stream::Wait::patience() {
  return deadline_ == Instant::max() ? Duration::max() : deadline_ - core().recently();
}
void Stream::Wait::too_late() { woke_ = Woke::Deadline; }
Woke Stream::Wait::await_resume() {
  conclude();
  return woke_;
}

// --- close ---

Stream::Close::Step Stream::Close::advance() {
  constexpr std::size_t enough = 256 * 1024;
  StreamState& s = stream_;
  if (!finished_) {
    if (!s.send_some(true) && !s.write_failed) return Step::Blocked;
    if (parting_ == Parting::Agreed && !s.transport->tls() && s.in.empty() &&
        s.read_more() == StreamState::Read::Blocked)
      return Step::Finished;  // close(2) says the rest
    if (s.transport->finish() == Io::WouldBlock) return Step::Blocked;
    finished_ = true;
  }
  while (dropped_ <= enough) {
    dropped_ += s.in.size();
    s.consume(s.in.size());
    switch (s.read_more()) {
      case StreamState::Read::More: continue;
      case StreamState::Read::Yield: return Step::Yield;
      case StreamState::Read::Blocked: return Step::Blocked;
      case StreamState::Read::Ended: return Step::Finished;
    }
  }
  return Step::Finished;
}

Duration Stream::Close::patience() { return left_; }
void Stream::Close::await_resume() { check(); }

}  // namespace postroad::net
