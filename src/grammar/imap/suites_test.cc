// Other people's IMAP scripts, read where they lie (POSTROAD_SUITES names the directory) and skipped where
// they do not: what the script expects a server to understand we understand, and what it expects to be BAD
// is refused here or is no question of grammar.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/cursor.h"
#include "imap/command.h"
#include "imap/command_reader.h"

namespace postroad::imap {
namespace {

std::vector<std::filesystem::path> files(const std::string& suite, const std::string& extension) {
  std::vector<std::filesystem::path> found;
  const char* directory = std::getenv("POSTROAD_SUITES");
  if (!directory || !std::filesystem::is_directory(std::string(directory) + "/" + suite)) return found;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(directory) + "/" + suite))
    if (entry.is_regular_file() && entry.path().extension() == extension) found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}

// Parsed in whatever state the command belongs to.
std::optional<SyntaxError> fault(std::string_view text) {
  auto result = parse(text, {.state = State::Selected, .limits = after_login});
  if (!result && result.error().fault == Fault::WrongState)
    result = parse(text, {.state = State::NotAuthenticated, .limits = after_login});
  if (result) return std::nullopt;
  return result.error();
}

// What the reader makes of one side of a conversation: a fault, or none, for each command.
struct Heard {
  std::string text{};
  std::string tag{};
  std::optional<SyntaxError> fault{};
};

std::vector<Heard> heard(std::string_view input) {
  std::vector<Heard> commands;
  const Dialect dialect{.state = State::Selected, .limits = after_login};
  CommandReader reader(dialect);
  for (;;) {
    const auto event = reader.next(input);
    if (std::holds_alternative<NeedInput>(event)) return commands;
    if (const auto* command = std::get_if<WholeCommand>(&event)) {
      commands.push_back({std::string(command->text), "", fault(command->text)});
    } else if (std::holds_alternative<MessageBegins>(event)) {
      (void)reader.accept_message();
    } else if (const auto* append = std::get_if<AppendEnds>(&event)) {
      commands.push_back({append->target->tag + " APPEND or REPLACE", "", std::nullopt});
    } else if (const auto* refusal = std::get_if<Refusal>(&event)) {
      if (refusal->error.fault == Fault::WrongState) continue;  // of a literal before login
      commands.push_back({refusal->error.tag + " (with a literal)", "", refusal->error});
    }
  }
}

// Where James differs, and why we do not follow.
struct Difference {
  std::string_view script, command, why;
};
constexpr Difference differences[]{
    {"Create.test", "15 CREATE ..", "a question of the separator, not of grammar"},
    {"Create.test", "20 CREATE \"one&AC4-two\"", "RFC 3501 §5.1.3: no encoding of what can represent itself"},
    {"CreateErrorWithLongName.test", "A", "how long a name may be is no question of grammar"},
    {"FetchSimpleBodyStructure.test", "A7 FETCH 1:* ()", "RFC 9051 §9, fetch: at least one attribute"},
    {"FetchStructureComplex.test", "A10 FETCH 1:* ()", "RFC 9051 §9, fetch: at least one attribute"},
    {"Metadata.test", "g10 ", "RFC 5464 §5, getmetadata: one list of options"},
    {"Metadata.test", "g19 ", "RFC 5464 §5, maxsize-opt: a number, which may be 0"},
    {"Metadata.test", "", "RFC 5464 §5, getmetadata: entries must be named"},
    {"Quota.test", "A007 SETQUOTA", "RFC 9208 §7, setquota: one list"},
    {"SearchAtoms.test", "A15", "RETURN (PARTIAL), RFC 9394, which we do not offer"},
    {"XList.test", "10 XLIST", "never a standard; RFC 6154 took its place"},
};

bool is_known(std::string_view script, std::string_view command) {
  return std::ranges::any_of(differences, [&](const Difference& known) {
    return known.script == script && command.starts_with(known.command);
  });
}

// "S: tag OK ..." -> "tag OK"; empty for anything else.
std::string tagged_answer(std::string_view line) {
  Cursor in(line);
  if (!in.take("S: ")) return {};
  const auto tag = in.take_while(ascii::is_alnum);
  if (tag.empty() || !in.take(' ')) return {};
  const auto condition = in.take_while(ascii::is_upper);
  if (condition != "OK" && condition != "NO" && condition != "BAD") return {};
  return std::string(tag) + " " + std::string(condition);
}

