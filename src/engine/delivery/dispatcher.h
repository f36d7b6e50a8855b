// The dispatcher: takes jobs out of the queue, has them carried, and settles what came of them. One per core.
//
// A line to a site stays open while the site has work for it, and a little longer; it carries what is for any
// domain of the site, and all recipients of a message there in one transaction. How many lines there are, and
// when, is egress's affair: a site that may have no more is closed in the queue until it may.
//
// If the store does not record outcomes, delivery pauses (C8): what the other side has taken must not be sent
// twice.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "delivery/courier.h"
#include "delivery/local.h"
#include "delivery/report.h"
#include "egress/pacing.h"
#include "net/task_group.h"
#include "queue/outgoing.h"

namespace postroad::delivery {

struct DispatcherOptions {
  std::string our_name;
  queue::RetryPolicy retry{};
  std::size_t most_jobs = 1000;        // at once, on this core
  std::chrono::seconds linger{2};      // a line waits for another job
  std::size_t most_returned = 50'000;  // octets of a message in a report on it (attack 66)
};

class Dispatcher final : private egress::Asker {
 public:
  Dispatcher(queue::Outgoing& outgoing, const directory::Directory& directory, Local& local, Courier& courier,
             egress::Pacing& pacing, store::Store& store, const Clock& clock, Random& random,
             DispatcherOptions options);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;
  // Until cancelled; then waits for what is under way to end at its next wait. On its core.
  net::task<void> run();

  // Any thread: somebody says that these sites are to be tried now, whatever they answered last.
  void try_now(std::set<std::string> sites);

  std::size_t jobs() const { return jobs_; }

 private:
  class Place;
  class Deciding;
  struct Idle {  // a line that waits
    net::Signal called;
    std::vector<queue::Job> jobs;
  };
  struct Listed {  // among those that wait, as long as it lives
    Dispatcher& of;
    const std::string& site;
    Idle& idle;
    ~Listed();
  };
  net::task<void> deliver(queue::Job job);
  net::task<void> give_notice(queue::Job job);
  // Jobs: entries of one message for one site.
  using Jobs = std::vector<queue::Job>;
  net::task<void> send(Jobs jobs);
  net::task<void> work(RoutePtr route, egress::Permit permit, Jobs jobs);
  net::task<Jobs> next_jobs(const std::string& site);
  net::task<Jobs> with_siblings(queue::Job job);
  net::task<void> keep_together(Jobs& jobs, std::string site);
  net::task<void> finish_all(Jobs jobs, Refusal refusal);
  net::task<void> carry(std::unique_ptr<Line>& line, egress::Permit& permit, Jobs jobs);
  net::task<void> open_at(std::string site, Instant when);
  void may_ask(const std::string& site) override;

  // settling.cc
  net::task<void> finish(queue::Job job, Attempt attempt);
  net::task<std::optional<queue::NewMail>> report(const queue::Job& job, std::vector<Told> told,
                                                  const Contact& contact,
                                                  std::unique_ptr<store::BlobWriter>& keep);
  net::task<std::string> read_original(const queue::Message& message, bool whole, bool& complete);

  queue::Outgoing& outgoing_;
  const directory::Directory& directory_;
  Local& local_;
  Courier& courier_;
  egress::Pacing& pacing_;
  store::Store& store_;
  const Clock& clock_;
  Random& random_;
  const DispatcherOptions options_;
  net::Core* core_ = nullptr;
  net::TaskGroup* group_ = nullptr;
  std::size_t jobs_ = 0;
  std::size_t troubled_ = 0;  // outcomes the store has not taken yet
  std::unordered_map<std::string, std::vector<Idle*>> idle_;
  std::unordered_map<std::string, Refusal> refusals_;  // why a site is not spoken to at present
  std::unordered_set<std::string> reopening_;
  net::Signal room_;
};

}  // namespace postroad::delivery
