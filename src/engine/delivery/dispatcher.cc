#include "delivery/dispatcher.h"

#include <algorithm>

#include "net/sleep.h"
#include "net/wait_for.h"

namespace postroad::delivery {
namespace {

constexpr std::size_t most_together = 500;  // recipients of a message that go to a line at once
constexpr std::size_t most_refusals = 10'000;

// What an outcome says of the site, not of message or recipient.
std::optional<egress::Feedback> feedback(const Outcome& outcome) {
  if (outcome.fate != Outcome::Fate::Deferred) return std::nullopt;
  switch (verdict_of(outcome).reaction) {
    case Reaction::SlowDown: return egress::Feedback::Slowed;
    case Reaction::Pause: return egress::Feedback::Blocked;
    default: return std::nullopt;
  }
}

}  // namespace

Dispatcher::Dispatcher(queue::Outgoing& outgoing, const directory::Directory& directory, Local& local,
                       Courier& courier, egress::Pacing& pacing, store::Store& store, const Clock& clock,
                       Random& random, DispatcherOptions options)
    : outgoing_(outgoing),
      directory_(directory),
      local_(local),
      courier_(courier),
      pacing_(pacing),
      store_(store),
      clock_(clock),
      random_(random),
      options_(std::move(options)) {}

Dispatcher::~Dispatcher() { pacing_.leave(*this); }

net::task<void> Dispatcher::run() {
  core_ = &net::Core::here();
  net::TaskGroup group(*core_, [](std::exception_ptr error) { std::rethrow_exception(error); });
  group_ = &group;
  try {
    for (;;) {
      while (jobs_ >= options_.most_jobs || troubled_ > 0) co_await room_;
      queue::Job job = co_await outgoing_.next();
      if (job.overdue) {
        ++jobs_;
        group.spawn(give_notice(std::move(job)));
      } else if (job.entry.domain.empty()) {
        ++jobs_;
        group.spawn(deliver(std::move(job)));
      } else {
        // One at a time until it is known whether the site may have another line: else all that waits for
        // it would be taken, and put back.
        outgoing_.pause(outgoing_.site_of(job.entry.domain), true);
        Jobs jobs = co_await with_siblings(std::move(job));
        ++jobs_;
        group.spawn(send(std::move(jobs)));
      }
    }
  } catch (const net::Cancelled&) {
    group.cancel();
  }
  co_await group.join();
  group_ = nullptr;
}

// A place among those that work at once.
class Dispatcher::Place {
 public:
  explicit Place(Dispatcher& of) : of_(of) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    --of_.jobs_;
    of_.room_.notify();
  }

 private:
  Dispatcher& of_;
};

net::task<void> Dispatcher::deliver(queue::Job job) {
  const Place place(*this);
  Attempt attempt;
  for (const queue::Step& step : job.entry.steps)
    attempt.outcomes.push_back(co_await local_.deliver(*job.message, step));
  co_await finish(std::move(job), std::move(attempt));
}

// It waits behind others whose site takes nothing: what the site said to them holds for it too.
net::task<void> Dispatcher::give_notice(queue::Job job) {
  const Place place(*this);
  const auto it = refusals_.find(outgoing_.site_of(job.entry.domain));
  Refusal why{.outcome = {.fate = Outcome::Fate::Deferred,
                          .cause = Cause::NoHostAnswered,
                          .reply = {451, {4, 4, 1}, "The site takes no mail from us at present"}},
              .contact = {}};
  if (it != refusals_.end()) why = it->second;
  Jobs jobs;
  jobs.push_back(std::move(job));
  co_await finish_all(std::move(jobs), std::move(why));
}

// --- To a site ---------------------------------------------------------------------------------------------

void Dispatcher::may_ask(const std::string& site) {
  core_->post([this, site] { outgoing_.open(site); });
}

void Dispatcher::try_now(std::set<std::string> sites) {
  if (!core_) return;
  core_->post([this, sites = std::move(sites)] {
    for (const std::string& site : sites)
      if (reopening_.contains(site)) outgoing_.open(site);
  });
}

