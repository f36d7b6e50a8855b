// LIST with all its options, and LSUB (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 8440).
#include "base/utf8.h"
#include "imap/rules.h"

namespace postroad::imap::rules {
namespace {

// What a client sends for a name or pattern, as UTF-8; nothing when no mailbox can be called so.
std::optional<std::string> decoded(Parser& in, std::string text) {
  if (in.dialect().utf8_names || !utf8::is_ascii(text)) {
    if (!utf8::valid(text)) return std::nullopt;
    return text;
  }
  return from_modified_utf7(text);
}

// list-select-opts = "(" [list-select-opt *(SP list-select-opt)] ")"
void selection_options(Parser& in, List& command) {
  static constexpr std::pair<std::string_view, ListSelection> names[]{
      {"SUBSCRIBED", ListSelection::Subscribed},
      {"REMOTE", ListSelection::Remote},
      {"RECURSIVEMATCH", ListSelection::RecursiveMatch},
      {"SPECIAL-USE", ListSelection::SpecialUse},
  };
  unsigned options = 0;
  in.open();
  if (in.peek() != ')') {
    do {
      in.count_item();
      if (const auto option = in.word_of(names, "SUBSCRIBED, REMOTE, RECURSIVEMATCH or SPECIAL-USE"))
        options |= static_cast<unsigned>(*option);
    } while (in.more_in_list());
  }
  // RFC 5258 §3.1: RECURSIVEMATCH modifies an option that can stand by itself.
  constexpr auto recursive = static_cast<unsigned>(ListSelection::RecursiveMatch);
  constexpr auto base = static_cast<unsigned>(ListSelection::Subscribed);
  if ((options & recursive) && !(options & base)) in.fail("SUBSCRIBED, which RECURSIVEMATCH needs");
  in.close();
  command.selection = static_cast<std::uint8_t>(options);
}

// list-return-opts = "RETURN" SP "(" [return-option *(SP return-option)] ")"
void return_options(Parser& in, List& command) {
  static constexpr std::pair<std::string_view, ListReturn> names[]{
      {"SUBSCRIBED", ListReturn::Subscribed}, {"CHILDREN", ListReturn::Children},
      {"STATUS", ListReturn::Status},         {"SPECIAL-USE", ListReturn::SpecialUse},
      {"MYRIGHTS", ListReturn::MyRights},
  };
  unsigned options = 0;
  if (!in.take_word("RETURN")) in.fail("RETURN");
  in.sp();
  in.open();
  if (in.peek() != ')') {
    do {
      in.count_item();
      const auto option = in.word_of(names, "SUBSCRIBED, CHILDREN, STATUS, SPECIAL-USE or MYRIGHTS");
      if (!option) break;
      options |= static_cast<unsigned>(*option);
      if (*option != ListReturn::Status) continue;
      in.sp();
      command.status = static_cast<std::uint16_t>(command.status | status_items(in));
    } while (in.more_in_list());
  }
  in.close();
  command.returns = static_cast<std::uint8_t>(options);
}

// Reads reference and patterns, in what order they come.
struct Wanted {
  std::optional<std::string> reference{};
  std::vector<std::string> patterns{};
  bool several = false;

  void read(Parser& in) {
    reference = decoded(in, in.astring("a reference name, often \"\""));
    in.sp();
    if (in.peek() == '(') {  // patterns, RFC 5258
      several = true;
      in.open();
      do one(in);
      while (in.more_in_list());
      in.close();
    } else {
      one(in);
    }
    if (!reference) patterns.clear();  // below what cannot exist there is nothing
  }

 private:
  void one(Parser& in) {
    in.count_item();
    if (auto pattern = decoded(in, in.list_mailbox())) patterns.push_back(*std::move(pattern));
  }
};

}  // namespace

// list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]
Command list(Parser& in) {
  List command;
  in.sp();
  if (in.peek() == '(') {
    selection_options(in, command);
    in.sp();
    command.extended = true;
  }
  Wanted wanted;
  wanted.read(in);
  command.extended |= wanted.several;
  if (in.take_sp()) {
    return_options(in, command);
    command.extended = true;
  }
  command.reference = wanted.reference.value_or("");
  command.patterns = std::move(wanted.patterns);
  return command;
}

// lsub = "LSUB" SP mailbox SP list-mailbox                                               (RFC 3501 §6.3.9)
Command lsub(Parser& in) {
  Wanted wanted;
  in.sp();
  wanted.read(in);
  return Lsub{.reference = wanted.reference.value_or(""), .patterns = std::move(wanted.patterns)};
}

}  // namespace postroad::imap::rules
