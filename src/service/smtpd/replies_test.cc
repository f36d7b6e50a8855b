#include "smtpd/replies.h"

#include <gtest/gtest.h>

#include "base/ascii.h"

namespace postroad::smtpd {

TEST(SmtpReplies, EveryErrorBeginsAsASentenceDoes) {
  for (const std::string_view line :
       {"NONSENSE", "MAIL", "MAIL FROM:a@example.org", "MAIL FROM:<a>", "MAIL FROM:<a@-x>", "QUIT now",
        "MAIL FROM:<a@example.org> SIZE=x", "MAIL FROM:<a@example.org> WHAT=1", "RCPT TO:<@>", "RCPT TO:<>",
        "MAIL FROM:<a@example.org> SIZE=1 SIZE=2", "BDAT x", "EHLO", "AUTH", "NO\nOP"}) {
    const auto command = smtp::parse_command(line);
    ASSERT_FALSE(command) << line;
    const std::string text = replies::cannot_parse(command.error()).text;
    EXPECT_EQ(text.front(), ascii::upper(text.front())) << line << ": " << text;
  }
}

}  // namespace postroad::smtpd