net::task<void> Dispatcher::open_at(std::string site, Instant when) {
  if (!reopening_.insert(site).second) co_return;  // somebody sees to it
  co_await net::sleep_until(when);
  reopening_.erase(site);
  outgoing_.open(site);
}

// While it lives nothing more is taken for a site.
class Dispatcher::Deciding {
 public:
  Deciding(queue::Outgoing& outgoing, std::string site) : outgoing_(outgoing), site_(std::move(site)) {}
  Deciding(const Deciding&) = delete;
  Deciding& operator=(const Deciding&) = delete;
  ~Deciding() { done(); }
  void done() {
    if (!std::exchange(over_, true)) outgoing_.pause(site_, false);
  }

 private:
  queue::Outgoing& outgoing_;
  const std::string site_;
  bool over_ = false;
};

net::task<Dispatcher::Jobs> Dispatcher::with_siblings(queue::Job job) {
  const std::string site = outgoing_.site_of(job.entry.domain);
  Jobs jobs = co_await outgoing_.siblings(job, site, most_together);
  jobs.insert(jobs.begin(), std::move(job));
  co_return jobs;
}

// What was of one site a moment ago may be of two by now: only what goes the way of the first stays with it,
// the others wait for a turn of their own. `site`: of the first; empty: there is no way for its domain, which
// says nothing of the others.
net::task<void> Dispatcher::keep_together(Jobs& jobs, std::string site) {
  for (auto other = std::next(jobs.begin()); other != jobs.end();) {
    bool together = other->entry.domain == jobs.front().entry.domain;
    if (!together && !site.empty()) {
      const auto way = co_await courier_.router().find(other->entry.domain);
      together = way && (*way)->site == site;
      if (way && !together) outgoing_.regroup(other->entry.domain, (*way)->site);
    }
    if (together) {
      ++other;
      continue;
    }
    outgoing_.put_back(std::move(*other));
    other = jobs.erase(other);
  }
}

net::task<void> Dispatcher::finish_all(Jobs jobs, Refusal refusal) {
  for (queue::Job& job : jobs) {
    Attempt attempt{std::vector<Outcome>(job.entry.steps.size(), refusal.outcome), refusal.contact};
    co_await finish(std::move(job), std::move(attempt));
  }
}

// A line that waits for work gets it; else, if the site's pace permits, there is a new one; else the jobs
// wait with all others of their site.
net::task<void> Dispatcher::send(Jobs jobs) {
  const Place place(*this);
  Deciding deciding(outgoing_, outgoing_.site_of(jobs.front().entry.domain));
  const auto found = co_await courier_.router().find(jobs.front().entry.domain);
  co_await keep_together(jobs, found ? (*found)->site : std::string());
  if (!found) {
    deciding.done();
    co_await finish_all(std::move(jobs), {.outcome = found.error(), .contact = {}});
    co_return;
  }
  const RoutePtr route = *found;
  const std::string& site = route->site;
  outgoing_.regroup(jobs.front().entry.domain, site);
  if (const auto idle = idle_.find(site); idle != idle_.end()) {
    Idle& line = *idle->second.back();
    idle->second.pop_back();
    if (idle->second.empty()) idle_.erase(idle);
    line.jobs = std::move(jobs);
    line.called.notify();
    co_return;
  }
  auto answer =
      pacing_.ask(site, route->hosts.empty() ? std::string_view() : route->hosts.front().name, *this);
  if (auto* permit = std::get_if<egress::Permit>(&answer)) {
    deciding.done();
    co_await work(route, std::move(*permit), std::move(jobs));
    co_return;
  }
  outgoing_.close(site);
  for (queue::Job& job : jobs) outgoing_.put_back(std::move(job));
  if (const auto* wait = std::get_if<egress::Wait>(&answer)) group_->spawn(open_at(site, wait->until));
}

