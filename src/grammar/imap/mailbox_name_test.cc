#include "imap/mailbox_name.h"

#include <gtest/gtest.h>

#include <random>

#include "base/utf8.h"

namespace postroad::imap {
namespace {

std::string to_modified_utf7(std::string_view utf8) {
  std::string out;
  append_modified_utf7(out, utf8);
  return out;
}

TEST(MailboxName, TheExampleOfTheRfcIsChineseAndJapanese) {  // RFC 3501 §5.1.3
  EXPECT_EQ(from_modified_utf7("~peter/mail/&U,BTFw-/&ZeVnLIqe-"), "~peter/mail/台北/日本語");
  EXPECT_EQ(to_modified_utf7("~peter/mail/台北/日本語"), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
}

TEST(MailboxName, AShiftThatDoesNotEndOrWasNotNeededIsRefused) {  // RFC 3501 §5.1.3
  EXPECT_FALSE(from_modified_utf7("&Jjo!"));
  EXPECT_EQ(from_modified_utf7("&Jjo-!"), "☺!");
  EXPECT_FALSE(from_modified_utf7("&U,BTFw-&ZeVnLIqe-"));
  EXPECT_EQ(from_modified_utf7("&U,BTF2XlZyyKng-"), "台北日本語");
}

TEST(MailboxName, ANameHasOneSpellingOnly) {
  EXPECT_EQ(from_modified_utf7("a&-b"), "a&b");
  EXPECT_EQ(from_modified_utf7("&-&-"), "&&");
  EXPECT_EQ(from_modified_utf7("&Jjo-&-"), "☺&");
  EXPECT_FALSE(from_modified_utf7("&AGE-")) << "a";
  EXPECT_FALSE(from_modified_utf7("&ACY-")) << "&";
  EXPECT_FALSE(from_modified_utf7("&")) << "no end";
  EXPECT_FALSE(from_modified_utf7("&Jj-")) << "half a character";
  EXPECT_FALSE(from_modified_utf7("&Jjp-")) << "padding that is not zero";
  EXPECT_FALSE(from_modified_utf7("&JjoA-")) << "padding of six bits";
  EXPECT_FALSE(from_modified_utf7("&Jjo=-")) << "padding characters";
  EXPECT_FALSE(from_modified_utf7("&U/BTFw-")) << "/ is not of the alphabet";
  EXPECT_FALSE(from_modified_utf7("a\tb"));
  EXPECT_FALSE(from_modified_utf7("caf\xc3\xa9"));
}

TEST(MailboxName, SurrogatesComeInPairs) {
  EXPECT_EQ(from_modified_utf7("&2D3eAA-"), "😀");
  EXPECT_EQ(to_modified_utf7("😀"), "&2D3eAA-");
  EXPECT_FALSE(from_modified_utf7("&2D0-"));
  EXPECT_FALSE(from_modified_utf7("&3gA-"));
  EXPECT_FALSE(from_modified_utf7("&2D0mOg-"));
}

TEST(MailboxName, EverySpellingOfInboxIsInbox) {
  for (const char* text : {"INBOX", "inbox", "iNbOx"}) {
    EXPECT_EQ(MailboxName::from_modified_utf7(text)->text(), "INBOX");
    EXPECT_TRUE(MailboxName::from_utf8(text)->is_inbox());
  }
  EXPECT_EQ(MailboxName::from_utf8("Inboxes")->text(), "Inboxes");
}

TEST(MailboxName, Utf8IsTakenFromAnyClientThatSendsIt) {  // RFC 6855 §3
  EXPECT_EQ(MailboxName::from_modified_utf7("Entwürfe")->text(), "Entwürfe");
  EXPECT_EQ(MailboxName::from_modified_utf7("Entw&APw-rfe")->text(), "Entwürfe");
  EXPECT_EQ(MailboxName::from_utf8("Entw&APw-rfe")->text(), "Entw&APw-rfe")
      << "in rev2 it is what it looks like";
  EXPECT_EQ(MailboxName::from_modified_utf7("Entw\xfcrfe").error(), NameError::BadUtf8);
}

TEST(MailboxName, ControlsAndSeparatorsAreForbidden) {  // RFC 6855 §3
  const auto refused = [](std::string_view name) {
    const auto result = MailboxName::from_utf8(name);
    return !result && result.error() == NameError::ForbiddenCharacter;
  };
  EXPECT_TRUE(refused(std::string_view("a\0b", 3)));
  EXPECT_TRUE(refused("a\r\nb"));
  EXPECT_TRUE(refused("a\x7f"));
  EXPECT_TRUE(refused("\xc2\x85"));      // U+0085
  EXPECT_TRUE(refused("\xe2\x80\xa8"));  // U+2028
  EXPECT_TRUE(refused("\xe2\x80\xa9"));  // U+2029
  EXPECT_EQ(MailboxName::from_modified_utf7("a\nb").error(), NameError::ForbiddenCharacter);
  EXPECT_EQ(MailboxName::from_modified_utf7("&AAo-").error(), NameError::ForbiddenCharacter)
      << "an encoded newline";
}

TEST(MailboxName, DecodingUndoesEncodingForEveryText) {
  std::mt19937 random(11);
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto n = random() % 8; n > 0; --n) {
      char32_t point = 0;
      switch (random() % 4) {
        case 0: point = 0x20 + random() % 0x5f; break;
        case 1: point = 0xa0 + random() % 0xd000; break;
        case 2: point = 0x10000 + random() % 0x100000; break;
        case 3: point = U'&'; break;
      }
      if (point >= 0xd800 && point <= 0xdfff) point = U'x';
      utf8::append(text, point);
    }
    const std::string encoded = to_modified_utf7(text);
    ASSERT_TRUE(utf8::is_ascii(encoded));
    ASSERT_EQ(from_modified_utf7(encoded), text) << encoded;
  }
}

TEST(MailboxName, WhatTheStoreHoldsWrongIsStillSentAsValidText) {
  EXPECT_EQ(to_modified_utf7("a\xff"), to_modified_utf7("a\xef\xbf\xbd"));
}

}  // namespace
}  // namespace postroad::imap
