// The reference: what must become of every message, in the plainest words there are. It sees what the outside
// world sees (mail offered and answered, recipients named to hosts, copies taken, commits that are durable)
// and says what is wrong as soon as it is wrong. It shares no code with the product.
//
// For each accepted (message, recipient) there is one fate in the end: delivered, its sender told that it
// failed (unless he asked not to be, or there is none), or cancelled.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace postroad::simulation {

using Moment = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

class Model {
 public:
  using Minutes = std::chrono::minutes;
  using Seconds = std::chrono::seconds;
  // DESIGN §3.9, RFC 5321 §4.5.4.1; the product's own table is elsewhere.
  const std::vector<Minutes> waits{Minutes(1),  Minutes(5),   Minutes(15), Minutes(30),
                                   Minutes(60), Minutes(120), Minutes(240)};
  const Minutes give_up{5 * 24 * 60}, tell_delay{4 * 60};

  struct Asked {  // of one recipient: which reports the sender wants (RFC 3461 §4.1)
    bool failure = true, delay = true, success = false;
  };
  struct Place {  // in the queue
    Moment due;
    unsigned attempts = 0;
  };
  struct Recipient {
    Asked asked;
    std::optional<Place> place{};  // as far as it is durable
    std::string fate;              // "": open; "delivered", "failed", "cancelled"
    unsigned copies = 0, failures = 0, delays = 0;
    bool unrecorded = false;    // a copy was taken and the sender of it knows, or could know
    bool server_tells = false;  // that copy's server does DSN itself
    bool refused = false;       // somebody said no for good
    Moment tried{};
  };
  enum class Answer { None, Accepted, Refused };
  struct Message {
    Moment accepted{}, release{};
    bool has_sender = true;
    std::string sender{};  // whom reports go to
    Answer answer = Answer::None;
    std::map<std::string, Recipient> to;
  };
  struct Change {
    std::string message, address;
    std::optional<Place> now;  // nothing: it has left the queue
  };
  struct Report {
    std::string about, address, action;
  };

  explicit Model(std::function<void(std::string)> wrong) : wrong_(std::move(wrong)) {}

  // --- What happens ----------------------------------------------------------------------------------------

  void offered(const std::string& id, Message message) { messages[id] = std::move(message); }

  void answered(const std::string& id, bool yes) {
    Message& m = messages.at(id);
    m.answer = yes ? Answer::Accepted : Answer::Refused;
    for (const auto& [address, r] : m.to)
      if (yes != (r.place || !r.fate.empty()))
        wrong(id, address, yes ? "was accepted and is not durable" : "was refused and is in the queue");
  }

  // One commit: all of it became durable at once.
  void committed(Moment now, const std::vector<Change>& changes, const std::vector<Report>& reports) {
    std::set<std::pair<std::string, std::string>> failed, relayed;
    for (const Report& report : reports) {
      const auto m = messages.find(report.about);
      if (m == messages.end() || !m->second.to.contains(report.address))
        return wrong(report.about, report.address, "is reported on and nobody knows it");
      Recipient& r = m->second.to.at(report.address);
      if (!m->second.has_sender) wrong(report.about, report.address, "is reported on and has no sender");
      if (report.action == "failed") {
        failed.insert({report.about, report.address});
        if (++r.failures > 1) wrong(report.about, report.address, "was reported as failed twice");
        if (!r.asked.failure) wrong(report.about, report.address, "is reported as failed against its wish");
      } else if (report.action == "delayed") {
        if (++r.delays > 1) wrong(report.about, report.address, "was reported as delayed twice");
        if (!r.asked.delay) wrong(report.about, report.address, "is reported as delayed against its wish");
        if (now - m->second.accepted < tell_delay) wrong(report.about, report.address, "is no delay yet");
        if (!r.place) wrong(report.about, report.address, "is reported as delayed and does not wait");
      } else if (report.action == "relayed") {
        relayed.insert({report.about, report.address});
        if (!r.asked.success) wrong(report.about, report.address, "is reported as relayed against its wish");
      } else {
        wrong(report.about, report.address, "is reported as " + report.action);
      }
    }
    for (const Change& change : changes) {
      const auto m = messages.find(change.message);
      if (m == messages.end() || !m->second.to.contains(change.address))
        return wrong(change.message, change.address, "is in the queue and nobody offered it");
      const std::pair key{change.message, change.address};
      Recipient& r = m->second.to.at(change.address);
      if (change.now)
        placed(change, m->second, r, now);
      else
        left(change, m->second, r, now, failed.contains(key), relayed.contains(key));
      failed.erase(key), relayed.erase(key);
    }
    for (const auto& [id, address] : failed) wrong(id, address, "is reported as failed and stays");
    for (const auto& [id, address] : relayed) wrong(id, address, "is reported as relayed and stays");
  }

