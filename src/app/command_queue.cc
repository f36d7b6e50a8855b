// queue and why.
#include <fmt/format.h>

#include "app/cli.h"
#include "app/console.h"
#include "base/cursor.h"

namespace postroad::app {

namespace {

using http::Method;

void print_entries(const json::value& entries) {
  bool first = true;
  for (const auto& entry : entries.as_array()) {
    if (!std::exchange(first, false)) fmt::print("\n");
    const auto& sender = entry.at("sender").as_string();
    print_pairs(
        {{"id", plain(entry.at("id"))},
         {"sender", sender.empty() ? "<>" : safe(sender)},
         {"recipients", plain(entry.at("recipients"))},
         {"to", entry.at("domain").as_string().empty() ? "mailboxes here" : plain(entry.at("domain"))},
         {"site", plain(entry.at("site"))},
         {"subject", plain(entry.at("subject"))},
         {"size", size_text(entry.at("octets").to_number<std::uint64_t>())},
         {"accepted", plain(entry.at("accepted"))},
         {"next attempt", entry.at("working").as_bool() ? "now" : plain(entry.at("due"))},
         {"attempts", plain(entry.at("attempts"))},
         {"last answer", plain(entry.at("last_reply"))},
         {"of", plain(entry.at("last_host"))}});
  }
}

int list(Console& console, const Given& given) {
  const auto all = console.ask_all("/api/v1/queue" + query({{"sender", given.get("--sender")},
                                                            {"recipient", given.get("--recipient")},
                                                            {"domain", given.get("--domain")},
                                                            {"site", given.get("--site")},
                                                            {"tenant", given.get("--tenant")}}));
  return console.show(all, [](const json::value& list) {
    print_list(list, {{"id", "ID"},
                      {"accepted", "ACCEPTED"},
                      {"octets", "SIZE"},
                      {"sender", "SENDER"},
                      {"recipients", "RECIPIENTS"},
                      {"attempts", "TRIED"},
                      {"due", "NEXT"},
                      {"last_reply", "LAST ANSWER"}});
  });
}
int show(Console& console, const Given& given) {
  return console.show(console.ask(Method::Get, "/api/v1/queue/" + segment(given.get("ID"))),
                      [](const json::value& message) { print_entries(message.at("entries")); });
}
constexpr std::string_view selectors[] = {"--sender", "--recipient", "--domain", "--site", "--tenant"};

// What is meant, for a bulk request; nothing: not a word was said.
std::optional<json::object> meant(const Given& given) {
  json::object body;
  for (const std::string_view name : selectors)
    if (const auto value = given.find(name)) body[name.substr(2)] = *value;
  if (const auto age = given.find("--older-than")) {
    const auto hours = Cursor(*age).take_number();
    if (!hours || age->find_first_not_of("0123456789") != std::string::npos)
      throw Failure{wrong_usage, "--older-than is a number of hours"};
    body["older_than"] = *hours * 3600;
  }
  if (given.has("--all")) body["all"] = true;
  if (body.empty()) return std::nullopt;
  return body;
}

// Many at once: without --yes only their number is told.
int many(Console& console, const Given& given, std::string path, std::string_view done, json::object body) {
  const bool sure = given.has("--yes");
  if (!sure) body["count_only"] = true;
  if (done != "cancelled") body.erase("all");
  return console.show(console.ask(Method::Post, path, std::move(body)), [&](const json::value& value) {
    fmt::print("{} entries of {} messages {}{}", plain(value.at(done)), plain(value.at("messages")),
               sure ? "" : "would be ", done);
    if (value.at("busy").to_number<std::uint64_t>() > 0)
      fmt::print("; {} are being delivered this moment and left alone", plain(value.at("busy")));
    fmt::print("{}\n", sure ? "" : "; add --yes to do it");
  });
}

int retry(Console& console, const Given& given) {
  const auto id = given.find("ID");
  auto body = meant(given);
  if (id.has_value() == body.has_value())
    throw Failure{wrong_usage, "say what to try now: an ID, or --domain DOMAIN and the like, or --all"};
  if (!id) return many(console, given, "/api/v1/queue/retry", "retried", std::move(*body));
  return console.show(
      console.ask(Method::Post, "/api/v1/queue/" + segment(*id) + "/retry", json::object{}),
      [](const json::value& value) { fmt::print("{} due now\n", plain(value.at("retried"))); });
}
int cancel(Console& console, const Given& given) {
  const auto id = given.find("ID");
  auto body = meant(given);
  if (id.has_value() == body.has_value())
    throw Failure{wrong_usage, "say what to cancel: an ID, or --domain DOMAIN and the like, or --all"};
  if (!id) return many(console, given, "/api/v1/queue/cancel", "cancelled", std::move(*body));
  console.ask(Method::Delete, "/api/v1/queue/" + segment(*id));
  return console.say("cancelled; nobody is told");
}
int suspend(Console& console, const Given&) {
  return console.show(
      console.ask(Method::Post, "/api/v1/queue/suspend", json::object{}), [](const json::value&) {
        fmt::print("suspended: mail is accepted and kept, nothing leaves until `postroad queue resume`\n");
      });
}
int resume(Console& console, const Given&) {
  return console.show(console.ask(Method::Post, "/api/v1/queue/resume", json::object{}),
                      [](const json::value&) { fmt::print("resumed\n"); });
}

// One event as a person tells it: when, what, to whom, and the words it was decided with.
void print_event(const json::value& event) {
  const auto& details = event.at("details").as_object();
  const auto get = [&](std::string_view name) {
    const auto* value = details.if_contains(name);
    return value ? plain(*value) : std::string();
  };
  std::string line = fmt::format("  {}  {:<18}", plain(event.at("time")), plain(event.at("event")));
  std::vector<std::string_view> told;
  const auto tell = [&](std::string_view before, std::string_view name) {
    if (const auto text = get(name); !text.empty())
      line += fmt::format(" {}{}", before, text), told.push_back(name);
  };
  tell("", "recipient");
  tell("from ", "sender");
  tell("by ", "host");
  tell("at ", "remote_address");
  tell("", "tls");
  tell("into mailbox ", "mailbox");
  tell(": ", "reply");
  tell("because ", "reason");
  fmt::print("{}\n", line);
  std::string rest;
  for (const auto& field : details)
    if (std::ranges::find(told, std::string_view(field.key())) == told.end())
      rest += fmt::format("{}{}={}", rest.empty() ? "" : " ", std::string_view(field.key()),
                          plain(field.value()));
  if (!rest.empty()) fmt::print("      {}\n", rest);
}

int why(Console& console, const Given& given) {
  return console.show(console.ask(Method::Get, "/api/v1/messages/" + segment(given.get("ID"))),
                      [](const json::value& answer) {
                        for (const auto& message : answer.at("messages").as_array()) {
                          fmt::print("message {}\n", plain(message.at("id")));
                          for (const auto& event : message.at("events").as_array()) print_event(event);
                          if (message.at("queue").as_array().empty()) continue;
                          fmt::print("\nstill in the queue:\n");
                          print_entries(message.at("queue"));
                        }
                      });
}

}  // namespace

void add_queue_commands(Commands& commands) {
  const Argument id{"ID", "The queue id, as in \"Queued as ...\""};
  const Argument maybe_id{"ID", "The queue id", Argument::Count::Optional};
  std::vector<Option> which{{"--sender", "ADDRESS", "Only from this one; \"<>\": reports"},
                            {"--recipient", "ADDRESS", "Only to this one"},
                            {"--domain", "DOMAIN", "Only to this domain; local: into mailboxes here"},
                            {"--site", "HOSTS", "Only to these mail exchangers, as `queue show` names them"},
                            {"--tenant", "NAME", "Only this tenant's"}};
  commands.push_back({"queue list", "What waits", {}, which, list});
  commands.push_back({"queue show", "One message that waits", {id}, {}, show});
  which.push_back({"--older-than", "HOURS", "Only what was accepted so long ago"});
  which.push_back({"--all", "", "Everything"});
  which.push_back({"--yes", "", "Do it; without, the number is told and nothing changed"});
  commands.push_back({"queue retry", "Try now", {maybe_id}, which, retry});
  commands.push_back({"queue cancel", "Take messages out; nobody is told", {maybe_id}, which, cancel});
  commands.push_back({"queue suspend", "Let nothing leave the queue", {}, {}, suspend});
  commands.push_back({"queue resume", "Let it leave again, also after a restore", {}, {}, resume});
  commands.push_back({"why",
                      "A message's history, and the reason of each decision",
                      {{"ID", "Queue id or Message-ID"}},
                      {},
                      why});
}

}  // namespace postroad::app
