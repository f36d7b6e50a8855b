#include "history.h"

#include <algorithm>
#include <map>

#include "observer.h"
#include "server.h"

namespace postroad::simulation {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class History {
 public:
  explicit History(const Settings& settings);
  Findings run();

 private:
  using Happening = std::function<void()>;
  // --- What happens ---
  void mail();
  void weather();
  void trouble();
  void command();
  void kill();
  void stop();
  void start();
  void look();
  void calm();
  void plan();
  // --- How it comes to pass ---
  bool step() { return (server_ && server_->core.step()) || world_.step(); }
  void run_until(Time end);
  void end_server();
  net::task<void> offer(queue::Submission mail, std::string body, std::string id);
  net::task<void> retry(queue::Selection which);
  net::task<void> cancel(queue::Selection which, std::vector<std::string> words);
  net::task<void> compare_counts();
  void wrong(std::string what) {
    if (!found_.violation.empty()) return;
    found_.violation = std::move(what);
    trace_("VIOLATION: {}", found_.violation);
    found_.last_lines = trace_.last();
  }

  void at(Time when, Happening what) { timeline_.emplace(when, std::move(what)); }
  void in(Duration time, Happening what) { at(now() + time, std::move(what)); }
  Time now() const { return world_.clock().now(); }
  std::uint64_t below(std::uint64_t n) { return random_.below(n); }
  bool chance(unsigned percent) { return below(100) < percent; }
  Duration up_to(Duration most) { return Duration(below(static_cast<std::uint64_t>(most.count()))); }

