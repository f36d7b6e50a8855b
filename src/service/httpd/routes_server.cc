// The server as a whole: health, metrics, status.
#include <fmt/format.h>

#include "base/date.h"
#include "httpd/routes.h"
#include "observe/metrics.h"
#include "observe/process.h"

namespace postroad::httpd {

namespace {

std::string_view to_text(store::Health health) {
  switch (health) {
    case store::Health::Good: return "good";
    case store::Health::Tight: return "tight";
    case store::Health::Failed: return "failed";
  }
  return {};
}

// For load balancers and supervisors: 200 while mail is taken, else 503 and why.
net::task<Answer> health(const Services& s, Call&) {
  const auto store = s.store->status();
  const bool serving = !s.state || s.state().serving;
  const bool good = serving && store.health != store::Health::Failed;
  co_return ok(json::object{{"status", good ? "ok" : "failing"},
                            {"serving", serving},
                            {"store", to_text(store.health)},
                            {"trouble", store.trouble}},
               good ? 200 : 503);
}

net::task<Answer> metrics(const Services&, Call&) {
  co_return http::Response{.type = "text/plain; version=0.0.4; charset=utf-8",
                           .body = observe::exposition() + observe::process_exposition()};
}

net::task<Answer> status(const Services& s, Call&) {
  const auto store = s.store->status();
  const auto counts = co_await s.queue->counts();
  const auto ledger = s.ledger->status();
  const ServerState state = s.state ? s.state() : ServerState{};
  json::array listeners;
  for (const auto& door : state.listeners)
    listeners.push_back(
        json::object{{"service", door.service}, {"address", door.address}, {"sessions", door.sessions}});
  co_return ok(json::object{
      {"version", s.version},
      {"serving", state.serving},
      {"started", time_or_null(state.started)},
      {"connections", state.connections},
      {"listeners", std::move(listeners)},
      {"queue",
       json::object{
           {"messages", counts.messages}, {"entries", counts.entries}, {"suspended", s.queue->held()}}},
      {"ledger", json::object{{"folded", ledger.folded},
                              {"waiting", ledger.waiting},
                              {"lag_seconds", std::chrono::duration<double>(ledger.lag).count()},
                              {"damaged", ledger.damaged}}},
      {"store", json::object{{"health", to_text(store.health)},
                             {"trouble", store.trouble},
                             {"free_octets", store.free_octets},
                             {"blob_octets", store.blob_octets},
                             {"dead_octets", store.dead_octets},
                             {"segments", store.segments},
                             {"commits", store.commits}}}});
}

}  // namespace

void add_server_routes(Routes& routes, const Services& s) {
  routes.push_back({.method = Method::Get,
                    .path = "/healthz",
                    .scope = Scope::Public,
                    .name = "health",
                    .summary = "200 while mail is taken, else 503.",
                    .answer = {{"status", Type::Text, "\"ok\" or \"failing\"."},
                               {"serving", Type::Flag, "False while it starts or stops."},
                               {"store", Type::Text, "good, tight (the disk is nearly full) or failed."},
                               {"trouble", Type::Text, "What failed, and what to do."}},
                    .run = with(s, health)});
  routes.push_back({.method = Method::Get,
                    .path = "/metrics",
                    .scope = Scope::ServerRead,
                    .name = "metrics",
                    .summary = "All counters, as Prometheus reads them.",
                    .answer_stream = "text/plain",
                    .run = with(s, metrics)});
  routes.push_back({.method = Method::Get,
                    .path = "/api/v1/status",
                    .scope = Scope::ServerRead,
                    .name = "status",
                    .summary = "The server at a glance.",
                    .answer = {{"version", Type::Text, "Of the program."},
                               {"serving", Type::Flag, "False: a command without a server."},
                               {"started", Type::Text, "When."},
                               {"connections", Type::Number, "Open now."},
                               {"listeners", Type::Objects, "Each with service, address and sessions."},
                               {"queue", Type::Object, "messages, entries, suspended."},
                               {"ledger", Type::Object, "folded, waiting, lag_seconds, damaged."},
                               {"store", Type::Object,
                                "health, trouble, free_octets, blob_octets, dead_octets, "
                                "segments, commits."}},
                    .run = with(s, status)});
}

}  // namespace postroad::httpd
