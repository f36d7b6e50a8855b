// Accounts, their passwords and app passwords.
#include <fmt/format.h>

#include "base/ascii.h"
#include "base/date.h"
#include "httpd/routes.h"

namespace postroad::httpd {

namespace {

using directory::Account;
using directory::Pop3Erase;

constexpr std::string_view never = "never", on_retrieval = "on-retrieval", after_days = "after-days";

const std::vector<Field> account_fields{
    {"address", Type::Text, "Its address and login name."},
    {"id", Type::Number, "Its number, as the ledger and the log have it."},
    {"tenant", Type::Text, "Whose it is."},
    {"enabled", Type::Flag, "Switched off, it cannot sign in and its mail is refused."},
    {"administrator", Type::Flag,
     "May administer the server; gets postmaster's mail where nobody else does."},
    {"display_name", Type::Text, "For people."},
    {"quota_octets", Type::Number, "0: no limit."},
    {"quota_messages", Type::Number, "0: no limit."},
    {"pop3_erase", Type::Text,
     "\"never\": DELE decides; \"on-retrieval\": QUIT erases what RETR fetched; "
     "\"after-days\": so long after it was fetched."},
    {"pop3_erase_days", Type::Number, "With \"after-days\"."},
    {"created", Type::Text, "When it was made."},
};
const std::vector<Field> usage_fields{
    {"octets", Type::Number, "Used by its mail."},
    {"messages", Type::Number, "How many it has."},
    {"mailboxes", Type::Number, "How many it has."},
};
const Field password_field{"password", Type::Text, "At most 1024 octets."};
const Field hash_field{"password_hash", Type::Text,
                       "Instead: the hash of another server, $argon2id$, $2b$, $6$, $y$ or with a {SCHEME}."};

json::object view(const Account& account, std::string_view tenant) {
  const std::string_view erase = account.pop3_erase == Pop3Erase::Never         ? never
                                 : account.pop3_erase == Pop3Erase::OnRetrieval ? on_retrieval
                                                                                : after_days;
  return {{"address", account.address.text()},
          {"id", account.id.value()},
          {"tenant", tenant},
          {"enabled", account.enabled},
          {"administrator", account.administrator},
          {"display_name", account.display_name},
          {"quota_octets", account.quota.octets},
          {"quota_messages", account.quota.messages},
          {"pop3_erase", erase},
          {"pop3_erase_days", account.pop3_erase_days},
          {"created", time_or_null(account.created)}};
}

std::map<TenantId, std::string> tenant_names(const Services& s) {
  std::map<TenantId, std::string> names;
  for (const auto& tenant : s.administration->tenants()) names[tenant.id] = tenant.name;
  return names;
}

Result<Account, http::Problem> find_account(const Services& s, std::string_view text) {
  const auto address = Address::parse(text);
  if (!address)
    return refuse(invalid(fmt::format("\"{}\" is no address: {}.", text, describe(address.error()))));
  auto account = s.directory->account(*address);
  if (!account)
    return refuse(
        not_found(fmt::format("There is no account {}; `postroad account list` shows what there is.", text)));
  return std::move(*account);
}

Answer one_account(const Services& s, std::string_view address, int status = 200) {
  const auto account = find_account(s, address);
  if (!account) return refuse(account.error());
  return ok(view(*account, tenant_names(s)[account->tenant]), status);
}

Result<std::optional<directory::Secret>, http::Problem> secret_of(const Call& call) {
  auto password = call.text("password"), hash = call.text("password_hash");
  if (password && hash) return refuse(invalid("Give either \"password\" or \"password_hash\", not both."));
  if (password) return directory::Secret{.text = std::move(*password), .hashed = false};
  if (hash) return directory::Secret{.text = std::move(*hash), .hashed = true};
  return std::optional<directory::Secret>();
}

Result<directory::AccountChange, http::Problem> change_of(const Call& call) {
  directory::AccountChange change{.enabled = call.flag("enabled"),
                                  .administrator = call.flag("administrator"),
                                  .quota_octets = call.number("quota_octets"),
                                  .quota_messages = call.number("quota_messages"),
                                  .display_name = call.text("display_name")};
  const auto erase = call.text("pop3_erase");
  const auto days = call.number("pop3_erase_days");
  if (erase == never)
    change.pop3_erase = Pop3Erase::Never;
  else if (erase == on_retrieval)
    change.pop3_erase = Pop3Erase::OnRetrieval;
  else if (erase == after_days)
    change.pop3_erase = Pop3Erase::AfterDays;
  else if (erase)
    return refuse(invalid(
        fmt::format("\"pop3_erase\" is {}, {} or {}, not \"{}\".", never, on_retrieval, after_days, *erase)));
  if (change.pop3_erase == Pop3Erase::AfterDays && !days)
    return refuse(invalid("\"after-days\" needs \"pop3_erase_days\"."));
  if (days && (*days < 1 || *days > 36'500)) return refuse(invalid("\"pop3_erase_days\" is 1 to 36500."));
  if (days) change.pop3_erase_days = static_cast<std::uint32_t>(*days);
  return change;
}

bool changes_something(const directory::AccountChange& c) {
  return c.enabled || c.administrator || c.quota_octets || c.quota_messages || c.pop3_erase ||
         c.pop3_erase_days || c.display_name;
}

net::task<Answer> list_accounts(const Services& s, Call& call) {
  auto tenants = tenant_names(s);
  std::vector<json::object> all;
  for (const auto& account : s.administration->accounts(call.query("domain")))
    all.push_back(view(account, tenants[account.tenant]));
  co_return page_of(call, std::move(all), "address");
}

net::task<Answer> show_account(const Services& s, Call& call) {
  const auto account = find_account(s, call.path("address"));
  if (!account) co_return refuse(account.error());
  auto answer = view(*account, tenant_names(s)[account->tenant]);
  mailbox::Session session(*s.mailboxes, account->id);
  const auto usage = co_await session.quota();
  if (!usage) co_return refuse(problem_of(usage.error()));
  answer["octets"] = usage->octets, answer["messages"] = usage->messages,
  answer["mailboxes"] = usage->mailboxes;
  co_return ok(answer);
}

net::task<Answer> add_account(const Services& s, Call& call) {
  const std::string text = *call.text("address");
  const auto address = Address::parse(text);
  if (!address)
    co_return refuse(invalid(fmt::format("\"{}\" is no address: {}.", text, describe(address.error()))));
  if (const auto tenant =
          call.text("tenant")) {  // it follows from the domain; who names one wants to be sure
    for (const auto& domain : s.administration->domains(""))
      if (domain.name == address->domain().text() && tenant_names(s)[domain.tenant] != *tenant)
        co_return refuse(invalid(fmt::format("The domain {} belongs to the tenant \"{}\", not to \"{}\".",
                                             domain.name, tenant_names(s)[domain.tenant], *tenant)));
  }
  auto secret = secret_of(call);
  if (!secret) co_return refuse(secret.error());
  auto change = change_of(call);
  if (!change) co_return refuse(change.error());
  const auto made = co_await s.administration->add_account(text, std::move(*secret));
  if (!made) co_return refuse(problem_of(made.error()));
  if (changes_something(*change)) {
    const auto done = co_await s.administration->set_account(text, std::move(*change));
    if (!done) co_return refuse(problem_of(done.error()));
  }
  co_return one_account(s, text, 201);
}

net::task<Answer> set_account(const Services& s, Call& call) {
  const std::string address = call.path("address");
  auto change = change_of(call);
  if (!change) co_return refuse(change.error());
  const auto done = co_await s.administration->set_account(address, std::move(*change));
  if (!done) co_return refuse(problem_of(done.error()));
  co_return one_account(s, address);
}

// Every message of every mailbox is erased: its octets leave the disk within a week (DESIGN §3.8).
net::task<Result<void, http::Problem>> erase_mail(const Services& s, AccountId id) {
  mailbox::Session session(*s.mailboxes, id);
  const auto tree = co_await session.tree();
  if (!tree) co_return refuse(problem_of(tree.error()));
  for (const auto& box : (*tree)->mailboxes) {
    auto selected = co_await session.select(box->name, mailbox::Access::ReadWrite);
    if (!selected && selected.error() == mailbox::Refusal::NoSuchMailbox) continue;
    if (!selected) co_return refuse(problem_of(selected.error()));
    NumberSet all;
    all.add(1, UINT32_MAX);
    const auto gone = co_await (*selected)->expunge(all, mailbox::Which::All, mailbox::Fate::Erased);
    if (!gone) co_return refuse(problem_of(gone.error()));
    selected->reset();
    if (box->name == "INBOX") continue;
    const auto removed = co_await session.remove(box->name);
    if (!removed && removed.error() != mailbox::Refusal::NoSuchMailbox)
      co_return refuse(problem_of(removed.error()));
  }
  co_return Result<void, http::Problem>{};
}

// Switched off first, so that no mail comes in between. Where it fails it stays off, and may be tried again.
net::task<Answer> remove_account(const Services& s, Call& call) {
  const std::string address = call.path("address");
  const auto account = find_account(s, address);
  if (!account) co_return refuse(account.error());
  const auto off = co_await s.administration->set_account(address, {.enabled = false});
  if (!off) co_return refuse(problem_of(off.error()));
  const auto erased = co_await erase_mail(s, account->id);
  if (!erased) co_return refuse(erased.error());
  const auto removed = co_await s.administration->remove_account(address);
  if (!removed) co_return refuse(problem_of(removed.error()));
  co_return nothing();
}

net::task<Answer> set_password(const Services& s, Call& call) {
  const std::string address = call.path("address");
  auto secret = secret_of(call);
  if (!secret) co_return refuse(secret.error());
  if (!*secret) co_return refuse(invalid("Give \"password\" or \"password_hash\"."));
  const auto done = co_await s.administration->set_password(address, std::move(**secret));
  if (!done) co_return refuse(problem_of(done.error()));
  co_return nothing();
}

// --- App passwords ---

constexpr std::pair<directory::Scope, std::string_view> protocol_names[] = {
    {directory::Scope::Smtp, "smtp"},
    {directory::Scope::Imap, "imap"},
    {directory::Scope::Pop3, "pop3"},
    {directory::Scope::Sieve, "sieve"},
    {directory::Scope::Api, "api"}};

const std::vector<Field> app_fields{
    {"name", Type::Text, "Its name; with it one signs in as \"ADDRESS/NAME\", or as ADDRESS."},
    {"scopes", Type::Texts, "What it opens: smtp, imap, pop3, sieve, api; or \"all\"."},
    {"created", Type::Text, "When it was made."},
    {"expires", Type::Text, "When it ends; null: never."},
    {"password", Type::Text, "The password itself; only in the answer that made it."},
};

json::array scopes_of(directory::Scope scopes) {
  json::array out;
  if (scopes == directory::Scope::All) return {"all"};
  for (const auto& [scope, name] : protocol_names)
    if ((static_cast<unsigned>(scopes) & static_cast<unsigned>(scope)) != 0) out.emplace_back(name);
  return out;
}

Result<directory::Scope, http::Problem> scopes_of(const std::vector<std::string>& words) {
  unsigned bits = 0;
  for (const auto& word : words) {
    if (word == "all") return directory::Scope::All;
    unsigned bit = 0;
    for (const auto& [scope, name] : protocol_names)
      if (name == word) bit = static_cast<unsigned>(scope);
    if (bit == 0)
      return refuse(
          invalid(fmt::format("\"{}\" is no scope; known: smtp, imap, pop3, sieve, api, all.", word)));
    bits |= bit;
  }
  if (bits == 0) return refuse(invalid("Name at least one scope; \"all\" opens everything."));
  return static_cast<directory::Scope>(bits);
}

net::task<Answer> list_app_passwords(const Services& s, Call& call) {
  const auto found = s.administration->app_passwords(call.path("address"));
  if (!found) co_return refuse(problem_of(found.error()));
  std::vector<json::object> all;
  for (const auto& app : *found)
    all.push_back({{"name", app.name},
                   {"scopes", scopes_of(app.scopes)},
                   {"created", time_or_null(app.created)},
                   {"expires", time_or_null(app.expires)}});
  co_return page_of(call, std::move(all), "name");
}

net::task<Answer> add_app_password(const Services& s, Call& call) {
  const auto scopes = scopes_of(call.texts("scopes").value_or(std::vector<std::string>{"all"}));
  if (!scopes) co_return refuse(scopes.error());
  Time expires{};
  if (const auto text = call.text("expires")) {
    const auto time = parse_rfc3339(*text);
    if (!time) co_return refuse(invalid("\"expires\" is a time as in \"2030-01-31T00:00:00Z\"."));
    expires = *time;
  }
  const std::string address = call.path("address"), name = *call.text("name");
  const auto made = co_await s.administration->add_app_password(address, name, *scopes, expires);
  if (!made) co_return refuse(problem_of(made.error()));
  co_return ok(json::object{{"name", name},
                            {"scopes", scopes_of(*scopes)},
                            {"created", time_or_null(s.clock->now())},
                            {"expires", time_or_null(expires)},
                            {"password", *made}},
               201);
}

net::task<Answer> remove_app_password(const Services& s, Call& call) {
  const auto done = co_await s.administration->remove_app_password(call.path("address"), call.path("name"));
  if (!done) co_return refuse(problem_of(done.error()));
  co_return nothing();
}

}  // namespace

void add_account_routes(Routes& routes, const Services& s) {
  const Field address{"address", Type::Text, "In a domain that is hosted here.", true};
  const Field tenant{"tenant", Type::Text, "Checked, if it is given: the domain decides."};
  const std::vector<Field> settable(account_fields.begin() + 3, account_fields.end() - 1);
  std::vector<Field> fresh{address, tenant, password_field, hash_field};
  fresh.insert(fresh.end(), settable.begin(), settable.end());
  std::vector<Field> shown = account_fields;
  shown.insert(shown.end(), usage_fields.begin(), usage_fields.end());

  routes.push_back({.method = Method::Get,
                    .path = "/api/v1/accounts",
                    .scope = Scope::DirectoryRead,
                    .name = "listAccounts",
                    .summary = "All accounts, by address.",
                    .query = {{"domain", Type::Text, "Only of this domain."}, limit_field, after_field},
                    .answer = account_fields,
                    .list = true,
                    .run = with(s, list_accounts)});
  routes.push_back({.method = Method::Post,
                    .path = "/api/v1/accounts",
                    .scope = Scope::DirectoryWrite,
                    .name = "addAccount",
                    .summary = "Makes an account; without a password nobody can sign in to it yet.",
                    .body = fresh,
                    .answer = account_fields,
                    .success = 201,
                    .run = with(s, add_account)});
  routes.push_back({.method = Method::Get,
                    .path = "/api/v1/accounts/{address}",
                    .scope = Scope::DirectoryRead,
                    .name = "showAccount",
                    .summary = "One account, with what it uses.",
                    .answer = shown,
                    .run = with(s, show_account)});
  routes.push_back({.method = Method::Patch,
                    .path = "/api/v1/accounts/{address}",
                    .scope = Scope::DirectoryWrite,
                    .name = "setAccount",
                    .summary = "Changes what is given, leaves the rest.",
                    .body = settable,
                    .answer = account_fields,
                    .run = with(s, set_account)});
  routes.push_back({.method = Method::Delete,
                    .path = "/api/v1/accounts/{address}",
                    .scope = Scope::DirectoryWrite,
                    .name = "removeAccount",
                    .summary = "Removes an account and erases its mail.",
                    .success = 204,
                    .run = with(s, remove_account)});
  routes.push_back({.method = Method::Put,
                    .path = "/api/v1/accounts/{address}/password",
                    .scope = Scope::DirectoryWrite,
                    .name = "setPassword",
                    .summary = "Replaces the main password.",
                    .body = {password_field, hash_field},
                    .success = 204,
                    .run = with(s, set_password)});
  routes.push_back({.method = Method::Get,
                    .path = "/api/v1/accounts/{address}/app-passwords",
                    .scope = Scope::DirectoryRead,
                    .name = "listAppPasswords",
                    .summary = "Passwords for single programs or devices, by name.",
                    .query = {limit_field, after_field},
                    .answer = {app_fields.begin(), app_fields.end() - 1},
                    .list = true,
                    .run = with(s, list_app_passwords)});
  routes.push_back(
      {.method = Method::Post,
       .path = "/api/v1/accounts/{address}/app-passwords",
       .scope = Scope::DirectoryWrite,
       .name = "addAppPassword",
       .summary = "Makes one; it is shown this once.",
       .body = {{"name", Type::Text, "Of the program or device.", true}, app_fields[1], app_fields[3]},
       .answer = app_fields,
       .success = 201,
       .run = with(s, add_app_password)});
  routes.push_back({.method = Method::Delete,
                    .path = "/api/v1/accounts/{address}/app-passwords/{name}",
                    .scope = Scope::DirectoryWrite,
                    .name = "removeAppPassword",
                    .summary = "Removes one; who uses it is refused at once.",
                    .success = 204,
                    .run = with(s, remove_app_password)});
}

}  // namespace postroad::httpd
