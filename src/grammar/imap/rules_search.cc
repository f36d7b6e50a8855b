// SEARCH, SORT and THREAD (RFC 9051 §6.4.4, RFC 5256 and what extends them).
#include <algorithm>

#include "imap/rules.h"

namespace postroad::imap::rules {
namespace {

// What stands behind the name of a search key.
enum class Argument : std::uint8_t {
  None,
  AString,
  Date,
  Number,
  NzNumber,
  Set,
  Keyword,
  Header,
  ObjectId,
  ModSeq,
  One,
  Two
};

struct Meaning {
  SearchOp op{};
  Argument argument = Argument::None;
  SystemFlag flag{};
};

constexpr Meaning flagged(SystemFlag flag) { return {SearchOp::Flag, Argument::None, flag}; }
constexpr Meaning not_flagged(SystemFlag flag) { return {SearchOp::NotFlag, Argument::None, flag}; }

// search-key (RFC 9051 §9), with the sections of the extensions.
constexpr std::pair<std::string_view, Meaning> names[]{
    {"ALL", {SearchOp::All}},
    {"ANSWERED", flagged(SystemFlag::Answered)},
    {"BCC", {SearchOp::Bcc, Argument::AString}},
    {"BEFORE", {SearchOp::Before, Argument::Date}},
    {"BODY", {SearchOp::Body, Argument::AString}},
    {"CC", {SearchOp::Cc, Argument::AString}},
    {"DELETED", flagged(SystemFlag::Deleted)},
    {"DRAFT", flagged(SystemFlag::Draft)},
    {"EMAILID", {SearchOp::EmailId, Argument::ObjectId}},  // RFC 8474 §5.3
    {"FLAGGED", flagged(SystemFlag::Flagged)},
    {"FROM", {SearchOp::From, Argument::AString}},
    {"FUZZY", {SearchOp::Fuzzy, Argument::One}},  // RFC 6203 §4
    {"HEADER", {SearchOp::Header, Argument::Header}},
    {"KEYWORD", {SearchOp::Keyword, Argument::Keyword}},
    {"LARGER", {SearchOp::Larger, Argument::Number}},
    {"MODSEQ", {SearchOp::ModSeq, Argument::ModSeq}},  // RFC 7162 §3.1.5
    {"NEW", {SearchOp::New}},                          // with OLD and RECENT: RFC 3501 §6.4.4
    {"NOT", {SearchOp::Not, Argument::One}},
    {"OLD", {SearchOp::Old}},
    {"OLDER", {SearchOp::Older, Argument::NzNumber}},  // RFC 5032 §3
    {"ON", {SearchOp::On, Argument::Date}},
    {"OR", {SearchOp::Or, Argument::Two}},
    {"RECENT", {SearchOp::Recent}},
    {"SAVEDATESUPPORTED", {SearchOp::SaveDateSupported}},  // RFC 8514 §4.3
    {"SAVEDBEFORE", {SearchOp::SavedBefore, Argument::Date}},
    {"SAVEDON", {SearchOp::SavedOn, Argument::Date}},
    {"SAVEDSINCE", {SearchOp::SavedSince, Argument::Date}},
    {"SEEN", flagged(SystemFlag::Seen)},
    {"SENTBEFORE", {SearchOp::SentBefore, Argument::Date}},
    {"SENTON", {SearchOp::SentOn, Argument::Date}},
    {"SENTSINCE", {SearchOp::SentSince, Argument::Date}},
    {"SINCE", {SearchOp::Since, Argument::Date}},
    {"SMALLER", {SearchOp::Smaller, Argument::Number}},
    {"SUBJECT", {SearchOp::Subject, Argument::AString}},
    {"TEXT", {SearchOp::Text, Argument::AString}},
    {"THREADID", {SearchOp::ThreadId, Argument::ObjectId}},
    {"TO", {SearchOp::To, Argument::AString}},
    {"UID", {SearchOp::Uid, Argument::Set}},
    {"UNANSWERED", not_flagged(SystemFlag::Answered)},
    {"UNDELETED", not_flagged(SystemFlag::Deleted)},
    {"UNDRAFT", not_flagged(SystemFlag::Draft)},
    {"UNFLAGGED", not_flagged(SystemFlag::Flagged)},
    {"UNKEYWORD", {SearchOp::NotKeyword, Argument::Keyword}},
    {"UNSEEN", not_flagged(SystemFlag::Seen)},
    {"YOUNGER", {SearchOp::Younger, Argument::NzNumber}},
};

// objectid = 1*255(ALPHA / DIGIT / "_" / "-")                                             (RFC 8474 §7)
std::string object_id(Parser& in) {
  const auto start = in.position();
  std::string id = in.astring("an object identifier");
  const auto allowed = [](char c) { return ascii::is_alnum(c) || c == '_' || c == '-'; };
  if (id.empty() || id.size() > 255 || !std::ranges::all_of(id, allowed))
    in.fail_at(start, "an object identifier");
  return id;
}

// entry-flag-name = DQUOTE "/flags/" attr-flag DQUOTE, a flag being an atom with or without "\"   (RFC 7162
// §7)
std::string entry_name(Parser& in) {
  const auto start = in.position();
  std::string name = in.string("an entry, like \"/flags/\\\\seen\"");
  Cursor flag(name);
  const bool valid = flag.take_keyword("/flags/") &&
                     (flag.take('\\'), !flag.take_while(is_atom_char).empty()) && flag.at_end();
  if (in.ok() && !valid) in.fail_at(start, "an entry, like \"/flags/\\\\seen\"");
  return name;
}

struct ModSequence {
  std::string entry{};
  std::string type{};
  std::uint64_t number = 0;
};

// search-modsequence = "MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer       (RFC 7162 §7)
ModSequence mod_sequence(Parser& in) {
  static constexpr std::pair<std::string_view, std::string_view> types[]{
      {"priv", "priv"}, {"shared", "shared"}, {"all", "all"}};
  ModSequence wanted;
  if (in.peek() == '"') {
    wanted.entry = entry_name(in);
    in.sp();
    wanted.type = in.word_of(types, "priv, shared or all").value_or("");
    in.sp();
  }
  wanted.number = in.number64("a mod-sequence");
  return wanted;
}

class Program {
 public:
  Program(Parser& in, SearchProgram& program) : in_(in), program_(program), keys_(program.keys) {}

