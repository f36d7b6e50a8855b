// What a Stream is made of; it stays where it is while the Stream moves. Private to world/net.
#pragma once

#include "net/buffer.h"
#include "net/stream.h"

namespace postroad::net::detail {

struct StreamState final : Transport::Owner, Timer, Work {
  // Times and sizes of durability.md, "Limits".
  static constexpr Duration default_patience = std::chrono::minutes{5};
  static constexpr std::uint32_t default_rate = 500;         // octets/s
  static constexpr std::size_t send_early = 32 * 1024;       // output: beyond this it is worth a system call
  static constexpr std::size_t most_buffered = 1024 * 1024;  // input, by fill()
  static constexpr std::size_t turn = 256 * 1024;            // octets read before others get the core

  enum class Read : std::uint8_t { More, Blocked, Yield, Ended };

  explicit StreamState(std::unique_ptr<Transport> t);
  ~StreamState();

  // Reads once into `in`; holds no more memory than needed when that blocks. Ended: `in_end` says how, now
  // and at every further call.
  Read read_more();
  // Sends what the transport takes now. False: something is left, or writing has failed.
  bool send_some(bool last = false);
  // Takes a line, or finds what is wrong with it; false: more octets are needed.
  bool take_line(std::size_t limit, Result<std::string_view, LineError>& line);
  void consume(std::size_t octets);
  void gain(Duration& left, std::size_t octets) const {
    if (rate) left = std::min(allowed, left + Duration{octets * 1'000'000 / rate});
  }
  std::string detail() const;  // of a TLS failure

  void ready() override;  // from the transport
  void fired() override;  // the timer
  void run() override;    // after a yield
  void yield();

  std::shared_ptr<void> companion;  // first: what it counts is still there while the socket closes
  std::unique_ptr<Transport> transport;
  Buffer in, out;
  StreamWait* wait = nullptr;  // who waits on us
  Core* core = nullptr;        // of the task that waits, or waited last
  Duration allowed = default_patience;
  Duration read_left = default_patience;
  Duration write_left = default_patience;
  std::uint32_t rate = default_rate;
  std::uint32_t endless_line = 64 * 1024;
  std::uint32_t held_back = 256 * 1024;  // output: beyond this, writers wait

  // read_line: octets of `in` known to hold no end of line; and what is being dropped.
  enum class Skip : std::uint8_t { Nothing, LongLine, AfterBare };
  std::uint32_t scanned = 0;
  std::uint32_t skipped = 0;
  Skip skip = Skip::Nothing;
  bool skipped_cr = false;  // the last octet dropped was a CR

  bool write_failed = false;  // nothing can be sent any more
  bool write_failure_seen = false;
  bool yielding = false;
  bool much_comes = false;  // the last read filled its room
  std::optional<Io> in_end;
  std::uint32_t this_turn = 0;  // octets read since others had the core
  Signal* stop = nullptr;
  std::uint64_t octets_in = 0, octets_out = 0;
  mutable std::optional<Endpoint> peer, local;

 private:
  bool drop_skipped(Result<std::string_view, LineError>& line);
};

}  // namespace postroad::net::detail
