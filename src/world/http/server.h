// The server's side of one HTTP/1.1 connection (RFC 9112), over any Stream: TCP, TLS, a unix socket, memory.
//
//   listener.start([&](net::Stream stream) { return http::serve(std::move(stream), handler, limits); }, ...);
//
// Requests are answered one after the other, also when the peer sends several at once. What breaks the
// framing is answered, then the connection is closed. HTTP/2 is not spoken.
#pragma once

#include "http/framing.h"
#include "http/message.h"
#include "net/stream.h"

namespace postroad::http {

struct ServerLimits {
  HeadLimits head{};
  std::uint64_t body = 64 << 20;  // octets of one request
  Duration request_wait = 30s;    // until a head is complete; then each piece of a body
  Duration idle_wait = 2min;      // for the next request
  std::size_t requests = 10'000;  // on one connection
};

class Handler {
 public:
  virtual ~Handler() = default;
  // What it throws ends the connection. `request.body` is read here or not at all.
  virtual net::task<Response> handle(Request& request) = 0;
};

// Ends when the peer leaves, or asks to, or breaks a rule, or between two requests when the listener stops.
// `origin`: Owner for control.sock, after is_owner().
net::task<void> serve(net::Stream stream, Handler& handler, ServerLimits limits,
                      Origin origin = Origin::Network);

// May who speaks over this unix socket administer the server? Its own user and root may.
bool is_owner(const net::Stream& stream);

// {"statusCode","name","message","details","request_id"} for what fails before a route is found.
Response plain_error(int status, std::string_view message, std::string_view request_id);

}  // namespace postroad::http
