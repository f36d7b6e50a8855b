// What stands in brackets after OK, NO and BAD (RFC 9051 §7.1, RFC 5530 and the extensions).
//
// Codes without arguments are constants; the others are made. None holds its brackets.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/number_set.h"
#include "imap/flags.h"
#include "mail/ids.h"

namespace postroad::imap::code {

inline constexpr std::string_view none{};
inline constexpr std::string_view alert = "ALERT";
inline constexpr std::string_view parse = "PARSE";
inline constexpr std::string_view read_only = "READ-ONLY";
inline constexpr std::string_view read_write = "READ-WRITE";
inline constexpr std::string_view try_create = "TRYCREATE";
inline constexpr std::string_view uid_not_sticky = "UIDNOTSTICKY";
inline constexpr std::string_view unknown_cte = "UNKNOWN-CTE";  // RFC 3516
// RFC 5530
inline constexpr std::string_view unavailable = "UNAVAILABLE";
inline constexpr std::string_view authentication_failed = "AUTHENTICATIONFAILED";
inline constexpr std::string_view authorization_failed = "AUTHORIZATIONFAILED";
inline constexpr std::string_view expired = "EXPIRED";
inline constexpr std::string_view privacy_required = "PRIVACYREQUIRED";
inline constexpr std::string_view contact_admin = "CONTACTADMIN";
inline constexpr std::string_view no_perm = "NOPERM";
inline constexpr std::string_view in_use = "INUSE";
inline constexpr std::string_view expunge_issued = "EXPUNGEISSUED";
inline constexpr std::string_view corruption = "CORRUPTION";
inline constexpr std::string_view server_bug = "SERVERBUG";
inline constexpr std::string_view client_bug = "CLIENTBUG";
inline constexpr std::string_view cannot = "CANNOT";
inline constexpr std::string_view limit = "LIMIT";
inline constexpr std::string_view over_quota = "OVERQUOTA";
inline constexpr std::string_view already_exists = "ALREADYEXISTS";
inline constexpr std::string_view nonexistent = "NONEXISTENT";
inline constexpr std::string_view has_children = "HASCHILDREN";  // rev2
// Extensions
inline constexpr std::string_view closed = "CLOSED";                         // RFC 7162 §3.2.11
inline constexpr std::string_view no_mod_seq = "NOMODSEQ";                   // RFC 7162 §3.1.2.2
inline constexpr std::string_view not_saved = "NOTSAVED";                    // RFC 5182
inline constexpr std::string_view too_big = "TOOBIG";                        // RFC 4469, RFC 7889
inline constexpr std::string_view use_attr = "USEATTR";                      // RFC 6154
inline constexpr std::string_view compression_active = "COMPRESSIONACTIVE";  // RFC 4978
inline constexpr std::string_view metadata_too_many = "METADATA TOOMANY";    // RFC 5464
inline constexpr std::string_view metadata_no_private = "METADATA NOPRIVATE";
// The charsets we search in.
inline constexpr std::string_view bad_charset = "BADCHARSET (US-ASCII UTF-8)";

std::string capability(std::span<const std::string_view> capabilities);
// `system`: SystemFlag bits. `new_keywords`: clients may invent more.
std::string permanent_flags(std::uint8_t system, std::span<const std::string_view> keywords,
                            bool new_keywords);
std::string unseen(std::uint32_t number);  // rev1
std::string uid_next(Uid uid);
std::string uid_validity(UidValidity uid_validity);
std::string highest_mod_seq(ModSeq mod_seq);                              // RFC 7162 §3.1.2.1
std::string modified(const NumberSet& messages);                          // RFC 7162 §3.1.3
std::string append_uid(UidValidity uid_validity, const NumberSet& uids);  // RFC 4315 §3
// The n-th of `from` became the n-th of `to`: both rise, so sets say it.
std::string copy_uid(UidValidity uid_validity, const NumberSet& from, const NumberSet& to);  // RFC 4315 §3
std::string mailbox_id(std::string_view object_id);                                          // RFC 8474 §4.1
std::string metadata_long_entries(std::uint64_t largest);  // RFC 5464 §4.2.1
std::string metadata_max_size(std::uint64_t size);         // RFC 5464 §4.3

}  // namespace postroad::imap::code
