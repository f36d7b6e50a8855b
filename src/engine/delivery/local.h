// Local delivery: from the queue's door or its entries into a mailbox (RFC 5321 §4.4: the final delivery).
#pragma once

#include "delivery/attempt.h"
#include "mailbox/engine.h"
#include "queue/record.h"

namespace postroad::delivery {

class Local final : public queue::Door {
 public:
  Local(mailbox::Engine& mailboxes, const Clock& clock) : mailboxes_(mailboxes), clock_(clock) {}

  net::task<Through> deliver_now(const queue::Submission& submission, const directory::Local& target,
                                 std::vector<ledger::Event> events) override;
  net::task<bool> has_room(AccountId account, std::uint64_t octets) override;

  // One step of an entry. Repeating it changes nothing: the OpId is made of message and account.
  net::task<Outcome> deliver(const queue::Message& message, const queue::Step& step);
  // The queue has recorded the outcome: the OpId may be forgotten.
  void confirmed(const queue::Message& message, const queue::Step& step);

 private:
  mailbox::Engine& mailboxes_;
  const Clock& clock_;
};

}  // namespace postroad::delivery