  const Settings settings_;
  SeededRandom random_;
  net::ManualCore world_{1};
  const Time begin_ = world_.clock().now();
  const Time end_ = begin_ + settings_.time;
  Trace trace_{world_.clock(), settings_.trace};
  Model model_{[this](std::string what) { wrong(std::move(what)); }};
  MemoryStore store_{world_, settings_.seed * 3 + 1};
  Internet internet_{world_, model_, trace_, settings_.seed * 3 + 2};
  Observer observer_{store_, model_, trace_, world_.clock(),
                     [this](std::string what) { wrong(std::move(what)); }};
  Shape shape_;
  Duration bound_ = hours(2);
  std::unique_ptr<Server> server_;
  std::multimap<Time, Happening> timeline_;
  std::uint64_t kill_in_ = 0;  // steps
  Time well_since_{};          // no kill, no trouble of the store, not held
  bool held_ = false, calm_ = false, failed_start_ = false;
  std::uint64_t messages_ = 0;
  std::size_t starts_ = 0;
  Findings found_;
};

History::History(const Settings& settings) : settings_(settings), random_(settings.seed) {
  store_.acknowledge_first = settings_.broken == Break::AcknowledgeFirst;
  store_.on_commit([this](const store::Batch& batch) { observer_.see(batch); });
  internet_.content = [this](const std::string& id) { return observer_.content(id); };
  shape_.most_connections = static_cast<std::uint32_t>(1 + below(chance(50) ? 3 : 20));
  if (chance(40)) {
    shape_.limits = {.all = 20 + below(30),
                     .lane = 2 + below(10),
                     .closed = 1 + below(4),
                     .sender = 1 + below(3),
                     .doubtful = 2 + below(5)};
    shape_.most_jobs = 10 + below(30);
    bound_ = hours(8);
  }
}

// --- A life ------------------------------------------------------------------------------------------------

void History::start() {
  if (server_) return;
  trace_("start");
  Shape shape = shape_;
  if (settings_.broken == Break::Crowd) ++shape.most_connections;
  server_ = std::make_unique<Server>(world_.manual_clock(), store_, internet_, shape, settings_.broken,
                                     settings_.seed * 1000 + ++starts_, [this](std::exception_ptr error) {
                                       try {
                                         std::rethrow_exception(error);
                                       } catch (const std::exception& what) {
                                         if (server_->ready)
                                           wrong(std::string("exception: ") + what.what());
                                         else
                                           failed_start_ = true;
                                       }
                                     });
  server_->queue.hold(held_);
  server_->working->spawn(server_->live());
}

// Destroys it where it stands.
void History::end_server() {
  ++internet_.generation;
  server_->end();
  store_.cut();
  model_.killed();
  server_.reset();
  kill_in_ = 0;
  held_ = false;
  in(up_to(chance(70) ? Duration(10s) : Duration(10min)), [this] { start(); });
}

void History::kill() {
  if (!server_) return;
  trace_("kill");
  ++found_.kills;
  end_server();
}

// In order: what is under way ends at its next wait.
void History::stop() {
  if (!server_) return;
  trace_("stop");
  ++found_.kills;
  server_->working->cancel();
  server_->asking->cancel();
  const Time latest = now() + 30min;
  while (!(server_->working->empty() && server_->asking->empty()) && now() < latest)
    if (!step()) world_.manual_clock().advance(1ms);
  if (!server_->working->empty()) wrong("a server that is stopped goes on");
  end_server();
}

void History::run_until(Time end) {
  for (std::uint64_t here = 0; found_.violation.empty();) {
    if (step()) {
      ++found_.steps;
      if (kill_in_ > 0 && --kill_in_ == 0) kill();
      if (failed_start_) {
        failed_start_ = false;
        trace_("the server does not start");
        end_server();
      }
      if (++here > 1'000'000) return wrong("runs in a circle");
      continue;
    }
    here = 0;
    Instant next = world_.next_due();
    if (server_) next = std::min(next, server_->core.next_due());
    const Instant last = world_.now() + (end - now());
    if (next > last) {
      if (end > now()) world_.manual_clock().advance(end - now());
      return;
    }
    world_.manual_clock().advance(std::max(next - world_.now(), Duration(0)));
  }
}

// --- Mail --------------------------------------------------------------------------------------------------

net::task<void> History::offer(queue::Submission mail, std::string body, std::string id) {
  auto writer = store_.new_blob(body.size());
  writer->append(body);
  const auto blob = co_await writer->finish();
  if (!blob) co_return;
  mail.id = server_->queue.next_id();
  mail.content = {
      .prefix = "Received: from here\r\n", .blob = *blob, .blob_octets = body.size(), .structure = {}};
  observer_.name(mail.id, id);
  Model::Message known{.accepted = now(), .release = mail.envelope.hold_until.value_or(now())};
  known.has_sender = !mail.envelope.reverse_path.is_null();
  known.sender = mail.envelope.reverse_path.text();
  for (const Recipient& to : mail.envelope.recipients) {
    const DsnNotify& n = to.notify;
    known.to[to.address.text()].asked = {.failure = !n.never && (!n.given() || n.failure),
                                         .delay = !n.never && (!n.given() || n.delay),
                                         .success = n.success};
  }
  found_.recipients += known.to.size();
  model_.offered(id, std::move(known));
  ++found_.messages;
  const auto answer = co_await server_->queue.accept(std::move(mail), false);
  trace_("{} is {}", id, answer ? "accepted" : "not accepted");
  if (answer || answer.error() != queue::AcceptError::Unknown) model_.answered(id, answer.has_value());
}

void History::mail() {
  if (!server_ || !server_->ready) return;
  const auto address = [&](const std::string& local, std::size_t domain) {
    return *Address::parse(local + "@" + internet_.domains[domain].name);
  };
  const std::size_t domains = internet_.domains.size();
  for (std::size_t n = chance(85) ? 1 : 2 + below(12); n > 0; --n) {
    const auto number = ++messages_;
    queue::Submission one;
    Envelope& envelope = one.envelope;
    if (!chance(12)) envelope.reverse_path = ReversePath(address(fmt::format("s{}", number), below(domains)));
    envelope.envid = fmt::format("m{}", number);
    const std::size_t to = chance(60) ? 1 : 2 + below(chance(90) ? 4 : 20);
    for (std::size_t k = 0; k < to; ++k) {
      Recipient recipient{.address = address(fmt::format("m{}r{}", number, k), below(domains))};
      switch (below(10)) {
        case 0: recipient.notify.never = true; break;
        case 1: recipient.notify.success = recipient.notify.failure = true; break;
        case 2: recipient.notify.failure = true; break;
        case 3: recipient.notify.delay = true; break;
        default: break;
      }
      envelope.recipients.push_back(std::move(recipient));
    }
    if (chance(20)) envelope.priority = static_cast<std::int8_t>(static_cast<int>(below(19)) - 9);
    if (chance(8)) envelope.hold_until = now() + up_to(end_ - now() + 1min);
    if (chance(40))
      one.origin.identity = directory::Identity{
          AccountId{1 + below(3)}, TenantId{static_cast<std::uint32_t>(1 + below(2))}, address("me", 0), {}};
    std::string body =
        fmt::format("X-Id: m{}\r\nSubject: {}\r\n\r\n.dot\r\n..\r\nbody\r\n", number, below(1000));
    if (chance(3))
      for (int k = 0; k < 40; ++k) body += std::string(900, 'y') + "\r\n";
    server_->asking->spawn(offer(std::move(one), std::move(body), fmt::format("m{}", number)));
  }
}

// --- What goes wrong ---------------------------------------------------------------------------------------

void History::weather() {
  if (chance(10)) return internet_.move_domain();
  const auto mend = internet_.worsen();
  const Duration time = chance(50)   ? 1min + up_to(1h)
                        : chance(60) ? 1h + up_to(12h)
                                     : 12h + up_to(hours(6 * 24));
  in(time, [this, mend] { internet_.mend(mend); });
}

void History::trouble() {
  MemoryStore::Trouble& now_is = store_.trouble;
  switch (below(4)) {
    case 0:
      now_is.tight = true;
      in(10min + up_to(3h), [&] { now_is.tight = false; });
      break;
    case 1:
      now_is.away = true;
      in(1min + up_to(30min), [&] { now_is.away = false; });
      break;
    case 2:
      now_is.stall = true;
      in(1min + up_to(1h), [&] { now_is.stall = false; });
      break;
    case 3:
      now_is.fail_next = true;
      in(5min + up_to(2h), [this] { kill(); });
      break;
  }
  trace_("store: tight {} away {} stall {} fail {}", now_is.tight, now_is.away, now_is.stall,
         now_is.fail_next);
}

net::task<void> History::retry(queue::Selection which) {
  model_.command("retry", true);
  const auto done = co_await server_->queue.retry(std::move(which));
  model_.command("retry", false);
  trace_("retry: {} entries, {} busy", done.entries, done.busy);
}

net::task<void> History::cancel(queue::Selection which, std::vector<std::string> words) {
  for (const std::string& word : words) model_.command(word, true);
  const auto done = co_await server_->queue.cancel(std::move(which));
  for (const std::string& word : words) model_.command(word, false);
  trace_("cancel: {} entries, {} busy", done.entries, done.busy);
}

void History::command() {
  if (!server_ || !server_->ready) return;
  ++found_.commands;
  const auto waiting = observer_.waiting();
  queue::Selection which;
  if (!waiting.empty() && chance(80)) which.id = waiting[below(waiting.size())];
  switch (below(5)) {
    case 0:
    case 1: return server_->asking->spawn(retry(std::move(which)));
    case 2:
    case 3: {
      if (!which.id) return;
      const std::string id = observer_.name(*which.id);
      std::vector<std::string> words;
      const auto& to = model_.messages.at(id).to;
      const auto one = std::next(to.begin(), static_cast<std::ptrdiff_t>(below(to.size())))->first;
      const bool only = chance(50);
      for (const auto& [address, r] : to)
        if (!only || address == one) words.push_back("cancel " + id + " " + address);
      if (only) which.step = [one](const queue::Step& step) { return step.address.text() == one; };
      return server_->asking->spawn(cancel(std::move(which), std::move(words)));
    }
    default:
      trace_("hold");
      held_ = true;
      server_->queue.hold(true);
      in(1min + up_to(3h), [this] {
        held_ = false;
        trace_("release");
        if (server_) server_->queue.hold(false);
      });
  }
}

// --- What must hold ----------------------------------------------------------------------------------------

net::task<void> History::compare_counts() {
  const queue::Counts counts = co_await server_->queue.counts();
  if (!store_.idle() || store_.failed()) co_return;
  if (counts.entries != observer_.entries() || counts.messages != observer_.waiting().size())
    wrong(fmt::format("the queue counts {} entries of {} messages, there are {} of {}", counts.entries,
                      counts.messages, observer_.entries(), observer_.waiting().size()));
  if (counts.loaded > shape_.limits.all + server_->dispatcher.jobs() * 24)
    wrong(fmt::format("{} entries in memory", counts.loaded));
}

void History::look() {
  if (!server_ || !server_->ready || held_ || store_.trouble.tight || store_.trouble.away ||
      store_.trouble.stall || store_.trouble.fail_next || store_.failed())
    well_since_ = now();
  model_.look(now(), well_since_, std::chrono::duration_cast<std::chrono::seconds>(bound_),
              [this](const std::string& address) { return internet_.well(address); });
  for (std::size_t c = 0; c < internet_.clusters.size(); ++c)
    if (internet_.clusters[c].most_open > shape_.most_connections)
      wrong(fmt::format("site {} has had {} connections, {} are permitted", c,
                        internet_.clusters[c].most_open, shape_.most_connections));
  if (server_ && server_->ready) {
    if (server_->dispatcher.jobs() > shape_.most_jobs)
      wrong(fmt::format("{} jobs, {} are permitted", server_->dispatcher.jobs(), shape_.most_jobs));
    server_->asking->spawn(compare_counts());
  }
  in(10min, [this] { look(); });
}

// The end of all trouble.
void History::calm() {
  trace_("calm");
  calm_ = true;
  internet_.mend_all();
  store_.trouble = {};
  if (store_.failed()) kill();
  held_ = false;
  if (server_) server_->queue.hold(false);
}

void History::plan() {
  const auto some = [&](Duration every, void (History::*what)()) {
    for (Time when = begin_ + up_to(2 * every); when < end_; when += 1s + up_to(2 * every))
      at(when, [this, what] { (this->*what)(); });
  };
  const auto days = std::max(1.0, static_cast<double>(settings_.time.count()) / 86'400e6);
  const auto every = [&](unsigned least, unsigned most) {  // so many in the whole time
    return Duration(
        static_cast<std::int64_t>(days * 86'400e6 / static_cast<double>(least + below(most - least + 1))));
  };
  some(every(5, chance(10) ? 200 : 40), &History::mail);
  some(every(2, 20), &History::weather);
  some(every(1, 8), &History::command);
  if (chance(60)) some(every(1, 6), &History::trouble);
  if (chance(20)) some(every(1, 3), &History::stop);
  if (chance(80))
    for (std::uint64_t n = below(8); n > 0; --n) {
      // Most kills come when something happens, and none knows at which step.
      const Time when = begin_ + up_to(end_ - begin_);
      if (chance(70)) at(when - 1ms, [this] { mail(); });
      at(when, [this] { kill_in_ = 1 + below(chance(50) ? 30 : 500); });
    }
  at(begin_ + 1s, [this] { mail(); });
  at(begin_ + 10min, [this] { look(); });
  at(end_, [this] { calm(); });
}

Findings History::run() {
  plan();
  start();
  const Time last = end_ + hours(10) + bound_;
  const auto waits = [&] {
    return std::ranges::any_of(model_.messages, [](const auto& m) {
      return std::ranges::any_of(m.second.to, [](const auto& r) { return r.second.place.has_value(); });
    });
  };
  while (found_.violation.empty() && now() < last && !timeline_.empty()) {
    const auto next = timeline_.begin();
    const Time when = std::max(next->first, now());
    if (when > end_ + 10min && !waits()) break;
    const Happening what = std::move(next->second);
    timeline_.erase(next);
    if (calm_) kill_in_ = 0;
    run_until(when);
    if (found_.violation.empty()) what();
  }
  if (found_.violation.empty()) run_until(now() + 15min);  // lines say goodbye
  if (found_.violation.empty()) {
    model_.finish();
    if (server_ && server_->dispatcher.jobs() > 0) wrong("jobs are left, and no mail");
    if (const auto keys = store_.keys_in(store::Realm::Queue); !keys.empty())
      wrong("keys are left in the queue");
    if (store_.blobs() > 0) wrong(fmt::format("{} bodies are left in the store", store_.blobs()));
  }
  found_.hash = trace_.hash();
  found_.copies = internet_.copies, found_.unheard = internet_.unheard, found_.faults = internet_.faults;
  found_.sessions = internet_.sessions, found_.reports = observer_.reports;
  found_.commits = store_.commits, found_.refused = store_.refused;
  found_.simulated = now() - begin_;
  return found_;
}

}  // namespace

Findings run(const Settings& settings) { return History(settings).run(); }

}  // namespace postroad::simulation
