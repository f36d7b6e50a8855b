#include "observer.h"

#include "base/ascii.h"

namespace postroad::simulation {
namespace {

// The values of a field that stands at the beginning of lines, in order.
std::string value_of(std::string_view line, std::string_view field) {
  if (!line.starts_with(field)) return {};
  return std::string(line.substr(field.size()));
}

}  // namespace

// A report that has come into the queue: a message of its own, and news about others.
void Observer::take_in(const queue::Message& message, std::vector<Model::Report>& news) {
  const std::string& text = store_.blob(message.content.blob);
  std::string about, address, id;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find("\r\n", at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 2;
    if (line.starts_with("Content-Type: message/rfc822") || line.starts_with("Content-Type: text/rfc822"))
      break;  // what follows is the message that it is about
    if (auto v = value_of(line, "Message-ID: <"); !v.empty() && id.empty()) id = v.substr(0, v.size() - 1);
    if (auto v = value_of(line, "Original-Envelope-Id: "); !v.empty()) about = v;
    if (auto v = value_of(line, "Final-Recipient: rfc822; "); !v.empty()) address = v;
    if (auto v = value_of(line, "Action: "); !v.empty()) news.push_back({about, address, v});
  }
  if (news.empty()) wrong_("a report names nobody");
  ++reports;
  names_[message.id] = id;
  Model::Message mail{.accepted = message.accepted, .release = message.accepted, .has_sender = false};
  const auto cause = model_.messages.find(about);
  if (cause == model_.messages.end()) return wrong_("a report is about nothing we know: " + about);
  mail.to[cause->second.sender] = {};
  model_.offered(id, std::move(mail));
}

void Observer::see(const store::Batch& batch) {
  if (batch.partition().realm != store::Realm::Queue) return;
  struct Was {
    std::map<std::string, std::optional<Model::Place>> now;
  };
  std::map<QueueId, Was> touched;
  std::vector<Model::Report> news;
  std::set<QueueId> ended;
  const auto forget = [&](const std::string& key) {
    const auto it = entries_.find(key);
    if (it == entries_.end()) return;
    const QueueId id = queue::read_entry_key(key)->second.id;
    for (const std::string& address : it->second.addresses) touched[id].now.try_emplace(address);
    of_[id].erase(key);
    entries_.erase(it);
  };
  for (std::size_t at = 0; const auto op = batch.operation(at);) {
    if (op->kind == store::Batch::Kind::Put && op->key.front() == 'm') {
      const auto message = queue::read_message(op->value);
      if (!message) return wrong_("a message's record cannot be read");
      messages_.insert(message->id);
      if (message->report) take_in(*message, news);
      contents_[names_.at(message->id)] = message->content.prefix + store_.blob(message->content.blob);
    } else if (op->kind == store::Batch::Kind::Remove && op->key.front() == 'm') {
      for (const QueueId id : messages_)
        if (queue::message_key(id) == op->key) ended.insert(id);
    } else if (op->kind == store::Batch::Kind::Remove && op->key.front() == 'e') {
      forget(std::string(op->key));
    }
  }
  for (std::size_t at = 0; const auto op = batch.operation(at);) {
    if (op->kind != store::Batch::Kind::Put || op->key.front() != 'e') continue;
    const std::string key(op->key);
    const auto entry = queue::read_entry(key, op->value);
    if (!entry) return wrong_("an entry's record cannot be read");
    forget(key);
    Kept kept{.addresses = {}, .place = {entry->due, entry->attempts}};
    for (const queue::Step& step : entry->steps) {
      kept.addresses.push_back(step.address.text());
      touched[entry->id].now[step.address.text()] = kept.place;
    }
    entries_[key] = std::move(kept);
    of_[entry->id].insert(key);
  }
  std::vector<Model::Change> changes;
  for (auto& [id, was] : touched)
    for (auto& [address, place] : was.now) {
      if (place)
        trace_("queue: {} to {} is due in {} s, attempts {}", names_.at(id), address,
               std::chrono::floor<std::chrono::seconds>(place->due - clock_.now()).count(), place->attempts);
      else
        trace_("queue: {} to {} leaves", names_.at(id), address);
      changes.push_back({names_.at(id), address, place});
    }
  for (const Model::Report& report : news)
    trace_("queue: a report says that {} to {} is {}", report.about, report.address, report.action);
  model_.committed(clock_.now(), changes, news);
  for (const QueueId id : ended) {
    messages_.erase(id);
    if (!of_[id].empty()) wrong_(names_.at(id) + " ends before its entries");
    of_.erase(id);
  }
  for (const auto& [id, was] : touched)
    if (const auto it = of_.find(id); it != of_.end() && (it->second.empty() || !messages_.contains(id)))
      wrong_(names_.at(id) +
             (messages_.contains(id) ? " stays without entries" : " has entries and no message"));
}

std::vector<QueueId> Observer::waiting() const { return {messages_.begin(), messages_.end()}; }

}  // namespace postroad::simulation
