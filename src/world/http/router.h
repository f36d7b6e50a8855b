// The route table: what can be asked, by whom, with which fields. Everything else is made of it: dispatch,
// checks, the OpenAPI document, the reference page, and the generated tests (401 without a key, 405 with
// Allow).
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"

namespace postroad::http {

// --- Who may
// ------------------------------------------------------------------------------------------------

// What a route touches, and whether it changes it. A key is given some of these; ..Write includes ..Read.
enum class Scope : std::uint8_t {
  Public,  // everybody, without a key
  DirectoryRead,
  DirectoryWrite,
  QueueRead,
  QueueWrite,
  MessagesRead,
  ServerRead,
  ServerWrite,
  MailRead,  // the content of mailboxes
  MailWrite,
};
std::string_view to_text(Scope scope);  // "directory.read"
std::optional<Scope> parse_scope(std::string_view text);
std::vector<Scope> all_scopes();  // all that a key can have

class Scopes {
 public:
  constexpr Scopes() = default;
  static constexpr Scopes all() { return Scopes(~std::uint32_t{0}); }
  constexpr explicit Scopes(std::uint32_t bits) : bits_(bits) {}
  Scopes& add(Scope scope);  // with the ..Read that a ..Write includes
  constexpr bool has(Scope scope) const {
    return scope == Scope::Public || (bits_ >> static_cast<unsigned>(scope) & 1);
  }
  constexpr std::uint32_t bits() const { return bits_; }

 private:
  std::uint32_t bits_ = 0;
};

struct Principal {
  std::string name;  // of the key; "owner" on control.sock and in a command
  Scopes scopes{};
};
// Who holds this key; nothing: nobody.
using Authenticate = std::function<std::optional<Principal>(std::string_view bearer)>;

// --- What is asked
// ------------------------------------------------------------------------------------------

enum class Type : std::uint8_t { Text, Number, Flag, Texts, Object, Objects };

struct Field {
  std::string_view name;
  Type type = Type::Text;
  std::string_view help;
  bool required = false;
};

// An error as the API tells it: the message says what to do.
struct Problem {
  int status = 400;
  std::string name;  // "not_found": for programs
  std::string message;
  std::vector<std::string> details{};
};

// One request on its way through a route: everything is checked against the route's fields already.
class Call {
 public:
  const std::string& path(std::string_view name) const;  // a parameter of the path, decoded
  std::string query(std::string_view name, std::string_view otherwise = {}) const;
  std::optional<std::uint64_t> query_number(std::string_view name) const;
  const boost::json::object& body() const { return *body_; }
  // Of the JSON body; nothing if it is not there (or null).
  std::optional<std::string> text(std::string_view name) const;
  std::optional<std::uint64_t> number(std::string_view name) const;
  std::optional<bool> flag(std::string_view name) const;
  std::optional<std::vector<std::string>> texts(std::string_view name) const;

  Request& request() { return *request_; }
  const Principal& principal() const { return principal_; }

 private:
  friend class Router;
  Request* request_ = nullptr;
  Principal principal_;
  std::map<std::string, std::string, std::less<>> path_, query_;
  std::shared_ptr<const boost::json::object> body_;
};

using Answer = Result<Response, Problem>;
using Run = std::function<net::task<Answer>(Call&)>;

struct Route {
  Method method{};
  std::string_view path;  // "/api/v1/domains/{name}"
  Scope scope{};
  std::string_view name;  // operationId: "addDomain"
  std::string_view summary;
  std::vector<Field> query{};
  std::vector<Field> body{};       // of the JSON object; none: no body is taken
  std::string_view body_stream{};  // instead: a media type, taken as a stream
  std::vector<Field> answer{};
  bool list = false;  // the answer is {"data": [answer...], "has_more", "next"}
  int success = 200;
  std::string_view answer_stream{};  // instead: a media type
  Run run{};
};

class Router final : public Handler {
 public:
  Router(std::vector<Route> routes, Authenticate authenticate);
  ~Router() override;

  net::task<Response> handle(Request& request) override;
  const std::vector<Route>& routes() const { return routes_; }
  // OpenAPI 3.1. `version` is the program's.
  std::string openapi(std::string_view title, std::string_view version) const;
  // docs/reference/api.md.
  std::string reference_page() const;

 private:
  struct Match;
  Match find(Method method, std::string_view path) const;
  std::optional<Principal> principal(const Request& request) const;
  net::task<Answer> run(Request& request, Call& call);
  std::vector<Route> routes_;
  Authenticate authenticate_;
};

Response json_response(const boost::json::value& value, int status = 200);
Response problem_response(const Problem& problem, std::string_view request_id);

}  // namespace postroad::http
