// The commands of IMAP: one struct each, one variant of all, one table that knows them by name.
//
// parse() is pure: one command as the CommandReader assembled it (lines, literals where they stand, no
// final CRLF) in, a value with nothing left to check out. A new extension adds a struct here, a parser in
// a file of its own and a line in command_table.cc. APPEND and REPLACE are not here: their messages are
// streamed, so the CommandReader reads them piece by piece (append.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "imap/dialect.h"
#include "imap/fetch.h"
#include "imap/flags.h"
#include "imap/mailbox_name.h"
#include "imap/search.h"
#include "imap/sequence_set.h"
#include "imap/syntax_error.h"
#include "mail/ids.h"

namespace postroad::imap {

// --- Any state (RFC 9051 §6.1) -----------------------------------------------------------------------

struct Capability {};
struct Noop {};
struct Logout {};
struct Id {  // RFC 2971: what the client says of itself; at most 30 pairs of 30 and 1,024 octets
  std::vector<std::pair<std::string, std::optional<std::string>>> fields{};
};

// --- Not authenticated (RFC 9051 §6.2) -------------------------------------------------------------------

struct StartTls {};
struct Authenticate {
  std::string mechanism{};  // in capitals
  // RFC 4959: as sent, not decoded (an unknown mechanism is answered first); "=" is an empty response.
  std::optional<std::string> initial_response{};
};
struct Login {
  std::string user{};
  std::string password{};
};

// --- Authenticated (RFC 9051 §6.3) -----------------------------------------------------------------------

struct Enable {                             // RFC 5161
  std::vector<std::string> capabilities{};  // in capitals
};
// RFC 7162 §3.2.5: what a returning client remembers.
struct QResync {
  UidValidity uid_validity{};
  ModSeq mod_seq{};
  std::optional<SequenceSet> known_uids{};  // no "*", no "$"; so are the two below
  SequenceSet match_numbers{};              // empty unless seq-match-data was given
  SequenceSet match_uids{};
};
struct Select {
  bool read_only = false;  // EXAMINE
  MailboxName mailbox{};
  bool condstore = false;  // RFC 7162 §3.1.8
  std::optional<QResync> qresync{};
};
struct Create {
  MailboxName mailbox{};
  std::vector<std::string> special_use{};  // RFC 6154 §3: "\Sent" ..., as written
};
struct Delete {
  MailboxName mailbox{};
};
struct Rename {
  MailboxName from{};
  MailboxName to{};
};
struct Subscribe {
  MailboxName mailbox{};
};
struct Unsubscribe {
  MailboxName mailbox{};
};

enum class StatusItem : std::uint16_t {
  Messages = 1 << 0,
  Recent = 1 << 1,  // rev1
  UidNext = 1 << 2,
  UidValidity = 1 << 3,
  Unseen = 1 << 4,
  Deleted = 1 << 5,         // rev2, RFC 9208
  DeletedStorage = 1 << 6,  // RFC 9208
  Size = 1 << 7,            // rev2, RFC 8438
  HighestModSeq = 1 << 8,   // RFC 7162
  MailboxId = 1 << 9,       // RFC 8474
  AppendLimit = 1 << 10,    // RFC 7889
};
struct Status {
  MailboxName mailbox{};
  std::uint16_t items = 0;  // StatusItem bits, at least one
};

// RFC 5258 §3.1, RFC 6154 §2.
enum class ListSelection : std::uint8_t { Subscribed = 1, Remote = 2, RecursiveMatch = 4, SpecialUse = 8 };
// RFC 5258 §3.2, RFC 5819, RFC 6154, RFC 8440.
enum class ListReturn : std::uint8_t {
  Subscribed = 1,
  Children = 2,
  Status = 4,
  SpecialUse = 8,
  MyRights = 16
};
struct List {
  // Anything of RFC 5258 in it. `LIST "" ""` asks for the delimiter only when it is not extended.
  bool extended = false;
  std::uint8_t selection = 0;  // ListSelection bits
  std::uint8_t returns = 0;    // ListReturn bits
  std::uint16_t status = 0;    // StatusItem bits, with ListReturn::Status
  std::string reference{};     // UTF-8
  // UTF-8 with wildcards. A pattern that is no modified UTF-7 can match no name and is left out.
  std::vector<std::string> patterns{};
};
struct Lsub {  // rev1
  std::string reference{};
  std::vector<std::string> patterns{};
};
struct Namespace {};
struct Idle {};

// RFC 4314
enum class RightsChange : std::uint8_t { Replace, Add, Remove };
struct SetAcl {
  MailboxName mailbox{};
  std::string identifier{};
  RightsChange change = RightsChange::Replace;
  std::string rights{};  // lower-case letters and digits
};
struct DeleteAcl {
  MailboxName mailbox{};
  std::string identifier{};
};
struct GetAcl {
  MailboxName mailbox{};
};
struct ListRights {
  MailboxName mailbox{};
  std::string identifier{};
};
struct MyRights {
  MailboxName mailbox{};
};

// RFC 9208
struct GetQuota {
  std::string root{};
};
struct GetQuotaRoot {
  MailboxName mailbox{};
};
struct SetQuota {
  std::string root{};
  std::vector<std::pair<std::string, std::uint64_t>> limits{};  // resource in capitals -> limit
};

// RFC 5464. Entry names in lower case: "/private/comment".
struct GetMetadata {
  enum class Depth : std::uint8_t { Zero, One, Infinity };
  MailboxName mailbox{};  // empty: the server
  std::vector<std::string> entries{};
  std::optional<std::uint64_t> max_size{};
  Depth depth = Depth::Zero;
};
struct SetMetadata {
  MailboxName mailbox{};
  std::vector<std::pair<std::string, std::optional<std::string>>> values{};  // nothing: remove
};

struct Compress {           // RFC 4978
  std::string algorithm{};  // in capitals
};
struct Unauthenticate {};  // RFC 8437

// --- Selected (RFC 9051 §6.4) ------------------------------------------------------------------------

struct Check {};  // rev1
struct Close {};
struct Unselect {};
struct Expunge {
  std::optional<SequenceSet> uids{};  // UID EXPUNGE (RFC 4315)
};
struct Store {
  enum class Change : std::uint8_t { Replace, Add, Remove };
  bool uid = false;
  SequenceSet set{};
  Change change = Change::Replace;
  bool silent = false;
  std::optional<ModSeq> unchanged_since{};  // RFC 7162 §3.1.3; 0 fails for every message
  Flags flags{};
};
struct Copy {
  bool uid = false;
  SequenceSet set{};
  MailboxName mailbox{};
};
struct Move {  // RFC 6851
  bool uid = false;
  SequenceSet set{};
  MailboxName mailbox{};
};

using Command = std::variant<Capability, Noop, Logout, Id, StartTls, Authenticate, Login, Enable, Select,
                             Create, Delete, Rename, Subscribe, Unsubscribe, Status, List, Lsub, Namespace,
                             Idle, SetAcl, DeleteAcl, GetAcl, ListRights, MyRights, GetQuota, GetQuotaRoot,
                             SetQuota, GetMetadata, SetMetadata, Compress, Unauthenticate, Check, Close,
                             Unselect, Expunge, Search, Sort, Thread, Fetch, Store, Copy, Move>;

class Parser;

// One line of the table: what is known of a command before its arguments are read.
struct CommandRule {
  std::string_view name{};              // "UID FETCH" and "FETCH" are two
  std::uint8_t states = 0;              // State bits
  std::string_view capability{};        // that brings it; empty: rev1 and rev2 have it
  Command (*parse)(Parser&) = nullptr;  // nothing: APPEND and REPLACE, whose messages are streamed
};

std::span<const CommandRule> command_rules();
// Nothing for an unknown name. `name` in any case; "UID" needs its second word.
const CommandRule* find_command(std::string_view name);

struct TaggedCommand {
  std::string tag{};
  Command command{};
  const CommandRule* rule = nullptr;
};

// `text`: one command with its literals where they stand ("a LOGIN {3}\r\nbob secret"), without the final
// CRLF. Linear in `text`; nothing in the answer refers to it.
Result<TaggedCommand, SyntaxError> parse(std::string_view text, const Dialect& dialect);

}  // namespace postroad::imap
