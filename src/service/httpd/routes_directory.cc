// Tenants and domains.
#include <fmt/format.h>

#include "httpd/routes.h"

namespace postroad::httpd {

namespace {

json::object view(const directory::TenantView& tenant) {
  return {{"name", tenant.name},
          {"id", tenant.id.value()},
          {"enabled", tenant.enabled},
          {"quota_octets", tenant.quota_octets}};
}
const std::vector<Field> tenant_fields{
    {"name", Type::Text, "Its name."},
    {"id", Type::Number, "Its number, as the ledger and the log have it."},
    {"enabled", Type::Flag, "Switched off, nobody of it can sign in and its mail is refused."},
    {"quota_octets", Type::Number, "Of all its accounts together; 0: no limit."},
};

json::object view(const directory::DomainView& domain, std::string_view tenant) {
  return {{"name", domain.name},           {"tenant", tenant},
          {"enabled", domain.enabled},     {"alias_of", domain.alias_of},
          {"catch_all", domain.catch_all}, {"separators", domain.separators},
          {"scram", domain.scram},         {"accounts", domain.accounts},
          {"aliases", domain.aliases}};
}
const std::vector<Field> domain_fields{
    {"name", Type::Text, "In A-labels."},
    {"tenant", Type::Text, "Whose it is."},
    {"enabled", Type::Flag, "Switched off, its mail is refused and nobody of it can sign in."},
    {"alias_of", Type::Text, "The domain whose other name it is; empty: a domain of its own."},
    {"catch_all", Type::Text, "The address that gets what nobody else takes; empty: that is refused."},
    {"separators", Type::Text, "What parts a mailbox from its detail: with \"+\" alice+lists@ is alice@."},
    {"scram", Type::Flag, "Whether SCRAM works with main passwords too, not only with app passwords."},
    {"accounts", Type::Number, "How many it has."},
    {"aliases", Type::Number, "How many it has."},
};

std::string tenant_name(const Services& s, TenantId id) {
  for (const auto& tenant : s.administration->tenants())
    if (tenant.id == id) return tenant.name;
  return {};
}

net::task<Answer> list_tenants(const Services& s, Call& call) {
  std::vector<json::object> all;
  for (const auto& tenant : s.administration->tenants()) all.push_back(view(tenant));
  co_return page_of(call, std::move(all), "name");
}

Answer one_tenant(const Services& s, std::string_view name, int status = 200) {
  for (const auto& tenant : s.administration->tenants())
    if (tenant.name == name) return ok(view(tenant), status);
  return refuse(
      not_found(fmt::format("There is no tenant \"{}\"; `postroad tenant list` shows what there is.", name)));
}

net::task<Answer> show_tenant(const Services& s, Call& call) { co_return one_tenant(s, call.path("name")); }

net::task<Answer> set_fields(const Services& s, Call& call, std::string name, int status) {
  const auto enabled = call.flag("enabled");
  const auto quota = call.number("quota_octets");
  if (enabled || quota) {
    const auto done = co_await s.administration->set_tenant(name, enabled, quota);
    if (!done) co_return refuse(problem_of(done.error()));
  }
  co_return one_tenant(s, name, status);
}

net::task<Answer> add_tenant(const Services& s, Call& call) {
  const std::string name = *call.text("name");
  const auto made = co_await s.administration->add_tenant(name);
  if (!made) co_return refuse(problem_of(made.error()));
  co_return co_await set_fields(s, call, made->name, 201);
}

net::task<Answer> set_tenant(const Services& s, Call& call) {
  return set_fields(s, call, call.path("name"), 200);
}

net::task<Answer> remove_tenant(const Services& s, Call& call) {
  const auto done = co_await s.administration->remove_tenant(call.path("name"));
  if (!done) co_return refuse(problem_of(done.error()));
  co_return nothing();
}

// --- Domains ---

std::string normal(std::string_view name) {  // as the directory keeps it; what is no domain stays as it is
  const auto domain = Domain::parse(name);
  return domain ? domain->text() : std::string(name);
}

Answer one_domain(const Services& s, std::string_view name, int status = 200) {
  for (const auto& domain : s.administration->domains(""))
    if (domain.name == name) return ok(view(domain, tenant_name(s, domain.tenant)), status);
  return refuse(not_found(fmt::format("{} is not hosted here; `postroad domain list` shows what is.", name)));
}

net::task<Answer> list_domains(const Services& s, Call& call) {
  std::map<TenantId, std::string> tenants;
  for (const auto& tenant : s.administration->tenants()) tenants[tenant.id] = tenant.name;
  std::vector<json::object> all;
  for (const auto& domain : s.administration->domains(call.query("tenant")))
    all.push_back(view(domain, tenants[domain.tenant]));
  co_return page_of(call, std::move(all), "name");
}

net::task<Answer> show_domain(const Services& s, Call& call) {
  co_return one_domain(s, normal(call.path("name")));
}

net::task<Answer> change_domain(const Services& s, Call& call, std::string name, int status) {
  directory::DomainChange change{.enabled = call.flag("enabled"),
                                 .catch_all = call.text("catch_all"),
                                 .separators = call.text("separators"),
                                 .scram = call.flag("scram")};
  if (change.enabled || change.catch_all || change.separators || change.scram) {
    const auto done = co_await s.administration->set_domain(name, std::move(change));
    if (!done) co_return refuse(problem_of(done.error()));
  }
  co_return one_domain(s, name, status);
}

net::task<Answer> add_domain(const Services& s, Call& call) {
  const std::string name = *call.text("name"), tenant = call.text("tenant").value_or("default"),
                    alias_of = call.text("alias_of").value_or("");
  const auto made = co_await s.administration->add_domain(tenant, name, alias_of);
  if (!made) co_return refuse(problem_of(made.error()));
  co_return co_await change_domain(s, call, made->name, 201);
}

net::task<Answer> set_domain(const Services& s, Call& call) {
  return change_domain(s, call, normal(call.path("name")), 200);
}

net::task<Answer> remove_domain(const Services& s, Call& call) {
  const std::string name = normal(call.path("name"));
  const auto done = co_await s.administration->remove_domain(name);
  if (!done) co_return refuse(problem_of(done.error()));
  co_return nothing();
}

}  // namespace

void add_tenant_routes(Routes& routes, const Services& s) {
  const Field name{"name", Type::Text, "Letters, digits, \"-\" and \"_\".", true};
  const std::vector<Field> settable{tenant_fields[2], tenant_fields[3]};
  routes.push_back({.method = Method::Get,
                    .path = "/api/v1/tenants",
                    .scope = Scope::DirectoryRead,
                    .name = "listTenants",
                    .summary = "All tenants, by name.",
                    .query = {limit_field, after_field},
                    .answer = tenant_fields,
                    .list = true,
                    .run = with(s, list_tenants)});
  routes.push_back({.method = Method::Post,
                    .path = "/api/v1/tenants",
                    .scope = Scope::DirectoryWrite,
                    .name = "addTenant",
                    .summary = "Makes a tenant.",
                    .body = {name, settable[0], settable[1]},
                    .answer = tenant_fields,
                    .success = 201,
                    .run = with(s, add_tenant)});
  routes.push_back({.method = Method::Get,
                    .path = "/api/v1/tenants/{name}",
                    .scope = Scope::DirectoryRead,
                    .name = "showTenant",
                    .summary = "One tenant.",
                    .answer = tenant_fields,
                    .run = with(s, show_tenant)});
  routes.push_back({.method = Method::Patch,
                    .path = "/api/v1/tenants/{name}",
                    .scope = Scope::DirectoryWrite,
                    .name = "setTenant",
                    .summary = "Changes what is given, leaves the rest.",
                    .body = settable,
                    .answer = tenant_fields,
                    .run = with(s, set_tenant)});
  routes.push_back({.method = Method::Delete,
                    .path = "/api/v1/tenants/{name}",
                    .scope = Scope::DirectoryWrite,
                    .name = "removeTenant",
                    .summary = "Removes a tenant that has no domain any more.",
                    .success = 204,
                    .run = with(s, remove_tenant)});
}

void add_domain_routes(Routes& routes, const Services& s) {
  const Field name{"name", Type::Text, "The domain, also with umlauts and the like.", true};
  const Field tenant{"tenant", Type::Text, "Whose it shall be; \"default\" without it."};
  const std::vector<Field> settable{domain_fields[2], domain_fields[4], domain_fields[5], domain_fields[6]};
  std::vector<Field> fresh{name, tenant, domain_fields[3]};
  fresh.insert(fresh.end(), settable.begin(), settable.end());
  routes.push_back({.method = Method::Get,
                    .path = "/api/v1/domains",
                    .scope = Scope::DirectoryRead,
                    .name = "listDomains",
                    .summary = "All domains, by name.",
                    .query = {{"tenant", Type::Text, "Only this tenant's."}, limit_field, after_field},
                    .answer = domain_fields,
                    .list = true,
                    .run = with(s, list_domains)});
  routes.push_back({.method = Method::Post,
                    .path = "/api/v1/domains",
                    .scope = Scope::DirectoryWrite,
                    .name = "addDomain",
                    .summary = "Hosts a domain from now on, or gives one another name.",
                    .body = fresh,
                    .answer = domain_fields,
                    .success = 201,
                    .run = with(s, add_domain)});
  routes.push_back({.method = Method::Get,
                    .path = "/api/v1/domains/{name}",
                    .scope = Scope::DirectoryRead,
                    .name = "showDomain",
                    .summary = "One domain.",
                    .answer = domain_fields,
                    .run = with(s, show_domain)});
  routes.push_back({.method = Method::Patch,
                    .path = "/api/v1/domains/{name}",
                    .scope = Scope::DirectoryWrite,
                    .name = "setDomain",
                    .summary = "Changes what is given, leaves the rest.",
                    .body = settable,
                    .answer = domain_fields,
                    .run = with(s, set_domain)});
  routes.push_back({.method = Method::Delete,
                    .path = "/api/v1/domains/{name}",
                    .scope = Scope::DirectoryWrite,
                    .name = "removeDomain",
                    .summary = "Hosts a domain no longer; it has no addresses any more.",
                    .success = 204,
                    .run = with(s, remove_domain)});
}

}  // namespace postroad::httpd
