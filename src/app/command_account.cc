// account, its password and app passwords.
#include <fmt/format.h>

#include "app/cli.h"
#include "app/console.h"

namespace postroad::app {

namespace {

using http::Method;

std::string path_of(const Given& given, std::string_view more = {}) {
  return "/api/v1/accounts/" + segment(given.get("ADDRESS")) + std::string(more);
}

void put_secret(json::object& body, const Given& given) {
  if (given.has("--password-stdin") && given.has("--hash-stdin"))
    throw Failure{wrong_usage, "--password-stdin and --hash-stdin exclude each other"};
  if (given.has("--password-stdin")) body["password"] = read_secret();
  if (given.has("--hash-stdin")) body["password_hash"] = read_secret();
}

json::object fields_of(const Given& given) {
  json::object body;
  if (const auto quota = given.find("--quota")) body["quota_octets"] = parse_octets(*quota);
  if (const auto most = given.find("--quota-messages"))
    body["quota_messages"] = parse_count("--quota-messages", *most);
  if (const auto name = given.find("--name")) body["display_name"] = *name;
  if (const auto erase = given.find("--pop3-erase")) {
    if (*erase == "never" || *erase == "on-retrieval") {
      body["pop3_erase"] = *erase;
    } else {
      body["pop3_erase"] = "after-days";
      body["pop3_erase_days"] = parse_count("--pop3-erase", *erase);
    }
  }
  if (given.has("--administrator")) body["administrator"] = true;
  if (given.has("--no-administrator")) body["administrator"] = false;
  if (given.has("--enable")) body["enabled"] = true;
  if (given.has("--disable")) body["enabled"] = false;
  return body;
}

void print_account(const json::value& account) {
  const auto number = [&](std::string_view name) { return account.at(name).to_number<std::uint64_t>(); };
  std::vector<std::pair<std::string, std::string>> pairs{
      {"account", plain(account.at("address"))},
      {"id", plain(account.at("id"))},
      {"tenant", plain(account.at("tenant"))},
      {"name", plain(account.at("display_name"))},
      {"enabled", plain(account.at("enabled"))},
      {"administrator", plain(account.at("administrator"))},
      {"quota", limit_text(number("quota_octets"))},
      {"quota in messages",
       number("quota_messages") == 0 ? "none" : std::to_string(number("quota_messages"))},
      {"POP3 erases", account.at("pop3_erase").as_string() == "after-days"
                          ? fmt::format("after {} days", number("pop3_erase_days"))
                          : plain(account.at("pop3_erase"))},
      {"created", plain(account.at("created"))}};
  if (account.as_object().contains("octets")) {
    pairs.emplace_back("used", size_text(number("octets")));
    pairs.emplace_back("messages", plain(account.at("messages")));
    pairs.emplace_back("mailboxes", plain(account.at("mailboxes")));
  }
  print_pairs(pairs);
}

int add(Console& console, const Given& given) {
  auto body = fields_of(given);
  body["address"] = given.get("ADDRESS");
  if (const auto tenant = given.find("--tenant")) body["tenant"] = *tenant;
  put_secret(body, given);
  const bool opens = body.contains("password") || body.contains("password_hash");
  const int code =
      console.show(console.ask(Method::Post, "/api/v1/accounts", std::move(body)), print_account);
  if (!opens)
    fmt::print(stderr, "Nobody can sign in to it yet: `postroad account password {} --password-stdin`.\n",
               given.get("ADDRESS"));
  return code;
}
int list(Console& console, const Given& given) {
  return console.show(console.ask_all("/api/v1/accounts" + query({{"domain", given.get("--domain")}})),
                      [](const json::value& list) {
                        print_list(list, {{"address", "ACCOUNT"},
                                          {"display_name", "NAME"},
                                          {"tenant", "TENANT"},
                                          {"enabled", "ENABLED"},
                                          {"administrator", "ADMIN"},
                                          {"quota_octets", "QUOTA"},
                                          {"pop3_erase", "POP3 ERASES"}});
                      });
}
int show(Console& console, const Given& given) {
  return console.show(console.ask(Method::Get, path_of(given)), print_account);
}
int set(Console& console, const Given& given) {
  auto body = fields_of(given);
  if (body.empty()) throw Failure{wrong_usage, "nothing to change was named; --help shows what can be"};
  return console.show(console.ask(Method::Patch, path_of(given), std::move(body)), print_account);
}
int remove(Console& console, const Given& given) {
  console.ask(Method::Delete, path_of(given));
  return console.say("removed, with its mail");
}
int password(Console& console, const Given& given) {
  json::object body;
  put_secret(body, given);
  if (body.empty())
    throw Failure{
        wrong_usage,
        "say --password-stdin and pipe the password in, or --hash-stdin for a hash of another server"};
  console.ask(Method::Put, path_of(given, "/password"), std::move(body));
  return console.say("changed");
}

int app_add(Console& console, const Given& given) {
  json::object body{{"name", given.get("NAME")}};
  if (given.has("--scope")) {
    json::array scopes;
    for (const auto& scope : given.all("--scope")) scopes.emplace_back(scope);
    body["scopes"] = std::move(scopes);
  }
  if (const auto expires = given.find("--expires")) body["expires"] = *expires;
  return console.show(console.ask(Method::Post, path_of(given, "/app-passwords"), std::move(body)),
                      [](const json::value& made) {
                        fmt::print("{}\n", plain(made.at("password")));
                        fmt::print(stderr, "Keep it: it is shown this once.\n");
                      });
}
int app_list(Console& console, const Given& given) {
  return console.show(console.ask_all(path_of(given, "/app-passwords")), [](const json::value& list) {
    print_list(list,
               {{"name", "NAME"}, {"scopes", "SCOPES"}, {"created", "CREATED"}, {"expires", "EXPIRES"}});
  });
}
int app_remove(Console& console, const Given& given) {
  console.ask(Method::Delete, path_of(given, "/app-passwords/" + segment(given.get("NAME"))));
  return console.say("removed");
}

}  // namespace

void add_account_commands(Commands& commands) {
  const Argument address{"ADDRESS", "The account"};
  const Option password_in{"--password-stdin", "", "The password is the first line of standard input"};
  const Option hash_in{"--hash-stdin", "",
                       "Instead: the hash of another server ($argon2id$, $2b$, $6$, $y$, {SCHEME}...)"};
  const std::vector<Option> settable{{"--quota", "SIZE", "As \"2 GiB\"; 0: no limit"},
                                     {"--quota-messages", "N", "0: no limit"},
                                     {"--name", "TEXT", "For people"},
                                     {"--pop3-erase", "never|on-retrieval|DAYS",
                                      "never: DELE decides; on-retrieval: QUIT erases what RETR fetched"},
                                     {"--administrator", "", "May administer the server"}};
  std::vector<Option> fresh{password_in, hash_in, {"--tenant", "NAME", "Checked against the domain's"}};
  fresh.insert(fresh.end(), settable.begin(), settable.end());
  std::vector<Option> change = settable;
  change.push_back({"--no-administrator", "", "May not"});
  change.push_back({"--enable", "", "Switch it on"});
  change.push_back({"--disable", "", "Switch it off; its mail is refused"});

  commands.push_back({"account add", "Make an account", {address}, fresh, add});
  commands.push_back(
      {"account list", "All accounts", {}, {{"--domain", "DOMAIN", "Only of this domain"}}, list});
  commands.push_back({"account show", "One account, with what it uses", {address}, {}, show});
  commands.push_back({"account set", "Change an account", {address}, change, set});
  commands.push_back({"account remove", "Remove an account and erase its mail", {address}, {}, remove});
  commands.push_back(
      {"account password", "Replace its password", {address}, {password_in, hash_in}, password});
  const Argument name{"NAME", "Of the program or device"};
  commands.push_back({"account app-password add",
                      "Make a password for one program or device",
                      {address, name},
                      {{"--scope", "SCOPE", "smtp, imap, pop3, sieve, api; repeatable; without it all", true},
                       {"--expires", "TIME", "As in 2030-01-31T00:00:00Z; without it never"}},
                      app_add});
  commands.push_back({"account app-password list", "All of an account's", {address}, {}, app_list});
  commands.push_back({"account app-password remove", "Remove one", {address, name}, {}, app_remove});
}

}  // namespace postroad::app
