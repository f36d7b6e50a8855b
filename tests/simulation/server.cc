#include "server.h"

#include "delivery/report.h"

namespace postroad::simulation {
namespace {

net::TlsClient& no_tls() {  // no host here offers it
  static net::TlsClient client;
  return client;
}

delivery::CourierOptions options_of(Random& random) {
  delivery::CourierOptions options;
  options.our_name = "mail.here.test";
  options.allow_private_networks = true;  // the addresses of documentation are not public
  options.random = &random;
  return options;
}

}  // namespace

Server::Server(ManualClock& clock, MemoryStore& kept, Internet& internet, const Shape& shape, Break broken,
               std::uint64_t seed, net::TaskGroup::OnError failed)
    : core(0, clock),
      random(seed),
      queue(kept, {&core}, directory, clock, shape.limits),
      mailboxes({.store = &kept, .directory = &directory, .cores = {&core}, .clock = &clock}),
      local(mailboxes, clock),
      pacing(clock, egress::Providers::built_in(), {}, shape.most_connections),
      courier(internet, internet, no_tls(), kept, options_of(random)),
      meddler(queue, broken, random, clock),
      dispatcher(meddler, directory, local, courier, pacing, kept, clock, random,
                 {.our_name = "mail.here.test", .most_jobs = shape.most_jobs}),
      working(std::make_unique<net::TaskGroup>(core, failed)),
      asking(std::make_unique<net::TaskGroup>(core, failed)) {}

net::task<void> Server::live() {
  co_await queue.load();
  ready = true;
  co_await dispatcher.run();
}

net::task<bool> Meddler::settle(const queue::Job& job, std::vector<queue::Settled> fates,
                                std::optional<queue::NewMail> report, std::optional<std::string> last_reply,
                                std::optional<std::string> last_host, bool delay_told) {
  using Fate = queue::Settled::Fate;
  std::size_t deferred = 0, delivered = 0;
  for (const queue::Settled& one : fates)
    deferred += one.fate == Fate::Deferred, delivered += one.fate == Fate::Delivered;
  switch (what_) {
    case Break::ForgetRecipient:
      if (deferred > 0 && deferred < fates.size())
        for (queue::Settled& one : fates)
          if (one.fate == Fate::Deferred) one.fate = Fate::Delivered;
      break;
    case Break::RetryEarly:
      for (queue::Settled& one : fates)
        if (one.fate == Fate::Deferred) one.due -= (one.due - clock_.now()) / 2;
      break;
    case Break::ReportTwice:
      if (report) {
        queue::Submission again{.id = to_.next_id(), .envelope = report->message.envelope};
        again.content = report->message.content, again.report = true;
        again.envelope.recipients.push_back(report->entries.front().steps.front().given);
        const auto first = co_await to_.settle(job, std::move(fates), std::move(report),
                                               std::move(last_reply), std::move(last_host), delay_told);
        if (first) co_await to_.accept(std::move(again), false);
        co_return first;
      }
      break;
    case Break::LoseEntry:
      if (random_.below(20) == 0) co_return true;
      break;
    case Break::DeliverAgain:
      if (delivered > 0 && random_.below(20) == 0) {
        to_.put_back(job);
        co_return true;
      }
      break;
    default: break;
  }
  co_return co_await to_.settle(job, std::move(fates), std::move(report), std::move(last_reply),
                                std::move(last_host), delay_told);
}

}  // namespace postroad::simulation
