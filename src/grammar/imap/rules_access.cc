// Rights (ACL, RFC 4314) and quota (RFC 9208).
#include "base/utf8.h"
#include "imap/rules.h"

namespace postroad::imap::rules {
namespace {

// identifier = astring, in UTF-8 (RFC 4314 §3). A leading "-" makes its rights negative.
std::string identifier(Parser& in) {
  const auto start = in.position();
  std::string text = in.astring("an identifier, like a user name");
  if (in.ok() && (text.empty() || text == "-" || !utf8::valid(text)))
    in.fail_at(start, "an identifier in UTF-8");
  return text;
}

// mod-rights = astring: ["+" / "-"] and lower-case letters and digits (RFC 4314 §2, §3.1).
void mod_rights(Parser& in, SetAcl& command) {
  const auto start = in.position();
  std::string text = in.astring("rights, like lrs or +w");
  if (text.starts_with('+') || text.starts_with('-')) {
    command.change = text[0] == '+' ? RightsChange::Add : RightsChange::Remove;
    text.erase(0, 1);
  }
  for (const char c : text)
    if (!ascii::is_lower(c) && !ascii::is_digit(c)) return in.fail_at(start, "rights in lower-case letters");
  command.rights = std::move(text);
}

}  // namespace

// setacl = "SETACL" SP mailbox SP identifier SP mod-rights
Command set_acl(Parser& in) {
  SetAcl command;
  in.sp();
  command.mailbox = in.mailbox();
  in.sp();
  command.identifier = identifier(in);
  in.sp();
  mod_rights(in, command);
  return command;
}

// deleteacl = "DELETEACL" SP mailbox SP identifier
Command delete_acl(Parser& in) {
  DeleteAcl command;
  in.sp();
  command.mailbox = in.mailbox();
  in.sp();
  command.identifier = identifier(in);
  return command;
}

// getacl = "GETACL" SP mailbox
Command get_acl(Parser& in) {
  in.sp();
  return GetAcl{.mailbox = in.mailbox()};
}

// listrights = "LISTRIGHTS" SP mailbox SP identifier
Command list_rights(Parser& in) {
  ListRights command;
  in.sp();
  command.mailbox = in.mailbox();
  in.sp();
  command.identifier = identifier(in);
  return command;
}

// myrights = "MYRIGHTS" SP mailbox
Command my_rights(Parser& in) {
  in.sp();
  return MyRights{.mailbox = in.mailbox()};
}

// getquota = "GETQUOTA" SP quota-root-name
Command get_quota(Parser& in) {
  in.sp();
  return GetQuota{.root = in.astring("a quota root")};
}

// getquotaroot = "GETQUOTAROOT" SP mailbox
Command get_quota_root(Parser& in) {
  in.sp();
  return GetQuotaRoot{.mailbox = in.mailbox()};
}

// setquota = "SETQUOTA" SP quota-root-name SP "(" [resource-name SP resource-limit *(SP ...)] ")"
Command set_quota(Parser& in) {
  SetQuota command;
  in.sp();
  command.root = in.astring("a quota root");
  in.sp();
  in.open();
  if (in.peek() != ')') {
    do {
      in.count_item();
      std::string resource = ascii::to_upper(in.atom("a resource, like STORAGE"));
      in.sp();
      command.limits.emplace_back(std::move(resource), in.number64("a limit"));
    } while (in.more_in_list());
  }
  in.close();
  return command;
}

}  // namespace postroad::imap::rules
