#include "http/client.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/cursor.h"
#include "mail/address.h"

namespace postroad::http {

namespace {

std::string head_of(std::string_view host, const Ask& ask) {
  auto head = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", to_text(ask.method),
                          ask.target, host);
  for (const auto& field : ask.headers)
    head.append(field.name).append(": ").append(field.value).append("\r\n");
  if (!ask.type.empty()) head.append("Content-Type: ").append(ask.type).append("\r\n");
  if (ask.stream)
    head += "Transfer-Encoding: chunked\r\n";
  else if (!ask.text.empty() || ask.method == Method::Post || ask.method == Method::Put ||
           ask.method == Method::Patch)
    head += fmt::format("Content-Length: {}\r\n", ask.text.size());
  return head + "\r\n";
}

net::task<Result<void, ClientError>> send(net::Stream& stream, std::string_view host, const Ask& ask) {
  co_await stream.write(head_of(host, ask));
  if (!ask.stream) {
    co_await stream.write(ask.text);
  } else {
    for (;;) {
      const auto piece = co_await ask.stream->read();
      if (!piece) co_return refuse(ClientError::Ended);
      co_await stream.write(fmt::format("{:x}\r\n", piece->size()));
      co_await stream.write(*piece);
      co_await stream.write("\r\n");
      if (piece->empty()) break;
    }
  }
  co_await stream.flush();
  co_return Result<void, ClientError>{};
}

net::task<Result<ResponseHead, ClientError>> read_head(net::Stream& stream, Method method,
                                                       const ClientLimits& limits) {
  for (;;) {
    const auto line = co_await stream.read_line(limits.head.octets);
    if (!line) co_return refuse(ClientError::BadAnswer);
    const std::string start(*line);
    HeadEnd end(limits.head);
    std::size_t length = 0;
    while (length == 0) {
      const auto found = end.find(stream.buffered());
      if (!found) co_return refuse(ClientError::BadAnswer);
      if (*found)
        length = **found;
      else if (!co_await stream.fill())
        co_return refuse(ClientError::Ended);
    }
    auto head = parse_response(start, stream.buffered().substr(0, length), method, limits.head);
    stream.consume(length);
    if (!head || head->status == 101) co_return refuse(ClientError::BadAnswer);
    if (head->status >= 200) co_return std::move(*head);  // 100 Continue and its like are passed over
  }
}

net::task<Result<Reply, ClientError>> converse(net::Stream& stream, std::string_view host, const Ask& ask,
                                               const ClientLimits& limits, Out* out) {
  stream.allow(limits.patience);
  const auto sent = co_await send(stream, host, ask);
  if (!sent) co_return refuse(sent.error());
  stream.allow(limits.patience);
  auto head = co_await read_head(stream, ask.method, limits);
  if (!head) co_return refuse(head.error());
  Reply reply{.status = head->status, .headers = std::move(head->headers)};
  if (reply.status >= 300) out = nullptr;
  BodyDecoder decoder(head->framing);
  while (!decoder.done()) {
    if (stream.buffered().empty()) {
      stream.allow(limits.patience);
      if (co_await stream.fill()) continue;
      if (!decoder.may_end_here()) co_return refuse(ClientError::Ended);
      break;
    }
    const auto piece = decoder.feed(stream.buffered());
    if (!piece) co_return refuse(ClientError::BadAnswer);
    if (out)
      co_await out->write(piece->data);
    else if (reply.body.size() + piece->data.size() > limits.body)
      co_return refuse(ClientError::TooLarge);
    else
      reply.body += piece->data;
    stream.consume(piece->used);
  }
  co_return reply;
}

}  // namespace

std::string_view describe(ClientError error) {
  switch (error) {
    case ClientError::BadUrl: return "this is no http:// or https:// address";
    case ClientError::NoAddress: return "the host does not exist";
    case ClientError::TryLater: return "the host's address could not be found out now";
    case ClientError::NotPublic: return "the host has an address that is not public";
    case ClientError::NotReached: return "the host does not answer";
    case ClientError::TlsFailed: return "TLS failed";
    case ClientError::BadAnswer: return "the answer is not HTTP";
    case ClientError::TooLarge: return "the answer is too large";
    case ClientError::Ended: return "the connection ended early";
  }
  return {};
}

