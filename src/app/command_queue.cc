// queue and why.
#include <fmt/format.h>

#include "app/cli.h"
#include "app/console.h"

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
                                                            {"domain", given.get("--domain")}}));
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
int retry(Console& console, const Given& given) {
  const auto id = given.find("ID"), domain = given.find("--domain");
  if (int(id.has_value()) + int(domain.has_value()) + int(given.has("--all")) != 1)
    throw Failure{wrong_usage, "say what to try now: an ID, --domain DOMAIN or --all"};
  const auto answer =
      id ? console.ask(Method::Post, "/api/v1/queue/" + segment(*id) + "/retry", json::object{})
         : console.ask(Method::Post, "/api/v1/queue/retry", json::object{{"domain", domain.value_or("")}});
  return console.show(
      answer, [](const json::value& value) { fmt::print("{} due now\n", plain(value.at("retried"))); });
}
int cancel(Console& console, const Given& given) {
  console.ask(Method::Delete, "/api/v1/queue/" + segment(given.get("ID")));
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
  const Option domain{"--domain", "DOMAIN", "Only to this domain; local: into mailboxes here"};
  commands.push_back({"queue list",
                      "What waits",
                      {},
                      {{"--sender", "ADDRESS", "Only from this one; \"<>\": reports"},
                       {"--recipient", "ADDRESS", "Only to this one"},
                       domain},
                      list});
  commands.push_back({"queue show", "One message that waits", {id}, {}, show});
  commands.push_back({"queue retry",
                      "Try now",
                      {{"ID", "The queue id", Argument::Count::Optional}},
                      {{"--domain", "DOMAIN", "All that goes there"}, {"--all", "", "Everything"}},
                      retry});
  commands.push_back({"queue cancel", "Take a message out; nobody is told", {id}, {}, cancel});
  commands.push_back({"queue suspend", "Let nothing leave the queue", {}, {}, suspend});
  commands.push_back({"queue resume", "Let it leave again, also after a restore", {}, {}, resume});
  commands.push_back({"why",
                      "A message's history, and the reason of each decision",
                      {{"ID", "Queue id or Message-ID"}},
                      {},
                      why});
}

}  // namespace postroad::app
