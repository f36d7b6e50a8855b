#include "net/stream.h"

#include <algorithm>

#include "net/stream_state.h"
#include "net/tls_transport.h"

namespace postroad::net {

std::string_view name(Ending ending) {
  switch (ending) {
    case Ending::Closed: return "closed";
    case Ending::Truncated: return "truncated";
    case Ending::Reset: return "reset";
    case Ending::TimedOut: return "timed out";
    case Ending::TlsFailed: return "TLS failed";
  }
  return "";
}

ConnectionEnded::ConnectionEnded(Ending how, const std::string& detail)
    : std::runtime_error("connection " + std::string(name(how)) + (detail.empty() ? "" : ": " + detail)),
      how_(how) {}

namespace detail {

StreamState::StreamState(std::unique_ptr<Transport> t) : transport(std::move(t)) {
  transport->set_owner(this);
}

StreamState::~StreamState() {
  // Whoever waits would wake up in what is destroyed here: an error of ours that no exception can tell.
  if (wait) std::terminate();
  if (yielding) core->withdraw(*this);
}

StreamState::Read StreamState::read_more() {
  if (in_end) return Read::Ended;
  if (this_turn >= turn) return Read::Yield;
  const std::size_t wanted = in.size() >= Buffer::block ? in.size()
                             : in.empty() && much_comes ? Buffer::large_block
                                                        : Buffer::block / 4;
  const std::span<char> room = in.room(wanted);
  const IoResult result = transport->read_some(room.data(), room.size());
  switch (result.io) {
    case Io::Done:
      in.commit(result.octets);
      much_comes = result.octets == room.size();
      octets_in += result.octets;
      this_turn += static_cast<std::uint32_t>(result.octets);
      gain(read_left, result.octets);
      return Read::More;
    case Io::WouldBlock: in.shrink(); return Read::Blocked;
    default:
      in_end = result.io;
      send_some();  // a peer that only finished sending (printf ... | nc) still wants its replies
      return Read::Ended;
  }
}

bool StreamState::send_some(bool last) {
  while (!out.empty() && !write_failed) {
    const IoResult result = last ? transport->write_last(out.view()) : transport->write_some(out.view(), {});
    if (result.io == Io::WouldBlock) return false;
    if (result.io != Io::Done) {
      write_failed = true;
      break;
    }
    out.consume(result.octets);
    octets_out += result.octets;
    gain(write_left, result.octets);
  }
  if (write_failed) return out.drop(), false;
  out.release_if_empty();
  return true;
}

void StreamState::consume(std::size_t octets) {
  in.consume(std::min(octets, in.size()));
  scanned = 0;
}

std::string StreamState::detail() const {
  return transport->tls() ? transport->tls()->error() : std::string();
}

void StreamState::ready() {
  if (wait) wait->again();
}
void StreamState::fired() {
  if (wait) wait->expired();
}
void StreamState::run() {
  yielding = false;
  this_turn = 0;
  if (wait) wait->again();
}
void StreamState::yield() {
  if (yielding) return;
  yielding = true;
  core->make_ready(*this);
}

// --- lines ---

// RFC 5321 §2.3.8: a line ends with CRLF and with nothing else. Whoever accepts a bare CR or LF as the end of
// one sees other commands than the server before it (durability.md, attacks 1 and 2).
bool StreamState::take_line(std::size_t limit, Result<std::string_view, LineError>& line) {
  for (;;) {
    if (skip != Skip::Nothing) {
      if (!drop_skipped(line)) return false;
      if (!line) return true;
      continue;
    }
    const std::string_view text = in.view();
    if (text.empty()) return false;
    const std::size_t lf = std::min(text.find('\n', scanned), text.size());
    const std::size_t cr = std::min(text.substr(0, lf).find('\r', scanned), lf);
    if (cr > limit) {
      skip = Skip::LongLine, skipped = 0, skipped_cr = false;
      continue;
    }
    if (cr < lf && cr + 1 == lf && lf < text.size()) {
      consume(lf + 1);
      line = text.substr(0, cr);
      return true;
    }
    const bool bare_cr = cr + 1 < text.size() && cr < lf;
    if (bare_cr || lf < text.size()) {
      line = refuse(bare_cr ? LineError::BareCr : LineError::BareLf);
      consume(cr + 1);  // where there is no CR, `cr` is the LF
      skip = Skip::AfterBare, skipped = 0, skipped_cr = false;
      return true;
    }
    scanned = static_cast<std::uint32_t>(cr);  // a CR at the very end is looked at again
    return false;
  }
}

// Drops octets up to the end of the line. Answers false when it needs more of them; true with an error to
// report, or with none when the line after the bad one may be read.
bool StreamState::drop_skipped(Result<std::string_view, LineError>& line) {
  const std::string_view text = in.view();
  const std::size_t lf = std::min(text.find('\n'), text.size());
  const std::size_t until_endless = endless_line - std::min(endless_line, skipped);
  if (lf >= until_endless || lf == text.size()) {
    const std::size_t dropped = std::min(lf, until_endless);
    if (dropped > 0) skipped_cr = text[dropped - 1] == '\r';
    consume(dropped);
    skipped += static_cast<std::uint32_t>(dropped);
    if (skipped < endless_line) return false;
    skipped = 0;
    line = refuse(LineError::Endless);
    return true;
  }
  const bool crlf = lf > 0 ? text[lf - 1] == '\r' : skipped_cr;
  const bool long_line = skip == Skip::LongLine;
  consume(lf + 1);
  skipped = 0, skipped_cr = false;
  skip = crlf ? Skip::Nothing : Skip::AfterBare;
  if (!crlf)
    line = refuse(LineError::BareLf);
  else if (long_line)
    line = refuse(LineError::TooLong);
  else
    line = std::string_view();
  return true;
}

}  // namespace detail

// --- the Stream ---

Stream::Stream(std::unique_ptr<Transport> transport)
    : state_(std::make_unique<detail::StreamState>(std::move(transport))) {}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;
Stream::~Stream() = default;

void Stream::allow(Duration patience) { state_->allowed = state_->read_left = state_->write_left = patience; }
void Stream::require_rate(std::uint32_t octets_per_second) { state_->rate = octets_per_second; }

void Stream::set_bounds(std::uint32_t endless_line, std::uint32_t held_back) {
  state_->endless_line = std::max(1u, endless_line);
  state_->held_back = std::max(1u, held_back);
}

Stream::ReadLine Stream::read_line(std::size_t limit) { return {*state_, limit}; }
Stream::Fill Stream::fill() { return Fill(*state_); }
std::string_view Stream::buffered() const { return state_->in.view(); }
void Stream::consume(std::size_t octets) { state_->consume(octets); }

task<bool> Stream::fill_to(std::size_t octets) {
  while (buffered().size() < octets)
    if (!co_await fill()) co_return false;
  co_return true;
}

Stream::Write Stream::write(std::string_view octets) {
  if (octets.size() > state_->held_back) return write_view(octets);
  if (!state_->write_failed) state_->out.append(octets);
  return {*state_, {}, state_->held_back};
}
Stream::Write Stream::write_view(std::string_view octets) { return {*state_, octets, 0}; }
Stream::Write Stream::flush() { return {*state_, {}, 0}; }
std::size_t Stream::unsent() const { return state_->out.size(); }

Stream::Wait Stream::wait(Signal* signal, Instant deadline) { return {*state_, signal, deadline}; }
void Stream::stop_on(Signal& stop) { state_->stop = &stop; }
Stream::Close Stream::close(Parting parting) { return Close(*state_, parting); }

const Endpoint& Stream::peer() const {
  if (!state_->peer) state_->peer = state_->transport->peer();
  return *state_->peer;
}
const Endpoint& Stream::local() const {
  if (!state_->local) state_->local = state_->transport->local();
  return *state_->local;
}
void Stream::set_addresses(Endpoint peer, Endpoint local) {
  state_->peer = std::move(peer);
  state_->local = std::move(local);
}
void Stream::set_peer(Endpoint peer) { state_->peer = std::move(peer); }
std::int64_t Stream::peer_uid() const { return state_->transport->peer_uid(); }
bool Stream::early_bytes() { return !state_->in.empty() || state_->transport->readable_now(); }
std::uint64_t Stream::octets_in() const { return state_->octets_in; }
std::uint64_t Stream::octets_out() const { return state_->octets_out; }
void Stream::keep(std::shared_ptr<void> companion) { state_->companion = std::move(companion); }

}  // namespace postroad::net
