// The routes an administrator has laid: mail that does not follow the MX records. Pure.
//
// One line is one route:
//   PATTERN TARGET [tls=never|opportunistic|encrypted|verified] [login=NAME password=TEXT]
//   example.org           smtp:relay.example.net
//   .example.org          lmtp:/run/lmtp.sock              (everything below example.org)
//   *                     smtp:a.example.net,b.example.net:587 tls=verified login=me password=secret
//   partner.example       mx                               (as the DNS says, in spite of "*")
//   old.example           mx:new.example                   (to the mail servers of that domain)
// A target's hosts are tried in their order; "smtps:" is TLS from the first octet (port 465). LMTP has
// port 24. The exact domain comes before the longest ".suffix", that before "*".
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "delivery/route.h"

namespace postroad::delivery {

struct RouteRule {
  std::string pattern;             // "example.org", ".example.org", "*"
  std::string mx_of{};             // follow the MX records of this domain; "=": of the recipient's
  Route route{};                   // else this; its site is set
  std::optional<TlsDemand> tls{};  // given: for MX hosts too

  // A refusal is a line for an administrator.
  static Result<RouteRule, std::string> parse(std::string_view line);
  std::string target() const;  // as parse() reads it
};

class RouteTable {
 public:
  // Of two rules with one pattern the latter counts.
  void add(RouteRule rule) { rules_.insert_or_assign(rule.pattern, std::move(rule)); }
  bool remove(const std::string& pattern) { return rules_.erase(pattern) > 0; }
  const RouteRule* find(std::string_view domain) const;
  const std::map<std::string, RouteRule>& rules() const { return rules_; }

 private:
  std::map<std::string, RouteRule> rules_;
};

std::string_view to_text(TlsDemand demand);

}  // namespace postroad::delivery
