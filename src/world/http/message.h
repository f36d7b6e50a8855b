// What a request and an answer are made of, for server, client, routes and commands alike.
//
// Bodies are streams on both sides: an export or a backup passes through in pieces and is never held. Small
// bodies (JSON) are read whole, up to a limit.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/task.h"

namespace postroad::http {

enum class Method : std::uint8_t { Get, Head, Post, Put, Patch, Delete, Options };
std::string_view to_text(Method method);
std::optional<Method> parse_method(std::string_view text);  // exactly as written: methods have a case

// Field names have no case (RFC 9110 §5.1).
class Headers {
 public:
  struct Field {
    std::string name, value;
  };
  void add(std::string_view name, std::string_view value) {
    fields_.push_back({std::string(name), std::string(value)});
  }
  // The first of that name; empty if there is none.
  std::string_view get(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }

 private:
  std::vector<Field> fields_;
};

// Why a body ended before its end.
enum class BodyError : std::uint8_t {
  BadFraming,  // chunks that are none, trailers without end
  TooLarge,    // more than the limit
  Cut,         // the peer went away in the middle
};
std::string_view describe(BodyError error);

// A body as it comes.
class Body {
 public:
  virtual ~Body() = default;
  // At least one octet, valid until the next call; empty at the end.
  virtual net::task<Result<std::string_view, BodyError>> read() = 0;
  // All of it, at most `limit` octets.
  net::task<Result<std::string, BodyError>> read_all(std::size_t limit);
};

// A body that is there already.
class TextBody final : public Body {
 public:
  explicit TextBody(std::string text) : text_(std::move(text)) {}
  net::task<Result<std::string_view, BodyError>> read() override;

 private:
  std::string text_;
  bool given_ = false;
};

// Where an answer's body goes. Waits while the peer reads slower than we write.
class Out {
 public:
  virtual ~Out() = default;
  virtual net::task<void> write(std::string_view octets) = 0;
};

// An answer's body that is made while it is sent. What it throws cuts the answer off, so that the peer sees
// that it is not whole.
class Content {
 public:
  virtual ~Content() = default;
  virtual net::task<void> write(Out& out) = 0;
};

// Who may do what is the router's to decide; the connection says only where the request came from.
enum class Origin : std::uint8_t {
  Network,  // a stranger until a key proves otherwise
  Owner,    // the user who runs the server, or root: control.sock, or a command in its own process
};

struct Request {
  Method method = Method::Get;
  std::string path;   // as sent: still percent-encoded, without query
  std::string query;  // behind "?", still encoded
  Headers headers{};
  Body* body = nullptr;  // none: the request has no body
  Origin origin = Origin::Network;
  std::string peer{};  // address in text form, for the log
  std::string id{};    // of this request, in every error and in X-Request-Id
};

struct Response {
  int status = 200;
  std::string type = "application/json";
  std::string body{};
  Headers headers{};
  std::unique_ptr<Content> content{};  // instead of `body`
};

std::string_view reason_phrase(int status);  // "Not Found"

// "%2F" -> "/"; nothing where a % is not followed by two digits, or where a NUL or control character results.
std::optional<std::string> percent_decode(std::string_view text);
// Everything outside RFC 3986's unreserved characters is encoded: good for one path segment or query value.
std::string percent_encode(std::string_view text);
// "a=1&b=two+words" decoded, in order; nothing if it is malformed.
std::optional<std::vector<Headers::Field>> parse_query(std::string_view query);

}  // namespace postroad::http
