#include "http/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/ascii.h"
#include "base/utf8.h"

namespace postroad::http {

namespace json = boost::json;

namespace {

constexpr std::size_t largest_json = 1 << 20;

constexpr std::array<std::string_view, 10> scope_names{
    "public",        "directory.read", "directory.write", "queue.read", "queue.write",
    "messages.read", "server.read",    "server.write",    "mail.read",  "mail.write"};

std::string_view next_segment(std::string_view& rest) {
  rest.remove_prefix(1);  // the "/"
  const auto end = std::min(rest.find('/'), rest.size());
  const auto segment = rest.substr(0, end);
  rest.remove_prefix(end);
  return segment;
}

using Parameters = std::map<std::string, std::string, std::less<>>;

// Does `path`, as sent, fit the pattern? Fills the parameters, decoded.
bool fits(std::string_view pattern, std::string_view path, Parameters& parameters) {
  while (!pattern.empty() && !path.empty()) {
    const auto want = next_segment(pattern), have = next_segment(path);
    if (want.starts_with('{')) {
      auto value = percent_decode(have);
      if (!value || value->empty()) return false;
      parameters.insert_or_assign(std::string(want.substr(1, want.size() - 2)), std::move(*value));
    } else if (want != have) {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

std::string_view name_of(Type type) {
  switch (type) {
    case Type::Text: return "a string";
    case Type::Number: return "a whole number";
    case Type::Flag: return "true or false";
    case Type::Texts: return "an array of strings";
    case Type::Object: return "an object";
    case Type::Objects: return "an array of objects";
  }
  return {};
}

bool is(const json::value& value, Type type) {
  switch (type) {
    case Type::Text: return value.is_string();
    case Type::Number: return value.is_uint64() || (value.is_int64() && value.get_int64() >= 0);
    case Type::Flag: return value.is_bool();
    case Type::Texts:
      return value.is_array() &&
             std::ranges::all_of(value.get_array(), [](const json::value& v) { return v.is_string(); });
    case Type::Object: return value.is_object();
    case Type::Objects: return value.is_array();
  }
  return false;
}

const Field* find_field(const std::vector<Field>& fields, std::string_view name) {
  const auto found = std::ranges::find(fields, name, &Field::name);
  return found == fields.end() ? nullptr : &*found;
}

std::string listed(const std::vector<Field>& fields) {
  std::string out;
  for (const Field& field : fields) out.append(out.empty() ? "" : ", ").append(field.name);
  return out.empty() ? "none" : out;
}

Problem invalid(std::string message, std::vector<std::string> details = {}) {
  return {400, "invalid_request", std::move(message), std::move(details)};
}

Result<Parameters, Problem> read_query(const Route& route, std::string_view query) {
  Parameters out;
  const auto fields = parse_query(query);
  if (!fields) return refuse(invalid("The query after \"?\" is not percent-encoded UTF-8."));
  for (const auto& [name, value] : *fields) {
    if (!find_field(route.query, name))
      return refuse(invalid(
          fmt::format("There is no query parameter \"{}\" here; known: {}.", name, listed(route.query))));
    if (find_field(route.query, name)->type == Type::Number &&
        (value.empty() || value.size() > 18 || !std::ranges::all_of(value, ascii::is_digit)))
      return refuse(invalid(fmt::format("The query parameter \"{}\" must be a whole number.", name)));
    out.insert_or_assign(name, value);
  }
  return out;
}

// Each fault is told at once, so that one try shows all of them.
Result<json::object, Problem> check_body(const Route& route, const std::string& text) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = 16;
  auto value =
      json::parse(text.empty() ? std::string_view("{}") : std::string_view(text), error, {}, options);
  if (error || !value.is_object())
    return refuse(invalid(error ? fmt::format("The body is not JSON: {}.", error.message())
                                : std::string("The body must be a JSON object.")));
  std::vector<std::string> details;
  for (const auto& [name, given] : value.get_object()) {
    const Field* field = find_field(route.body, name);
    if (!field)
      details.push_back(
          fmt::format("\"{}\" is not a field here; known: {}", std::string_view(name), listed(route.body)));
    else if (!given.is_null() && !is(given, field->type))
      details.push_back(fmt::format("\"{}\" must be {}", std::string_view(name), name_of(field->type)));
  }
  for (const Field& field : route.body)
    if (const auto* given = value.get_object().if_contains(field.name);
        field.required && (!given || given->is_null()))
      details.push_back(fmt::format("\"{}\" is missing: {}", field.name, field.help));
  if (!details.empty()) {
    std::string message = "The request's fields are not right: " + details.front() + ".";
    return refuse(invalid(std::move(message), std::move(details)));
  }
  return std::move(value.get_object());
}

std::string_view media_type(std::string_view field) {
  return ascii::trim(field.substr(0, std::min(field.find(';'), field.size())));
}

Problem body_problem(BodyError error) {
  if (error == BodyError::TooLarge)
    return {413, "content_too_large", fmt::format("A JSON body has at most {} octets.", largest_json)};
  return invalid(fmt::format("The body could not be read: {}.", describe(error)));
}

}  // namespace

std::string_view to_text(Scope scope) { return scope_names[static_cast<std::size_t>(scope)]; }

std::optional<Scope> parse_scope(std::string_view text) {
  for (std::size_t i = 1; i < scope_names.size(); ++i)
    if (scope_names[i] == text) return static_cast<Scope>(i);
  return std::nullopt;
}

std::vector<Scope> all_scopes() {
  std::vector<Scope> out;
  for (std::size_t i = 1; i < scope_names.size(); ++i) out.push_back(static_cast<Scope>(i));
  return out;
}

Scopes& Scopes::add(Scope scope) {
  bits_ |= 1u << static_cast<unsigned>(scope);
  if (to_text(scope).ends_with(".write")) bits_ |= 1u << (static_cast<unsigned>(scope) - 1);
  return *this;
}

const std::string& Call::path(std::string_view name) const { return path_.find(name)->second; }
std::string Call::query(std::string_view name, std::string_view otherwise) const {
  const auto found = query_.find(name);
  return found == query_.end() ? std::string(otherwise) : found->second;
}
std::optional<std::uint64_t> Call::query_number(std::string_view name) const {
  const auto found = query_.find(name);
  if (found == query_.end()) return std::nullopt;
  return std::stoull(found->second);  // checked: 1 to 18 digits
}
std::optional<std::string> Call::text(std::string_view name) const {
  const auto* value = body_->if_contains(name);
  if (!value || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}
std::optional<std::uint64_t> Call::number(std::string_view name) const {
  const auto* value = body_->if_contains(name);
  if (!value || value->is_null()) return std::nullopt;
  return value->to_number<std::uint64_t>();
}
std::optional<bool> Call::flag(std::string_view name) const {
  const auto* value = body_->if_contains(name);
  if (!value || !value->is_bool()) return std::nullopt;
  return value->get_bool();
}
std::optional<std::vector<std::string>> Call::texts(std::string_view name) const {
  const auto* value = body_->if_contains(name);
  if (!value || !value->is_array()) return std::nullopt;
  std::vector<std::string> out;
  for (const auto& item : value->get_array()) out.emplace_back(item.get_string());
  return out;
}

struct Router::Match {
  const Route* route = nullptr;
  std::string allow;  // the methods there are, if this path exists
  Parameters parameters;
};

Router::Router(std::vector<Route> routes, Authenticate authenticate)
    : routes_(std::move(routes)), authenticate_(std::move(authenticate)) {}
Router::~Router() = default;

Router::Match Router::find(Method method, std::string_view path) const {
  const Method wanted = method == Method::Head ? Method::Get : method;
  Match match;
  for (const Route& route : routes_) {
    Parameters parameters;
    if (!fits(route.path, path, parameters)) continue;
    // A fixed path before one with a parameter in its place.
    if (route.method == wanted &&
        (!match.route || std::ranges::count(route.path, '{') < std::ranges::count(match.route->path, '{'))) {
      match.route = &route;
      match.parameters = std::move(parameters);
    }
    match.allow.append(match.allow.empty() ? "" : ", ").append(to_text(route.method));
    if (route.method == Method::Get) match.allow += ", HEAD";
  }
  return match;
}

std::optional<Principal> Router::principal(const Request& request) const {
  if (request.origin == Origin::Owner) return Principal{"owner", Scopes::all()};
  const auto value = request.headers.get("Authorization");
  if (request.headers.count("Authorization") != 1 || value.size() < 8 ||
      !ascii::iequals(value.substr(0, 7), "Bearer "))
    return std::nullopt;
  return authenticate_(ascii::trim(value.substr(7)));
}

net::task<Response> Router::handle(Request& request) {
  Call call;
  call.request_ = &request;
  auto answer = co_await run(request, call);
  if (answer) co_return std::move(*answer);
  auto response = problem_response(answer.error(), request.id);
  if (response.status == 401) response.headers.add("WWW-Authenticate", "Bearer realm=\"postroad\"");
  if (response.status == 405) response.headers.add("Allow", find(request.method, request.path).allow);
  co_return response;
}

net::task<Answer> Router::run(Request& request, Call& call) {
  auto match = find(request.method, request.path);
  // Who has no key learns nothing about which paths exist, but of those that are public.
  if (!match.route || match.route->scope != Scope::Public) {
    auto principal = this->principal(request);
    if (!principal)
      co_return refuse(
          Problem{401, "unauthorized",
                  "A key is needed: send \"Authorization: Bearer KEY\"; `postroad key add NAME` makes one."});
    call.principal_ = std::move(*principal);
  }
  if (!match.route && !match.allow.empty())
    co_return refuse(
        Problem{405, "method_not_allowed",
                fmt::format("{} is not possible here; use {}.", to_text(request.method), match.allow)});
  if (!match.route)
    co_return refuse(Problem{404, "not_found",
                             "There is nothing at this path; /api/v1/openapi.json lists what there is."});
  const Route& route = *match.route;
  if (!call.principal_.scopes.has(route.scope))
    co_return refuse(Problem{403, "forbidden",
                             fmt::format("The key \"{}\" may not do this: it lacks the scope {}.",
                                         call.principal_.name, to_text(route.scope))});
  call.path_ = std::move(match.parameters);
  auto query = read_query(route, request.query);
  if (!query) co_return refuse(query.error());
  call.query_ = std::move(*query);

  call.body_ = std::make_shared<json::object>();
  if (route.body_stream.empty() && request.body) {
    const auto type = request.headers.get("Content-Type");
    if (!type.empty() && !ascii::iequals(media_type(type), "application/json"))
      co_return refuse(Problem{415, "unsupported_media_type", "Send the body as application/json."});
    const auto text = co_await request.body->read_all(largest_json);
    if (!text) co_return refuse(body_problem(text.error()));
    auto body = check_body(route, *text);
    if (!body) co_return refuse(body.error());
    call.body_ = std::make_shared<json::object>(std::move(*body));
  } else if (route.body_stream.empty() && !route.body.empty()) {
    auto body = check_body(route, "{}");
    if (!body) co_return refuse(body.error());
  } else if (!route.body_stream.empty() && !request.body) {
    co_return refuse(invalid(fmt::format("A body is needed, as {}.", route.body_stream)));
  }
  co_return co_await route.run(call);
}

Response json_response(const json::value& value, int status) {
  return {.status = status, .body = json::serialize(value)};
}

Response problem_response(const Problem& problem, std::string_view request_id) {
  json::array details;
  for (const auto& detail : problem.details) details.emplace_back(detail);
  return json_response(json::object{{"statusCode", problem.status},
                                    {"name", problem.name},
                                    {"message", problem.message},
                                    {"details", std::move(details)},
                                    {"request_id", request_id}},
                       problem.status);
}

}  // namespace postroad::http