// James' scripts: "C:" lines of numbered sessions, "S:" expressions for the answers.
TEST(ImapSuites, WhatJamesExpectsToBeUnderstoodIs) {
  const auto scripts = files("imap-mpt", ".test");
  if (scripts.empty()) GTEST_SKIP() << "SKIPPED: POSTROAD_SUITES names no directory with imap-mpt";
  std::size_t understood = 0, bad = 0;
  for (const auto& path : scripts) {
    const std::string script = path.filename();
    std::map<std::string, std::string> said;                   // by session
    std::map<std::string, std::vector<std::string>> answered;  // by session, in order
    std::string session = "1", line;
    for (std::ifstream in(path); std::getline(in, line);) {
      if (line.starts_with("SESSION: ")) session = line.substr(9);
      if (line.starts_with("C:")) said[session] += (line.size() > 3 ? line.substr(3) : "") + "\r\n";
      if (auto answer = tagged_answer(line); !answer.empty()) answered[session].push_back(std::move(answer));
    }
    for (const auto& [name, text] : said) {
      std::size_t place = 0;
      const auto& answers = answered[name];
      for (const auto& command : heard(text)) {
        const std::string tag = command.text.substr(0, command.text.find(' ')) + " ";
        while (place < answers.size() && !answers[place].starts_with(tag)) ++place;
        if (place == answers.size()) break;  // the script goes on in another session
        const bool expected_bad = answers[place++].ends_with(" BAD");
        (expected_bad ? bad : understood)++;
        if (expected_bad == command.fault.has_value() || is_known(script, command.text)) continue;
        ADD_FAILURE() << script << ": " << command.text
                      << "\nJames: " << (expected_bad ? "BAD" : "understood")
                      << "; we: " << (command.fault ? answer(*command.fault) : "understood");
      }
    }
  }
  EXPECT_GT(understood, 1'000u);
  EXPECT_GT(bad, 30u);
}

// "{{{" and the lines up to "}}}" are a literal. `in` stands behind the command's first line.
void join_literals(std::string& text, std::istream& in) {
  for (auto at = text.find("{{{"); at != text.npos; at = text.find("{{{")) {
    std::string octets, line;
    while (std::getline(in, line) && !line.starts_with("}}}")) octets += line + "\r\n";
    const std::string rest = line.starts_with("}}}") ? line.substr(3) : "";
    text = text.substr(0, at) + "{" + std::to_string(octets.size()) + "+}\r\n" + octets + rest;
  }
}

// "$uid1" and "${mailbox}2" become 1 and 12, which are numbers, names and parts of names; "$$" is a dollar.
void replace_variables(std::string& text) {
  for (auto at = text.find('$'); at != text.npos; at = text.find('$', at + 1)) {
    if (text.substr(at, 2) == "$$") {
      text.erase(at, 1);
      continue;
    }
    auto end = at + 1;
    while (end < text.size() && (ascii::is_alnum(text[end]) || text[end] == '{' || text[end] == '_')) ++end;
    if (end < text.size() && text[end] == '}') ++end;
    text.replace(at, end - at, "1");
  }
}

// Dovecot's scripts: "[connection] ok|no|bad COMMAND".
TEST(ImapSuites, WhatDovecotsScriptsSayIsUnderstood) {
  std::size_t commands = 0;
  for (const auto& path : files("imap-scripted", "")) {
    std::ifstream in(path);
    std::string line, head;
    while (std::getline(in, line) && !line.empty()) head += line + "\n";                     // "key: value"
    if (head.find("CATENATE") != head.npos || head.find("CONTEXT=") != head.npos) continue;  // not offered
    while (std::getline(in, line)) {
      Cursor rest(line);
      if (rest.take_number()) rest.take(' ');
      const bool bad = rest.take("bad ");
      if (!bad && !rest.take("ok ") && !rest.take("no ")) continue;
      if (rest.peek() == '[') continue;  // the answer to a command that stood before
      std::string text = "a " + std::string(rest.rest());
      join_literals(text, in);
      replace_variables(text);
      // "append" alone is the player's own: the next message of the mbox beside the script.
      if (text.starts_with("a append") && text.find('{') == text.npos) continue;
      for (const auto& command : heard(text + "\r\n")) {
        ++commands;
        EXPECT_EQ(command.fault.has_value(), bad) << path.filename() << ": " << command.text << "\n"
                                                  << (command.fault ? answer(*command.fault) : "");
      }
    }
  }
  if (commands == 0) GTEST_SKIP() << "SKIPPED: POSTROAD_SUITES names no directory with imap-scripted";
  EXPECT_GT(commands, 200u);
}

}  // namespace
}  // namespace postroad::imap