net::task<Result<Reply, ClientError>> exchange(net::Stream& stream, std::string_view host, const Ask& ask,
                                               ClientLimits limits, Out* out) {
  try {
    co_return co_await converse(stream, host, ask, limits, out);
  } catch (const net::ConnectionEnded&) {
    // For a server that is an end without consequence; who asked something wants to know.
    co_return refuse(ClientError::Ended);
  }
}

Result<Url, ClientError> parse_url(std::string_view text) {
  const auto bad = refuse(ClientError::BadUrl);
  if (text.size() > 2048) return bad;
  Url url;
  Cursor in(text);
  if (in.take_keyword("https://"))
    url.tls = true;
  else if (!in.take_keyword("http://"))
    return bad;
  const auto authority = in.take_while([](char c) { return c != '/' && c != '?' && c != '#'; });
  auto rest = in.rest().substr(0, in.rest().find('#'));
  const auto fits = [](char c) {
    return !ascii::is_control(c) && !ascii::is_8bit(c) && c != ' ' && c != '\\';
  };
  if (!std::ranges::all_of(rest, fits)) return bad;
  url.target = rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);

  Cursor host(authority);
  if (host.take('[')) {
    const auto inside = host.take_until(']');
    if (!inside || !host.take(']') || !IpAddress::parse(*inside)) return bad;
    url.host = *inside;
  } else {
    auto name = host.take_while([](char c) { return c != ':'; });
    if (name.ends_with('.')) name.remove_suffix(1);
    // An address in dotted decimal, or a name; Domain refuses what some libraries would take for an address.
    if (IpAddress::parse(name)) {
      url.host = name;
    } else {
      const auto domain = Domain::parse(name);
      if (!domain || domain->is_literal()) return bad;
      url.host = domain->text();
    }
  }
  url.port = url.tls ? 443 : 80;
  if (host.take(':')) {
    const auto port = host.take_number();
    if (!port || *port == 0 || *port > 65535) return bad;
    url.port = static_cast<std::uint16_t>(*port);
  }
  if (!host.at_end()) return bad;
  return url;
}

net::task<Result<Reply, ClientError>> fetch(std::string text, Ask ask, Way way, ClientLimits limits) {
  const auto url = parse_url(text);
  if (!url) co_return refuse(url.error());
  ask.target = url->target;
  std::vector<IpAddress> addresses;
  if (const auto literal = IpAddress::parse(url->host)) {
    addresses.push_back(*literal);
  } else {
    const auto answer = co_await way.resolver.addresses(url->host);
    if (!answer)
      co_return refuse(dns::temporary(answer.error()) ? ClientError::TryLater : ClientError::NoAddress);
    addresses = answer->records;
  }
  // One bad address condemns the name: which of them would be taken is not for the stranger to influence.
  if (!way.allow_private && !std::ranges::all_of(addresses, &IpAddress::is_public))
    co_return refuse(ClientError::NotPublic);
  if (addresses.size() > 3) addresses.resize(3);

  for (const IpAddress& address : addresses) {
    auto stream = co_await way.connector.connect({.peer = {address, url->port}, .patience = limits.patience});
    if (!stream) continue;
    if (url->tls) {
      net::TlsPeer peer{.name = url->host};
      const auto secure = co_await stream->start_tls_client(way.tls, std::move(peer));
      if (!secure) co_return refuse(ClientError::TlsFailed);
    }
    const bool usual = url->port == (url->tls ? 443 : 80);
    const std::string name = url->host.find(':') == std::string::npos ? url->host : "[" + url->host + "]";
    const std::string host = usual ? name : fmt::format("{}:{}", name, url->port);
    co_return co_await exchange(*stream, host, ask, limits);
  }
  co_return refuse(ClientError::NotReached);
}

}  // namespace postroad::http
