// Everything policy ever says (RFC 5321 §4.2.3, RFC 3463, RFC 7372, RFC 7505).
#pragma once

#include "mail/address.h"
#include "mail/enhanced_status.h"

namespace postroad::policy::replies {

inline const Reply not_your_address{
    553, {5, 7, 1}, "You may not send in the name of this address; use your own"};
inline const Reply not_from_outside{
    550, {5, 7, 1}, "This domain's mail is sent from here only; sign in on port 587"};
inline const Reply no_sender_domain{550, {5, 1, 8}, "The sender's domain does not exist"};
inline const Reply sender_takes_no_mail{
    550, {5, 7, 27}, "The sender's domain takes no mail (null MX)"};  // RFC 7505 §4.2
inline const Reply dns_trouble{451, {4, 4, 3}, "The DNS does not answer for this domain; try again later"};
inline const Reply relaying_denied{
    550, {5, 7, 1}, "Relaying denied: this domain is not here; sign in to send on"};
inline const Reply no_such_mailbox{550, {5, 1, 1}, "No such mailbox here"};
inline const Reply switched_off{550, {5, 2, 1}, "This mailbox is switched off"};
inline const Reply too_many_guesses{421, {4, 7, 0}, "Too many unknown recipients; closing"};

}  // namespace postroad::policy::replies
