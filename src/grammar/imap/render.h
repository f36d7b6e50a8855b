// Everything an IMAP server sends, appended to a string (RFC 9051 §7).
//
// A Renderer owns nothing and allocates nothing but the growth of the string it writes to. Whole responses
// end with CRLF; a FETCH is written item by item between fetch_begin() and fetch_end(). What comes out is
// always legal IMAP: strings choose between quoted and literal, text loses what a line cannot hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/number_set.h"
#include "imap/date_time.h"
#include "imap/fetch.h"
#include "imap/flags.h"
#include "imap/response_code.h"
#include "imap/search.h"
#include "mail/ids.h"

namespace postroad::imap {

enum class Condition : std::uint8_t { Ok, No, Bad, PreAuth, Bye };

// "* NAMESPACE": one prefix and its delimiter ('\0': flat).
struct NamespacePrefix {
  std::string_view prefix{};  // UTF-8
  char delimiter = '/';
};

// Mailbox attributes, without backslash, one bit each (RFC 9051 §7.3.1, RFC 6154, RFC 8457).
enum class MailboxAttribute : std::uint32_t {
  NoInferiors = 1 << 0,
  NoSelect = 1 << 1,
  Marked = 1 << 2,
  Unmarked = 1 << 3,
  NonExistent = 1 << 4,
  Subscribed = 1 << 5,
  Remote = 1 << 6,
  HasChildren = 1 << 7,
  HasNoChildren = 1 << 8,
  All = 1 << 9,
  Archive = 1 << 10,
  Drafts = 1 << 11,
  Flagged = 1 << 12,
  Junk = 1 << 13,
  Sent = 1 << 14,
  Trash = 1 << 15,
  Important = 1 << 16,
};

struct ListedMailbox {
  std::uint32_t attributes = 0;                // MailboxAttribute bits
  char delimiter = '/';                        // '\0': NIL
  std::string_view name{};                     // UTF-8
  bool child_info_subscribed = false;          // CHILDINFO ("SUBSCRIBED"), RFC 5258 §3.5
  std::optional<std::string_view> old_name{};  // OLDNAME, rev2
};

// The values of a STATUS response; only those that are set are sent.
struct StatusValues {
  std::optional<std::uint32_t> messages{}, recent{}, uid_next{}, uid_validity{}, unseen{}, deleted{};
  std::optional<std::uint64_t> deleted_storage{}, size{}, highest_mod_seq{};
  std::optional<std::string_view> mailbox_id{};
  std::optional<std::optional<std::uint32_t>> append_limit{};  // an inner nothing is NIL: no limit
};

// The values of an ESEARCH response (RFC 9051 §7.3.4, RFC 4731 §3.1); only those that are set are sent.
struct ESearchValues {
  std::string_view tag{};
  bool uid = false;
  std::optional<std::uint32_t> min{}, max{}, count{};
  const NumberSet* all = nullptr;           // an empty set is not sent
  std::span<const std::uint32_t> sorted{};  // ESORT: ALL in this order, instead of `all`
  std::optional<std::uint64_t> mod_seq{};
  std::span<const std::uint8_t> relevancy{};  // 1 to 100 for each of `all` or `sorted` (RFC 6203 §4)
};

// One message of a THREAD response; nodes stand in the order of the answer, parents before children.
struct ThreadNode {
  std::uint32_t number = 0;    // 0: the parent of its children is missing
  std::uint32_t children = 0;  // how many of the nodes behind it, with theirs, are its children
};

class Renderer {
 public:
  // `utf8`: after ENABLE IMAP4rev2 or UTF8=ACCEPT names and quoted strings are UTF-8.
  explicit Renderer(std::string& out, bool utf8 = false) : out_(out), utf8_(utf8) {}

  // --- Words ---------------------------------------------------------------------------------------
  void raw(std::string_view octets) { out_.append(octets); }
  void number(std::uint64_t value);
  // Quoted where the grammar lets it, else a literal. NUL, which no string may hold, becomes "?".
  void string(std::string_view octets);
  void nstring(std::optional<std::string_view> octets);
  void astring(std::string_view octets);     // an atom where it can be one
  void mailbox(std::string_view utf8_name);  // as the client can read it
  void flags(std::uint8_t system, std::span<const std::string_view> keywords = {});  // with parentheses
  void flags(const Flags& flags);
  void literal_header(std::uint64_t octets);   // "{n}" CRLF: the caller sends the octets
  void literal8_header(std::uint64_t octets);  // "~{n}" CRLF

