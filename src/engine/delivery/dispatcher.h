// The dispatcher: takes jobs out of the queue, has them carried, and settles what came of them. One per core.
//
// If the store does not record outcomes, delivery pauses (C8): what the other side has taken must not be sent
// twice.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "delivery/courier.h"
#include "delivery/local.h"
#include "delivery/report.h"
#include "net/task_group.h"
#include "queue/outgoing.h"

namespace postroad::delivery {

struct DispatcherOptions {
  std::string our_name;
  queue::RetryPolicy retry{};
  std::size_t most_jobs = 500;         // at once, on this core
  std::size_t most_per_domain = 5;     // connections to one domain, on this core
  std::size_t most_returned = 50'000;  // octets of a message in a report on it (attack 66)
};

class Dispatcher {
 public:
  Dispatcher(queue::Outgoing& outgoing, const directory::Directory& directory, Local& local, Courier& courier,
             store::Store& store, const Clock& clock, Random& random, DispatcherOptions options);
  // Until cancelled; then waits for what is under way to end at its next wait. On its core.
  net::task<void> run();

  std::size_t jobs() const { return jobs_; }

 private:
  net::task<void> work(queue::Job job);
  net::task<void> finish(queue::Job job, Attempt attempt);
  net::task<std::optional<queue::NewMail>> report(const queue::Job& job, std::vector<Told> told,
                                                  const Contact& contact,
                                                  std::unique_ptr<store::BlobWriter>& keep);
  net::task<std::string> read_original(const queue::Message& message, bool whole, bool& complete);
  void begin(const std::string& domain);
  void end(const std::string& domain);

  queue::Outgoing& outgoing_;
  const directory::Directory& directory_;
  Local& local_;
  Courier& courier_;
  store::Store& store_;
  const Clock& clock_;
  Random& random_;
  const DispatcherOptions options_;
  std::size_t jobs_ = 0;
  std::unordered_map<std::string, std::size_t> per_domain_;
  net::Signal room_;
};

}  // namespace postroad::delivery
