// ENVELOPE, BODYSTRUCTURE and BODY as the octets IMAP sends (RFC 3501 §7.4.2, RFC 9051 §7.5.2).
//
// Rendered once, when a message is stored, and legal in both protocol versions: strings of printable ASCII
// are quoted, all others are literals ("{5}" CRLF and octets) of valid UTF-8 without NUL. Octets above 127
// that are no UTF-8 are converted (octets_to_utf8), NUL becomes U+FFFD, a stray CR or LF a space; encoded
// words stay as they are.
#pragma once

#include <string>
#include <string_view>

#include "mime/message.h"

namespace postroad::mime {

// (date subject from sender reply-to to cc bcc in-reply-to message-id) of the message, or of one inside it.
// Fields that are repeated are joined for addresses; of all others the first counts. At most 10,000 addresses
// (attack 35).
std::string render_envelope(const Message& message, std::size_t part = 0);

std::string render_bodystructure(const Message& message);
std::string render_body(const Message& message);

// BODY is BODYSTRUCTURE without extension data; `bodystructure` is one rendered here.
std::string derive_body(std::string_view bodystructure);

}  // namespace postroad::mime
