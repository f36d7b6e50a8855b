#include "smtpd/help.h"

#include "base/ascii.h"

namespace postroad::smtpd {
namespace {

struct Topic {
  std::string_view name;
  std::string_view text;
};

constexpr Topic topics[] = {
    {"EHLO",
     "EHLO your.host.name\nSay who you are; the answer lists what this server can do. HELO is the old form."},
    {"MAIL",
     "MAIL FROM:<you@your.domain>\nBegins a message. <> is the sender of reports, which nobody answers."},
    {"RCPT", "RCPT TO:<somebody@here>\nNames a recipient; say it once for each. 250 means he exists here."},
    {"DATA",
     "DATA\nThen the message: header lines (From: Subject: ...), an empty line, the text,\n"
     "and at last a line that holds nothing but a dot. 250 means that it is safe with us."},
    {"BDAT", "BDAT 123 LAST\nThe message as that many octets, without dots (RFC 3030). For programs."},
    {"RSET", "RSET\nForgets the message that has begun."},
    {"NOOP", "NOOP\nDoes nothing, and says so."},
    {"QUIT", "QUIT\nEnds the conversation."},
    {"VRFY", "VRFY somebody\nAsks whether a mailbox exists. Strangers are not told."},
    {"STARTTLS",
     "STARTTLS\nFrom here on encrypted. With a keyboard: openssl s_client -starttls smtp -connect HOST:PORT"},
    {"AUTH", "AUTH PLAIN ...\nSigns you in; needs STARTTLS first. Mail programs do it for you."},
    {"LHLO", "LHLO your.host.name\nSay who you are (RFC 2033)."},
};

}  // namespace

std::string help(std::string_view topic, bool lmtp, bool may_sign_in) {
  for (const Topic& t : topics)
    if (ascii::iequals(t.name, topic)) return std::string(t.text);
  std::string out = "Type a message by hand, line by line; each gets an answer:\n";
  out += lmtp ? "  LHLO your.host.name\n" : "  EHLO your.host.name\n";
  out +=
      "  MAIL FROM:<you@your.domain>\n"
      "  RCPT TO:<somebody@here>\n"
      "  DATA\n"
      "  Subject: A first letter\n"
      "  (an empty line)\n"
      "  Hello!\n"
      "  .\n"
      "  QUIT\n"
      "Answers that begin with 2 or 3 mean yes, with 4 later, with 5 no.\n";
  if (may_sign_in) out += "Here you must sign in before MAIL: AUTH.\n";
  out += "HELP and a word says more: EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY STARTTLS AUTH QUIT";
  return out;
}

}  // namespace postroad::smtpd
