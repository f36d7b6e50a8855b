// Where things lie in an account's partition. One letter, then numbers big-endian: their order is the keys'.
//
//   a                            the account: counters for what is given out next
//   b mailbox                    a mailbox: name, UIDVALIDITY, counts as of its last fold
//   s name                       a subscribed name, whether there is a mailbox or not (RFC 9051 §6.3.7)
//   p mailbox page               entries of 256 UIDs, as of some commit (page.h)
//   d modseq part                what commits did since (delta.h)
//   m space uid                  of a message: where its octets are (Locator)
//   t space uid                  of a message: its part tree, ENVELOPE, BODYSTRUCTURE (mime/stored.h)
//   h space uid                  of a message: the header fields that lists of messages ask for
//   (HeaderFields) r space uid mailbox uid      one of several entries with this Home; none for a message
//   that never was copied v mailbox modseq             UIDs that were expunged, for QRESYNC (RFC 7162 §3.2)
//   x modseq part                expunged entries until they are purged: the undelete window
//   g mailbox                    a deleted mailbox until it is purged
//   i modseq number              a COPY under way: references it has written and not published yet
//   o op                         where the message of an OpId went
//
// m, t and h lie under the message's Home and never change. They are written with it and removed when its
// last entry is purged.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "mailbox/entry.h"

namespace postroad::mailbox::keys {

inline std::string account() { return "a"; }
inline std::string mailbox(MailboxId id) {
  std::string key = "b";
  Writer(key).u32_key(id.value());
  return key;
}
inline std::string subscription(std::string_view name) { return std::string("s").append(name); }
inline std::string pages(MailboxId id) {
  std::string key = "p";
  Writer(key).u32_key(id.value());
  return key;
}
inline std::string page(MailboxId id, std::uint32_t number) {
  std::string key = pages(id);
  Writer(key).u32_key(number);
  return key;
}
inline std::string delta(ModSeq modseq, std::uint32_t part) {
  std::string key = "d";
  Writer(key).u64_key(modseq.value()).u32_key(part);
  return key;
}
inline std::string vanished(MailboxId id) {
  std::string key = "v";
  Writer(key).u32_key(id.value());
  return key;
}
inline std::string vanished(MailboxId id, ModSeq modseq, std::uint32_t part) {
  std::string key = vanished(id);
  Writer(key).u64_key(modseq.value()).u32_key(part);
  return key;
}
inline std::string limbo(ModSeq modseq, std::uint32_t part) {
  std::string key = "x";
  Writer(key).u64_key(modseq.value()).u32_key(part);
  return key;
}
inline std::string grave(MailboxId id) {
  std::string key = "g";
  Writer(key).u32_key(id.value());
  return key;
}
inline std::string intent(ModSeq modseq, std::uint32_t number) {
  std::string key = "i";
  Writer(key).u64_key(modseq.value()).u32_key(number);
  return key;
}
inline std::string operation(std::string_view op) { return std::string("o").append(op); }

// A 't' or 'h' record longer than this goes on under its key with 1, 2, ... behind.
inline constexpr std::size_t piece_octets = 60'000;
inline constexpr std::size_t pieces(std::size_t octets) { return (octets + piece_octets - 1) / piece_octets; }
// 'm', 't' or 'h'.
inline std::string message(char kind, Home home) {
  std::string key(1, kind);
  Writer(key).u32_key(home.space).u32_key(home.uid);
  return key;
}
inline std::string references(Home home) { return message('r', home); }
inline std::string reference(Home home, MailboxId mailbox, Uid uid) {
  std::string key = references(home);
  Writer(key).u32_key(mailbox.value()).u32_key(uid.value());
  return key;
}

}  // namespace postroad::mailbox::keys
