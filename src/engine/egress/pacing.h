// Pacing: who may connect to which site, and when; for all cores (DESIGN §2: how fast).
//
//   const auto answer = pacing.ask(site, provider_of, asker);
//   if (auto* permit = std::get_if<Permit>(&answer)) ...connect, permit->connected(), permit->delivered()...
//
// Memory is bounded: a site that is idle and of which nothing bad is known is forgotten first.
#pragma once

#include <array>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "egress/pace.h"

namespace postroad::egress {

class Pacing;

// Whoever was told to wait for others hears when it is worth asking again. Called on any thread, briefly; the
// asker lives as long as the pacing or says leave().
class Asker {
 public:
  virtual void may_ask(const std::string& site) = 0;

 protected:
  ~Asker() = default;
};

// One connection's worth of a site. Its end closes it. Used by one task at a time, on any core.
class Permit {
 public:
  Permit(Permit&& other) noexcept;
  Permit& operator=(Permit&&) = delete;
  ~Permit();

  void connected();
  void delivered();
  void told(Feedback what);
  // How many messages this connection may still carry; each take_turn() is one of them.
  std::uint32_t messages_left() const { return messages_left_; }
  Instant take_turn();

 private:
  friend class Pacing;
  Permit(Pacing& pacing, std::string site, std::uint32_t messages)
      : pacing_(&pacing), site_(std::move(site)), messages_left_(messages) {}
  Pacing* pacing_;
  std::string site_;
  std::uint32_t messages_left_;
  bool greeted_ = false;
};

struct SiteState {  // for people
  std::string site;
  std::uint32_t open = 0, allowed = 0, failures = 0;
  Instant waits_until{};
};

struct Wait {
  Instant until;
};
struct Full {};  // the asker is called

class Pacing {
 public:
  Pacing(const Clock& clock, const Providers& providers = Providers::built_in(), Pace::Tuning tuning = {},
         std::uint32_t most_connections = 1'000'000, std::size_t most_sites = 50'000);

  // `host`: the site's best mail exchanger, by which its provider is known.
  std::variant<Permit, Wait, Full> ask(const std::string& site, std::string_view host, Asker& asker);
  void leave(Asker& asker);

  // An administrator wants it tried: trouble that is known of the site is forgotten.
  void forget_trouble(std::string_view site);
  SiteState state(const std::string& site) const;
  std::vector<SiteState> troubled() const;  // sites that do not answer, at most 10,000
  std::size_t sites() const;

 private:
  friend class Permit;
  struct Site {
    Pace pace;
    std::vector<Asker*> waiting;  // each once
    std::list<std::string>::iterator age;
  };
  struct Shard {
    mutable std::mutex lock;
    std::unordered_map<std::string, Site> sites;
    std::list<std::string> order;  // asked for longest ago first
  };
  Shard& shard(std::string_view site) const;
  template <class F>
  auto with(const std::string& site, const F& what);
  void close(const std::string& site, bool greeted);
  static void wake(const std::string& site, std::vector<Asker*> askers);
  void make_room(Shard& in, Instant now);

  const Clock& clock_;
  const Providers& providers_;
  const Pace::Tuning tuning_;
  const std::uint32_t most_connections_;  // to one site, whatever its provider bears
  const std::size_t most_sites_;          // of one shard
  mutable std::array<Shard, 16> shards_;
};

}  // namespace postroad::egress
