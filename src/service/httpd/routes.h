// The chapters of the route table, and what they share. Not public.
#pragma once

#include <boost/json.hpp>
#include <vector>

#include "httpd/api.h"
#include "httpd/keys.h"
#include "httpd/problems.h"

namespace postroad::httpd {

namespace json = boost::json;
using http::Answer;
using http::Call;
using http::Field;
using http::Method;
using http::Route;
using http::Scope;
using http::Type;
using Routes = std::vector<Route>;

void add_tenant_routes(Routes& routes, const Services& services);
void add_domain_routes(Routes& routes, const Services& services);
void add_account_routes(Routes& routes, const Services& services);
void add_alias_routes(Routes& routes, const Services& services);
void add_key_routes(Routes& routes, const std::unique_ptr<Keys>& keys);
void add_queue_routes(Routes& routes, const Services& services);
void add_message_routes(Routes& routes, const Services& services);
void add_server_routes(Routes& routes, const Services& services);
void add_route_routes(Routes& routes, const Services& services);
void add_stream_routes(Routes& routes, const Services& services);

// A route's function with the services it needs.
using Handle = net::task<Answer> (*)(const Services&, Call&);
inline http::Run with(const Services& services, Handle handle) {
  return [&services, handle](Call& call) { return handle(services, call); };
}

// Every list takes these two.
inline const Field limit_field{"limit", Type::Number, "How many at most, 1 to 1000; 100 without it."};
inline const Field after_field{"after", Type::Text, "The answer's `next`, for the page that follows."};
std::size_t limit_of(const Call& call);
// {"object":"list","data","has_more","next"}; `next` empty: there is no more.
http::Response list_response(json::array data, std::string next);
// A page of what is all in memory: sorted by the text field `key`, which is the cursor too.
http::Response page_of(const Call& call, std::vector<json::object> all, std::string_view key);

json::value time_or_null(Time time);  // RFC 3339; null for Time{}
inline Answer ok(const json::value& value, int status = 200) { return http::json_response(value, status); }
inline Answer nothing() { return http::Response{.status = 204}; }

}  // namespace postroad::httpd
