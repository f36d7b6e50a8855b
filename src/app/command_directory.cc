// tenant, domain, alias, group, key.
#include <fmt/format.h>

#include "app/cli.h"
#include "app/console.h"

namespace postroad::app {

namespace {

using http::Method;

// --enable and --disable as the field "enabled".
void put_enabled(json::object& body, const Given& given) {
  if (given.has("--enable") && given.has("--disable"))
    throw Failure{wrong_usage, "--enable and --disable exclude each other"};
  if (given.has("--enable")) body["enabled"] = true;
  if (given.has("--disable")) body["enabled"] = false;
}
void put_text(json::object& body, std::string_view field, const Given& given, std::string_view option) {
  if (const auto text = given.find(option)) body[field] = *text;
}
void need_change(const json::object& body) {
  if (body.empty()) throw Failure{wrong_usage, "nothing to change was named; --help shows what can be"};
}
const Option enable{"--enable", "", "Switch it on"},
    disable{"--disable", "", "Switch it off; its mail is refused"};

// --- tenant ---

json::object tenant_fields(const Given& given) {
  json::object body;
  put_enabled(body, given);
  if (const auto quota = given.find("--quota")) body["quota_octets"] = parse_octets(*quota);
  return body;
}
void print_tenant(const json::value& tenant) {
  print_pairs({{"tenant", plain(tenant.at("name"))},
               {"id", plain(tenant.at("id"))},
               {"enabled", plain(tenant.at("enabled"))},
               {"quota", limit_text(tenant.at("quota_octets").to_number<std::uint64_t>())}});
}
int tenant_add(Console& console, const Given& given) {
  auto body = tenant_fields(given);
  body["name"] = given.get("NAME");
  return console.show(console.ask(Method::Post, "/api/v1/tenants", std::move(body)), print_tenant);
}
int tenant_list(Console& console, const Given&) {
  return console.show(console.ask_all("/api/v1/tenants"), [](const json::value& list) {
    print_list(list, {{"name", "TENANT"}, {"id", "ID"}, {"enabled", "ENABLED"}, {"quota_octets", "QUOTA"}});
  });
}
int tenant_show(Console& console, const Given& given) {
  return console.show(console.ask(Method::Get, "/api/v1/tenants/" + segment(given.get("NAME"))),
                      print_tenant);
}
int tenant_set(Console& console, const Given& given) {
  auto body = tenant_fields(given);
  need_change(body);
  return console.show(
      console.ask(Method::Patch, "/api/v1/tenants/" + segment(given.get("NAME")), std::move(body)),
      print_tenant);
}
int tenant_remove(Console& console, const Given& given) {
  console.ask(Method::Delete, "/api/v1/tenants/" + segment(given.get("NAME")));
  return console.say("removed");
}

// --- domain ---

json::object domain_fields(const Given& given) {
  json::object body;
  put_enabled(body, given);
  put_text(body, "catch_all", given, "--catch-all");
  put_text(body, "separators", given, "--separators");
  if (const auto scram = given.find("--scram")) {
    if (*scram != "yes" && *scram != "no") throw Failure{wrong_usage, "--scram is yes or no"};
    body["scram"] = *scram == "yes";
  }
  return body;
}
void print_domain(const json::value& domain) {
  print_pairs({{"domain", plain(domain.at("name"))},
               {"tenant", plain(domain.at("tenant"))},
               {"enabled", plain(domain.at("enabled"))},
               {"alias of", plain(domain.at("alias_of"))},
               {"catch-all", plain(domain.at("catch_all"))},
               {"separators", plain(domain.at("separators"))},
               {"scram", plain(domain.at("scram"))},
               {"accounts", plain(domain.at("accounts"))},
               {"aliases", plain(domain.at("aliases"))}});
}
int domain_add(Console& console, const Given& given) {
  auto body = domain_fields(given);
  body["name"] = given.get("DOMAIN");
  put_text(body, "tenant", given, "--tenant");
  put_text(body, "alias_of", given, "--alias-of");
  return console.show(console.ask(Method::Post, "/api/v1/domains", std::move(body)), print_domain);
}
int domain_list(Console& console, const Given& given) {
  return console.show(console.ask_all("/api/v1/domains" + query({{"tenant", given.get("--tenant")}})),
                      [](const json::value& list) {
                        print_list(list, {{"name", "DOMAIN"},
                                          {"tenant", "TENANT"},
                                          {"enabled", "ENABLED"},
                                          {"alias_of", "ALIAS OF"},
                                          {"catch_all", "CATCH-ALL"},
                                          {"accounts", "ACCOUNTS"},
                                          {"aliases", "ALIASES"}});
                      });
}
int domain_show(Console& console, const Given& given) {
  return console.show(console.ask(Method::Get, "/api/v1/domains/" + segment(given.get("DOMAIN"))),
                      print_domain);
}
int domain_set(Console& console, const Given& given) {
  auto body = domain_fields(given);
  need_change(body);
  return console.show(
      console.ask(Method::Patch, "/api/v1/domains/" + segment(given.get("DOMAIN")), std::move(body)),
      print_domain);
}
int domain_remove(Console& console, const Given& given) {
  console.ask(Method::Delete, "/api/v1/domains/" + segment(given.get("DOMAIN")));
  return console.say("removed");
}

// --- alias and group: one thing in the API, two words for people ---

json::array targets_of(const Given& given) {
  json::array targets;
  for (const auto& target : given.all("TARGET")) targets.emplace_back(target);
  if (targets.empty() && !given.has("--refuse"))
    throw Failure{wrong_usage, "name at least one TARGET, or --refuse to have the address refused by name"};
  if (!targets.empty() && given.has("--refuse"))
    throw Failure{wrong_usage, "--refuse and TARGET exclude each other"};
  return targets;
}
void print_alias(const json::value& alias) {
  print_pairs({{"address", plain(alias.at("address"))},
               {"targets", plain(alias.at("targets"))},
               {"group", plain(alias.at("group"))},
               {"enabled", plain(alias.at("enabled"))}});
}
int add_alias(Console& console, const Given& given, bool group) {
  return console.show(
      console.ask(
          Method::Post, "/api/v1/aliases",
          json::object{{"address", given.get("ADDRESS")}, {"targets", targets_of(given)}, {"group", group}}),
      print_alias);
}
int list_aliases(Console& console, const Given& given, bool group) {
  return console.show(
      console.ask_all("/api/v1/aliases" +
                      query({{"domain", given.get("--domain")}, {"group", group ? "true" : "false"}})),
      [](const json::value& list) {
        print_list(list, {{"address", "ADDRESS"}, {"targets", "TARGETS"}, {"enabled", "ENABLED"}});
      });
}
int alias_show(Console& console, const Given& given) {
  return console.show(console.ask(Method::Get, "/api/v1/aliases/" + segment(given.get("ADDRESS"))),
                      print_alias);
}
int alias_set(Console& console, const Given& given) {
  return console.show(console.ask(Method::Patch, "/api/v1/aliases/" + segment(given.get("ADDRESS")),
                                  json::object{{"targets", targets_of(given)}}),
                      print_alias);
}
int alias_remove(Console& console, const Given& given) {
  console.ask(Method::Delete, "/api/v1/aliases/" + segment(given.get("ADDRESS")));
  return console.say("removed");
}

// --- key ---

int key_add(Console& console, const Given& given) {
  json::object body{{"name", given.get("NAME")}};
  if (given.has("--scope")) {
    json::array scopes;
    for (const auto& scope : given.all("--scope")) scopes.emplace_back(scope);
    body["scopes"] = std::move(scopes);
  }
  return console.show(console.ask(Method::Post, "/api/v1/keys", std::move(body)), [](const json::value& key) {
    fmt::print("{}\n", plain(key.at("key")));
    fmt::print(stderr, "Keep it: it is shown this once. Send it as \"Authorization: Bearer KEY\".\n");
  });
}
int key_list(Console& console, const Given&) {
  return console.show(console.ask_all("/api/v1/keys"), [](const json::value& list) {
    print_list(list, {{"name", "KEY"}, {"scopes", "SCOPES"}, {"created", "CREATED"}});
  });
}
int key_remove(Console& console, const Given& given) {
  console.ask(Method::Delete, "/api/v1/keys/" + segment(given.get("NAME")));
  return console.say("removed");
}

}  // namespace

void add_directory_commands(Commands& commands) {
  const Argument tenant{"NAME", "The tenant"}, domain{"DOMAIN", "The domain"};
  const Option quota{"--quota", "SIZE", "Of all its accounts together, as \"10 GiB\"; 0: no limit"};
  commands.push_back({"tenant add", "Make a tenant", {tenant}, {quota}, tenant_add});
  commands.push_back({"tenant list", "All tenants", {}, {}, tenant_list});
  commands.push_back({"tenant show", "One tenant", {tenant}, {}, tenant_show});
  commands.push_back({"tenant set", "Change a tenant", {tenant}, {quota, enable, disable}, tenant_set});
  commands.push_back({"tenant remove", "Remove a tenant without domains", {tenant}, {}, tenant_remove});

  const Option catch_all{"--catch-all", "ADDRESS", "Takes what nobody else takes; \"\": nobody"};
  const Option separators{"--separators", "CHARACTERS",
                          "Part a mailbox from its detail, as + in alice+lists@"};
  const Option scram{"--scram", "yes|no", "SCRAM with main passwords too (passwords set from now on)"};
  const Option of_tenant{"--tenant", "NAME", "Whose it is; without it \"default\""};
  commands.push_back(
      {"domain add",
       "Host a domain",
       {domain},
       {of_tenant, {"--alias-of", "DOMAIN", "Another name of this domain"}, catch_all, separators, scram},
       domain_add});
  commands.push_back(
      {"domain list", "All domains", {}, {{"--tenant", "NAME", "Only this tenant's"}}, domain_list});
  commands.push_back({"domain show", "One domain", {domain}, {}, domain_show});
  commands.push_back({"domain set",
                      "Change a domain",
                      {domain},
                      {catch_all, separators, scram, enable, disable},
                      domain_set});
  commands.push_back({"domain remove", "Host a domain no longer", {domain}, {}, domain_remove});

  const Argument address{"ADDRESS", "In a domain that is hosted here"};
  const Argument targets{"TARGET", "Where its mail goes, here or elsewhere", Argument::Count::Any};
  const Option refuse_it{"--refuse", "", "Refuse the address by name, also under a catch-all"};
  const Option of_domain{"--domain", "DOMAIN", "Only in this domain"};
  for (const bool group : {false, true}) {
    const std::string_view words[] = {group ? "group add" : "alias add", group ? "group list" : "alias list",
                                      group ? "group show" : "alias show", group ? "group set" : "alias set",
                                      group ? "group remove" : "alias remove"};
    commands.push_back({words[0],
                        "Give an address other targets",
                        {address, targets},
                        {refuse_it},
                        [group](Console& c, const Given& g) { return add_alias(c, g, group); }});
    commands.push_back({words[1], "All of them", {}, {of_domain}, [group](Console& c, const Given& g) {
                          return list_aliases(c, g, group);
                        }});
    commands.push_back({words[2], "One of them", {address}, {}, alias_show});
    commands.push_back({words[3], "Replace the targets", {address, targets}, {refuse_it}, alias_set});
    commands.push_back({words[4], "Remove it", {address}, {}, alias_remove});
  }

  const Argument key{"NAME", "The key's name"};
  commands.push_back({"key add",
                      "Make an API key",
                      {key},
                      {{"--scope", "SCOPE",
                        "What it may do, repeatable: directory.read, queue.write ...; without it all", true}},
                      key_add});
  commands.push_back({"key list", "All API keys", {}, {}, key_list});
  commands.push_back({"key remove", "Remove an API key", {key}, {}, key_remove});
}

}  // namespace postroad::app
