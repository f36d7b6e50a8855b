// route: mail that does not follow the MX records.
#include <fmt/format.h>

#include "app/cli.h"
#include "app/console.h"

namespace postroad::app {

namespace {

using http::Method;

void print_route(const json::value& route) {
  print_pairs({{"domain", plain(route.at("domain"))},
               {"target", plain(route.at("target"))},
               {"tls", plain(route.at("tls"))},
               {"login", plain(route.at("login"))}});
}
int route_add(Console& console, const Given& given) {
  json::object body{{"domain", given.get("DOMAIN")}, {"target", given.get("TARGET")}};
  if (const auto tls = given.find("--tls")) body["tls"] = *tls;
  if (const auto login = given.find("--login")) body["login"] = *login;
  if (given.has("--login") != given.has("--password-stdin"))
    throw Failure{wrong_usage, "--login and --password-stdin go together"};
  if (given.has("--password-stdin")) body["password"] = read_secret();
  return console.show(console.ask(Method::Post, "/api/v1/routes", std::move(body)), print_route);
}
int route_list(Console& console, const Given&) {
  return console.show(console.ask_all("/api/v1/routes"), [](const json::value& list) {
    print_list(list, {{"domain", "DOMAIN"},
                      {"target", "TARGET"},
                      {"tls", "TLS"},
                      {"login", "LOGIN"},
                      {"configured", "CONFIGURED"}});
  });
}
int route_remove(Console& console, const Given& given) {
  console.ask(Method::Delete, "/api/v1/routes/" + segment(given.get("DOMAIN")));
  return console.say("removed");
}

}  // namespace

void add_route_commands(Commands& commands) {
  const Argument domain{"DOMAIN",
                        "Whose mail: example.org, .example.org for all below it, \"*\" for all others"};
  commands.push_back(
      {"route add",
       "Send a domain's mail another way than its MX records say",
       {domain, {"TARGET", "smtp:HOST[,HOST...][:PORT], smtps:HOST, lmtp:HOST, lmtp:/path, mx, mx:DOMAIN"}},
       {{"--tls", "WORD", "never, opportunistic, encrypted or verified"},
        {"--login", "NAME", "Sign in there by this name"},
        {"--password-stdin", "", "Its password is the first line of standard input"}},
       route_add});
  commands.push_back({"route list", "All routes", {}, {}, route_list});
  commands.push_back({"route remove", "Remove a route that was laid by command", {domain}, {}, route_remove});
}

}  // namespace postroad::app
