// Entry: what a mailbox's index says of one message.
//
// Enough for FETCH (UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ SAVEDATE EMAILID) and for sequence numbers, 48
// octets, so that a million messages are 48 MB. Everything else of a message never changes and is kept once,
// under its Home.
#pragma once

#include <compare>
#include <cstdint>

#include "mail/ids.h"

namespace postroad::mailbox {

// System flags (RFC 9051 §2.3.2), one bit each, the same bits as imap::SystemFlag. The last is our own and
// never shown.
namespace flag {
inline constexpr std::uint8_t answered = 1;
inline constexpr std::uint8_t flagged = 2;
inline constexpr std::uint8_t deleted = 4;
inline constexpr std::uint8_t seen = 8;
inline constexpr std::uint8_t draft = 16;
inline constexpr std::uint8_t system = answered | flagged | deleted | seen | draft;
inline constexpr std::uint8_t shared = 128;  // others may have the same Home: see sharing in account.h
}  // namespace flag

// Where a message was born: it names the immutable content for ever, within its account. A copy has its
// own UID and the Home of its original, so COPY and MOVE touch no content. `space` is the birth mailbox's
// number, or a later one given to it (MailboxRecord::space): after a restore UIDs may repeat, Homes never do.
// It is EMAILID (RFC 8474) and the unique-id of POP3.
struct Home {
  std::uint32_t space = 0;
  std::uint32_t uid = 0;
  friend constexpr auto operator<=>(const Home&, const Home&) = default;
};

struct Entry {
  Uid uid{};
  std::uint32_t octets = 0;  // RFC822.SIZE: of prefix and blob
  Home home{};
  std::uint64_t keywords = 0;      // bit n: the n-th name of the mailbox's keywords
  ModSeq modseq{};                 // of the commit that last changed this entry visibly
  std::int64_t internal_date = 0;  // seconds since 1970
  std::uint32_t save_date = 0;     // seconds since 1970: when it came into this mailbox (RFC 8514)
  std::uint8_t flags = 0;
  friend constexpr bool operator==(const Entry&, const Entry&) = default;
};
static_assert(sizeof(Entry) == 48);

}  // namespace postroad::mailbox
