// A small HTTP/1.1 client: for the command line (over DATA/control.sock) and for requests to strangers'
// servers (webhooks, policy files).
//
// A stranger's URL is poison (durability.md, attack 99): fetch() takes http and https only, resolves the name
// once, refuses any address that is not public, connects to the very address it checked, and follows no
// redirect: a 3xx is an answer like any other.
#pragma once

#include <string>
#include <string_view>

#include "dns/resolver.h"
#include "http/framing.h"
#include "http/message.h"
#include "net/connector.h"
#include "net/tls.h"

namespace postroad::http {

struct Ask {
  Method method = Method::Get;
  std::string target = "/";  // path and query, encoded
  Headers headers{};         // Host, length and coding are added
  std::string type{};        // of the body
  std::string text{};        // the body; or
  Body* stream = nullptr;    // as a stream
};
struct Reply {
  int status = 0;
  Headers headers{};
  std::string body{};  // unless it went to `out`
};
struct ClientLimits {
  HeadLimits head{};
  std::size_t body = 1 << 20;  // octets kept in a Reply
  Duration patience = 30s;     // for the head; then for each piece
};

enum class ClientError : std::uint8_t {
  BadUrl,      // not http:// or https://, no host, a user or a control character in it
  NoAddress,   // the name does not resolve
  TryLater,    // it could not be resolved now
  NotPublic,   // it leads to an address that strangers' data may not reach
  NotReached,  // refused, unreachable, timed out
  TlsFailed,
  BadAnswer,  // no HTTP, or framing that is broken
  TooLarge,
  Ended,  // the peer went away, or was too slow
};
std::string_view describe(ClientError error);

// One request and its answer over a stream that is open already. A 2xx body goes to `out`, if there is one,
// with no limit on its size.
net::task<Result<Reply, ClientError>> exchange(net::Stream& stream, std::string_view host, const Ask& ask,
                                               ClientLimits limits, Out* out = nullptr);

struct Url {
  bool tls = false;
  std::string host;  // lower case; an IPv6 address without its brackets
  std::uint16_t port = 0;
  std::string target;  // "/path?query"
};
// What attack 99 hides in a URL is refused here or by the address it leads to: 0x7f000001, 127.1, a user
// before "@", other schemes.
Result<Url, ClientError> parse_url(std::string_view text);

struct Way {
  net::Connector& connector;
  dns::Resolver& resolver;
  const net::TlsClient& tls;
  bool allow_private = false;  // intranets and tests, by configuration only
};
// `ask.target` is replaced by the URL's.
net::task<Result<Reply, ClientError>> fetch(std::string url, Ask ask, Way way, ClientLimits limits);

}  // namespace postroad::http
