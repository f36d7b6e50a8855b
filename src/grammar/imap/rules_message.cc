// What is done to messages: STORE, COPY, MOVE, UID EXPUNGE.
#include "imap/rules.h"

namespace postroad::imap::rules {

// uid-expunge = "EXPUNGE" SP sequence-set                                (RFC 9051 §6.4.9, RFC 4315 §2.1)
Command uid_expunge(Parser& in) {
  in.sp();
  return Expunge{.uids = in.sequence_set()};
}

// store = "STORE" SP sequence-set [store-modifiers] SP store-att-flags      (RFC 9051 §6.4.6, RFC 4466 §3)
// store-modifiers = SP "(" "UNCHANGEDSINCE" SP mod-sequence-valzer ")"                       (RFC 7162 §7)
// store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
Command store(Parser& in) {
  Store command{.uid = in.uid()};
  in.sp();
  command.set = in.sequence_set();
  in.sp();
  if (in.peek() == '(') {
    in.open();
    if (!in.take_word("UNCHANGEDSINCE")) in.fail("UNCHANGEDSINCE");
    in.sp();
    command.unchanged_since = ModSeq{in.number64("a mod-sequence")};
    in.close();
    in.sp();
  }
  if (in.take('+'))
    command.change = Store::Change::Add;
  else if (in.take('-'))
    command.change = Store::Change::Remove;
  if (in.take_word("FLAGS.SILENT"))
    command.silent = true;
  else if (!in.take_word("FLAGS"))
    in.fail("FLAGS, +FLAGS or -FLAGS");
  in.sp();
  if (in.peek() == '(') {
    command.flags = in.flag_list();
  } else {
    do in.flag(command.flags);
    while (in.more_in_list());
  }
  return command;
}

// copy = "COPY" SP sequence-set SP mailbox                                              (RFC 9051 §6.4.7)
Command copy(Parser& in) {
  Copy command{.uid = in.uid()};
  in.sp();
  command.set = in.sequence_set();
  in.sp();
  command.mailbox = in.mailbox();
  return command;
}

// move = "MOVE" SP sequence-set SP mailbox                                              (RFC 9051 §6.4.8)
Command move(Parser& in) {
  Move command{.uid = in.uid()};
  in.sp();
  command.set = in.sequence_set();
  in.sp();
  command.mailbox = in.mailbox();
  return command;
}

}  // namespace postroad::imap::rules
