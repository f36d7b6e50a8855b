// Transport: the plain doors under a Stream. TCP and unix sockets, TLS over any other, and a pair in memory.
//
// Sessions use Stream (stream.h). This is the interface the simulation implements for its network: nothing
// in it waits; who cannot go on says WouldBlock and calls ready() on its owner when it is worth trying again.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "net/address.h"
#include "net/core.h"

namespace postroad::net {

enum class Io : std::uint8_t {
  Done,        // `octets` moved, at least one
  WouldBlock,  // nothing moved; ready() will be called
  End,         // the peer has finished sending, in good order
  Truncated,   // the peer's TLS ended without close_notify: what came may not be all (RFC 8446 §6.1)
  Reset,       // the connection is broken
  TlsFailed,   // a TLS alert or protocol error; tls_error() says which
};
struct IoResult {
  Io io;
  std::size_t octets = 0;
};

class Transport {
 public:
  class Owner {
   public:
    virtual void ready() = 0;  // may be spurious; called from the core's loop, never from inside a call below

   protected:
    ~Owner() = default;
  };

  virtual ~Transport() = default;
  virtual void set_owner(Owner* owner) = 0;
  virtual IoResult read_some(char* to, std::size_t room) = 0;
  // From `first`, then from `second`; in one piece where it can.
  virtual IoResult write_some(std::string_view first, std::string_view second) = 0;
  // The last octets before finish(), which follows at once: they may travel with the FIN.
  virtual IoResult write_last(std::string_view octets) { return write_some(octets, {}); }
  // No more will be written: TLS close_notify, then FIN. Done, or WouldBlock: call again. Never fails.
  virtual Io finish() = 0;
  // Octets have arrived that nobody has read yet. Does not wait.
  virtual bool readable_now() = 0;

  virtual Endpoint local() const { return {}; }
  virtual Endpoint peer() const { return {}; }
  // The user at the other end of a unix socket (SO_PEERCRED), or -1.
  virtual std::int64_t peer_uid() const { return -1; }
  virtual class TlsTransport* tls() { return nullptr; }
};

// A connected, non-blocking stream socket; takes ownership of the descriptor. On its core's thread only.
std::unique_ptr<Transport> socket_transport(Core& core, int fd);

}  // namespace postroad::net