  // --- Conditions (§7.1) ---------------------------------------------------------------------------
  // Text goes out without controls, and without octets above 127 unless `utf8`.
  void tagged(std::string_view tag, Condition condition, std::string_view code, std::string_view text);
  void untagged(Condition condition, std::string_view code, std::string_view text);
  void continuation(std::string_view text);           // "+ text"
  void continuation_base64(std::string_view octets);  // "+ " and a SASL challenge, not yet encoded

  // --- Server and mailbox (§7.2, §7.3) -------------------------------------------------------------
  void capability(std::span<const std::string_view> capabilities);
  void enabled(std::span<const std::string_view> capabilities);
  void id(std::span<const std::pair<std::string_view, std::string_view>> fields);  // empty: NIL
  void name_space(std::span<const NamespacePrefix> personal, std::span<const NamespacePrefix> others,
                  std::span<const NamespacePrefix> shared);
  void list(const ListedMailbox& mailbox);
  void lsub(const ListedMailbox& mailbox);
  void status(std::string_view utf8_name, const StatusValues& values);
  void flags_line(std::uint8_t system, std::span<const std::string_view> keywords);
  void exists(std::uint32_t messages);
  void recent(std::uint32_t messages);
  void expunge(std::uint32_t number);
  void vanished(const NumberSet& uids, bool earlier);  // RFC 7162 §3.2.10; nothing for no UIDs
  void thread(std::span<const ThreadNode> nodes);
  void search(std::span<const std::uint32_t> numbers, std::optional<std::uint64_t> mod_seq = {});
  void sort(std::span<const std::uint32_t> numbers, std::optional<std::uint64_t> mod_seq = {});
  void esearch(const ESearchValues& values);

  // --- ACL, QUOTA, METADATA (RFC 4314, RFC 9208, RFC 5464) --------------------------------------------
  void acl(std::string_view utf8_name,
           std::span<const std::pair<std::string_view, std::string_view>> entries);
  void list_rights(std::string_view utf8_name, std::string_view identifier, std::string_view always,
                   std::span<const std::string_view> optional);
  void my_rights(std::string_view utf8_name, std::string_view rights);
  struct QuotaResource {
    std::string_view name{};
    std::uint64_t usage = 0;
    std::uint64_t limit = 0;
  };
  void quota(std::string_view root, std::span<const QuotaResource> resources);
  void quota_root(std::string_view utf8_name, std::span<const std::string_view> roots);
  void metadata(std::string_view utf8_name,
                std::span<const std::pair<std::string_view, std::optional<std::string_view>>> values);
  void metadata_changed(std::string_view utf8_name, std::span<const std::string_view> entries);

  // --- FETCH (§7.5.2) ------------------------------------------------------------------------------
  // "* 12 FETCH (", then items in any order, then ")". At least one item.
  void fetch_begin(std::uint32_t number);
  void fetch_uid(Uid uid);
  void fetch_flags(std::uint8_t system, std::span<const std::string_view> keywords = {});
  void fetch_mod_seq(ModSeq mod_seq);
  void fetch_size(std::uint64_t octets);
  void fetch_internal_date(const DateTime& when);
  void fetch_save_date(std::optional<DateTime> when);
  void fetch_email_id(std::string_view object_id);
  void fetch_thread_id(std::optional<std::string_view> object_id);
  void fetch_preview(std::optional<std::string_view> text);  // UTF-8
  // Any item: its name, for a value the caller appends. ENVELOPE and the like as stored; bodies, whose name
  // append_item_name() makes once for all messages, with nstring(), literal_header() or literal8_header().
  void fetch_item(std::string_view name);
  void fetch_end() { out_.append(")\r\n"), first_item_ = true; }

 private:
  void quoted(std::string_view octets);
  std::string_view separator();
  void names(std::string_view response, std::span<const std::string_view> names);
  void numbers(std::string_view response, std::span<const std::uint32_t> numbers,
               std::optional<std::uint64_t> mod_seq);
  void listed(std::string_view response, const ListedMailbox& mailbox);
  void namespaces(std::span<const NamespacePrefix> prefixes);
  void delimiter(char c);
  void line(std::string_view text);
  std::string& out_;
  bool utf8_;
  bool first_item_ = true;
};

// "BODY[1.HEADER.FIELDS (From)]<0>": the name under which an answer to `attribute` goes.
void append_item_name(std::string& out, const BodyAttribute& attribute);

}  // namespace postroad::imap
