// Aliases and groups, and API keys.
#include <fmt/format.h>

#include "base/ascii.h"
#include "httpd/routes.h"

namespace postroad::httpd {

namespace {

const std::vector<Field> alias_fields{
    {"address", Type::Text, "What mail is sent to."},
    {"targets", Type::Texts, "Where it goes; none: the address is refused, also under a catch-all."},
    {"group", Type::Flag, "Whether it stands for several people rather than for another name."},
    {"enabled", Type::Flag, "Switched off, its mail is refused."},
};

json::object view(const directory::AliasView& alias) {
  json::array targets;
  for (const auto& target : alias.targets) targets.emplace_back(target);
  return {{"address", alias.address},
          {"targets", std::move(targets)},
          {"group", alias.group},
          {"enabled", alias.enabled}};
}

Answer one_alias(const Services& s, std::string_view text, int status = 200) {
  const auto wanted = Address::parse(text);
  if (!wanted)
    return refuse(invalid(fmt::format("\"{}\" is no address: {}.", text, describe(wanted.error()))));
  for (const auto& alias : s.administration->aliases(wanted->domain().text()))
    if (const auto address = Address::parse(alias.address); address && address->folded() == wanted->folded())
      return ok(view(alias), status);
  return refuse(not_found(
      fmt::format("There is no alias or group {}; `postroad alias list` shows what there is.", text)));
}

net::task<Answer> list_aliases(const Services& s, Call& call) {
  std::vector<json::object> all;
  const std::string group = call.query("group");
  for (const auto& alias : s.administration->aliases(call.query("domain")))
    if (group.empty() || alias.group == (group == "true")) all.push_back(view(alias));
  co_return page_of(call, std::move(all), "address");
}

net::task<Answer> show_alias(const Services& s, Call& call) { co_return one_alias(s, call.path("address")); }

net::task<Answer> add_alias(const Services& s, Call& call) {
  const std::string address = *call.text("address");
  auto targets = *call.texts("targets");
  const auto made =
      co_await s.administration->add_alias(address, std::move(targets), call.flag("group").value_or(false));
  if (!made) co_return refuse(problem_of(made.error()));
  co_return ok(view(*made), 201);
}

net::task<Answer> set_alias(const Services& s, Call& call) {
  const std::string address = call.path("address");
  auto targets = *call.texts("targets");
  const auto done = co_await s.administration->set_alias(address, std::move(targets));
  if (!done) co_return refuse(problem_of(done.error()));
  co_return one_alias(s, address);
}

net::task<Answer> remove_alias(const Services& s, Call& call) {
  const auto done = co_await s.administration->remove_alias(call.path("address"));
  if (!done) co_return refuse(problem_of(done.error()));
  co_return nothing();
}

// --- API keys ---

const std::vector<Field> key_fields{
    {"name", Type::Text, "Its name."},
    {"scopes", Type::Texts, "What it may do; \"all\": everything."},
    {"created", Type::Text, "When it was made."},
    {"key", Type::Text, "The key itself; only in the answer that made it."},
};

json::object view(const KeyView& key) {
  json::array scopes;
  if (key.scopes.bits() == http::Scopes::all().bits()) {
    scopes.emplace_back("all");
  } else {
    for (const Scope scope : http::all_scopes())
      if (key.scopes.has(scope)) scopes.emplace_back(to_text(scope));
  }
  return {{"name", key.name}, {"scopes", std::move(scopes)}, {"created", time_or_null(key.created)}};
}

Result<http::Scopes, http::Problem> scopes_of(const std::vector<std::string>& words) {
  http::Scopes scopes;
  for (const auto& word : words) {
    if (word == "all") return http::Scopes::all();
    const auto scope = http::parse_scope(word);
    if (!scope) {
      std::string known = "all";
      for (const Scope each : http::all_scopes()) known.append(", ").append(to_text(each));
      return refuse(invalid(fmt::format("\"{}\" is not a scope; known: {}.", word, known)));
    }
    scopes.add(*scope);
  }
  if (scopes.bits() == 0) return refuse(invalid("Name at least one scope; \"all\" permits everything."));
  return scopes;
}

net::task<Answer> list_keys(Keys& keys, Call& call) {
  std::vector<json::object> all;
  for (const auto& key : keys.list()) all.push_back(view(key));
  co_return page_of(call, std::move(all), "name");
}

net::task<Answer> add_key(Keys& keys, Call& call) {
  const std::string name = *call.text("name");
  const bool good = !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return ascii::is_alnum(c) || c == '-' || c == '_' || c == '.';
  });
  if (!good) co_return refuse(invalid("A key's name has 1 to 64 letters, digits, \"-\", \"_\" and \".\"."));
  const auto words = call.texts("scopes").value_or(std::vector<std::string>{"all"});
  const auto scopes = scopes_of(words);
  if (!scopes) co_return refuse(scopes.error());
  // Nobody hands on more than he has.
  if ((scopes->bits() & ~call.principal().scopes.bits()) != 0)
    co_return refuse(
        http::Problem{403, "forbidden", "A key can only be given scopes that the one who makes it has."});
  const auto made = co_await keys.add(name, *scopes);
  if (!made) co_return refuse(made.error());
  for (const auto& key : keys.list())
    if (key.name == name) {
      auto answer = view(key);
      answer["key"] = *made;
      co_return ok(answer, 201);
    }
  co_return refuse(unavailable("The key was removed while it was made."));
}

