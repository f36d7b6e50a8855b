// Other people's messages, read where they lie (POSTROAD_SUITES names the directory) and skipped where they
// do not. What they mean is compared in tests/mime; here is what must hold for any message.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/utf8.h"
#include "mime/imap.h"
#include "mime/imap_syntax.h"
#include "mime/parser.h"
#include "mime/section.h"
#include "mime/stored.h"

namespace postroad::mime {
namespace {

struct Sample {
  std::string name, octets;
};

// Every .eml and .mbox below the suites; of an mbox everything after its first line as one message, too.
std::vector<Sample> samples() {
  std::vector<Sample> out;
  const char* suites = std::getenv("POSTROAD_SUITES");
  if (!suites || !std::filesystem::is_directory(suites)) return out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(suites)) {
    const auto extension = entry.path().extension();
    if (extension != ".eml" && extension != ".mbox") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    out.push_back({entry.path().filename().string(), text.str()});
    std::string crlf;
    for (char c : out.back().octets) {
      if (c == '\r') continue;
      if (c == '\n') crlf += '\r';
      crlf += c;
    }
    out.push_back({entry.path().filename().string() + " with CRLF", crlf});
  }
  return out;
}

TEST(Suites, EveryMessageIsWellFormedInAllItsRenderings) {
  const auto all = samples();
  if (all.empty()) GTEST_SKIP() << "SKIPPED: POSTROAD_SUITES has no messages";
  for (const auto& [name, octets] : all) {
    SCOPED_TRACE(name);
    const Message message = parse(octets);
    EXPECT_EQ(ImapSyntax::of_envelope(render_envelope(message)), "");
    const std::string structure = render_bodystructure(message);
    EXPECT_EQ(ImapSyntax::of_bodystructure(structure), "");
    EXPECT_EQ(ImapSyntax::of_body(derive_body(structure)), "");
    const std::string record = serialize(message);
    const auto stored = Stored::read(record);
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->parts(), message.parts());
    EXPECT_EQ(stored->summary(), summarize(message));
    EXPECT_TRUE(utf8::valid(stored->summary()->preview));
    EXPECT_TRUE(utf8::valid(stored->summary()->subject));
    EXPECT_EQ(message.parts()[0].body_start, header_octets(octets));
    for (std::size_t i = 0; i < message.parts().size(); ++i) {
      const Part& p = message.parts()[i];
      EXPECT_LE(p.body_end, octets.size());
      const std::string number = part_number(message.parts(), i);
      EXPECT_TRUE(find_part(message.parts(), number)) << number;
    }
  }
  std::printf("%zu messages\n", all.size());
}

TEST(Suites, NoCutChangesAMessage) {
  const auto all = samples();
  if (all.empty()) GTEST_SKIP() << "SKIPPED: POSTROAD_SUITES has no messages";
  for (const auto& [name, octets] : all) {
    const Message whole = parse(octets);
    for (const std::size_t piece : {1u, 2u, 7u, 63u, 64u, 65u, 1460u}) {
      Parser parser;
      for (std::size_t at = 0; at < octets.size(); at += piece)
        parser.feed(std::string_view(octets).substr(at, piece));
      const Message pieces = parser.finish();
      ASSERT_EQ(pieces.parts(), whole.parts()) << name << " in pieces of " << piece;
      ASSERT_EQ(pieces.anomalies(), whole.anomalies()) << name << " in pieces of " << piece;
      ASSERT_EQ(serialize(pieces), serialize(whole)) << name << " in pieces of " << piece;
    }
  }
}

}  // namespace
}  // namespace postroad::mime
