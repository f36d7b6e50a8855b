// Stream: a buffered connection, and the home of all waiting.
//
//   stream.allow(limits.command_wait);                                 // RFC 5321 §4.5.3.2.7
//   const auto line = co_await stream.read_line(limits.command_line);
//   if (!line) ...                                                     // too long, bare CR or LF: the caller
//   answers co_await stream.write("250 2.0.0 Ok\r\n");                         // buffered; goes out when we
//   next must wait
//
// Patience. allow(d) gives each following line, fill or flush `d` of *waiting*; our own work does not count.
// Octets that arrive win time back at 1/500 s each (durability.md: 500 octets/s), never above d. Successive
// fills share one allowance until the next allow(): who dribbles a message octet by octet is ended by the
// Stream (exception TimedOut) wherever he is, also in the middle of a TLS record.
//
// Replies are buffered and sent when a read would have to wait, so the answers to a pipelined batch leave in
// one segment. A write waits when 256 KiB are held back; a peer that never reads is ended like one that never
// writes.
//
// While it waits with nothing buffered a Stream holds no buffers. It belongs to one core and to one task at
// a time; it may be moved while nobody waits on it.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/address.h"
#include "net/core.h"
#include "net/later.h"
#include "net/tls.h"
#include "net/transport.h"

namespace postroad::net {

// How a connection ended. Thrown as ConnectionEnded: there is nobody left to talk to.
enum class Ending : std::uint8_t {
  Closed,     // the peer finished, in good order, where more was expected
  Truncated,  // the peer's TLS ended without close_notify
  Reset,      // broken: RST, unreachable, gone while we wrote
  TimedOut,   // no patience left
  TlsFailed,  // handshake or record layer
};
std::string_view name(Ending ending);  // "closed", "truncated", ...: for logs

class ConnectionEnded : public std::runtime_error {
 public:
  explicit ConnectionEnded(Ending how, const std::string& detail = {});
  Ending how() const { return how_; }

 private:
  Ending how_;
};
class TimedOut : public ConnectionEnded {
 public:
  TimedOut() : ConnectionEnded(Ending::TimedOut) {}
};

enum class LineError : std::uint8_t {
  TooLong,  // longer than the limit; all of it has been read and dropped
  Endless,  // 64 KiB and no end of line: answer and close
  BareCr,   // a CR without LF ...
  BareLf,   // ... or LF without CR. What follows, up to the next CRLF, is dropped and never taken for a line;
            // each further bare LF in it is reported again. Answer; close at the second
  Stopping,  // the server is stopping and the peer has not begun another line (see stop_on)
};

enum class Woke : std::uint8_t {
  Input,
  Signalled,
  Deadline,
  Stopping,  // the server is stopping and the peer has said nothing more (see stop_on)
};

namespace detail {
struct StreamState;

// One operation on a stream: goes on whenever something happens, until it is finished.
class StreamWait : public Waiter {
 public:
  bool await_ready() { return go_on(); }
  template <TaskPromise P>
  bool await_suspend(std::coroutine_handle<P> h) {
    return suspend(h, *h.promise().scope);
  }

 protected:
  explicit StreamWait(StreamState& stream) : stream_(stream) {}
  ~StreamWait() = default;
  enum class Step : std::uint8_t { Finished, Blocked, Yield };
  virtual Step advance() = 0;
  virtual Duration patience();  // how long it may still wait, when it has to
  virtual void waited(Duration) {}
  virtual void too_late() { ended_ = Ending::TimedOut; }
  virtual void prepare_wait() {}
  virtual void forget_more() noexcept {}
  void conclude();  // throws what ended it
  bool go_on() { return (step_ = advance()) == Step::Finished; }
  void fail(Io io);
  void leave() noexcept;  // woken for good: nothing that happens now concerns us
  StreamState& stream_;
  std::optional<Ending> ended_;

