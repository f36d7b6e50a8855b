// However the octets of an IMAP connection are cut, the reader tells the same story: the same commands,
// messages and refusals, octet for octet; and it never holds more than its limits.
#include <cstdlib>
#include <string>

#include "imap/command.h"
#include "imap/command_reader.h"

namespace {

using namespace postroad;

struct Story {
  std::string text{};
  std::string octets{};  // of the message being read, which may come in any pieces
  bool closed = false;

  void add(std::string_view line) {
    text += octets;
    octets.clear();
    text += '|';
    text += line;
  }
};

class Listener {
 public:
  Listener(const imap::Dialect& dialect, unsigned refusals)
      : reader_(dialect), dialect_(dialect), refusals_(refusals) {}

  void read(std::string_view input) {
    while (!story.closed) {
      auto event = reader_.next(input);
      if (std::holds_alternative<imap::NeedInput>(event)) {
        if (!input.empty()) std::abort();
        return;
      }
      std::visit([this](const auto& e) { on(e); }, event);
    }
  }
  Story story{};

 private:
  void on(const imap::NeedInput&) {}
  void on(const imap::NeedContinuation&) { story.add("+"); }
  void on(const imap::WholeLine& e) { story.add(e.text); }
  void on(const imap::WholeCommand& e) {
    if (e.text.size() > dialect_.limits.command + dialect_.limits.line) std::abort();
    story.add(e.text);
    const auto command = imap::parse(e.text, dialect_);
    if (!command) {
      if (command.error().position > e.text.size()) std::abort();
      const std::string line = imap::answer(command.error());
      if (line.find('\n') != line.size() - 1) std::abort();  // one line, whatever came
    } else if (std::holds_alternative<imap::Idle>(command->command)) {
      reader_.expect_line(dialect_.limits.line);
    }
  }
  void on(const imap::MessageBegins& e) {
    if (e.message->size == 0) std::abort();
    expected_ = e.message->size;
    story.add(e.target->mailbox.text());
    if (refusals_ >> (e.message->index % 8) & 1) {
      if (!reader_.refuse_message()) story.closed = true;
    } else if (reader_.accept_message()) {
      story.add("+");
    }
  }
  void on(const imap::MessageOctets& e) {
    if (e.octets.empty() || e.octets.size() > expected_) std::abort();
    expected_ -= e.octets.size();
    story.octets += e.octets;
  }
  void on(const imap::MessageEnds&) {
    if (expected_ != 0) std::abort();
    story.add("end");
  }
  void on(const imap::AppendEnds& e) { story.add(e.target->tag); }
  void on(const imap::Refusal& e) {
    story.add(imap::answer(e.error));
    story.closed = e.error.close;
  }

  imap::CommandReader reader_;
  const imap::Dialect& dialect_;
  unsigned refusals_;
  std::uint64_t expected_ = 0;
};

Story tell(const imap::Dialect& dialect, unsigned refusals, std::string_view input, std::size_t piece) {
  Listener listener(dialect, refusals);
  for (std::size_t at = 0; at < input.size(); at += piece) listener.read(input.substr(at, piece));
  return listener.story;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 3, size - 3);
  imap::Dialect dialect{.state = imap::State::Selected, .limits = imap::after_login};
  if (data[0] & 1) dialect = {};  // a stranger
  if (data[0] & 2)                // small limits, so that they are reached
    dialect.limits = {.line = 60,
                      .literal = 20,
                      .command = 120,
                      .literals = 3,
                      .depth = 2,
                      .items = 5,
                      .ranges = 3,
                      .non_synchronizing = 10,
                      .swallow = 50};
  dialect.utf8_names = data[0] & 4;
  const unsigned refusals = data[1];

  const Story whole = tell(dialect, refusals, input, input.size() + 1);
  const std::size_t cut = data[2] % (input.size() + 1);
  Listener halves(dialect, refusals);
  halves.read(input.substr(0, cut));
  halves.read(input.substr(cut));
  if (halves.story.text != whole.text || halves.story.octets != whole.octets) std::abort();
  const Story pieces = tell(dialect, refusals, input, 1 + data[2] % 7);
  if (pieces.text != whole.text || pieces.octets != whole.octets || pieces.closed != whole.closed)
    std::abort();
  return 0;
}
