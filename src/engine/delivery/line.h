// Line: an open connection to a site, greeted and ready, that carries one message after another.
//
// It never throws for what a peer does: whatever happens has an outcome for each recipient. Nothing leaves us
// but CRLF line ends (attack 3). On one core, one task at a time.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "delivery/attempt.h"
#include "delivery/conversation.h"
#include "delivery/route.h"
#include "queue/record.h"
#include "smtp/capabilities.h"
#include "store/store.h"

namespace postroad::delivery {

class Load;

class Line {
 public:
  // Made by Courier::open.
  Line(RoutePtr route, Conversation talk, smtp::Capabilities offers, Contact contact, store::Store& store,
       const Patience& patience);
  ~Line();

  // The message to recipients of this site, of whatever domains: in one transaction, or in as many as the
  // server's limits ask for (RFC 5321 §4.5.3.1.10). `steps` outlive the call. An outcome with Cause::NotTried
  // says nothing of recipient or server (a line that was idle is often closed by the other side): try it on
  // another line at once.
  net::task<Attempt> carry(const queue::Message& message, std::span<const queue::Step> steps);

  // Ready for another message? False after anything odd, a 421, or as many messages as the server takes.
  bool usable() const { return usable_; }
  net::task<void> quit();  // says QUIT, waits briefly; a second time does nothing

  const Contact& contact() const { return contact_; }
  const RoutePtr& route() const { return route_; }
  const smtp::Capabilities& offers() const { return offers_; }
  std::uint64_t transactions() const { return transactions_; }

 private:
  struct Bunch;  // one transaction
  net::task<void> transact(Bunch& bunch);
  net::task<bool> begin_copy(Load& load, const queue::Step& step, Outcome& outcome);
  void take_goodbye(Bunch& bunch, const Reply& from, const std::vector<Reply>& answers);
  net::task<void> send_body(Bunch& bunch);
  net::task<void> take_end(Bunch& bunch, bool bdat);
  Reply checked(Reply reply);

  RoutePtr route_;
  Conversation talk_;
  smtp::Capabilities offers_;
  Contact contact_;
  store::Store& store_;
  const Patience patience_;
  std::size_t most_recipients_;  // of one transaction; what the server has shown it takes
  std::uint64_t transactions_ = 0;
  bool reset_first_ = false;  // a transaction was left open
  bool answered_ = false;     // has the server answered anything in this carry()
  bool usable_ = true;
  bool quit_ = false;
};

}  // namespace postroad::delivery
