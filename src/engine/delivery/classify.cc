#include "delivery/classify.h"

#include <array>

#include "delivery/reply_rules.h"

namespace postroad::delivery {
namespace {

struct Row {
  std::string_view name;
  Scope scope;
  Reaction reaction;
  std::string_view explanation;
};

// In the order of Class.
constexpr std::array<Row, classes> table{{
    {"unknown", Scope::Message, Reaction::Retry,
     "The server gave a reason that is not known here; its own words say more."},
    {"no-such-mailbox", Scope::Recipient, Reaction::Return,
     "The server knows nobody of this address. Check it for a typing error; take it off lists."},
    {"mailbox-disabled", Scope::Recipient, Reaction::Return,
     "The mailbox exists but has been closed or suspended by its provider. Only its owner can change that."},
    {"mailbox-full", Scope::Recipient, Reaction::Retry,
     "The mailbox has no room. It is tried again for a while; its owner must delete or buy space."},
    {"mailbox-moved", Scope::Recipient, Reaction::Return,
     "The person is no longer reached at this address; the server's words may name the new one."},
    {"recipient-refused", Scope::Recipient, Reaction::Return,
     "The server does not take this message for this recipient, by a rule of the recipient or of the group."},
    {"recipient-rate", Scope::Recipient, Reaction::Retry,
     "The recipient gets more mail than the server lets through at once. It is tried again later."},
    {"not-responsible", Scope::Recipient, Reaction::Return,
     "The server says that it does not handle this domain: the domain's MX records point to the wrong place, "
     "or "
     "the domain was given up."},
    {"greylisted", Scope::Recipient, Reaction::RetrySoon,
     "The server puts off mail from senders it does not know yet and takes it at the next try."},
    {"too-many-recipients", Scope::Message, Reaction::Split,
     "The server takes fewer recipients at once; the others follow in the next transaction."},
    {"too-big", Scope::Message, Reaction::Return,
     "The message is larger than the server takes. Send it with a link instead of the attachment."},
    {"content", Scope::Message, Reaction::Return,
     "The server takes the message for unwanted mail because of what it says."},
    {"virus", Scope::Message, Reaction::Return,
     "The server found malware in the message. The sender's computer should be examined."},
    {"attachment", Scope::Message, Reaction::Return,
     "The server takes no attachment of this kind. Send it by another way."},
    {"link", Scope::Message, Reaction::Return,
     "A link in the message points to a place on a list of bad ones."},
    {"malformed", Scope::Message, Reaction::Return,
     "The server finds the message not well-formed (RFC 5322). The program that wrote it must be mended."},
    {"international", Scope::Message, Reaction::Return,
     "The message needs internationalised addresses (SMTPUTF8), and the server does not take them."},
    {"sender-refused", Scope::Message, Reaction::Return,
     "The server does not take mail from this sender address: its domain cannot be answered, or the sender "
     "is "
     "blocked there."},
    {"policy", Scope::Message, Reaction::Return,
     "The server refuses the message by a rule of its own; only its administrator can say which."},
    {"loop", Scope::Message, Reaction::Return,
     "The message has passed so many servers that it runs in a circle: a forwarding is wrong."},
    {"unauthenticated", Scope::Source, Reaction::SlowDown,
     "SPF, DKIM or DMARC did not vouch for the message. The sender's domain needs the records that `postroad "
     "check` names."},
    {"blocklisted", Scope::Source, Reaction::Pause,
     "The server blocks our address by a list of bad senders. An administrator must find why and ask for "
     "removal."},
    {"reputation", Scope::Source, Reaction::SlowDown,
     "The server trusts our address little and holds its mail back. Send less, and only to who wants it."},
    {"no-reverse-dns", Scope::Source, Reaction::Pause,
     "Our address has no reverse name, or it does not match our greeting. The owner of the address range "
     "sets "
     "it."},
    {"rate", Scope::Source, Reaction::SlowDown,
     "We sent more than the server lets through; sending goes on more slowly."},
    {"connections", Scope::Source, Reaction::SlowDown,
     "We had more connections open than the server allows; fewer are used."},
    {"tls-needed", Scope::Site, Reaction::Return,
     "The server takes mail over TLS only. Permit TLS on the route to it."},
    {"login-needed", Scope::Site, Reaction::Return,
     "The server wants us to sign in: the route needs credentials, or this is not the server for incoming "
     "mail."},
    {"no-mail-here", Scope::Site, Reaction::Return, "The host takes no mail at all (RFC 7504)."},
    {"busy", Scope::Site, Reaction::Retry,
     "The server has too much to do or is stopping; it is tried again."},
    {"trouble", Scope::Site, Reaction::Retry,
     "The server has a trouble of its own; its administrator will mend it, and it is tried again."},
    {"disk-full", Scope::Site, Reaction::Retry, "The server has no room left; it is tried again."},
    {"timeout", Scope::Site, Reaction::Retry, "The server did not wait any longer; it is tried again."},
    {"protocol", Scope::Site, Reaction::Return,
     "The server did not understand us, or does not know what it should."},
    {"no-such-domain", Scope::Recipient, Reaction::Return,
     "The part of the address behind the @ is no domain that takes mail. Check it for a typing error."},
    {"dns-trouble", Scope::Site, Reaction::Retry,
     "The DNS gives no answer for the domain; its owner or our resolver has a trouble."},
    {"unreachable", Scope::Site, Reaction::Retry, "No mail server of the domain accepts a connection."},
    {"connection-lost", Scope::Site, Reaction::Retry,
     "The connection broke before the server had answered for the message."},
    {"tls-failed", Scope::Site, Reaction::Retry,
     "The connection could not be protected as the route or the domain demands."},
    {"not-smtp", Scope::Site, Reaction::Retry, "What answers there does not speak SMTP as it should."},
    {"ours", Scope::Message, Reaction::Retry,
     "The trouble is on our own side; `postroad check` says what it is."},
}};

const Row& row(Class klass) { return table[static_cast<std::size_t>(klass)]; }

constexpr std::array<std::string_view, 7> stages{"none", "connect", "hello", "mail", "rcpt", "data", "end"};

}  // namespace

std::string_view to_text(Class klass) { return row(klass).name; }
std::string_view to_text(Stage stage) { return stages[static_cast<std::size_t>(stage)]; }
std::string_view explain(Class klass) { return row(klass).explanation; }
Scope scope_of(Class klass) { return row(klass).scope; }

bool is_undeliverable(const Verdict& verdict) {
  return verdict.permanent &&
         (verdict.klass == Class::NoSuchMailbox || verdict.klass == Class::MailboxDisabled ||
          verdict.klass == Class::MailboxMoved || verdict.klass == Class::NotResponsible);
}

Verdict completed(Verdict verdict, Stage stage) {
  const Row& of = row(verdict.klass);
  verdict.scope = of.scope;
  verdict.reaction = of.reaction;
  if (verdict.klass == Class::Unknown) {
    if (stage == Stage::Connect || stage == Stage::Hello) verdict.scope = Scope::Site;
    if (stage == Stage::Rcpt) verdict.scope = Scope::Recipient;
  }
  if (verdict.klass == Class::TooManyRecipients) verdict.permanent = false;  // RFC 5321 §4.5.3.1.10
  if (verdict.reaction < Reaction::SlowDown && verdict.permanent) verdict.reaction = Reaction::Return;
  if (verdict.reaction == Reaction::Return && !verdict.permanent) verdict.reaction = Reaction::Retry;
  return verdict;
}

const ReplyRules& ReplyRules::builtin() {
  // A file that the test of this library has read cannot be refused here.
  static const ReplyRules rules = *parse(builtin_reply_rules);
  return rules;
}

}  // namespace postroad::delivery