net::task<Answer> remove_key(Keys& keys, Call& call) {
  const std::string name = call.path("name");
  const auto done = co_await keys.remove(name);
  if (!done) co_return refuse(done.error());
  co_return nothing();
}

}  // namespace

void add_alias_routes(Routes& routes, const Services& s) {
  const Field address{"address", Type::Text, "In a domain that is hosted here.", true};
  const Field targets{"targets", Type::Texts, "Addresses here or elsewhere; [] refuses the address by name.",
                      true};
  routes.push_back({.method = Method::Get,
                    .path = "/api/v1/aliases",
                    .scope = Scope::DirectoryRead,
                    .name = "listAliases",
                    .summary = "All aliases and groups, by address.",
                    .query = {{"domain", Type::Text, "Only of this domain."},
                              {"group", Type::Text, "true: groups only; false: aliases only."},
                              limit_field,
                              after_field},
                    .answer = alias_fields,
                    .list = true,
                    .run = with(s, list_aliases)});
  routes.push_back({.method = Method::Post,
                    .path = "/api/v1/aliases",
                    .scope = Scope::DirectoryWrite,
                    .name = "addAlias",
                    .summary = "Makes an alias or a group.",
                    .body = {address, targets, alias_fields[2]},
                    .answer = alias_fields,
                    .success = 201,
                    .run = with(s, add_alias)});
  routes.push_back({.method = Method::Get,
                    .path = "/api/v1/aliases/{address}",
                    .scope = Scope::DirectoryRead,
                    .name = "showAlias",
                    .summary = "One alias or group.",
                    .answer = alias_fields,
                    .run = with(s, show_alias)});
  routes.push_back({.method = Method::Patch,
                    .path = "/api/v1/aliases/{address}",
                    .scope = Scope::DirectoryWrite,
                    .name = "setAlias",
                    .summary = "Replaces its targets.",
                    .body = {targets},
                    .answer = alias_fields,
                    .run = with(s, set_alias)});
  routes.push_back({.method = Method::Delete,
                    .path = "/api/v1/aliases/{address}",
                    .scope = Scope::DirectoryWrite,
                    .name = "removeAlias",
                    .summary = "Removes an alias or a group.",
                    .success = 204,
                    .run = with(s, remove_alias)});
}

// The keys are made before the routes and live as long; without a store there are none, and nobody calls.
void add_key_routes(Routes& routes, const std::unique_ptr<Keys>& keys) {
  Keys* const all = keys.get();
  const auto on = [all](net::task<Answer> (*handle)(Keys&, Call&)) -> http::Run {
    return [all, handle](Call& call) { return handle(*all, call); };
  };
  routes.push_back({.method = Method::Get,
                    .path = "/api/v1/keys",
                    .scope = Scope::ServerWrite,
                    .name = "listKeys",
                    .summary = "All API keys, by name.",
                    .query = {limit_field, after_field},
                    .answer = {key_fields[0], key_fields[1], key_fields[2]},
                    .list = true,
                    .run = on(list_keys)});
  routes.push_back({.method = Method::Post,
                    .path = "/api/v1/keys",
                    .scope = Scope::ServerWrite,
                    .name = "addKey",
                    .summary = "Makes a key; it is shown this once.",
                    .body = {{"name", Type::Text, "1 to 64 letters, digits, \"-\", \"_\", \".\".", true},
                             {"scopes", Type::Texts, "What it may do; [\"all\"] without it."}},
                    .answer = key_fields,
                    .success = 201,
                    .run = on(add_key)});
  routes.push_back({.method = Method::Delete,
                    .path = "/api/v1/keys/{name}",
                    .scope = Scope::ServerWrite,
                    .name = "removeKey",
                    .summary = "Removes a key; who has it is refused at once.",
                    .success = 204,
                    .run = on(remove_key)});
}

}  // namespace postroad::httpd