// One line from its opening to its end, with whatever the site has for it.
net::task<void> Dispatcher::work(RoutePtr route, egress::Permit permit, Jobs jobs) {
  const std::string& site = route->site;
  auto opened = co_await courier_.open(route);
  if (!opened) {
    if (opened.error().outcome.fate == Outcome::Fate::Deferred) {
      permit.told(egress::Feedback::NoAnswer);
      outgoing_.doubt(site, true);
      if (refusals_.size() < most_refusals) refusals_[site] = opened.error();
    }
    co_await finish_all(std::move(jobs), std::move(opened.error()));
    co_return;
  }
  std::unique_ptr<Line> line = std::move(*opened);
  permit.connected();
  outgoing_.doubt(site, false);
  refusals_.erase(site);

  while (!jobs.empty()) {
    if (const Instant turn = permit.take_turn(); turn > core_->now()) co_await net::sleep_until(turn);
    co_await carry(line, permit, std::move(jobs));
    while (troubled_ > 0) co_await net::sleep_for(1s);  // C8
    if (!line || !line->usable() || permit.messages_left() == 0) break;
    jobs = co_await next_jobs(site);
  }
  if (line) co_await line->quit();
}

// More for the site, waiting a little for it; none: the line may end.
net::task<Dispatcher::Jobs> Dispatcher::next_jobs(const std::string& site) {
  for (bool waited = false;;) {
    while (auto job = co_await outgoing_.next_for(site)) {
      // Its domain may have moved elsewhere meanwhile.
      const auto found = co_await courier_.router().find(job->entry.domain);
      if (found && (*found)->site == site) {
        Jobs jobs = co_await outgoing_.siblings(*job, site, most_together);
        jobs.insert(jobs.begin(), std::move(*job));
        co_await keep_together(jobs, site);
        co_return jobs;
      }
      if (found) {
        outgoing_.regroup(job->entry.domain, (*found)->site);
        outgoing_.put_back(std::move(*job));
        continue;
      }
      Jobs jobs;
      jobs.push_back(std::move(*job));
      co_await finish_all(std::move(jobs), {.outcome = found.error(), .contact = {}});
    }
    if (waited || jobs_ >= options_.most_jobs) co_return Jobs{};
    Idle idle;
    idle_[site].push_back(&idle);
    const Listed listed{*this, site, idle};
    outgoing_.open(site);  // here is somebody for it
    co_await net::wait_for(idle.called, options_.linger);
    if (!idle.jobs.empty()) co_return std::move(idle.jobs);
    waited = true;
  }
}

Dispatcher::Listed::~Listed() {
  const auto it = of.idle_.find(site);
  if (it == of.idle_.end()) return;
  std::erase(it->second, &idle);
  if (it->second.empty()) of.idle_.erase(it);
}

// Entries of one message, in one transaction.
net::task<void> Dispatcher::carry(std::unique_ptr<Line>& line, egress::Permit& permit, Jobs jobs) {
  const queue::Message& message = *jobs.front().message;
  std::vector<queue::Step> steps;
  for (const queue::Job& job : jobs)
    steps.insert(steps.end(), job.entry.steps.begin(), job.entry.steps.end());
  Attempt attempt = co_await courier_.carry(line, message, steps);
  std::optional<egress::Feedback> unease;
  bool delivered = false;
  for (const Outcome& outcome : attempt.outcomes) {
    delivered |= outcome.fate == Outcome::Fate::Delivered;
    if (const auto what = feedback(outcome)) unease = unease ? std::max(*unease, *what) : *what;
  }
  if (unease)
    permit.told(*unease);
  else if (delivered)
    permit.delivered();

  auto outcome = attempt.outcomes.begin();
  for (queue::Job& job : jobs) {
    const auto count = static_cast<std::ptrdiff_t>(job.entry.steps.size());
    Attempt part{{std::make_move_iterator(outcome), std::make_move_iterator(outcome + count)},
                 attempt.contact};
    outcome += count;
    // The line goes on while the outcome is written down; if that fails, it waits.
    group_->spawn(finish(std::move(job), std::move(part)));
  }
}

}  // namespace postroad::delivery
