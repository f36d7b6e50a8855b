// Everything this API refuses with, in one place; the message says what to do. Not public.
#pragma once

#include "directory/admin.h"
#include "http/router.h"
#include "ledger/ledger.h"
#include "mailbox/session.h"

namespace postroad::httpd {

inline http::Problem not_found(std::string text) { return {404, "not_found", std::move(text)}; }
inline http::Problem exists(std::string text) { return {409, "already_exists", std::move(text)}; }
inline http::Problem in_use(std::string text) { return {409, "in_use", std::move(text)}; }
inline http::Problem invalid(std::string text) { return {422, "validation_error", std::move(text)}; }
inline http::Problem unavailable(std::string text) { return {503, "unavailable", std::move(text)}; }
inline http::Problem full(std::string text) { return {507, "no_space", std::move(text)}; }

http::Problem problem_of(const directory::AdminError& error);
http::Problem problem_of(ledger::LedgerError error);
http::Problem problem_of(mailbox::Refusal refusal);

}  // namespace postroad::httpd
