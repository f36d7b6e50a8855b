#include "imapd/answer.h"

#include <stdexcept>

namespace postroad::imapd {

namespace code = imap::code;

Answer refused(mailbox::Refusal why, Target target) {
  using mailbox::Refusal;
  switch (why) {
    case Refusal::NoSuchAccount:
      return Answer::no(code::contact_admin, "This account does not exist any more");
    case Refusal::NoSuchMailbox:
      return target == Target::MayBeCreated ? Answer::no(code::try_create, "No such mailbox; CREATE it first")
                                            : Answer::no(code::nonexistent, "No such mailbox");
    case Refusal::AlreadyExists: return Answer::no(code::already_exists, "A mailbox of this name exists");
    case Refusal::BadName:
      return Answer::no(code::cannot,
                        "No mailbox can have this name: it has an empty level, or is too long or too deep");
    case Refusal::NotPermitted: return Answer::no(code::cannot, "This cannot be done to this mailbox");
    case Refusal::UseAttrTaken: return Answer::no(code::use_attr, "Another mailbox has this special use");
    case Refusal::ReadOnly: return Answer::no(code::none, texts::read_only);
    case Refusal::OverQuota:
      return Answer::no(code::over_quota, "The quota is used up; delete something first");
    case Refusal::TooMany: return Answer::no(code::limit, "This account can have no more of these");
    case Refusal::TooManyKeywords:
      return Answer::no(code::limit, "This mailbox can have no more different keywords");
    case Refusal::Expunged: return Answer::no(code::expunge_issued, texts::some_expunged);
    case Refusal::Damaged:
      return Answer::no(code::server_bug, "A message is damaged on disk; the others are not");
    case Refusal::InUse: return Answer::no(code::in_use, "In use by another session");
    case Refusal::Unavailable:
      return Answer::no(code::unavailable, "The store cannot answer now; try again later");
    case Refusal::DiskFull:
      return Answer::no(code::unavailable, "No room on the server now; deleting still works, all else later");
    case Refusal::Unknown: throw std::runtime_error("the store cannot tell whether a change was made");
  }
  return Answer::no(code::server_bug, "Refused");
}

Answer refused(sasl::Failure why) {
  switch (why) {
    case sasl::Failure::Cancelled: return Answer::bad("Cancelled");
    case sasl::Failure::BadBase64:
    case sasl::Failure::BadMessage: return Answer::bad("That is not what this mechanism says");
    case sasl::Failure::TooLong: return Answer::bad("Line too long");
    case sasl::Failure::UnknownMechanism:
      return Answer::no(code::cannot, "This mechanism is not offered; see CAPABILITY");
    case sasl::Failure::TryLater:
      return Answer::no(code::unavailable, "Cannot check passwords now; try again later");
    case sasl::Failure::NotAuthorized:
      return Answer::no(code::authorization_failed, "You may not act as somebody else");
    case sasl::Failure::WrongCredentials:
    case sasl::Failure::ChannelBinding: break;
  }
  return Answer::no(code::authentication_failed, "User name or password is wrong");
}

}  // namespace postroad::imapd
