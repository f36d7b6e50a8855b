#include "app/demo.h"

#include <fmt/format.h>

#include <cstdio>

namespace postroad::app {

net::task<std::optional<std::string>> make_demo(directory::Administration& directory) {
  using directory::Refusal;
  const auto domain = co_await directory.add_domain("default", "demo.test", "");
  if (!domain && domain.error().refusal != Refusal::Exists) co_return domain.error().text;
  const auto asked = co_await directory.set_domain("demo.test", {.scram = true});
  if (!asked) co_return asked.error().text;
  for (const std::string address : {"admin@demo.test", "alice@demo.test", "bob@demo.test"}) {
    directory::Secret secret{.text = "postroad"};
    const auto account = co_await directory.add_account(address, std::move(secret));
    if (!account && account.error().refusal != Refusal::Exists) co_return account.error().text;
    if (!account || address != "admin@demo.test") continue;
    const auto made = co_await directory.set_account(address, {.administrator = true});
    if (!made) co_return made.error().text;
  }
  co_return std::nullopt;
}

void print_demo_banner() {
  fmt::print(
      "\n"
      "  Postroad is running: a post office for demo.test, on this machine only.\n"
      "  Accounts: alice@demo.test  bob@demo.test  admin@demo.test   password: postroad\n"
      "  Anybody on this machine can sign in with it. Do not put real mail here.\n"
      "\n"
      "  SMTP 2525   submission 2587 (STARTTLS) 2465 (TLS)   LMTP 2424\n"
      "  IMAP 2143 2993 (TLS)   POP3 2110 2995 (TLS)   console and API http://127.0.0.1:2080\n"
      "\n"
      "  A first letter, by hand:\n"
      "    telnet 127.0.0.1 2525\n"
      "    EHLO me.example\n"
      "    MAIL FROM:<me@example.org>\n"
      "    RCPT TO:<bob@demo.test>\n"
      "    DATA\n"
      "    Subject: Hello\n"
      "\n"
      "    It works.\n"
      "    .\n"
      "    QUIT\n"
      "\n"
      "  And bob reads it:\n"
      "    telnet 127.0.0.1 2110\n"
      "    USER bob@demo.test\n"
      "    PASS postroad\n"
      "    RETR 1\n"
      "    QUIT\n"
      "\n"
      "  Ctrl-C stops it; everything is kept in ./var.\n\n");
  std::fflush(stdout);
}

}  // namespace postroad::app
