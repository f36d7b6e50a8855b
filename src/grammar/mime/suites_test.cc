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

// imap-scripted: "ok fetch 1 (body.peek[2.header])" and behind it what must come, between "{{{" and "}}}".
std::vector<std::pair<std::string, std::string>> expected_sections(const std::string& script) {
  std::vector<std::pair<std::string, std::string>> out;
  std::istringstream lines(script);
  std::string section, octets;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    constexpr std::string_view fetch = "ok fetch 1 (body.peek[";
    if (line.starts_with(fetch)) {
      section = line.substr(fetch.size(), line.rfind(']') - fetch.size());
    } else if (line.ends_with("{{{")) {
      inside = true;
      octets.clear();
    } else if (line.starts_with("}}}")) {
      if (inside && octets.size() >= 2) octets.resize(octets.size() - 2);
      out.emplace_back(section, octets);
      inside = false;
    } else if (inside) {
      octets += line + "\r\n";
    }
  }
  return out;
}

// What FETCH answers for a section as IMAP writes it: "1.2.header.fields.not (a b)".
std::string fetch(std::string_view text, const Message& message, std::string_view section) {
  std::vector<std::uint32_t> path;
  std::size_t at = 0;
  for (; at < section.size() && section[at] >= '0' && section[at] <= '9'; at += at < section.size()) {
    path.push_back(0);
    for (; at < section.size() && section[at] != '.'; ++at)
      path.back() = path.back() * 10 + static_cast<std::uint32_t>(section[at] - '0');
  }
  const std::string_view what = at < section.size() ? section.substr(at) : "";
  const Section kind = what == "text"               ? Section::Text
                       : what == "mime"             ? Section::Mime
                       : what.starts_with("header") ? Section::Header
                                                    : Section::Whole;
  const auto range = find_section(message.parts(), path, kind);
  if (!range) return "none";
  const auto octets = text.substr(range->offset, range->octets);
  const auto open = what.find('('), close = what.find(')');
  if (open == std::string_view::npos) return std::string(octets);
  std::istringstream list(std::string(what.substr(open + 1, close - open - 1)));
  std::vector<std::string> names;
  for (std::string name; list >> name;) names.push_back(name);
  const std::vector<std::string_view> views(names.begin(), names.end());
  return pick_fields(Header(octets), views,
                     what.starts_with("header.fields.not") ? Pick::AllButNamed : Pick::Named);
}

TEST(Suites, SectionsAreThoseOfTheScripts) {
  const char* suites = std::getenv("POSTROAD_SUITES");
  std::size_t checked = 0;
  for (const char* script : {"fetch-body-mime", "fetch-body-message-rfc822"}) {
    const std::string path = std::string(suites ? suites : "") + "/imap-scripted/" + script;
    std::ifstream script_file(path), mbox_file(path + ".mbox");
    std::ostringstream script_text, mbox;
    script_text << script_file.rdbuf();
    mbox << mbox_file.rdbuf();
    std::string text;
    for (char c : mbox.str().substr(std::min(mbox.str().find('\n') + 1, mbox.str().size()))) {
      if (c == '\n') text += '\r';
      text += c;
    }
    const Message message = parse(text);
    for (const auto& [section, octets] : expected_sections(script_text.str())) {
      EXPECT_EQ(fetch(text, message, section), octets) << script << " BODY[" << section << "]";
      ++checked;
    }
  }
  if (checked == 0) GTEST_SKIP() << "SKIPPED: POSTROAD_SUITES has no imap-scripted";
  EXPECT_GE(checked, 20u);
}

}  // namespace
}  // namespace postroad::mime