 private:
  friend struct StreamState;
  bool suspend(std::coroutine_handle<> h, Scope& scope);
  void block();
  void again();    // something happened
  void expired();  // the timer
  void forget() noexcept override;
  Step step_ = Step::Blocked;
  Instant since_{};
};
}  // namespace detail

class Stream {
 public:
  explicit Stream(std::unique_ptr<Transport> transport);
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;
  ~Stream();  // closes at once; what is still buffered is lost (use close())

  // --- patience ---
  void allow(Duration patience);                       // 5 min until first called
  void require_rate(std::uint32_t octets_per_second);  // 500; 0: octets win no time back
  // Other bounds than those of durability.md: a line without end, and output held back before writers wait.
  void set_bounds(std::uint32_t endless_line, std::uint32_t held_back);

  // --- reading ---
  class ReadLine;
  class Fill;
  // The next line without its CRLF, at most `limit` octets; valid until the next read. Strict CRLF.
  // Throws ConnectionEnded where the peer is gone, also when it left in the middle of a line.
  ReadLine read_line(std::size_t limit);
  // For decoders: waits until at least one octet more is buffered than was before. False: the peer has
  // finished in good order. Throws ConnectionEnded (Truncated where TLS did not end properly).
  Fill fill();
  std::string_view buffered() const;  // valid until the next read
  void consume(std::size_t octets);   // of buffered()
  // Waits until `octets` are buffered (at most 1 MiB); false: the peer finished before.
  task<bool> fill_to(std::size_t octets);

  // --- writing ---
  class Write;
  // Copies, and waits only while more than 256 KiB are held back; more than that at once goes as by
  // write_view().
  Write write(std::string_view octets);
  // Sends the caller's memory (after what is buffered) without copying; it must live until this is done.
  Write write_view(std::string_view octets);
  Write flush();
  std::size_t unsent() const;

  // --- waiting for either ---
  class Wait;
  // Until the peer says something (or ends), or the signal, if any, is notified, or the server stops, or the
  // instant has come, whichever is first (RFC 2177 IDLE). Sends what is buffered. Patience does not end it.
  Wait wait(Signal* signal, Instant deadline = Instant::max());

  // When `stop` is latched, read_line() at the beginning of a line and wait() answer Stopping. The signal
  // outlives us.
  void stop_on(Signal& stop);

  // --- ending ---
  // Sends what is buffered, says goodbye (close_notify, FIN), and reads and drops what still comes until the
  // peer has finished too, so that our last reply is not destroyed by a RST. At most 5 s. Never throws but
  // Cancelled. When the peer has asked for the end (QUIT, LOGOUT) and has said nothing after it, nothing is
  // waited for: one wake-up less for each session.
  class Close;
  enum class Parting : std::uint8_t { OneSided, Agreed };
  Close close(Parting parting = Parting::OneSided);

  // --- TLS ---
  // Sends what is buffered, drops plaintext that came too early (RFC 3207 §4.2; how much is answered), and
  // shakes hands, within server.handshake_wait(). Throws ConnectionEnded (TlsFailed, TimedOut, ...). The
  // caller forgets what it knew of the peer.
  task<std::size_t> start_tls(const TlsServer& server, const TlsService& service);
  // Our side as client. After a failure the stream is good for nothing but being destroyed. Plaintext that
  // came after the go-ahead is a failure (durability.md, attack 6).
  task<Result<TlsInfo, TlsFailure>> start_tls_client(const TlsClient& client, TlsPeer peer);
  bool is_tls() const;
  std::optional<TlsInfo> tls() const;
  // RFC 9266: 32 octets; nothing without TLS, or with TLS 1.2 without extended master secret.
  std::optional<std::string> tls_exporter() const;
  // RFC 5929 §4.1: the hash of the server's certificate.
  std::optional<std::string> tls_server_end_point() const;

  // --- who ---
  const Endpoint& peer() const;
  const Endpoint& local() const;
  void set_addresses(Endpoint peer, Endpoint local);  // as the PROXY header told
  void set_peer(Endpoint peer);                       // as accept(2) told
  std::int64_t peer_uid() const;                      // of a unix socket, else -1
  // Octets have come that we have not asked for (attack 8). Does not wait.
  bool early_bytes();
  std::uint64_t octets_in() const;
  std::uint64_t octets_out() const;
  // Something that must live as long as this connection, e.g. its place in the listener's count.
  void keep(std::shared_ptr<void> companion);

