// The history of messages: `postroad why`.
#include <fmt/format.h>

#include <set>

#include "base/date.h"
#include "httpd/routes.h"
#include "httpd/views.h"

namespace postroad::httpd {

namespace {

const std::vector<Field> event_fields{
    {"time", Type::Text, "When it happened."},
    {"event", Type::Text, "accepted, delivered, relayed, deferred, failed ..."},
    {"queue_id", Type::Text, "Of the message."},
    {"details", Type::Object, "What is known of it: sender, recipient, host, reply, reason ..."},
};

// A field that occurs several times becomes an array.
json::object view(const ledger::Event& event) {
  json::object details;
  for (const auto& [field, text] : event.fields) {
    auto& place = details[ledger::to_text(field)];
    if (place.is_null())
      place = text;
    else if (place.is_array())
      place.get_array().emplace_back(text);
    else
      place = json::array{std::move(place), json::value(text)};
  }
  return {
      {"time", time_or_null(event.at)},
      {"event", ledger::to_text(event.type)},
      {"queue_id", event.queue_id.number() == 0 ? json::value(nullptr) : json::value(event.queue_id.text())},
      {"details", std::move(details)}};
}

Result<Time, http::Problem> time_of(const Call& call, std::string_view name) {
  const std::string text = call.query(name);
  if (text.empty()) return Time{};
  const auto time = parse_rfc3339(text);
  if (!time) return refuse(invalid(fmt::format("\"{}\" is a time as in \"2026-01-31T00:00:00Z\".", name)));
  return *time;
}

Result<std::optional<Address>, http::Problem> address_of(const Call& call, std::string_view name) {
  const std::string text = call.query(name);
  if (text.empty()) return std::optional<Address>();
  auto address = Address::parse(text);
  if (!address)
    return refuse(invalid(fmt::format("\"{}\" is no address: {}.", text, describe(address.error()))));
  return std::optional(std::move(*address));
}

net::task<Answer> find_events(const Services& s, Call& call) {
  ledger::Query query{.message_id = call.query("message_id"), .limit = limit_of(call)};
  auto recipient = address_of(call, "recipient"), sender = address_of(call, "sender");
  const auto from = time_of(call, "from"), to = time_of(call, "to");
  if (!recipient) co_return refuse(recipient.error());
  if (!sender) co_return refuse(sender.error());
  if (!from) co_return refuse(from.error());
  if (!to) co_return refuse(to.error());
  query.recipient = std::move(*recipient), query.sender = std::move(*sender), query.from = *from,
  query.to = *to;
  if (!query.recipient && !query.sender && query.message_id.empty())
    co_return refuse(invalid("Say what to look for: recipient, sender or message_id."));
  const auto events = co_await s.ledger->find(std::move(query));
  if (!events) co_return refuse(problem_of(events.error()));
  json::array data;
  for (const auto& event : *events) data.push_back(view(event));
  co_return list_response(std::move(data), {});
}

// A Message-ID may have been used for several messages: then all of them are told.
net::task<Answer> explain(const Services& s, Call& call) {
  const std::string name = call.path("id");
  std::set<QueueId> ids;
  if (const auto id = QueueId::parse(name)) {
    ids.insert(*id);
  } else {
    const auto found = co_await s.ledger->find({.message_id = name});
    if (!found) co_return refuse(problem_of(found.error()));
    for (const auto& event : *found)
      if (event.queue_id.number() != 0) ids.insert(event.queue_id);
  }
  json::array messages;
  for (const QueueId id : ids) {
    const auto events = co_await s.ledger->find({.queue_id = id});
    if (!events) co_return refuse(problem_of(events.error()));
    json::array history;
    for (const auto& event : *events) history.push_back(view(event));
    auto waiting = co_await entries_of(s, id);
    if (history.empty() && waiting.empty()) continue;
    messages.push_back(
        json::object{{"id", id.text()}, {"events", std::move(history)}, {"queue", std::move(waiting)}});
  }
  if (messages.empty())
    co_return refuse(
        not_found(fmt::format("Nothing is known of \"{}\": it is neither a queue id nor a Message-ID of a "
                              "message that was here in the time that "
                              "histories are kept (store.keep_events).",
                              name)));
  co_return ok(json::object{{"messages", std::move(messages)}});
}

}  // namespace

void add_message_routes(Routes& routes, const Services& s) {
  routes.push_back({.method = Method::Get,
                    .path = "/api/v1/messages",
                    .scope = Scope::MessagesRead,
                    .name = "findEvents",
                    .summary = "Events of messages, by time.",
                    .query = {{"recipient", Type::Text, "To this address, as the sender wrote it."},
                              {"sender", Type::Text, "From this reverse-path."},
                              {"message_id", Type::Text, "With this Message-ID."},
                              {"from", Type::Text, "Not before this time."},
                              {"to", Type::Text, "Before this time."},
                              limit_field},
                    .answer = event_fields,
                    .list = true,
                    .run = with(s, find_events)});
  routes.push_back(
      {.method = Method::Get,
       .path = "/api/v1/messages/{id}",
       .scope = Scope::MessagesRead,
       .name = "explainMessage",
       .summary = "What became of a message, from its queue id or Message-ID.",
       .answer = {{"messages", Type::Objects, "Each with its id, its events, and what it has in the queue."}},
       .run = with(s, explain)});
}

}  // namespace postroad::httpd
