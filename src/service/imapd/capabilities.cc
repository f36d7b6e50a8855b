#include "imapd/capabilities.h"

#include <algorithm>

#include "sasl/server.h"

namespace postroad::imapd {
namespace {

struct Row {
  std::string_view name;
  bool before_login = false;
  bool enable = false;
};

// A line here is a promise that all of that RFC is kept.
constexpr Row table[] = {
    {"IMAP4rev1", true},  // RFC 3501
    {"LITERAL+", true},   // RFC 7888
    {"SASL-IR", true},    // RFC 4959
    {"ID", true},         // RFC 2971
    {"ENABLE", true},     // RFC 5161
    {"IDLE"},             // RFC 2177
    {"NAMESPACE"},        // RFC 2342
    {"CHILDREN"},         // RFC 3348
    {"UNSELECT"},         // RFC 3691
    {"UIDPLUS"},          // RFC 4315
    {"MOVE"},             // RFC 6851
    {"SPECIAL-USE"},      // RFC 6154
    {"CREATE-SPECIAL-USE"},
    {"MULTIAPPEND"},  // RFC 3502
    {"ESEARCH"},      // RFC 4731
    {"SEARCHRES"},    // RFC 5182
    {"WITHIN"},       // RFC 5032
    {"QRESYNC", false, true},
    {"CONDSTORE", false, true},  // RFC 7162
};

}  // namespace

std::vector<std::string> capabilities(const Circumstances& now) {
  std::vector<std::string> all;
  for (const Row& row : table)
    if (now.signed_in || row.before_login) all.emplace_back(row.name);
  if (now.signed_in) return all;
  if (now.start_tls) all.emplace_back("STARTTLS");
  if (!now.passwords) {
    all.emplace_back("LOGINDISABLED");
    return all;
  }
  for (const std::string_view mechanism : sasl::offered_mechanisms(true, now.scram, now.bindings))
    all.push_back("AUTH=" + std::string(mechanism));
  return all;
}

bool offered(std::string_view capability) {
  return capability.empty() || std::ranges::any_of(table, [&](const Row& r) { return r.name == capability; });
}

bool can_enable(std::string_view capability) {
  return std::ranges::any_of(table, [&](const Row& r) { return r.enable && r.name == capability; });
}

}  // namespace postroad::imapd