 private:
  friend class SystemConnector;
  std::unique_ptr<detail::StreamState> state_;
};

// The operations. Each is awaited at once, where it is made.
class Stream::ReadLine final : public detail::StreamWait, private Signal::Listener {
 public:
  ReadLine(detail::StreamState& stream, std::size_t limit) : StreamWait(stream), limit_(limit) {}
  ~ReadLine() { abandon(); }
  Result<std::string_view, LineError> await_resume();

 private:
  Step advance() override;
  Duration patience() override;
  void waited(Duration time) override;
  void prepare_wait() override;
  void forget_more() noexcept override { stop(); }
  void signalled() override;
  bool at_rest() const;
  std::size_t limit_;
  bool begun_ = false;
  Result<std::string_view, LineError> line_;
};

class Stream::Fill final : public detail::StreamWait {
 public:
  explicit Fill(detail::StreamState& stream) : StreamWait(stream) {}
  ~Fill() { abandon(); }
  bool await_resume();

 private:
  Step advance() override;
  Duration patience() override;
  void waited(Duration time) override;
  bool more_ = false;
};

class Stream::Write final : public detail::StreamWait {
 public:
  Write(detail::StreamState& stream, std::string_view view, std::size_t keep)
      : StreamWait(stream), view_(view), keep_(keep) {}
  ~Write() { abandon(); }
  void await_resume();

 private:
  Step advance() override;
  Duration patience() override;
  void waited(Duration time) override;
  void forget_more() noexcept override;
  std::string_view view_;
  std::size_t keep_;  // finished when no more than this is unsent
};

class Stream::Wait final : public detail::StreamWait, private Signal::Listener {
 public:
  Wait(detail::StreamState& stream, Signal* signal, Instant deadline)
      : StreamWait(stream), signal_(signal), deadline_(deadline) {}
  ~Wait() { abandon(); }
  Woke await_resume();

 private:
  Step advance() override;
  Duration patience() override;
  void too_late() override;
  void prepare_wait() override;
  void forget_more() noexcept override { stop(), on_stop_.stop(); }
  void signalled() override { wake(Woke::Signalled); }
  void wake(Woke why);
  struct StopListener final : Signal::Listener {
    explicit StopListener(Wait& wait) : wait(wait) {}
    void signalled() override { wait.wake(Woke::Stopping); }
    Wait& wait;
  };
  StopListener on_stop_{*this};
  Signal* signal_;
  Instant deadline_;
  Woke woke_ = Woke::Deadline;
};

class Stream::Close final : public detail::StreamWait {
 public:
  Close(detail::StreamState& stream, Parting parting) : StreamWait(stream), parting_(parting) {}
  ~Close() { abandon(); }
  void await_resume();

 private:
  Step advance() override;
  Duration patience() override;
  void waited(Duration time) override { left_ -= time; }
  void too_late() override {}  // then it is closed without more ado
  Duration left_{5s};
  const Parting parting_;
  bool finished_ = false;
  std::size_t dropped_ = 0;
};

// Two streams that are each other's peer, in memory: what is written to one is read from the other. For tests
// and the simulation; both on cores that one thread runs. `capacity` octets fit on the way in each direction;
// at most `piece` octets are moved by one read or write (1: every split of the bytes).
struct MemoryPair {
  Stream first;
  Stream second;
};
struct MemoryPairOptions {
  std::size_t capacity = 64 * 1024;
  std::size_t piece = SIZE_MAX;
  Endpoint first_address = loopback(1);
  Endpoint second_address = loopback(2);
};
MemoryPair memory_pair(Core& first_core, Core& second_core, MemoryPairOptions options = {});
inline MemoryPair memory_pair(Core& core, MemoryPairOptions options = {}) {
  return memory_pair(core, core, options);
}

}  // namespace postroad::net
