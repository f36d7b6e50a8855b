#include "http/server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "base/encoding.h"
#include "base/random.h"

namespace postroad::http {

namespace {

constexpr std::size_t most_drained = 256 * 1024;  // of a body nobody wanted, to keep the connection

// A request's body as it comes off the wire.
class StreamBody final : public Body {
 public:
  StreamBody(net::Stream& stream, Framing framing, const ServerLimits& limits, bool expects_continue)
      : stream_(stream), decoder_(framing), limits_(limits), expects_continue_(expects_continue) {}

  net::task<Result<std::string_view, BodyError>> read() override {
    stream_.consume(std::exchange(held_, 0));
    for (;;) {
      if (decoder_.done()) co_return std::string_view{};
      if (const auto input = stream_.buffered(); !input.empty()) {
        const auto piece = decoder_.feed(input);
        if (!piece) co_return refuse(piece.error());
        octets_ += piece->data.size();
        if (octets_ > limits_.body) co_return refuse(BodyError::TooLarge);
        if (!piece->data.empty()) {
          held_ = piece->used;
          co_return piece->data;
        }
        stream_.consume(piece->used);
        continue;
      }
      // RFC 9110 §10.1.1: the peer waits for this word before it sends.
      if (std::exchange(expects_continue_, false)) co_await stream_.write("HTTP/1.1 100 Continue\r\n\r\n");
      if (!co_await stream_.fill()) co_return refuse(BodyError::Cut);
    }
  }

  // Reads what the handler left, so that the next request can be found. False: too much, or broken.
  net::task<bool> drain() {
    // Who was never told to go on has sent nothing; what follows cannot be told from a body.
    if (expects_continue_ && !decoder_.done()) co_return false;
    for (std::size_t dropped = 0; !decoder_.done();) {
      const auto piece = co_await read();
      if (!piece) co_return false;
      if ((dropped += piece->size()) > most_drained) co_return false;
    }
    stream_.consume(std::exchange(held_, 0));
    co_return true;
  }

 private:
  net::Stream& stream_;
  BodyDecoder decoder_;
  const ServerLimits& limits_;
  bool expects_continue_;
  std::size_t held_ = 0;  // of the stream's buffer, until the view is done with
  std::uint64_t octets_ = 0;
};

// A body of unknown length: chunks for HTTP/1.1 (RFC 9112 §7.1).
class ChunkedOut final : public Out {
 public:
  explicit ChunkedOut(net::Stream& stream) : stream_(stream) {}
  net::task<void> write(std::string_view octets) override {
    if (octets.empty()) co_return;  // an empty chunk would be the end
    co_await stream_.write(fmt::format("{:x}\r\n", octets.size()));
    co_await stream_.write(octets);
    co_await stream_.write("\r\n");
  }
  net::task<void> finish() { co_await stream_.write("0\r\n\r\n"); }

 private:
  net::Stream& stream_;
};

std::string head_of(const Response& response, bool chunked, bool keep_alive, std::string_view id) {
  auto head = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_phrase(response.status));
  const auto field = [&head](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
  };
  if (chunked || !response.body.empty()) field("Content-Type", response.type);
  if (chunked)
    field("Transfer-Encoding", "chunked");
  else if (response.status != 204)
    field("Content-Length", std::to_string(response.content ? 0 : response.body.size()));
  if (!id.empty()) field("X-Request-Id", id);
  // Answers are data for programs: no browser shall guess, frame or keep them.
  field("X-Content-Type-Options", "nosniff");
  field("Cache-Control", "no-store");
  for (const auto& extra : response.headers) field(extra.name, extra.value);
  if (!keep_alive) field("Connection", "close");
  return head + "\r\n";
}

class Connection {
 public:
  Connection(net::Stream& stream, Handler& handler, const ServerLimits& limits, Origin origin)
      : stream_(stream), handler_(handler), limits_(limits), origin_(origin) {}

  net::task<void> run() {
    for (std::size_t n = 0; n < limits_.requests; ++n) {
      if (!co_await start_line()) co_return;
      const bool last = n + 1 == limits_.requests;
      if (!co_await one_request(last)) co_return;
    }
  }

