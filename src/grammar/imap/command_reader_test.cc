#include "imap/command_reader.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>

#include "base/encoding.h"
#include "imap/command.h"

namespace postroad::imap {
namespace {

using namespace std::string_literals;

Dialect user(Limits limits = after_login) { return {.state = State::Selected, .limits = limits}; }
Dialect stranger() { return {}; }

// A session that writes down what it sees. `wanted`: which messages it takes.
class Session {
 public:
  explicit Session(const Dialect& dialect, std::function<bool(const MessageBegins&)> wanted = {})
      : dialect_(dialect), wanted_(std::move(wanted)) {}

  void read(std::string_view input) {
    while (!closed_) {
      if (!on(reader_.next(input))) {
        EXPECT_TRUE(input.empty() || closed_) << "what was not used is lost";
        return;
      }
    }
  }
  // Octets that came in several pieces are one.
  std::string transcript() const {
    return told_ + (octets_.empty() ? "" : "octets " + printable(octets_, 1'000) + "\n");
  }
  bool closed() const { return closed_; }
  CommandReader& reader() { return reader_; }

 private:
  bool on(const ReaderEvent& event) {
    return std::visit([this](const auto& e) { return on(e); }, event);
  }
  bool on(const NeedInput&) { return false; }
  bool on(const NeedContinuation&) { return tell("+"); }
  bool on(const WholeCommand& e) { return tell("command " + printable(e.text, 1'000)); }
  bool on(const WholeLine& e) { return tell("line " + printable(e.text, 1'000)); }
  bool on(const MessageBegins& e) {
    const auto& target = *e.target;
    const auto& message = *e.message;
    std::string text =
        target.tag +
        (target.replaces ? " replaces " + std::to_string(*target.replaces) + " in " : " appends to ") +
        target.mailbox.text() + " #" + std::to_string(message.index) + " of " + std::to_string(message.size);
    if (target.uid) text += " uid";
    if (message.flags != Flags{})
      text += " flags " + std::to_string(message.flags.system) + "+" +
              std::to_string(message.flags.keywords.size());
    if (message.date) text += " at " + std::to_string(message.date->seconds);
    if (message.literal8) text += " literal8";
    if (message.utf8) text += " utf8";
    tell(text);
    if (wanted_ && !wanted_(e)) {
      tell(e.target->tag + " NO");
      if (!reader_.refuse_message()) {
        tell("close");
        closed_ = true;
      }
      return true;
    }
    if (reader_.accept_message()) tell("+");
    return true;
  }
  bool on(const MessageOctets& e) {
    octets_ += e.octets;
    return true;
  }
  bool on(const MessageEnds&) { return tell("message ends"); }
  bool on(const AppendEnds& e) { return tell(e.target->tag + " OK"); }
  bool on(const Refusal& e) {
    const std::string line = answer(e.error);
    tell(line.substr(0, line.size() - 2));
    if (e.error.close) {
      tell("close");
      closed_ = true;
    }
    return true;
  }
  bool tell(const std::string& line) {
    if (!octets_.empty()) told_ += "octets " + printable(octets_, 1'000) + "\n";
    octets_.clear();
    told_ += line + "\n";
    return true;
  }

  Dialect dialect_;
  CommandReader reader_{dialect_};
  std::function<bool(const MessageBegins&)> wanted_;
  std::string told_{};
  std::string octets_{};
  bool closed_ = false;
};

// What a session sees, which must be the same however the octets are cut.
std::string seen(std::string_view input, const Dialect& dialect,
                 std::function<bool(const MessageBegins&)> wanted = {}) {
  Session whole(dialect, wanted);
  whole.read(input);
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    Session halves(dialect, wanted);
    halves.read(input.substr(0, cut));
    halves.read(input.substr(cut));
    EXPECT_EQ(halves.transcript(), whole.transcript()) << "cut at " << cut;
  }
  Session octets(dialect, wanted);
  for (const char c : input) octets.read({&c, 1});
  EXPECT_EQ(octets.transcript(), whole.transcript()) << "octet by octet";
  return whole.transcript();
}

// --- Lines and held literals ---------------------------------------------------------------------------

TEST(CommandReader, ALineIsACommand) {
  EXPECT_EQ(seen("a NOOP\r\nb LOGOUT\r\n", user()), "command a NOOP\ncommand b LOGOUT\n");
  EXPECT_EQ(seen("\r\n", user()), "command \n");
  EXPECT_EQ(seen("a NOOP\r", user()), "");
}

TEST(CommandReader, ASynchronisingLiteralIsWaitedFor) {  // RFC 9051 §4.3
  EXPECT_EQ(seen("A001 LOGIN {11}\r\nFRED FOOBAR {7}\r\nfat man\r\n", stranger()),
            "+\n+\ncommand A001 LOGIN {11}\\x0d\\x0aFRED FOOBAR {7}\\x0d\\x0afat man\n");
}

TEST(CommandReader, ANonSynchronisingLiteralIsNot) {  // RFC 7888 §3
  EXPECT_EQ(seen("A001 LOGIN {11+}\r\nFRED FOOBAR {7+}\r\nfat man\r\nb NOOP\r\n", stranger()),
            "command A001 LOGIN {11+}\\x0d\\x0aFRED FOOBAR {7+}\\x0d\\x0afat man\ncommand b NOOP\n");
}

TEST(CommandReader, ALiteralMayHoldLineEndsAndWhatLooksLikeALiteral) {
  EXPECT_EQ(seen("a SEARCH TEXT {12+}\r\nx {9}\r\ny\r\n ALL\r\n", user()).substr(0, 8), "command ");
  EXPECT_EQ(seen("a SELECT {0+}\r\n\r\n", user()), "command a SELECT {0+}\\x0d\\x0a\n");
}

TEST(CommandReader, WhatTheReaderAssemblesTheParserReads) {
  const Dialect dialect = user();
  CommandReader reader(dialect);
  std::string_view input = "a SEARCH FROM {3+}\r\nx\r\n TO {2+}\r\n{5 UNSEEN\r\n";
  const auto event = reader.next(input);
  const auto* command = std::get_if<WholeCommand>(&event);
  ASSERT_TRUE(command);
  const auto parsed = parse(command->text, dialect);
  ASSERT_TRUE(parsed) << answer(parsed.error());
  const auto& program = std::get<Search>(parsed->command).program;
  ASSERT_EQ(program.keys.size(), 4u);
  EXPECT_EQ(program.text(program.keys[1]), "x\r\n");
  EXPECT_EQ(program.text(program.keys[2]), "{5");
}

TEST(CommandReader, OctetsBehindACommandAreLeftAlone) {
  const Dialect dialect = stranger();
  CommandReader reader(dialect);
  std::string_view input = "a STARTTLS\r\nb LOGIN evil evil\r\n";
  EXPECT_TRUE(std::holds_alternative<WholeCommand>(reader.next(input)));
  EXPECT_EQ(input, "b LOGIN evil evil\r\n") << "durability.md, attack 5";
  EXPECT_TRUE(reader.at_start());
}

TEST(CommandReader, ABareLineFeedEndsNoCommand) {
  EXPECT_EQ(seen("a NOOP\nb NOOP\r\n", user()),
            "a BAD A line ends with CR LF, not with LF alone\ncommand b NOOP\n");
  EXPECT_EQ(seen("a SELECT {3+}\nabc\r\n", user()),
            "a BAD A line ends with CR LF, not with LF alone\nclose\n")
      << "what follows might be the literal";
}

TEST(CommandReader, AnUnknownOrForbiddenCommandIsRefusedBeforeItsLiteral) {
  EXPECT_EQ(seen("A044 BLURDYBLOOP {102856}\r\nb NOOP\r\n", user()),
            "A044 BAD Unknown command\ncommand b NOOP\n");
  EXPECT_EQ(seen("a BLURDYBLOOP {4+}\r\nb NO {3+}\r\nOP\n\r\nc NOOP\r\n", user()),
            "a BAD Unknown command\ncommand c NOOP\n");
  EXPECT_TRUE(seen("a APPEND INBOX {9}\r\n", stranger()).starts_with("a BAD Not now"));
  EXPECT_TRUE(seen("{3}\r\n", user()).starts_with("* BAD A command is"));
}

// --- Limits ----------------------------------------------------------------------------------------------

TEST(CommandReader, ALineThatDoesNotEndIsGivenUp) {  // attack 12
  Limits limits = after_login;
  limits.line = 20;
  EXPECT_EQ(seen("a NOOP 3456789012345\r\n", user(limits)), "command a NOOP 3456789012345\n");
  EXPECT_EQ(seen("a NOOP 34567890123456\r\n", user(limits)), "a BAD [TOOBIG] The line is too long\nclose\n");
  EXPECT_EQ(seen("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", user(limits)),
            "* BAD [TOOBIG] The line is too long\nclose\n");
}

TEST(CommandReader, AStrangersHugeLiteralIsTheEnd) {  // attack 73
  EXPECT_EQ(seen("a LOGIN {2147483647}\r\n", stranger()), "a BAD [TOOBIG] The literal is too big\nclose\n");
  EXPECT_EQ(seen("a LOGIN {99999999999999999999}\r\n", stranger()),
            "a BAD [TOOBIG] The literal is too big\nclose\n");
  EXPECT_EQ(seen("a LOGIN {99999999999999999999+}\r\n", stranger()),
            "a BAD [TOOBIG] The literal is too big\nclose\n");
  EXPECT_EQ(seen("a LOGIN {8193}\r\n", stranger()), "a BAD [TOOBIG] The literal is too big\nclose\n");
  EXPECT_EQ(seen("a LOGIN {8192}\r\n", stranger()), "+\n");
}

TEST(CommandReader, AMillionEmptyLiteralsAreTooMany) {  // attacks 73, 75
  const auto literals = [](const Dialect& dialect) {
    Session session(dialect);
    session.read("a SEARCH TEXT ");
    if (dialect.state == State::NotAuthenticated) session.read("x\r\na LOGIN ");
    for (int i = 0; i < 100'000 && !session.closed(); ++i) session.read("{0+}\r\n ");
    return session.transcript();
  };
  EXPECT_TRUE(literals(stranger()).ends_with("a BAD [TOOBIG] Too many literals in one command\nclose\n"));
  EXPECT_EQ(literals(user()), "a BAD [TOOBIG] Too many literals in one command\n");
}

TEST(CommandReader, ManyLiteralsOfOneCommandAreBoundedTogether) {  // attack 75
  Session session(user());
  session.read("a SEARCH");
  for (int i = 0; i < 9; ++i) {
    session.read(" TEXT {131072+}\r\n");
    session.read(std::string(131'072, 'x'));
  }
  EXPECT_EQ(session.transcript(), "a BAD [TOOBIG] The literal is too big\n");
  session.read("\r\nb NOOP\r\n");
  EXPECT_TRUE(session.transcript().ends_with("\ncommand b NOOP\n"));
}

TEST(CommandReader, TheLargestCommandThereMayBeIsReadInLinearTime) {
  std::string input = "a SEARCH";
  for (int i = 0; i < 900; ++i) input += " TEXT {1100+}\r\n" + std::string(1'100, '{');
  const auto start = std::chrono::steady_clock::now();
  Session session(user());
  for (std::size_t at = 0; at < input.size(); at += 7) session.read(std::string_view(input).substr(at, 7));
  session.read("\r\nb NOOP\r\n");
  EXPECT_TRUE(session.transcript().starts_with("command a SEARCH TEXT"));
  EXPECT_TRUE(session.transcript().ends_with("\ncommand b NOOP\n"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10))
      << "a million octets, seven at a time";
}

TEST(CommandReader, AUsersBigLiteralIsRefusedAndTheSessionGoesOn) {
  Limits limits = after_login;
  limits.literal = 5;
  EXPECT_EQ(seen("a SELECT {6}\r\nb NOOP\r\n", user(limits)),
            "a BAD [TOOBIG] The literal is too big\ncommand b NOOP\n");
  EXPECT_EQ(seen("a SELECT {6+}\r\nabcdef\r\nb NOOP\r\n", user(limits)),
            "a BAD [TOOBIG] The literal is too big\ncommand b NOOP\n");
  EXPECT_EQ(seen("a SELECT {6+}\r\nabcdef{7+}\r\nabcd\r\nz{8}\r\nb NOOP\r\n", user(limits)),
            "a BAD [TOOBIG] The literal is too big\ncommand b NOOP\n")
      << "the command is skipped to its end, and a literal that is waited for will not come";
}

TEST(CommandReader, WhatIsSkippedIsBoundedToo) {  // attack 11
  Limits limits = after_login;
  limits.literal = 5;
  limits.swallow = 10;
  EXPECT_EQ(seen("a SELECT {11+}\r\n", user(limits)), "a BAD [TOOBIG] The literal is too big\nclose\n");
  EXPECT_EQ(seen("a SELECT {6+}\r\nabcdef{5+}\r\n", user(limits)),
            "a BAD [TOOBIG] The literal is too big\n* BAD [TOOBIG] The literal is too big\nclose\n");
}

TEST(CommandReader, LiteralMinusAllowsFourKilobytes) {  // RFC 7888 §5
  Limits limits = after_login;
  limits.non_synchronizing = 4'096;
  EXPECT_EQ(seen("a SELECT {4097+}\r\n", user(limits)), "a BAD [TOOBIG] The literal is too big\n");
  EXPECT_EQ(seen("a SELECT {4096+}\r\n", user(limits)), "");
  EXPECT_EQ(seen("a SELECT {4097}\r\n", user(limits)), "+\n");
  EXPECT_EQ(seen("a APPEND x {4097+}\r\n", user(limits)), "a BAD [TOOBIG] The literal is too big\n");
  EXPECT_EQ(seen("a APPEND x {4097}\r\n", user(limits)), "a appends to x #0 of 4097\n+\n");
}

// --- Lines that are no commands ----------------------------------------------------------------------------

TEST(CommandReader, IdleEndsWithALineAndTheNextCommandIsACommandAgain) {
  const Dialect dialect = user();
  CommandReader reader(dialect);
  std::string_view input = "a IDLE\r\nDONE\r\nb NOOP\r\n";
  EXPECT_TRUE(std::holds_alternative<WholeCommand>(reader.next(input)));
  reader.expect_line(20);
  auto event = reader.next(input);
  ASSERT_TRUE(std::holds_alternative<WholeLine>(event));
  EXPECT_EQ(std::get<WholeLine>(event).text, "DONE");
  event = reader.next(input);
  ASSERT_TRUE(std::holds_alternative<WholeCommand>(event));
  EXPECT_EQ(std::get<WholeCommand>(event).text, "b NOOP");
}

TEST(CommandReader, ALineMayLookLikeALiteralAndIsBounded) {
  const Dialect dialect = user();
  CommandReader reader(dialect);
  reader.expect_line(5);
  std::string_view input = "x{3+}\r\n";
  auto event = reader.next(input);
  ASSERT_TRUE(std::holds_alternative<WholeLine>(event));
  EXPECT_EQ(std::get<WholeLine>(event).text, "x{3+}");
  reader.expect_line(5);
  input = "123456\r\n";
  event = reader.next(input);
  ASSERT_TRUE(std::holds_alternative<Refusal>(event));
  EXPECT_TRUE(std::get<Refusal>(event).error.close);
}

// --- APPEND and REPLACE ------------------------------------------------------------------------------------

TEST(CommandReader, AMessageIsStreamedBehindWhatIsKnownOfIt) {  // RFC 9051 §6.3.12
  EXPECT_EQ(seen("A003 APPEND saved-messages (\\Seen) {5}\r\na\r\nb\n\r\nb NOOP\r\n", user()),
            "A003 appends to saved-messages #0 of 5 flags 8+0\n+\noctets a\\x0d\\x0ab\\x0a\nmessage "
            "ends\nA003 OK\ncommand b NOOP\n");
  EXPECT_EQ(seen("5 append inbox \"20-Mar-2018 03:07:37 +1100\" {3+}\r\nabc\r\n", user()),
            "5 appends to INBOX #0 of 3 at 1521475657\noctets abc\nmessage ends\n5 OK\n");
}

TEST(CommandReader, TheMailboxOfAnAppendMayBeALiteral) {
  EXPECT_EQ(seen("a APPEND {5}\r\ninbox ($Junk \\Draft) {3+}\r\nabc\r\n", user()),
            "+\na appends to INBOX #0 of 3 flags 16+1\noctets abc\nmessage ends\na OK\n");
  EXPECT_EQ(seen("a APPEND {0+}\r\n {3+}\r\nabc\r\n", user()),
            "a appends to  #0 of 3\noctets abc\nmessage ends\na OK\n");
}

TEST(CommandReader, SeveralMessagesComeInOneAppend) {  // RFC 3502
  EXPECT_EQ(seen("A003 APPEND saved (\\Seen) {3}\r\nabc (\\Seen) \" 7-Feb-1994 22:43:04 -0800\" {2+}\r\nde "
                 "{1}\r\nf\r\n",
                 user()),
            "A003 appends to saved #0 of 3 flags 8+0\n+\noctets abc\nmessage ends\n"
            "A003 appends to saved #1 of 2 flags 8+0 at 760689784\noctets de\nmessage ends\n"
            "A003 appends to saved #2 of 1\n+\noctets f\nmessage ends\nA003 OK\n");
}

TEST(CommandReader, BinaryAndUtf8MessagesAreMarked) {  // RFC 3516, RFC 6855 §4
  EXPECT_EQ(seen("a APPEND x ~{3+}\r\na\0b\r\n"s, user()),
            "a appends to x #0 of 3 literal8\noctets a\\x00b\nmessage ends\na OK\n");
  EXPECT_EQ(seen("a APPEND x UTF8 (~{3+}\r\nabc)\r\n", user()),
            "a appends to x #0 of 3 literal8 utf8\noctets abc\nmessage ends\na OK\n");
  EXPECT_EQ(seen("a APPEND x UTF8 (~{3+}\r\nabc) {1+}\r\nd\r\n", user()),
            "a appends to x #0 of 3 literal8 utf8\noctets abc\nmessage ends\na appends to x #1 of 1\noctets "
            "d\nmessage ends\na OK\n");
  EXPECT_EQ(seen("a APPEND x UTF8 (~{3+}\r\nabc\r\n", user()),
            "a appends to x #0 of 3 literal8 utf8\noctets abc\nmessage ends\na BAD Expected a closing "
            "parenthesis at octet 25\n");
  EXPECT_EQ(seen("a APPEND x UTF8 ({3}\r\n", user()), "a BAD Expected a literal8 at octet 18\n");
}

TEST(CommandReader, ReplaceNamesTheMessageThatGoes) {  // RFC 8508
  EXPECT_EQ(seen("A003 REPLACE 4 Drafts (\\Seen \\Draft) {3}\r\nabc\r\n", user()),
            "A003 replaces 4 in Drafts #0 of 3 flags 24+0\n+\noctets abc\nmessage ends\nA003 OK\n");
  EXPECT_EQ(seen("A UID REPLACE * Drafts {3+}\r\nabc\r\n", user()),
            "A replaces 0 in Drafts #0 of 3 uid\noctets abc\nmessage ends\nA OK\n");
  EXPECT_EQ(seen("A REPLACE 4 Drafts {3+}\r\nabc {2}\r\nb NOOP\r\n", user()),
            "A replaces 4 in Drafts #0 of 3\noctets abc\nmessage ends\nA BAD Expected the end of the command "
            "at octet 26\ncommand b NOOP\n");
  EXPECT_EQ(seen("A REPLACE 4:5 Drafts {3}\r\n", user()), "A BAD Expected a space at octet 12\n");
}

TEST(CommandReader, AMessageMayBeRefusedBeforeItsOctets) {  // attack 82
  const auto none = [](const MessageBegins&) { return false; };
  EXPECT_EQ(seen("a APPEND x {300}\r\nb NOOP\r\n", user(), none),
            "a appends to x #0 of 300\na NO\ncommand b NOOP\n");
  EXPECT_EQ(seen("a APPEND x {4+}\r\nabcd\r\nb NOOP\r\n", user(), none),
            "a appends to x #0 of 4\na NO\ncommand b NOOP\n");
  EXPECT_EQ(seen("a APPEND x {4+}\r\nabcd (\\Seen) {2+}\r\nef {9}\r\nb NOOP\r\n", user(), none),
            "a appends to x #0 of 4\na NO\ncommand b NOOP\n")
      << "all of the command is skipped, but what the client waits for is not awaited";
  const auto not_the_second = [](const MessageBegins& e) { return e.message->index != 1; };
  EXPECT_EQ(
      seen("a APPEND x {2+}\r\nab {3+}\r\ncde\r\nb NOOP\r\n", user(), not_the_second),
      "a appends to x #0 of 2\noctets ab\nmessage ends\na appends to x #1 of 3\na NO\ncommand b NOOP\n");
}

TEST(CommandReader, ARefusedMessageThatIsTooMuchToSkipEndsTheConnection) {
  Limits limits = after_login;
  limits.swallow = 1'000;
  const auto none = [](const MessageBegins&) { return false; };
  EXPECT_EQ(seen("a APPEND x {1001+}\r\n", user(limits), none), "a appends to x #0 of 1001\na NO\nclose\n");
  EXPECT_EQ(seen("a APPEND x {9223372036854775807}\r\nb NOOP\r\n", user(limits), none),
            "a appends to x #0 of 9223372036854775807\na NO\ncommand b NOOP\n");
}

TEST(CommandReader, AWrongAppendIsRefusedBeforeItsMessage) {
  EXPECT_EQ(seen("a APPEND x (\\Unknown) {300}\r\nb NOOP\r\n", user()).substr(0, 6), "a BAD ");
  EXPECT_TRUE(seen("a APPEND x (\\Unknown) {300}\r\nb NOOP\r\n", user()).ends_with("\ncommand b NOOP\n"));
  EXPECT_TRUE(
      seen("a APPEND x \"yesterday\" {3+}\r\nabc\r\nb NOOP\r\n", user()).ends_with("\ncommand b NOOP\n"));
  EXPECT_EQ(seen("a APPEND &bad {300}\r\n", user()), "a NO [CANNOT] No mailbox can have this name\n");
  EXPECT_EQ(seen("a APPEND x\r\n", user()), "command a APPEND x\n") << "parse() tells what is missing";
  EXPECT_EQ(seen("a APPEND x {3+}\r\nabcd\r\nb NOOP\r\n", user()),
            "a appends to x #0 of 3\noctets abc\nmessage ends\na BAD Expected a space at octet "
            "18\ncommand b NOOP\n");
}

TEST(CommandReader, AMessageCountedOneOctetTooLongEndsWithTheRestOfItsCrlf) {
  EXPECT_EQ(seen("a APPEND x {4+}\r\nabc\r\nb NOOP\r\n", user()),
            "a appends to x #0 of 4\noctets abc\\x0d\nmessage ends\na OK\ncommand b NOOP\n");
  EXPECT_EQ(
      seen("a APPEND x {3+}\r\nabc \nb NOOP\r\n", user()),
      "a appends to x #0 of 3\noctets abc\nmessage ends\na BAD A line ends with CR LF, not with LF alone\n"
      "command b NOOP\n");
}

TEST(CommandReader, AMessageWithoutOctetsTakesTheAppendBack) {  // RFC 3502, §6.3.11
  EXPECT_EQ(seen("a APPEND x {0}\r\nb NOOP\r\n", user()),
            "a NO A message without octets: nothing was stored\ncommand b NOOP\n");
  EXPECT_EQ(seen("a APPEND x {3+}\r\nabc {0+}\r\n\r\nb NOOP\r\n", user()),
            "a appends to x #0 of 3\noctets abc\nmessage ends\na NO A message without octets: nothing was "
            "stored\ncommand b NOOP\n");
}

TEST(CommandReader, AThousandMessagesInOneAppendAreTheMost) {
  Session session(user());
  session.read("a APPEND x");
  for (int i = 0; i < 1'001; ++i) session.read(" {1+}\r\nx");
  session.read("\r\nb NOOP\r\n");
  const std::string told = session.transcript();
  EXPECT_NE(told.find("#999 of 1"), std::string::npos);
  EXPECT_TRUE(told.ends_with("a BAD [TOOBIG] Too many literals in one command\ncommand b NOOP\n"));
}

TEST(CommandReader, WhatFollowsAMessageCountsToTheCommandHoweverItComes) {
  Limits limits = after_login;
  limits.command = 30;
  EXPECT_EQ(seen("a APPEND x {3+}\r\nabc (\\Seen \\Deleted\r\n", user(limits)),
            "a appends to x #0 of 3\noctets abc\nmessage ends\na BAD [TOOBIG] The line is too long\nclose\n");
}

TEST(CommandReader, AMessageThatIsCutOffHasNoEnd) {  // attack 82
  const Dialect dialect = user();
  Session session(dialect);
  session.read("a APPEND x {10+}\r\nabcdefghi");
  EXPECT_EQ(session.transcript(), "a appends to x #0 of 10\noctets abcdefghi\n");
  EXPECT_FALSE(session.reader().at_start());
  session.reader().reset();
  EXPECT_TRUE(session.reader().at_start());
}

TEST(CommandReader, ForgettingToDecideIsAnError) {
  const Dialect dialect = user();
  CommandReader reader(dialect);
  std::string_view input = "a APPEND x {10+}\r\nabc";
  EXPECT_TRUE(std::holds_alternative<MessageBegins>(reader.next(input)));
  EXPECT_THROW(reader.next(input), std::logic_error);
}

}  // namespace
}  // namespace postroad::imap
