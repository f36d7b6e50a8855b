#include "httpd/api.h"

#include <algorithm>

#include "base/date.h"
#include "httpd/routes.h"

namespace postroad::httpd {

std::size_t limit_of(const Call& call) {
  return static_cast<std::size_t>(
      std::clamp<std::uint64_t>(call.query_number("limit").value_or(100), 1, 1000));
}

http::Response list_response(json::array data, std::string next) {
  const bool more = !next.empty();
  return http::json_response(json::object{{"object", "list"},
                                          {"data", std::move(data)},
                                          {"has_more", more},
                                          {"next", more ? json::value(next) : json::value(nullptr)}});
}

http::Response page_of(const Call& call, std::vector<json::object> all, std::string_view key) {
  const auto name = [key](const json::object& item) { return std::string_view(item.at(key).get_string()); };
  std::ranges::sort(all, {}, name);
  const std::string after = call.query("after");
  auto from = std::ranges::upper_bound(all, std::string_view(after), {}, name);
  if (after.empty()) from = all.begin();
  const auto rest = static_cast<std::size_t>(all.end() - from);
  const auto n = std::min(limit_of(call), rest);
  json::array data;
  for (std::size_t i = 0; i < n; ++i) data.push_back(std::move(from[static_cast<std::ptrdiff_t>(i)]));
  std::string next = n < rest ? std::string(data.back().at(key).get_string()) : std::string();
  return list_response(std::move(data), std::move(next));
}

json::value time_or_null(Time time) {
  return time == Time{} ? json::value(nullptr) : json::value(rfc3339(time));
}

Api::Api(Services services) : services_(std::move(services)) {
  if (services_.store) keys_ = std::make_unique<Keys>(*services_.store, *services_.clock);
  Routes routes;
  add_tenant_routes(routes, services_);
  add_domain_routes(routes, services_);
  add_account_routes(routes, services_);
  add_alias_routes(routes, services_);
  add_key_routes(routes, keys_);
  add_queue_routes(routes, services_);
  add_route_routes(routes, services_);
  add_message_routes(routes, services_);
  add_server_routes(routes, services_);
  add_stream_routes(routes, services_);
  routes.push_back({.method = Method::Get,
                    .path = "/api/v1/openapi.json",
                    .scope = Scope::Public,
                    .name = "describe",
                    .summary = "This API as an OpenAPI 3.1 document.",
                    .answer_stream = "application/json",
                    .run = [this](Call&) -> net::task<Answer> { return describe(*this); }});
  router_ = std::make_unique<http::Router>(
      std::move(routes), [this](std::string_view key) { return keys_ ? keys_->find(key) : std::nullopt; });
}
Api::~Api() = default;

net::task<Answer> Api::describe(const Api& api) { co_return http::Response{.body = api.openapi()}; }

net::task<void> Api::load() { co_await keys_->load(); }
net::task<http::Response> Api::handle(http::Request& request) { return router_->handle(request); }

net::task<void> Api::serve(net::Stream stream, http::ServerLimits limits) {
  return http::serve(std::move(stream), *this, limits);
}
net::task<void> Api::serve_control(net::Stream stream, http::ServerLimits limits) {
  if (!http::is_owner(stream)) co_return;
  co_await http::serve(std::move(stream), *this, limits, http::Origin::Owner);
}

const std::vector<http::Route>& Api::routes() const { return router_->routes(); }
std::string Api::openapi() const { return router_->openapi("Postroad", services_.version); }
std::string Api::reference_page() const { return router_->reference_page(); }

}  // namespace postroad::httpd