  // A host was asked to take it.
  void tried(Moment now, const std::string& id, const std::string& address) {
    Recipient* r = find(id, address);
    if (!r) return;
    if (!r->fate.empty()) return wrong(id, address, "is tried after it was " + r->fate);
    if (!r->place) return wrong(id, address, "is tried and not in the queue");
    if (now < r->place->due) wrong(id, address, "is tried before it is due");
    r->tried = now;
  }
  // No for good, to whatever waits for that address (only a report shares it with another).
  void refused_for_good(const std::string& address) {
    for (auto& [id, m] : messages)
      if (const auto r = m.to.find(address); r != m.to.end()) r->second.refused = true;
  }
  void message_refused(const std::string& id) {
    if (const auto m = messages.find(id); m != messages.end())
      for (auto& [address, r] : m->second.to) r.refused = true;
  }
  // The name servers say that it takes no mail; who asks again soon may go by that.
  void domain_refused(Moment now, const std::string& domain) { refused_domains_[domain] = now + Seconds(10); }
  // A host has it. `unheard`: its answer does not arrive (RFC 1047).
  void copied(Moment now, const std::string& id, const std::string& address, bool unheard,
              bool server_tells) {
    tried(now, id, address);
    Recipient* r = find(id, address);
    if (!r) return;
    if (r->unrecorded) wrong(id, address, "is delivered twice, and no answer was lost");
    ++r->copies;
    r->unrecorded = !unheard;
    r->server_tells = server_tells;
  }
  // By a session whose client is dead: killed() has excused it.
  void copied_late(const std::string& id, const std::string& address) {
    if (Recipient* r = find(id, address)) ++r->copies;
  }
  void astray(const std::string& address, const std::string& host) {
    wrong("mail", address, "goes to " + host);
  }
  void altered(const std::string& id) {
    wrong(id, "everybody", "arrived with other octets than it was kept with");
  }
  void command(const std::string& which, bool begins) {  // "retry", or "cancel ID ADDRESS"
    if (begins)
      commands_.insert(which);
    else if (const auto it = commands_.find(which); it != commands_.end())
      commands_.erase(it);
  }
  void killed() {
    commands_.clear();
    for (auto& [id, m] : messages)
      for (auto& [address, r] : m.to) r.unrecorded = false;
  }

  // --- What must not fail to happen -----------------------------------------------------------------------

  // `well`: since when has nothing stood in the way of mail to that address? Nothing may wait longer than
  // `bound` then.
  void look(Moment now, Moment all_well, Seconds bound,
            const std::function<Moment(const std::string& address)>& well) {
    for (auto& [id, m] : messages)
      for (auto& [address, r] : m.to) {
        if (!r.place) continue;
        const Moment due = r.place->due;
        if (now - std::max(due, all_well) > bound && now - std::max(due, well(address)) > bound)
          wrong(id, address, "is due and forgotten");
        if (now - std::max({m.accepted + give_up, m.release, all_well}) > bound)
          wrong(id, address, "should have expired");
      }
  }

  void finish() {
    for (auto& [id, m] : messages)
      for (auto& [address, r] : m.to)
        if (r.place || (m.answer == Answer::Accepted && r.fate.empty()))
          wrong(id, address, "has no fate in the end");
  }

  std::map<std::string, Message> messages;

 private:
  void placed(const Change& change, const Message& m, Recipient& r, Moment now) {
    const Place& next = *change.now;
    const auto say = [&](std::string what) { wrong(change.message, change.address, std::move(what)); };
    if (!r.fate.empty()) return say("comes back after it was " + r.fate);
    if (!r.place) {
      if (m.answer == Answer::Refused) say("was refused and comes into the queue");
      if (next.due < m.release) say("is due before its release");
    } else if (next.attempts == r.place->attempts) {
      if (next.due != r.place->due && !commands_.contains("retry")) say("is due at another time, untried");
      if (next.due != r.place->due && next.due > now) say("was to be tried now and is not due");
    } else if (next.attempts == r.place->attempts + 1) {
      const Minutes wait = waits[std::min<std::size_t>(next.attempts, waits.size()) - 1];
      const Moment last = m.accepted + give_up;
      if (next.due != last && next.due < std::max(r.place->due, r.tried) + wait)
        say("is tried again too early");
      // Whoever hears of an attempt after four hours is told of the delay.
      if (m.has_sender && r.asked.delay && r.delays == 0 && next.due != last &&
          next.due - wait - m.accepted >= tell_delay)
        say("is delayed and its sender does not hear of it");
      if (next.due > std::min(now + wait, last)) say("is tried again too late");
      if (r.unrecorded) say("was delivered and is to be tried again");
    } else {
      say("has lost count of its attempts");
    }
    r.place = next;
  }

  void left(const Change& change, const Message& m, Recipient& r, Moment now, bool failed, bool relayed) {
    const auto say = [&](std::string what) { wrong(change.message, change.address, std::move(what)); };
    const bool expired = now - m.accepted >= give_up;
    const auto domain = refused_domains_.find(change.address.substr(change.address.find('@') + 1));
    const bool refused = r.refused || (domain != refused_domains_.end() && domain->second >= r.place->due);
    r.place.reset();
    const bool heard = std::exchange(r.unrecorded, false);
    if (failed) {
      if (heard) say("is reported as failed and was delivered");
      if (!refused && !expired) say("failed, and nobody said no");
      r.fate = "failed";
    } else if (r.copies > 0) {
      r.fate = "delivered";
      if (m.has_sender && r.asked.success && heard && !r.server_tells && !relayed)
        say("was to be reported as relayed");
    } else if (commands_.contains("cancel " + change.message + " " + change.address)) {
      r.fate = "cancelled";
    } else if ((refused || expired) && (!m.has_sender || !r.asked.failure)) {
      r.fate = "failed";
    } else {
      say("leaves the queue, neither delivered nor reported");
    }
  }

  Recipient* find(const std::string& id, const std::string& address) {
    const auto m = messages.find(id);
    if (m != messages.end())
      if (const auto r = m->second.to.find(address); r != m->second.to.end()) return &r->second;
    wrong(id, address, "was sent and nobody offered it");
    return nullptr;
  }
  void wrong(const std::string& id, const std::string& address, const std::string& what) {
    wrong_(id + " to " + address + " " + what);
  }

  std::function<void(std::string)> wrong_;
  std::multiset<std::string> commands_;
  std::map<std::string, Moment> refused_domains_;
};

}  // namespace postroad::simulation
