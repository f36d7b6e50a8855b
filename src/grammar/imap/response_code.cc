#include "imap/response_code.h"

#include <fmt/format.h>

#include "imap/render.h"

namespace postroad::imap::code {

std::string capability(std::span<const std::string_view> capabilities) {
  return fmt::format("CAPABILITY {}", fmt::join(capabilities, " "));
}

std::string permanent_flags(std::uint8_t system, std::span<const std::string_view> keywords,
                            bool new_keywords) {
  std::string code = "PERMANENTFLAGS ";
  Renderer(code).flags(system, keywords);
  if (!new_keywords) return code;
  code.pop_back();
  code.append(code.ends_with('(') ? "\\*)" : " \\*)");
  return code;
}

std::string unseen(std::uint32_t number) { return fmt::format("UNSEEN {}", number); }
std::string uid_next(Uid uid) { return fmt::format("UIDNEXT {}", uid.value()); }
std::string uid_validity(UidValidity uid_validity) {
  return fmt::format("UIDVALIDITY {}", uid_validity.value());
}
std::string highest_mod_seq(ModSeq mod_seq) { return fmt::format("HIGHESTMODSEQ {}", mod_seq.value()); }
std::string modified(const NumberSet& messages) { return fmt::format("MODIFIED {}", messages.text()); }

std::string append_uid(UidValidity uid_validity, const NumberSet& uids) {
  return fmt::format("APPENDUID {} {}", uid_validity.value(), uids.text());
}

std::string copy_uid(UidValidity uid_validity, const NumberSet& from, const NumberSet& to) {
  return fmt::format("COPYUID {} {} {}", uid_validity.value(), from.text(), to.text());
}

std::string mailbox_id(std::string_view object_id) { return fmt::format("MAILBOXID ({})", object_id); }
std::string metadata_long_entries(std::uint64_t largest) {
  return fmt::format("METADATA LONGENTRIES {}", largest);
}
std::string metadata_max_size(std::uint64_t size) { return fmt::format("METADATA MAXSIZE {}", size); }

}  // namespace postroad::imap::code
