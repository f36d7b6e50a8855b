// The grammar rule of each command, by the file it stands in. Inside this folder only.
//
// A rule is called behind the command's name and reads its arguments, the space before them included;
// parse() has checked tag, name and state, and will check that nothing follows.
#pragma once

#include "imap/command.h"
#include "imap/parser.h"

namespace postroad::imap::rules {

// A command without arguments.
template <class T>
Command plain(Parser&) {
  return T{};
}

// rules_session.cc
Command id(Parser&);
Command authenticate(Parser&);
Command login(Parser&);
Command enable(Parser&);
Command compress(Parser&);

// rules_mailbox.cc
Command select(Parser&);
Command examine(Parser&);
Command create(Parser&);
Command delete_(Parser&);
Command rename(Parser&);
Command subscribe(Parser&);
Command unsubscribe(Parser&);
Command status(Parser&);
std::uint16_t status_items(Parser&);  // "(" status-att *(SP status-att) ")"

// rules_list.cc
Command list(Parser&);
Command lsub(Parser&);

// rules_message.cc
Command uid_expunge(Parser&);
Command store(Parser&);
Command copy(Parser&);
Command move(Parser&);

// rules_fetch.cc
Command fetch(Parser&);

// rules_search.cc
Command search(Parser&);
Command sort(Parser&);
Command thread(Parser&);

// rules_access.cc: ACL and QUOTA
Command set_acl(Parser&);
Command delete_acl(Parser&);
Command get_acl(Parser&);
Command list_rights(Parser&);
Command my_rights(Parser&);
Command get_quota(Parser&);
Command get_quota_root(Parser&);
Command set_quota(Parser&);

// rules_metadata.cc
Command get_metadata(Parser&);
Command set_metadata(Parser&);

}  // namespace postroad::imap::rules
