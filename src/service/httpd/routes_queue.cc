// The queue: what waits, why, and what to do about it.
#include <fmt/format.h>

#include <algorithm>

#include "base/date.h"
#include "httpd/routes.h"
#include "httpd/views.h"

namespace postroad::httpd {

namespace {

// No message has more entries than this: it has at most so many recipients.
constexpr std::size_t most_of_one = 1000;

std::string folded(const std::string& text) {
  const auto address = Address::parse(text);
  return address ? address->folded() : text;
}

net::task<Answer> list_queue(const Services& s, Call& call) {
  QueueId after{};
  if (const std::string text = call.query("after"); !text.empty()) {
    const auto id = QueueId::parse(text);
    if (!id)
      co_return refuse(
          invalid(fmt::format("\"{}\" is no queue id; `after` is the `next` of an answer.", text)));
    after = *id;
  }
  const std::string sender = folded(call.query("sender")), recipient = folded(call.query("recipient")),
                    domain = call.query("domain");
  const auto want = [&](const queue::Listed& listed) {
    const queue::Entry& entry = listed.entry;
    const auto& from = listed.message->envelope.reverse_path.address();
    if (!sender.empty() && (sender == "<>" ? from.has_value() : !from || from->folded() != sender))
      return false;
    if (!domain.empty() && entry.domain != (domain == "local" ? "" : domain)) return false;
    return recipient.empty() || std::ranges::any_of(entry.steps, [&](const queue::Step& step) {
             return step.given.address.folded() == recipient;
           });
  };
  const std::size_t limit = limit_of(call);
  const std::size_t ask = std::max(limit, most_of_one) + 1;
  auto found = co_await s.queue->list(after, ask, want);
  // A page ends between two messages, because the cursor is a message's id.
  std::size_t n = found.size();
  if (n > limit)
    for (n = limit; n > 0 && found[n].entry.id == found[n - 1].entry.id;) --n;
  if (n == 0)
    while (n < found.size() && found[n].entry.id == found[0].entry.id) ++n;
  json::array data;
  for (std::size_t i = 0; i < n; ++i) data.push_back(view(found[i]));
  co_return list_response(std::move(data), n < found.size() ? found[n - 1].entry.id.text() : std::string());
}

Result<QueueId, http::Problem> id_of(const Call& call) {
  const auto id = QueueId::parse(call.path("id"));
  if (!id)
    return refuse(invalid(fmt::format("\"{}\" is no queue id: it has 13 characters, as in \"Queued as ...\".",
                                      call.path("id"))));
  return *id;
}
http::Problem not_queued(QueueId id) {
  return not_found(fmt::format("{} is not in the queue; `postroad why {}` tells what became of it.",
                               id.text(), id.text()));
}

net::task<Answer> show_queued(const Services& s, Call& call) {
  const auto id = id_of(call);
  if (!id) co_return refuse(id.error());
  auto entries = co_await entries_of(s, *id);
  if (entries.empty()) co_return refuse(not_queued(*id));
  co_return ok(json::object{{"id", id->text()}, {"entries", std::move(entries)}});
}

net::task<Answer> retry_one(const Services& s, Call& call) {
  const auto id = id_of(call);
  if (!id) co_return refuse(id.error());
  const queue::Done done = co_await s.queue->retry({.id = *id});
  if (done.entries + done.busy == 0) co_return refuse(not_queued(*id));
  co_return ok(json::object{{"retried", done.entries}});
}

net::task<Answer> retry_many(const Services& s, Call& call) {
  const std::string domain = call.text("domain").value_or("");
  queue::Selection which;
  if (!domain.empty())
    which.want = [domain](const queue::Listed& listed) { return listed.entry.domain == domain; };
  const queue::Done done = co_await s.queue->retry(std::move(which));
  co_return ok(json::object{{"retried", done.entries}});
}

net::task<Answer> cancel(const Services& s, Call& call) {
  const auto id = id_of(call);
  if (!id) co_return refuse(id.error());
  const queue::Done done = co_await s.queue->cancel({.id = *id});
  if (done.busy > 0)
    co_return refuse(in_use(fmt::format("{} is being delivered this moment; try again.", id->text())));
  if (done.entries == 0) co_return refuse(not_queued(*id));
  co_return nothing();
}

Answer hold(const Services& s, bool held) {
  s.queue->hold(held);
  if (s.on_hold) s.on_hold(held);
  return ok(json::object{{"suspended", held}});
}
net::task<Answer> suspend(const Services& s, Call&) { co_return hold(s, true); }
net::task<Answer> resume(const Services& s, Call&) { co_return hold(s, false); }

}  // namespace

json::object view(const queue::Listed& listed) {
  const queue::Message& message = *listed.message;
  const queue::Entry& entry = listed.entry;
  json::array recipients;
  for (const auto& step : entry.steps) recipients.emplace_back(step.given.address.text());
  return {{"id", entry.id.text()},
          {"sender", message.envelope.reverse_path.text()},
          {"recipients", std::move(recipients)},
          {"domain", entry.domain},
          {"subject", message.origin.subject},
          {"message_id", message.origin.message_id},
          {"octets", message.content.octets()},
          {"accepted", time_or_null(message.accepted)},
          {"due", time_or_null(entry.due)},
          {"attempts", entry.attempts},
          {"last_host", entry.last_host},
          {"last_reply", entry.last_reply},
          {"working", listed.out}};
}

net::task<json::array> entries_of(const Services& s, QueueId id) {
  json::array out;
  for (const auto& listed : co_await s.queue->show(id)) out.push_back(view(listed));
  co_return out;
}

const std::vector<Field> queue_fields{
    {"id", Type::Text, "The message's queue id."},
    {"sender", Type::Text, "The reverse-path; empty: a report."},
    {"recipients", Type::Texts, "Those that go the same way."},
    {"domain", Type::Text, "Where to; empty: into mailboxes here."},
    {"subject", Type::Text, "Of the message."},
    {"message_id", Type::Text, "Of the message."},
    {"octets", Type::Number, "Of the message."},
    {"accepted", Type::Text, "When we took it."},
    {"due", Type::Text, "When it is tried next."},
    {"attempts", Type::Number, "So far."},
    {"last_host", Type::Text, "Who answered the last one."},
    {"last_reply", Type::Text, "And what."},
    {"working", Type::Flag, "Being delivered this moment."},
};

void add_queue_routes(Routes& routes, const Services& s) {
  const std::vector<Field> retried{{"retried", Type::Number, "How many entries are due now."}};
  const std::vector<Field> suspended{{"suspended", Type::Flag, "Whether nothing leaves the queue."}};
  routes.push_back({.method = Method::Get,
                    .path = "/api/v1/queue",
                    .scope = Scope::QueueRead,
                    .name = "listQueue",
                    .summary = "What waits, by age: an entry for each way that recipients of a message go.",
                    .query = {{"sender", Type::Text, "Only from this reverse-path; \"<>\": reports."},
                              {"recipient", Type::Text, "Only to this address."},
                              {"domain", Type::Text, "Only to this domain; \"local\": into mailboxes here."},
                              limit_field,
                              after_field},
                    .answer = queue_fields,
                    .list = true,
                    .run = with(s, list_queue)});
  routes.push_back({.method = Method::Get,
                    .path = "/api/v1/queue/{id}",
                    .scope = Scope::QueueRead,
                    .name = "showQueued",
                    .summary = "One message that waits.",
                    .answer = {queue_fields[0], {"entries", Type::Objects, "As in the list."}},
                    .run = with(s, show_queued)});
  routes.push_back({.method = Method::Delete,
                    .path = "/api/v1/queue/{id}",
                    .scope = Scope::QueueWrite,
                    .name = "cancelQueued",
                    .summary = "Takes a message out of the queue; nobody is told.",
                    .success = 204,
                    .run = with(s, cancel)});
  routes.push_back({.method = Method::Post,
                    .path = "/api/v1/queue/{id}/retry",
                    .scope = Scope::QueueWrite,
                    .name = "retryQueued",
                    .summary = "Tries a message now.",
                    .answer = retried,
                    .run = with(s, retry_one)});
  routes.push_back({.method = Method::Post,
                    .path = "/api/v1/queue/retry",
                    .scope = Scope::QueueWrite,
                    .name = "retryQueue",
                    .summary = "Tries everything now, or what goes to one domain.",
                    .body = {{"domain", Type::Text, "Only to this domain."}},
                    .answer = retried,
                    .run = with(s, retry_many)});
  routes.push_back({.method = Method::Post,
                    .path = "/api/v1/queue/suspend",
                    .scope = Scope::QueueWrite,
                    .name = "suspendQueue",
                    .summary = "Nothing leaves the queue until it is resumed; mail is still accepted.",
                    .answer = suspended,
                    .run = with(s, suspend)});
  routes.push_back({.method = Method::Post,
                    .path = "/api/v1/queue/resume",
                    .scope = Scope::QueueWrite,
                    .name = "resumeQueue",
                    .summary = "Ends a suspension, also the one that follows a restore.",
                    .answer = suspended,
                    .run = with(s, resume)});
}

}  // namespace postroad::httpd
