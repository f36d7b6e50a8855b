#include "mime/stored.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/random.h"
#include "mime/imap.h"
#include "mime/parser.h"

namespace postroad::mime {
namespace {

const std::string text =
    "From: a@x.test\r\nSubject: hi\r\nContent-Type: multipart/mixed; "
    "boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: "
    "message/rfc822\r\n\r\nSubject: in\r\nContent-Type: multipart/mixed; "
    "boundary=c\r\n\r\n--c\r\n\r\ntwo\r\n--c--\r\n--b\r\n"
    "Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n--b--\r\n";

TEST(Stored, GivesBackWhatWasStored) {
  const Message message = parse(text);
  const std::string record = serialize(message);
  const auto stored = Stored::read(record);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->octets(), text.size());
  EXPECT_EQ(stored->header_octets(), message.parts()[0].body_start);
  EXPECT_EQ(stored->anomalies(), message.anomalies());
  EXPECT_EQ(stored->envelope(), render_envelope(message));
  EXPECT_EQ(stored->bodystructure(), render_bodystructure(message));
  EXPECT_EQ(stored->parts(), message.parts());
  EXPECT_EQ(stored->summary(), summarize(message));
}

TEST(Stored, ACopyWithAnotherPrefixCostsANumber) {
  const std::string trace = "Return-Path: <>\r\nReceived: by us\r\n";
  const std::string record = serialize(parse(text));
  const auto moved = with_prefix(record, trace.size());
  ASSERT_TRUE(moved);
  EXPECT_EQ(*moved, serialize(parse(text), trace.size()));
  const auto stored = Stored::read(*moved);
  const Message whole = parse(trace + text);
  EXPECT_EQ(stored->parts(), whole.parts());
  EXPECT_EQ(stored->octets(), whole.octets());
  EXPECT_EQ(stored->header_octets(), whole.parts()[0].body_start);
}

TEST(Stored, TheTreeOfASimpleMessageTakesAFewOctets) {
  const std::string simple = "Subject: x\r\n\r\nbody\r\n";
  const Message message = parse(simple);
  const std::size_t others = render_envelope(message).size() + render_bodystructure(message).size();
  EXPECT_LE(serialize(message).size(), others + 60);
}

TEST(Stored, EveryTruncationIsRefusedOrConsistent) {
  const std::string record = serialize(parse(text));
  for (std::size_t n = 0; n < record.size(); ++n)
    EXPECT_FALSE(Stored::read(std::string_view(record).substr(0, n))) << n;
  EXPECT_EQ(Stored::read("").error(), StoredError::Short);
  EXPECT_EQ(Stored::read("\x09more").error(), StoredError::UnknownVersion);
  EXPECT_EQ(with_prefix("\x09more", 1).error(), StoredError::UnknownVersion);
}

TEST(Stored, ADamagedTreeIsNeverBelieved) {
  const std::string record = serialize(parse(text));
  SeededRandom random(3);
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = record;
    damaged[random.below(damaged.size())] = static_cast<char>(random.below(256));
    const auto stored = Stored::read(damaged);
    if (!stored) continue;
    (void)stored->summary();
    const auto parts = stored->parts();
    if (!parts) continue;
    for (std::size_t i = 0; i < parts->size(); ++i) {
      const Part& p = (*parts)[i];
      ASSERT_LE(p.header_start, p.body_start);
      ASSERT_LE(p.body_start, p.body_end);
      ASSERT_LE(p.body_end, stored->octets());
      ASSERT_LE(p.after, parts->size());
      ASSERT_GT(p.after, i);
      if (i > 0) {
        ASSERT_LT(p.parent, i);
      }
    }
  }
}

}  // namespace
}  // namespace postroad::mime