  // search-key *(SP search-key), all of which must hold.
  void all_of(std::size_t depth) {
    const std::size_t root = begin({.op = SearchOp::And});
    do {
      search_key(depth);
      ++keys_[root].operands;
    } while (in_.more_in_list());
    end(root);
  }

 private:
  void search_key(std::size_t depth) {
    if (!in_.ok()) return;
    if (depth > in_.dialect().limits.depth) return in_.fail(Fault::TooDeep);
    in_.count_item();
    const char c = in_.peek();
    if (c == '(') {
      in_.open();
      all_of(depth + 1);
      in_.close();
      return;
    }
    if (ascii::is_digit(c) || c == '*' || c == '$') {
      set(keys_[begin({.op = SearchOp::Sequence})]);
      return;
    }
    const auto meaning = in_.word_of(names, "a search key, like ALL or FROM");
    if (!meaning) return;
    const std::size_t key = begin({.op = meaning->op, .flag = meaning->flag});
    switch (meaning->argument) {
      case Argument::One:
        in_.sp();
        operand(key, depth);
        break;
      case Argument::Two:
        in_.sp();
        either(key, depth);
        break;
      default: argument(keys_[key], meaning->argument);
    }
    end(key);
  }

  void operand(std::size_t key, std::size_t depth) {
    search_key(depth + 1);
    ++keys_[key].operands;
  }

  // "OR" SP search-key SP search-key. A chain "OR a OR b OR c d" is one alternative of four, not a deep
  // tree: clients write long lists of Message-IDs so.
  void either(std::size_t key, std::size_t depth) {
    for (;;) {
      operand(key, depth);
      in_.sp();
      if (!in_.next_is("OR")) break;
      in_.take_word("OR");
      in_.sp();
    }
    operand(key, depth);
  }

  void argument(SearchKey& key, Argument kind) {
    if (kind == Argument::None) return;
    in_.sp();
    switch (kind) {
      case Argument::AString: text(key, in_.astring("a text to look for")); break;
      case Argument::Date: key.date = in_.date(); break;
      case Argument::Number: key.number = in_.number64("a number of octets"); break;
      case Argument::NzNumber: key.number = in_.nz_number("a number of seconds"); break;
      case Argument::Set: set(key); break;
      case Argument::Keyword: text(key, std::string(in_.atom("a keyword"))); break;
      case Argument::Header: {
        std::string name = in_.astring("a header field name");
        in_.sp();
        text(key, in_.astring("a text to look for"));
        program_.texts.push_back(std::move(name));
        break;
      }
      case Argument::ObjectId: text(key, object_id(in_)); break;
      case Argument::ModSeq: {
        ModSequence wanted = mod_sequence(in_);
        key.number = wanted.number;
        text(key, std::move(wanted.type));
        program_.texts.push_back(std::move(wanted.entry));
        break;
      }
      case Argument::None:
      case Argument::One:
      case Argument::Two: break;
    }
  }

