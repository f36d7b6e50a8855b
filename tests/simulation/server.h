// The server under simulation: the product's queue, schedule, pacing, router, courier, dispatcher and report,
// as app joins them, on one core of virtual time. It lives until it is killed.
#pragma once

#include <memory>

#include "delivery/dispatcher.h"
#include "history.h"
#include "internet.h"
#include "memory_store.h"
#include "queue/service.h"

namespace postroad::simulation {

// Nobody lives here: all mail goes elsewhere.
class Elsewhere final : public directory::Directory {
 public:
  bool hosts(const Domain&) const override { return false; }
  Result<directory::Destination, directory::NoDestination> resolve(const Address&) const override {
    return refuse(directory::NoDestination::NotOurs);
  }
  std::optional<Address> postmaster() const override { return std::nullopt; }
  std::optional<directory::Account> account(AccountId) const override { return std::nullopt; }
  std::optional<directory::Account> account(const Address&) const override { return std::nullopt; }
  bool owns(AccountId, const Address&) const override { return false; }
  net::task<Result<directory::Identity, directory::AuthError>> check_password(std::string_view,
                                                                              std::string_view,
                                                                              directory::Scope,
                                                                              std::string_view) override {
    co_return refuse(directory::AuthError::Failed);
  }
  directory::ScramKeys scram_keys(std::string_view, directory::ScramHash, directory::Scope) const override {
    return {};
  }
  void authenticated(std::string_view, std::string_view, bool) override {}
};

// Between dispatcher and queue. It hands on what it is given, except in a control.
class Meddler final : public queue::Outgoing {
 public:
  Meddler(queue::Service& to, Break what, Random& random, const Clock& clock)
      : to_(to), what_(what), random_(random), clock_(clock) {}

  net::task<queue::Job> next() override { return to_.next(); }
  net::task<std::optional<queue::Job>> next_for(std::string_view site) override { return to_.next_for(site); }
  net::task<std::vector<queue::Job>> siblings(const queue::Job& job, std::string_view site,
                                              std::size_t steps) override {
    return to_.siblings(job, site, steps);
  }
  void close(std::string_view site) override { to_.close(site); }
  void open(std::string_view site) override { to_.open(site); }
  void pause(std::string_view site, bool on) override { to_.pause(site, on); }
  void regroup(std::string_view domain, std::string_view site) override { to_.regroup(domain, site); }
  std::string site_of(std::string_view domain) override { return to_.site_of(domain); }
  void doubt(std::string_view site, bool doubtful) override { to_.doubt(site, doubtful); }
  net::task<bool> settle(const queue::Job& job, std::vector<queue::Settled> fates,
                         std::optional<queue::NewMail> report, std::optional<std::string> last_reply,
                         std::optional<std::string> last_host, bool delay_told) override;
  void put_back(queue::Job job) override { to_.put_back(std::move(job)); }
  QueueId id_near(QueueId near) override { return to_.id_near(near); }

 private:
  queue::Service& to_;
  const Break what_;
  Random& random_;
  const Clock& clock_;
};

struct Shape {  // of a server: how little memory and how few lines it has
  queue::Schedule::Limits limits{};
  std::size_t most_jobs = 1000;
  std::uint32_t most_connections = 20;
};

// One that can be left where it stands: what ends then believes that its core runs.
class Core final : public net::ManualCore {
 public:
  using ManualCore::ManualCore;
  template <class F>
  void within(const F& what) {
    const Running running(*this);
    what();
  }
};

struct Server {
  Server(ManualClock& clock, MemoryStore& kept, Internet& internet, const Shape& shape, Break broken,
         std::uint64_t seed, net::TaskGroup::OnError failed);
  ~Server() { end(); }
  net::task<void> live();
  // Every task is destroyed where it stands; after that only the destructor may follow.
  void end() {
    core.within([this] { asking.reset(), working.reset(); });
  }

  Core core;
  SeededRandom random;
  Elsewhere directory;
  queue::Service queue;
  mailbox::Engine mailboxes;
  delivery::Local local;
  egress::Pacing pacing;
  delivery::Courier courier;
  Meddler meddler;
  delivery::Dispatcher dispatcher;
  bool ready = false;  // it has read what waits
  std::unique_ptr<net::TaskGroup> working, asking;
};

}  // namespace postroad::simulation