 private:
  // Waits for the next request and takes its first line into start_; false: there is none to obey.
  net::task<bool> start_line() {
    stream_.allow(limits_.idle_wait);
    std::optional<net::LineError> fault;
    try {
      const auto line = co_await stream_.read_line(limits_.head.octets);
      if (line)
        start_ = *line;
      else
        fault = line.error();
    } catch (const net::ConnectionEnded&) {
      co_return false;  // a connection that is kept open ends like this: no news
    }
    if (!fault) co_return true;
    if (*fault == net::LineError::Stopping) co_return false;
    const bool bare = *fault == net::LineError::BareCr || *fault == net::LineError::BareLf;
    co_return co_await refuse_head(bare ? HeadError::BadLineEnd : HeadError::TooLong);
  }

  net::task<bool> one_request(bool last) {
    stream_.allow(limits_.request_wait);
    HeadEnd end({.octets = limits_.head.octets - start_.size(), .fields = limits_.head.fields});
    std::size_t length = 0;
    while (length == 0) {
      const auto found = end.find(stream_.buffered());
      if (!found) co_return co_await refuse_head(found.error());
      if (*found)
        length = **found;
      else if (!co_await stream_.fill())
        co_return false;  // left in the middle
    }
    auto head = parse_request(start_, stream_.buffered().substr(0, length), limits_.head);
    if (!head) co_return co_await refuse_head(head.error());
    stream_.consume(length);

    Request request{.method = head->method,
                    .path = std::move(head->path),
                    .query = std::move(head->query),
                    .headers = std::move(head->headers),
                    .origin = origin_,
                    .peer = stream_.peer().text(),
                    .id = base32(system_random().u64())};
    if (head->framing.kind == Framing::Kind::Length && head->framing.length > limits_.body) {
      const auto text = fmt::format("The body has {} octets; at most {} are taken (http.body).",
                                    head->framing.length, limits_.body);
      co_return co_await answer(request, plain_error(413, text, request.id), false);
    }
    StreamBody body(stream_, head->framing, limits_, head->expects_continue);
    if (head->framing.kind != Framing::Kind::None) request.body = &body;

    auto response = co_await handler_.handle(request);
    // HTTP/1.0 has no chunks: there the end of the connection is the end of the body, and nothing tells the
    // peer that it is whole. Nobody who streams from us speaks it.
    const bool keep = head->keep_alive && !last && co_await body.drain();
    co_return co_await answer(request, std::move(response), keep);
  }

  net::task<bool> refuse_head(HeadError error) {
    Request none;
    none.id = base32(system_random().u64());
    co_return co_await answer(none, plain_error(status_of(error), describe(error), none.id), false);
  }

  net::task<bool> answer(const Request& request, Response response, bool keep) {
    const bool chunked = response.content != nullptr;
    co_await stream_.write(head_of(response, chunked, keep, request.id));
    if (request.method == Method::Head) {
      // RFC 9110 §9.3.2: the fields of a GET, and no body.
    } else if (chunked) {
      ChunkedOut out(stream_);
      co_await response.content->write(out);
      co_await out.finish();
    } else {
      co_await stream_.write(response.body);
    }
    co_await stream_.flush();
    co_return keep;
  }

  net::Stream& stream_;
  Handler& handler_;
  const ServerLimits& limits_;
  const Origin origin_;
  std::string start_;
};

}  // namespace

net::task<void> serve(net::Stream stream, Handler& handler, ServerLimits limits, Origin origin) {
  Connection connection(stream, handler, limits, origin);
  co_await connection.run();
  co_await stream.close();
}

bool is_owner(const net::Stream& stream) {
  const auto uid = stream.peer_uid();
  return uid == 0 || uid == static_cast<std::int64_t>(::geteuid());
}

Response plain_error(int status, std::string_view message, std::string_view request_id) {
  std::string name(reason_phrase(status));
  for (char& c : name) c = c == ' ' ? '_' : ascii::lower(c);
  const boost::json::object error{{"statusCode", status},
                                  {"name", name},
                                  {"message", message},
                                  {"details", boost::json::array{}},
                                  {"request_id", request_id}};
  return {.status = status, .body = boost::json::serialize(error)};
}

}  // namespace postroad::http
