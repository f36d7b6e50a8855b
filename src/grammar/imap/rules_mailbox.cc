// Mailboxes as wholes: SELECT, CREATE, DELETE, RENAME, SUBSCRIBE, STATUS.
#include "imap/rules.h"

namespace postroad::imap::rules {
namespace {

// known-uids, known-sequence-set, known-uid-set: "*" and "$" mean nothing here (RFC 7162 §7).
SequenceSet known_set(Parser& in) {
  const auto start = in.position();
  auto set = in.sequence_set();
  if (set.has_star() || set.saved_result()) in.fail_at(start, "a set of numbers without \"*\"");
  return set;
}

// "QRESYNC" SP "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"
QResync qresync(Parser& in) {
  QResync parameter;
  in.sp();
  in.open();
  parameter.uid_validity = UidValidity{in.nz_number("a UIDVALIDITY")};
  in.sp();
  parameter.mod_seq = ModSeq{in.nz_number64("a mod-sequence")};
  bool match_data = in.take_sp();
  if (match_data && in.peek() != '(') {
    parameter.known_uids = known_set(in);
    match_data = in.take_sp();
  }
  if (match_data) {
    in.open();
    parameter.match_numbers = known_set(in);
    in.sp();
    parameter.match_uids = known_set(in);
    in.close();
  }
  in.close();
  return parameter;
}

// select = "SELECT" SP mailbox [SP "(" select-param *(SP select-param) ")"]                  (RFC 4466 §3)
Command open_mailbox(Parser& in, bool read_only) {
  Select command{.read_only = read_only};
  in.sp();
  command.mailbox = in.mailbox();
  if (!in.take_sp()) return command;
  in.open();
  do {
    if (in.take_word("CONDSTORE")) {
      command.condstore = true;
    } else if (!command.qresync && in.take_word("QRESYNC")) {
      command.qresync = qresync(in);
    } else {
      in.fail("CONDSTORE or QRESYNC");
    }
  } while (in.more_in_list());
  in.close();
  return command;
}

template <class T>
Command one_mailbox(Parser& in) {
  in.sp();
  return T{.mailbox = in.mailbox()};
}

}  // namespace

Command select(Parser& in) { return open_mailbox(in, false); }  // RFC 9051 §6.3.2
Command examine(Parser& in) { return open_mailbox(in, true); }  // RFC 9051 §6.3.3

// create = "CREATE" SP mailbox [SP "(" create-param *(SP create-param) ")"]  (RFC 9051 §6.3.4, RFC 4466 §3)
// create-param = "USE" SP "(" [use-attr *(SP use-attr)] ")"                                  (RFC 6154 §6)
Command create(Parser& in) {
  Create command;
  in.sp();
  command.mailbox = in.mailbox();
  if (!in.take_sp()) return command;
  in.open();
  do {
    if (!in.take_word("USE")) in.fail("USE");
    in.sp();
    in.open();
    if (in.peek() != ')') {
      do {
        in.count_item();
        in.expect('\\', "an attribute, like \\Sent");
        command.special_use.push_back("\\" + std::string(in.atom("an attribute, like \\Sent")));
      } while (in.more_in_list());
    }
    in.close();
  } while (in.more_in_list());
  in.close();
  return command;
}

Command delete_(Parser& in) { return one_mailbox<Delete>(in); }           // RFC 9051 §6.3.5
Command subscribe(Parser& in) { return one_mailbox<Subscribe>(in); }      // RFC 9051 §6.3.7
Command unsubscribe(Parser& in) { return one_mailbox<Unsubscribe>(in); }  // RFC 9051 §6.3.8

// rename = "RENAME" SP mailbox SP mailbox                                               (RFC 9051 §6.3.6)
Command rename(Parser& in) {
  Rename command;
  in.sp();
  command.from = in.mailbox();
  in.sp();
  command.to = in.mailbox();
  return command;
}

// status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"                  (RFC 9051 §6.3.11)
Command status(Parser& in) {
  Status command;
  in.sp();
  command.mailbox = in.mailbox();
  in.sp();
  command.items = status_items(in);
  return command;
}

std::uint16_t status_items(Parser& in) {
  static constexpr std::pair<std::string_view, StatusItem> names[]{
      {"MESSAGES", StatusItem::Messages},
      {"RECENT", StatusItem::Recent},
      {"UIDNEXT", StatusItem::UidNext},
      {"UIDVALIDITY", StatusItem::UidValidity},
      {"UNSEEN", StatusItem::Unseen},
      {"DELETED", StatusItem::Deleted},
      {"DELETED-STORAGE", StatusItem::DeletedStorage},
      {"SIZE", StatusItem::Size},
      {"HIGHESTMODSEQ", StatusItem::HighestModSeq},
      {"MAILBOXID", StatusItem::MailboxId},
      {"APPENDLIMIT", StatusItem::AppendLimit},
  };
  unsigned items = 0;
  in.open();
  do {
    in.count_item();
    if (const auto item = in.word_of(names, "a status item, like MESSAGES"))
      items |= static_cast<unsigned>(*item);
  } while (in.more_in_list());
  in.close();
  return static_cast<std::uint16_t>(items);
}

}  // namespace postroad::imap::rules
