// The parameters of MAIL and RCPT, one function per parameter (inside grammar/smtp; use command.h).
#pragma once

#include <optional>

#include "base/cursor.h"
#include "smtp/command.h"

namespace postroad::smtp {

// *(SP esmtp-param) up to the end of the line; what went wrong, or nothing.
std::optional<SyntaxError> read_parameters(Cursor in, MailFrom& mail);
std::optional<SyntaxError> read_parameters(Cursor in, RcptTo& rcpt);

// The same written, each with a blank before it.
std::string parameters_of(const MailFrom& mail);
std::string parameters_of(const RcptTo& rcpt);

}  // namespace postroad::smtp
