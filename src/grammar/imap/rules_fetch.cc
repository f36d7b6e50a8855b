// FETCH: attributes, sections, partials, modifiers (RFC 9051 §6.4.5 and §9).
#include "imap/rules.h"

namespace postroad::imap::rules {
namespace {

// Parts of parts: the message reader goes 100 levels deep (durability.md, attack 30), so nothing lies below.
constexpr std::size_t deepest_part = 100;

constexpr std::uint32_t bit(FetchItem item) { return static_cast<std::uint32_t>(item); }
constexpr std::uint32_t fast =
    bit(FetchItem::Flags) | bit(FetchItem::InternalDate) | bit(FetchItem::Rfc822Size);
constexpr std::uint32_t all = fast | bit(FetchItem::Envelope);
constexpr std::uint32_t full = all | bit(FetchItem::Body);

// header-list = "(" header-fld-name *(SP header-fld-name) ")"
std::vector<std::string> header_list(Parser& in) {
  std::vector<std::string> fields;
  in.open();
  do {
    in.count_item();
    const auto start = in.position();
    std::string name = in.astring("a header field name");
    for (const char c : name)
      if (ascii::is_control(c) || ascii::is_8bit(c))
        in.fail_at(start, "a header field name in printable ASCII");
    fields.push_back(std::move(name));
  } while (in.more_in_list());
  in.close();
  return fields;
}

// section-part = nz-number *("." nz-number), and the "." before a section-text.
// True when a "." was the last thing read.
bool section_part(Parser& in, Section& section) {
  while (in.ok() && ascii::is_digit(in.peek())) {
    if (section.part.size() == deepest_part) {
      in.fail(Fault::TooDeep);
      return false;
    }
    section.part.push_back(in.nz_number("a part number"));
    if (!in.take('.')) return false;
    if (!ascii::is_digit(in.peek())) return true;
  }
  return false;
}

// section = "[" [section-spec] "]"
// section-spec = section-msgtext / (section-part ["." section-text])
Section section(Parser& in) {
  static constexpr std::pair<std::string_view, SectionText> texts[]{
      {"HEADER", SectionText::Header},
      {"HEADER.FIELDS", SectionText::HeaderFields},
      {"HEADER.FIELDS.NOT", SectionText::HeaderFieldsNot},
      {"TEXT", SectionText::Text},
      {"MIME", SectionText::Mime},
  };
  Section section;
  in.expect('[', "an opening bracket");
  const bool dot = section_part(in, section);
  if (dot || (section.part.empty() && in.peek() != ']')) {
    const auto start = in.position();
    const auto text = in.word_of(texts, "a part number, HEADER, HEADER.FIELDS, TEXT or MIME");
    section.text = text.value_or(SectionText::Everything);
    if (section.text == SectionText::Mime && section.part.empty())
      in.fail_at(start, "a part number before MIME");
    if (section.text == SectionText::HeaderFields || section.text == SectionText::HeaderFieldsNot) {
      in.sp();
      section.fields = header_list(in);
    }
  }
  in.expect(']', "a closing bracket");
  return section;
}

// section-binary = "[" [section-part] "]"                                                  (RFC 3516 §7)
Section section_binary(Parser& in) {
  Section section;
  in.expect('[', "an opening bracket");
  if (section_part(in, section)) in.fail("a part number");
  in.expect(']', "a closing bracket");
  return section;
}

// partial = "<" number64 "." nz-number64 ">"
std::optional<Partial> partial(Parser& in) {
  if (!in.take('<')) return std::nullopt;
  Partial range;
  range.offset = in.number64("an offset");
  in.expect('.', "a dot and the number of octets");
  range.count = in.nz_number64("a number of octets");
  in.expect('>', "a closing angle bracket");
  return range;
}

enum class Word : std::uint8_t {
  Item,
  Body,
  BodyPeek,
  Binary,
  BinaryPeek,
  BinarySize,
  Rfc822,
  Rfc822Header,
  Rfc822Text,
  Preview
};

// "PREVIEW" [SP "(" preview-mod *(SP preview-mod) ")"]                                    (RFC 8970 §6)
void preview(Parser& in, Fetch& command) {
  command.items |= bit(FetchItem::Preview);
  if (!in.next_is(" (LAZY")) return;  // what else may stand here are the modifiers of FETCH
  in.sp();
  in.open();
  do {
    if (!in.take_word("LAZY")) in.fail("LAZY");
  } while (in.more_in_list());
  in.close();
  command.items |= bit(FetchItem::PreviewLazy);
}

// fetch-att
void attribute(Parser& in, Fetch& command) {
  struct Meaning {
    Word word = Word::Item;
    FetchItem item{};
  };
  static constexpr std::pair<std::string_view, Meaning> names[]{
      {"FLAGS", {Word::Item, FetchItem::Flags}},
      {"UID", {Word::Item, FetchItem::Uid}},
      {"INTERNALDATE", {Word::Item, FetchItem::InternalDate}},
      {"RFC822.SIZE", {Word::Item, FetchItem::Rfc822Size}},
      {"ENVELOPE", {Word::Item, FetchItem::Envelope}},
      {"BODY", {Word::Body, FetchItem::Body}},
      {"BODY.PEEK", {Word::BodyPeek, {}}},
      {"BODYSTRUCTURE", {Word::Item, FetchItem::BodyStructure}},
      {"BINARY", {Word::Binary, {}}},
      {"BINARY.PEEK", {Word::BinaryPeek, {}}},
      {"BINARY.SIZE", {Word::BinarySize, {}}},
      {"RFC822", {Word::Rfc822, {}}},
      {"RFC822.HEADER", {Word::Rfc822Header, {}}},
      {"RFC822.TEXT", {Word::Rfc822Text, {}}},
      {"MODSEQ", {Word::Item, FetchItem::ModSeq}},
      {"EMAILID", {Word::Item, FetchItem::EmailId}},
      {"THREADID", {Word::Item, FetchItem::ThreadId}},
      {"SAVEDATE", {Word::Item, FetchItem::SaveDate}},
      {"PREVIEW", {Word::Preview, {}}},
  };
  using Kind = BodyAttribute::Kind;
  in.count_item();
  const auto meaning = in.word_of(names, "an attribute, like FLAGS or BODY[]");
  if (!meaning) return;
  const bool has_section = in.peek() == '[';
  BodyAttribute body;
  switch (meaning->word) {
    case Word::Item: command.items |= bit(meaning->item); return;
    case Word::Preview: return preview(in, command);
    case Word::Body:
      if (!has_section) {
        command.items |= bit(FetchItem::Body);
        return;
      }
      [[fallthrough]];
    case Word::BodyPeek:
      body.peek = meaning->word == Word::BodyPeek;
      body.section = section(in);
      body.partial = partial(in);
      break;
    case Word::Binary:
    case Word::BinaryPeek:
      body.kind = Kind::Binary;
      body.peek = meaning->word == Word::BinaryPeek;
      body.section = section_binary(in);
      body.partial = partial(in);
      break;
    case Word::BinarySize:
      body.kind = Kind::BinarySize;
      body.peek = true;
      body.section = section_binary(in);
      break;
    case Word::Rfc822: body.kind = Kind::Rfc822; break;
    case Word::Rfc822Header:
      body.kind = Kind::Rfc822Header;
      body.peek = true;
      body.section.text = SectionText::Header;
      break;
    case Word::Rfc822Text:
      body.kind = Kind::Rfc822Text;
      body.section.text = SectionText::Text;
      break;
  }
  command.bodies.push_back(std::move(body));
}

// fetch-modifiers = "(" fetch-modifier *(SP fetch-modifier) ")"            (RFC 4466 §3, RFC 7162 §7)
void modifiers(Parser& in, Fetch& command) {
  in.open();
  do {
    if (in.take_word("CHANGEDSINCE")) {
      in.sp();
      command.changed_since = in.number64("a mod-sequence");
      command.items |= bit(FetchItem::ModSeq);  // RFC 7162 §3.1.4.1
    } else if (in.take_word("VANISHED")) {
      command.vanished = true;
    } else {
      in.fail("CHANGEDSINCE or VANISHED");
    }
  } while (in.more_in_list());
  // RFC 7162 §3.2.6
  if (command.vanished && (!command.uid || !command.changed_since))
    in.fail("UID FETCH with CHANGEDSINCE, which VANISHED needs");
  in.close();
}

}  // namespace

// fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att)
// ")")
//         [fetch-modifiers]
Command fetch(Parser& in) {
  Fetch command{.uid = in.uid()};
  in.sp();
  command.set = in.sequence_set();
  in.sp();
  if (in.peek() == '(') {
    in.open();
    do attribute(in, command);
    while (in.more_in_list());
    in.close();
  } else if (in.take_word("ALL")) {
    command.items |= all;
  } else if (in.take_word("FAST")) {
    command.items |= fast;
  } else if (in.take_word("FULL")) {
    command.items |= full;
  } else {
    attribute(in, command);
  }
  if (in.take_sp()) modifiers(in, command);
  if (command.uid) command.items |= bit(FetchItem::Uid);  // RFC 9051 §6.4.9
  return command;
}

}  // namespace postroad::imap::rules
