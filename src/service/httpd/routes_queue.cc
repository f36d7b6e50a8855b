// The queue: what waits, why, and what to do about it.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/date.h"
#include "httpd/routes.h"
#include "httpd/views.h"

namespace postroad::httpd {

namespace {

// No message has more entries than this: it has at most so many recipients.
constexpr std::size_t most_of_one = 1000;
// A command that means more sites than this has them tried as their pace comes round.
constexpr std::size_t most_sites_tried = 10'000;

std::string folded(const std::string& text) {
  const auto address = Address::parse(text);
  return address ? address->folded() : text;
}

// Which entries a caller means; a word that is empty means any. Ages in seconds.
struct Words {
  std::string sender, recipient, domain, site, tenant;
  std::optional<std::uint64_t> older_than{};
  bool all() const {
    return sender.empty() && recipient.empty() && domain.empty() && site.empty() && tenant.empty() &&
           !older_than;
  }
};

Result<queue::Selection, http::Problem> selection(const Services& s, const Words& words) {
  std::optional<TenantId> tenant;
  if (!words.tenant.empty()) {
    const auto all = s.administration->tenants();
    const auto found = std::ranges::find(all, words.tenant, &directory::TenantView::name);
    if (found == all.end()) return refuse(not_found(fmt::format("There is no tenant \"{}\".", words.tenant)));
    tenant = found->id;
  }
  queue::Selection out;
  const std::string sender = folded(words.sender), recipient = folded(words.recipient);
  const Time accepted_by =
      words.older_than ? s.clock->now() - std::chrono::seconds(*words.older_than) : Time::max();
  out.want = [=, domain = words.domain, site = words.site](const queue::Listed& listed) {
    const auto& from = listed.message->envelope.reverse_path.address();
    if (!sender.empty() && (sender == "<>" ? from.has_value() : !from || from->folded() != sender))
      return false;
    if (!domain.empty() && listed.entry.domain != (domain == "local" ? "" : domain)) return false;
    if (!site.empty() && listed.site != site) return false;
    if (tenant && listed.message->tenant != *tenant) return false;
    if (listed.message->accepted > accepted_by) return false;
    return recipient.empty() || std::ranges::any_of(listed.entry.steps, [&](const queue::Step& step) {
             return step.given.address.folded() == recipient;
           });
  };
  // Of an entry with several recipients only the one that is meant.
  if (!recipient.empty())
    out.step = [recipient](const queue::Step& step) { return step.given.address.folded() == recipient; };
  return out;
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
  const Words words{.sender = call.query("sender"),
                    .recipient = call.query("recipient"),
                    .domain = call.query("domain"),
                    .site = call.query("site"),
                    .tenant = call.query("tenant")};
  auto which = selection(s, words);
  if (!which) co_return refuse(which.error());
  const std::size_t limit = limit_of(call);
  const std::size_t ask = std::max(limit, most_of_one) + 1;
  auto found = co_await s.queue->list(after, ask, std::move(which->want));
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

// Which sites the entries that are meant go to. One core after another asks, so no two at once.
void note_sites(queue::Selection& which, std::set<std::string>& sites) {
  which.want = [want = std::move(which.want), &sites](const queue::Listed& listed) {
    if (want && !want(listed)) return false;
    if (!listed.site.empty() && sites.size() < most_sites_tried) sites.insert(listed.site);
    return true;
  };
}

net::task<Answer> retry_one(const Services& s, Call& call) {
  const auto id = id_of(call);
  if (!id) co_return refuse(id.error());
  queue::Selection which{.id = *id};
  std::set<std::string> sites;
  note_sites(which, sites);
  const queue::Done done = co_await s.queue->retry(std::move(which));
  if (s.on_retry) s.on_retry(sites);
  if (done.entries + done.busy == 0) co_return refuse(not_queued(*id));
  co_return ok(json::object{{"retried", done.entries}});
}

// Retry or cancel of many: `count_only` says how many it would be and changes nothing.
enum class Bulk : std::uint8_t { Retry, Cancel };
net::task<Answer> many(const Services& s, Call& call, Bulk what) {
  const Words words{.sender = call.text("sender").value_or(""),
                    .recipient = call.text("recipient").value_or(""),
                    .domain = call.text("domain").value_or(""),
                    .site = call.text("site").value_or(""),
                    .tenant = call.text("tenant").value_or(""),
                    .older_than = call.number("older_than")};
  const bool count_only = call.flag("count_only").value_or(false);
  if (what == Bulk::Cancel && words.all() && !call.flag("all").value_or(false))
    co_return refuse(invalid("Say which messages are to be cancelled; \"all\": true, if it is all of them."));
  auto which = selection(s, words);
  if (!which) co_return refuse(which.error());
  std::set<std::string> sites;
  if (what == Bulk::Retry && !count_only) note_sites(*which, sites);
  const queue::Done done = count_only             ? co_await s.queue->count(std::move(*which))
                           : what == Bulk::Cancel ? co_await s.queue->cancel(std::move(*which))
                                                  : co_await s.queue->retry(std::move(*which));
  if (!sites.empty() && s.on_retry) s.on_retry(sites);
  co_return ok(json::object{{what == Bulk::Cancel ? "cancelled" : "retried", done.entries},
                            {"messages", done.messages},
                            {"busy", done.busy},
                            {"count_only", count_only}});
}
net::task<Answer> retry_many(const Services& s, Call& call) { co_return co_await many(s, call, Bulk::Retry); }
net::task<Answer> cancel_many(const Services& s, Call& call) {
  co_return co_await many(s, call, Bulk::Cancel);
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
          {"site", listed.site},
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
    {"site", Type::Text, "The mail exchangers it goes to, as far as they are known; else the domain."},
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
                              {"site", Type::Text, "Only to these mail exchangers, as an entry names them."},
                              {"tenant", Type::Text, "Only this tenant's."},
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
  const std::vector<Field> which{
      {"sender", Type::Text, "Only from this reverse-path; \"<>\": reports."},
      {"recipient", Type::Text, "Only to this address; others of the same message are left alone."},
      {"domain", Type::Text, "Only to this domain; \"local\": into mailboxes here."},
      {"site", Type::Text, "Only to these mail exchangers, as an entry names them."},
      {"tenant", Type::Text, "Only this tenant's."},
      {"older_than", Type::Number, "Only what was accepted so many seconds ago or earlier."},
      {"count_only", Type::Flag, "Say how many it would be, and change nothing."}};
  const auto done = [](std::string_view name, std::string_view help) {
    return std::vector<Field>{{name, Type::Number, help},
                              {"messages", Type::Number, "Of so many messages."},
                              {"busy", Type::Number, "Left alone: they are being delivered this moment."},
                              {"count_only", Type::Flag, "Nothing was changed."}};
  };
  auto cancel_which = which;
  cancel_which.push_back({"all", Type::Flag, "Everything; needed if nothing else is said."});
  routes.push_back({.method = Method::Post,
                    .path = "/api/v1/queue/retry",
                    .scope = Scope::QueueWrite,
                    .name = "retryQueue",
                    .summary = "Tries everything now, or what is meant.",
                    .body = which,
                    .answer = done("retried", "How many entries are due now."),
                    .run = with(s, retry_many)});
  routes.push_back({.method = Method::Post,
                    .path = "/api/v1/queue/cancel",
                    .scope = Scope::QueueWrite,
                    .name = "cancelQueue",
                    .summary = "Takes what is meant out of the queue; nobody is told.",
                    .body = cancel_which,
                    .answer = done("cancelled", "How many entries are gone."),
                    .run = with(s, cancel_many)});
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
