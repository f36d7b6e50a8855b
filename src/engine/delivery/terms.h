// Terms: what a message needs of a server, and how it is announced to this one. Pure.
#pragma once

#include <optional>

#include "delivery/attempt.h"
#include "delivery/convert.h"
#include "queue/record.h"
#include "smtp/capabilities.h"
#include "smtp/command.h"

namespace postroad::delivery {

// MAIL as this server understands it, with as many parameters as it offers; or why the message cannot go
// there as it is (RFC 1870 §6.1, RFC 6531 §3.2, RFC 3461 §5).
Result<smtp::MailFrom, Outcome> agree(const smtp::Capabilities& offers, const queue::Message& message,
                                      Time now);

// What the message must be made into before this server takes it; nothing: it goes as it is.
std::optional<Carries> must_convert(const smtp::Capabilities& offers, const queue::Message& message);

// The same for one recipient, given the MAIL: sets `smtputf8` there if his address needs it.
Result<smtp::RcptTo, Outcome> agree(const smtp::Capabilities& offers, const queue::Step& step,
                                    smtp::MailFrom& mail);

// Is this refusal of a recipient one of their number only? The next transaction may take him (RFC 5321
// §4.5.3.1.10: 552 is to be taken for 452).
bool too_many_recipients(const Reply& reply);

}  // namespace postroad::delivery
