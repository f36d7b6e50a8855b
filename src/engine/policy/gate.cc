#include "policy/gate.h"

#include <cmath>

#include "net/sleep.h"
#include "policy/replies.h"

namespace postroad::policy {
namespace {

constexpr std::size_t most_networks = 50'000;
constexpr double half_life_s = 600;

}  // namespace

Gate::Gate(const directory::Directory& directory, dns::Resolver& resolver, const Clock& clock,
           Options options)
    : directory_(directory), resolver_(resolver), clock_(clock), options_(options) {}

void Gate::set(Options options) {
  const std::scoped_lock lock(lock_);
  options_ = options;
}

Options Gate::options() const {
  const std::scoped_lock lock(lock_);
  return options_;
}

net::task<Result<void, Reply>> Gate::domain_exists(const Domain& domain) {
  if (domain.is_literal() || directory_.hosts(domain)) co_return {};  // ours exist whatever the DNS says
  const auto mx = co_await resolver_.mx(domain.text());
  if (mx) {
    if (mx->records.size() == 1 && mx->records[0].exchange.empty())
      co_return refuse(replies::sender_takes_no_mail);
    co_return {};
  }
  if (temporary(mx.error())) co_return refuse(replies::dns_trouble);
  if (mx.error() == dns::Error::NoSuchDomain) co_return refuse(replies::no_sender_domain);
  const auto address = co_await resolver_.addresses(domain.text());
  if (address) co_return {};
  co_return refuse(temporary(address.error()) ? replies::dns_trouble : replies::no_sender_domain);
}

net::task<Result<void, Reply>> Gate::sender(const Peer& peer, const ReversePath& path) {
  if (path.is_null()) co_return {};  // RFC 5321 §4.5.5: reports must always get through
  const Options now = options();
  const Address& address = *path.address();
  if (peer.identity) {
    if (now.own_senders_only && !directory_.owns(peer.identity->account, address))
      co_return refuse(replies::not_your_address);
    co_return {};
  }
  if (peer.service == Service::Smtp && !now.strangers_as_own_domains && directory_.hosts(address.domain()))
    co_return refuse(replies::not_from_outside);
  // What comes by LMTP was accepted elsewhere already.
  if (peer.service == Service::Lmtp || !now.sender_domain_must_exist) co_return {};
  co_return co_await domain_exists(address.domain());
}

std::uint32_t Gate::guessed(const std::string& prefix) {
  const std::scoped_lock lock(lock_);
  const Instant now = clock_.instant();
  if (guesses_.size() >= most_networks) {
    guesses_.erase(order_.front());
    order_.pop_front();
  }
  const auto [it, fresh] = guesses_.try_emplace(prefix);
  if (fresh) order_.push_back(prefix);
  Guesses& at = it->second;
  const double passed = std::chrono::duration<double>(now - at.last).count();
  at.count = (fresh ? 0 : at.count * std::exp2(-passed / half_life_s)) + 1;
  at.last = now;
  return static_cast<std::uint32_t>(at.count);
}

net::task<Result<RecipientVerdict, Reply>> Gate::recipient(const Peer& peer, const ReversePath&,
                                                           const Address& recipient) {
  const auto to = directory_.resolve(recipient);
  if (to) co_return RecipientVerdict{.local = true};
  switch (to.error()) {
    case directory::NoDestination::NotOurs:
      if (peer.identity && peer.service != Service::Lmtp) co_return RecipientVerdict{.local = false};
      co_return refuse(peer.service == Service::Lmtp ? replies::no_such_mailbox : replies::relaying_denied);
    case directory::NoDestination::Disabled: co_return refuse(replies::switched_off);
    case directory::NoDestination::NoSuchMailbox:
    case directory::NoDestination::Refused: break;
  }
  // Who guesses addresses gets slower answers, then none (attack 22). Our own users mistype without penalty.
  if (peer.identity || peer.exempt || peer.service == Service::Lmtp)
    co_return refuse(replies::no_such_mailbox);
  const Options now = options();
  const std::uint32_t guesses = guessed(peer.prefix);
  if (guesses > 5 * now.unknown_recipients) co_return refuse(replies::too_many_guesses);
  if (guesses > 1) co_await net::sleep_for(std::min(now.tarpit * (guesses - 1), now.tarpit_most));
  co_return refuse(replies::no_such_mailbox);
}

}  // namespace postroad::policy
