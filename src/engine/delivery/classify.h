// What a server's reply means: whose trouble it is, and what to do. Pure.
//
// The rules are data (data/replies.txt, built in): code, enhanced status and words to a class; classes are
// code: each has one scope, one reaction and one explanation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mail/enhanced_status.h"

namespace postroad::delivery {

enum class Class : std::uint8_t {
  Unknown,
  // of a recipient
  NoSuchMailbox,
  MailboxDisabled,
  MailboxFull,
  MailboxMoved,
  RecipientRefused,
  RecipientRate,
  NotResponsible,
  Greylisted,
  // of the message
  TooManyRecipients,
  TooBig,
  Content,
  Virus,
  Attachment,
  Link,
  Malformed,
  International,
  SenderRefused,
  Policy,
  Loop,
  // of where we send from
  Unauthenticated,
  Blocklisted,
  Reputation,
  NoReverseDns,
  Rate,
  Connections,
  // of the site
  TlsNeeded,
  LoginNeeded,
  NoMailHere,
  Busy,
  Trouble,
  DiskFull,
  Timeout,
  Protocol,
  // what we found ourselves, without a reply
  NoSuchDomain,
  DnsTrouble,
  Unreachable,
  ConnectionLost,
  TlsFailed,
  NotSmtp,
  Ours,
};
inline constexpr std::size_t classes = static_cast<std::size_t>(Class::Ours) + 1;

enum class Scope : std::uint8_t { Message, Recipient, Site, Source };

enum class Reaction : std::uint8_t {
  Return,     // it will not be otherwise: tell the sender
  Retry,      // by the retry table
  RetrySoon,  // the server only wants to see us again
  Split,      // the rest in the next transaction
  SlowDown,   // fewer connections and messages from this source
  Pause,      // none from this source for a while
};

// When a reply came.
enum class Stage : std::uint8_t { None, Connect, Hello, Mail, Rcpt, Data, End };

struct Verdict {
  Class klass = Class::Unknown;
  Scope scope = Scope::Site;
  Reaction reaction = Reaction::Retry;
  bool permanent = false;  // do not try again; mostly, not always, what the code says
  std::string rule{};      // which one; empty: the code alone
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

std::string_view to_text(Class klass);  // "no-such-mailbox"
std::string_view to_text(Stage stage);  // "rcpt"
std::string_view explain(Class klass);  // a sentence or two: what it means and who can mend it
Scope scope_of(Class klass);
// A recipient to whom nothing more should be sent, as campaigns understand it.
bool is_undeliverable(const Verdict& verdict);

struct RuleFault {
  std::size_t line = 0;  // from 1
  std::string what;      // for who wrote it: what is wrong
};

class ReplyRules {
 public:
  // In the language that stands on top of data/replies.txt.
  static Result<ReplyRules, RuleFault> parse(std::string_view text);
  static const ReplyRules& builtin();

  // Of a 4yz or 5yz. `provider`: as in Route. Linear in the reply's length, of which 2,000 octets count.
  Verdict judge(const Reply& reply, Stage stage, std::string_view provider) const;

  std::size_t size() const;
  // Rules without an example, examples that their rule does not fit, rules that an earlier one hides.
  std::vector<RuleFault> lint() const;

 private:
  struct Rule;
  class Reader;
  const Rule* find(const Reply& reply, Stage stage, std::string_view provider) const;
  std::vector<Rule> rules_;

 public:
  ReplyRules();
  ReplyRules(ReplyRules&&) noexcept;
  ReplyRules& operator=(ReplyRules&&) noexcept;
  ~ReplyRules();
};

}  // namespace postroad::delivery
