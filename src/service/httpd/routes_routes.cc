// Routes: mail that does not follow the MX records.
#include <fmt/format.h>

#include "delivery/route_book.h"
#include "httpd/routes.h"

namespace postroad::httpd {

namespace {

const std::vector<Field> route_fields{
    {"domain", Type::Text,
     "Whose mail: \"example.org\", \".example.org\" for all below it, \"*\" for all others."},
    {"target", Type::Text,
     "\"smtp:HOST,HOST:587\", \"smtps:HOST\", \"lmtp:HOST:24\", \"lmtp:/path\", \"mx\", \"mx:DOMAIN\"."},
    {"tls", Type::Text, "never, opportunistic, encrypted or verified."},
    {"login", Type::Text, "The name to sign in with there; null: none."},
    {"configured", Type::Flag, "It stands in the configuration file, and is changed there."},
};

json::object view(const delivery::StandingRoute& route) {
  const auto& login = route.rule.route.login;
  return {{"domain", route.rule.pattern},
          {"target", route.rule.target()},
          {"tls", to_text(route.rule.tls.value_or(route.rule.route.tls))},
          {"login", login ? json::value(login->name) : json::value(nullptr)},
          {"configured", route.configured}};
}

http::Problem problem_of(delivery::RouteError error, std::string_view domain) {
  switch (error) {
    case delivery::RouteError::NotFound:
      return not_found(fmt::format(
          "There is no route for {} that was laid by command; `postroad route list` shows what there is.",
          domain));
    case delivery::RouteError::Full: return full("The disk is nearly full: make room, then try again.");
    case delivery::RouteError::Unavailable: break;
  }
  return unavailable("The store takes no changes now; see `postroad check`.");
}

net::task<Answer> list_routes(const Services& s, Call& call) {
  std::vector<json::object> all;
  for (const auto& route : s.routes->list()) all.push_back(view(route));
  co_return page_of(call, std::move(all), "domain");
}

net::task<Answer> add_route(const Services& s, Call& call) {
  std::string line = *call.text("domain") + " " + *call.text("target");
  if (const auto tls = call.text("tls")) line += " tls=" + *tls;
  auto rule = delivery::RouteRule::parse(line);
  if (!rule) co_return refuse(invalid(rule.error() + "."));
  const auto login = call.text("login"), password = call.text("password");
  if (login.has_value() != password.has_value()) co_return refuse(invalid("login and password go together."));
  if (login && !rule->mx_of.empty())
    co_return refuse(invalid("A login belongs to a host of yours, not to MX hosts."));
  if (login) rule->route.login = delivery::Login{*login, *password};
  const delivery::StandingRoute standing{*rule, false};
  const auto done = co_await s.routes->lay(std::move(*rule));
  if (!done) co_return refuse(problem_of(done.error(), standing.rule.pattern));
  co_return ok(view(standing), 201);
}

net::task<Answer> remove_route(const Services& s, Call& call) {
  const std::string domain = call.path("domain");
  const auto done = co_await s.routes->remove(domain);
  if (!done) co_return refuse(problem_of(done.error(), domain));
  co_return nothing();
}

}  // namespace

void add_route_routes(Routes& routes, const Services& s) {
  const auto needed = [](Field field) {
    field.required = true;
    return field;
  };
  routes.push_back({.method = Method::Get,
                    .path = "/api/v1/routes",
                    .scope = Scope::QueueRead,
                    .name = "listRoutes",
                    .summary = "All routes for outgoing mail, by domain.",
                    .query = {limit_field, after_field},
                    .answer = route_fields,
                    .list = true,
                    .run = with(s, list_routes)});
  routes.push_back({.method = Method::Post,
                    .path = "/api/v1/routes",
                    .scope = Scope::QueueWrite,
                    .name = "addRoute",
                    .summary = "Lays a route, or another one in its place.",
                    .body = {needed(route_fields[0]),
                             needed(route_fields[1]),
                             route_fields[2],
                             {"login", Type::Text, "The name to sign in with there."},
                             {"password", Type::Text, "Its password; kept, and never shown."}},
                    .answer = route_fields,
                    .success = 201,
                    .run = with(s, add_route)});
  routes.push_back({.method = Method::Delete,
                    .path = "/api/v1/routes/{domain}",
                    .scope = Scope::QueueWrite,
                    .name = "removeRoute",
                    .summary = "Removes a route that was laid by command.",
                    .success = 204,
                    .run = with(s, remove_route)});
}

}  // namespace postroad::httpd