  void text(SearchKey& key, std::string value) {
    key.argument = static_cast<std::uint32_t>(program_.texts.size());
    program_.texts.push_back(std::move(value));
  }
  void set(SearchKey& key) {
    key.argument = static_cast<std::uint32_t>(program_.sets.size());
    program_.sets.push_back(in_.sequence_set());
  }

  std::size_t begin(const SearchKey& key) {
    keys_.push_back(key);
    return keys_.size() - 1;
  }
  void end(std::size_t key) { keys_[key].extent = static_cast<std::uint32_t>(keys_.size() - key); }

  Parser& in_;
  SearchProgram& program_;
  std::vector<SearchKey>& keys_;
};

// ["RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")" SP], behind a space that has been read.
std::optional<std::uint8_t> return_options(Parser& in) {
  static constexpr std::pair<std::string_view, SearchReturn> options[]{
      {"MIN", SearchReturn::Min},     {"MAX", SearchReturn::Max},   {"ALL", SearchReturn::All},
      {"COUNT", SearchReturn::Count}, {"SAVE", SearchReturn::Save}, {"RELEVANCY", SearchReturn::Relevancy},
  };
  if (!in.take_word("RETURN")) return std::nullopt;
  in.sp();
  in.open();
  unsigned wanted = 0;
  if (in.peek() != ')') {
    do {
      in.count_item();
      if (const auto option = in.word_of(options, "MIN, MAX, ALL, COUNT, SAVE or RELEVANCY"))
        wanted |= static_cast<unsigned>(*option);
    } while (in.more_in_list());
  }
  in.close();
  in.sp();
  if (wanted == 0) wanted = static_cast<unsigned>(SearchReturn::All);  // RFC 4731 §3.1
  return static_cast<std::uint8_t>(wanted);
}

// search-criteria = charset 1*(SP search-key)                                               (RFC 5256 §5)
SearchProgram criteria(Parser& in) {
  SearchProgram program;
  in.sp();
  program.charset = in.astring("a charset, like UTF-8");
  in.sp();
  Program(in, program).all_of(1);
  return program;
}

}  // namespace

// search = "SEARCH" [search-return-opts] SP ["CHARSET" SP charset SP] search-key *(SP search-key)
Command search(Parser& in) {
  Search command{.uid = in.uid()};
  in.sp();
  command.returns = return_options(in);
  if (in.next_is("CHARSET")) {
    if (in.dialect().utf8_accept) in.fail("no charset, since everything is UTF-8");  // RFC 6855 §3
    in.take_word("CHARSET");
    in.sp();
    command.program.charset = in.astring("a charset, like UTF-8");
    in.sp();
  }
  Program(in, command.program).all_of(1);
  return command;
}

// sort = ["UID" SP] "SORT" [search-return-opts] SP sort-criteria SP search-criteria   (RFC 5256 §5, RFC 5267)
// sort-criteria = "(" ["REVERSE" SP] sort-key *(SP ["REVERSE" SP] sort-key) ")"
Command sort(Parser& in) {
  static constexpr std::pair<std::string_view, SortKey> keys[]{
      {"ARRIVAL", SortKey::Arrival},
      {"CC", SortKey::Cc},
      {"DATE", SortKey::Date},
      {"FROM", SortKey::From},
      {"SIZE", SortKey::Size},
      {"SUBJECT", SortKey::Subject},
      {"TO", SortKey::To},
      {"DISPLAYFROM", SortKey::DisplayFrom},  // RFC 5957
      {"DISPLAYTO", SortKey::DisplayTo},
      {"RELEVANCY", SortKey::Relevancy},  // RFC 6203 §5
  };
  Sort command{.uid = in.uid()};
  in.sp();
  command.returns = return_options(in);
  in.open();
  do {
    in.count_item();
    SortCriterion criterion;
    if (in.take_word("REVERSE")) {
      criterion.reverse = true;
      in.sp();
    }
    if (const auto key = in.word_of(keys, "a sort key, like DATE")) criterion.key = *key;
    command.criteria.push_back(criterion);
  } while (in.more_in_list());
  in.close();
  command.program = criteria(in);
  return command;
}

// thread = ["UID" SP] "THREAD" SP thread-alg SP search-criteria                             (RFC 5256 §5)
Command thread(Parser& in) {
  static constexpr std::pair<std::string_view, ThreadAlgorithm> algorithms[]{
      {"ORDEREDSUBJECT", ThreadAlgorithm::OrderedSubject}, {"REFERENCES", ThreadAlgorithm::References}};
  Thread command{.uid = in.uid()};
  in.sp();
  if (const auto algorithm = in.word_of(algorithms, "ORDEREDSUBJECT or REFERENCES"))
    command.algorithm = *algorithm;
  command.program = criteria(in);
  return command;
}

}  // namespace postroad::imap::rules
