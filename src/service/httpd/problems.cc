#include "httpd/problems.h"

namespace postroad::httpd {

http::Problem problem_of(const directory::AdminError& error) {
  switch (error.refusal) {
    case directory::Refusal::NotFound: return not_found(error.text);
    case directory::Refusal::Exists: return exists(error.text);
    case directory::Refusal::Invalid: return invalid(error.text);
    case directory::Refusal::InUse: return in_use(error.text);
    case directory::Refusal::Unavailable: return unavailable(error.text);
    case directory::Refusal::Full: return full(error.text);
  }
  return unavailable(error.text);
}

http::Problem problem_of(ledger::LedgerError error) {
  if (error == ledger::LedgerError::Damaged)
    return {500, "damaged",
            "A part of the history cannot be read; run `postroad verify` when the server is stopped."};
  return unavailable("The history cannot be read now; try again, and see `postroad check`.");
}

http::Problem problem_of(mailbox::Refusal refusal) {
  switch (refusal) {
    case mailbox::Refusal::NoSuchAccount: return not_found("There is no such account.");
    case mailbox::Refusal::NoSuchMailbox: return not_found("There is no such mailbox in this account.");
    case mailbox::Refusal::BadName:
      return invalid("This is no name for a mailbox: no empty level, no control characters.");
    case mailbox::Refusal::OverQuota:
      return {507, "over_quota", "The account's quota is used up: raise it, or erase mail."};
    case mailbox::Refusal::TooMany: return invalid("The account has as many mailboxes as are permitted.");
    case mailbox::Refusal::InUse:
      return in_use("A POP3 session holds this account; try again when it has ended.");
    case mailbox::Refusal::Damaged:
      return {500, "damaged", "A message cannot be read; run `postroad verify` when the server is stopped."};
    case mailbox::Refusal::DiskFull: return full("The disk is nearly full: make room, then try again.");
    default: return unavailable("The mailboxes cannot be changed now; try again, and see `postroad check`.");
  }
}

}  // namespace postroad::httpd
