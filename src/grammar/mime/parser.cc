// The parser's machine. Read run() first: it moves between a header, a body and the rest of a delimiter line;
// everything else happens at their ends. Parts that are open lie on a stack of at most `depth` + 1 entries.
#include "mime/parser.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "base/utf8.h"
#include "mime/boundaries.h"
#include "mime/lines.h"
#include "mime/sweep.h"

namespace postroad::mime {
namespace {

constexpr std::size_t preview_limit = 4096;
constexpr std::size_t deepest = 250;      // Part::depth has eight bits
constexpr std::uint64_t long_line = 998;  // RFC 5322 §2.1.1

// What can still be undecided at the end of a piece is shorter than this: a field name, or "--", a boundary
// and "--".
constexpr std::size_t undecided_limit = 1024;
static_assert(undecided_limit > field_name_limit && undecided_limit > boundary_limit + 4);

constexpr std::uint32_t bit(Known known) { return std::uint32_t{1} << static_cast<unsigned>(known); }
constexpr std::uint32_t originator_fields =
    bit(Known::From) | bit(Known::Sender) | bit(Known::ReplyTo) | bit(Known::Date);
constexpr std::uint32_t single_fields = bit(Known::To) | bit(Known::Cc) | bit(Known::Bcc) |
                                        bit(Known::MessageId) | bit(Known::InReplyTo) |
                                        bit(Known::References) | bit(Known::Subject);
constexpr std::uint32_t single_content_fields = bit(Known::MimeVersion) | bit(Known::ContentType) |
                                                bit(Known::ContentTransferEncoding) |
                                                bit(Known::ContentDisposition) | bit(Known::ContentId);

// Makes room for `size` elements, doubling what there is; what has become large gets at once all it can come
// to, so that it is never held twice.
template <class Container>
void make_room(Container& c, std::size_t size, std::size_t most, std::size_t large) {
  if (c.capacity() >= size) return;
  c.reserve(c.capacity() >= large ? std::max(size, most) : std::max(size, c.capacity() * 2));
}

bool is_encoded(TransferEncoding e) {
  return e == TransferEncoding::Base64 || e == TransferEncoding::QuotedPrintable ||
         e == TransferEncoding::Uuencode;
}

}  // namespace

class Parser::Machine {
 public:
  explicit Machine(const Limits& limits) : limits_(limits) {
    limits_.depth = std::min<std::uint32_t>(limits_.depth, deepest);
    limits_.parts = std::max<std::uint32_t>(limits_.parts, 1);
    message_.address_limit_ = limits_.addresses;
    message_.parameter_limit_ = limits_.parameters;
    open_part(0);
  }

  void feed(std::string_view piece) {
    while (!pending_.empty() && !piece.empty()) {
      std::string joined = std::exchange(pending_, {});
      const std::size_t n = std::min(piece.size(), undecided_limit);
      joined += piece.substr(0, n);
      piece.remove_prefix(n);
      run(joined, false);
    }
    if (!piece.empty()) run(piece, false);
  }

  Message finish() {
    const std::string rest = std::exchange(pending_, {});
    run(rest, true);
    while (at_ == At::Header) end_header(sweep_.octets());
    sweep_.end();
    close_parts(0, sweep_.octets(), 0);
    message_.octets_ = sweep_.octets();
    message_.longest_line_ = sweep_.longest_line();
    if (message_.longest_line_ > long_line) note(Anomaly::LongLine);
    if (sweep_.bare_cr()) note(Anomaly::BareCr);
    if (sweep_.bare_lf()) note(Anomaly::BareLf);
    return std::move(message_);
  }

  bool header_done() const { return parts().size() > 1 || at_ != At::Header; }
  std::uint64_t header_octets() const { return parts()[0].body_start; }
  Header header() const { return message_.header(0); }

 private:
  enum class At { Header, Body, DelimiterLine };

  // A part whose end has not come yet.
  struct Open {
    std::uint32_t part;
    std::uint64_t line_feeds = 0;  // before its body
    bool digest = false;           // RFC 2046 §5.1.5: its parts are messages unless they say otherwise
  };

  const Parts& parts() const { return message_.parts_; }
  Part& part(const Open& open) { return message_.parts_[open.part]; }
  Message::Kept& kept(const Open& open) { return message_.kept_[open.part]; }
  void note(Anomaly anomaly) { message_.anomalies_.set(anomaly); }

  void run(std::string_view in, bool complete) {
    while (!in.empty()) {
      std::size_t used = 0;
      switch (at_) {
        case At::Header: used = run_header(in, complete); break;
        case At::Body: used = run_body(in, complete); break;
        case At::DelimiterLine: used = run_delimiter_line(in); break;
      }
      in.remove_prefix(used);
      if (waiting_) {  // for more octets of the line that `in` begins with
        waiting_ = false;
        pending_ = in;
        return;
      }
    }
  }

  // --- header
  // -----------------------------------------------------------------------------------------------------

  std::size_t run_header(std::string_view in, bool complete) {
    std::size_t at = 0;
    Line line = Line::Continuation;
    Delimiter delimiter;  // an outer multipart's; the header then has no end of its own (RFC 2046 §5.1.1)
    while (at < in.size()) {
      if (in_line_) {
        at += line_octets(in.substr(at));
        in_line_ = in[at - 1] != '\n';
        continue;
      }
      const auto rest = in.substr(at);
      if (rest.front() == '-' && !boundaries_.empty()) {
        delimiter = boundaries_.at(rest, complete);
        if (delimiter.kind != Delimiter::Kind::No) break;
      }
      line = line_of(rest, complete);
      if (line == Line::Undecided || line == Line::Empty || line == Line::Other) break;
      if (line == Line::BlankedField) note(Anomaly::BlankBeforeColon);
      if (line == Line::MboxLine) note(Anomaly::MboxLine);
      if (line == Line::Continuation && !header_has_line_) note(Anomaly::LeadingContinuation);
      header_has_line_ = in_line_ = true;
    }
    if (delimiter.kind == Delimiter::Kind::No && line == Line::Empty) at += line_octets(in.substr(at));
    keep(in.substr(0, at));
    sweep_.look(in.substr(0, at), false);

    if (delimiter.kind == Delimiter::Kind::Undecided || line == Line::Undecided) {
      waiting_ = true;
    } else if (delimiter.kind != Delimiter::Kind::No) {
      // The line end before it belongs to the delimiter, so the header ends before that. Whose delimiter it
      // is, is asked again: this header may have named the boundary that fits best.
      end_header(std::max(part(open_.back()).header_start, sweep_.octets() - sweep_.line_end()));
    } else if (line == Line::Empty || line == Line::Other) {
      if (line == Line::Other) note(Anomaly::HeaderEndedByLine);
      end_header(sweep_.octets());
    }
    return at;
  }

  void keep(std::string_view octets) {
    Message::Kept& here = kept(open_.back());
    const std::size_t most = open_.back().part == 0 ? limits_.header : limits_.header / 4;
    const std::size_t n = std::min(octets.size(), most - here.octets);
    if (n < octets.size()) note(Anomaly::HeaderCut);
    make_room(message_.headers_, message_.headers_.size() + n, limits_.header * 7 / 4, limits_.header / 4);
    message_.headers_ += octets.substr(0, n);
    here.octets += static_cast<std::uint32_t>(n);
  }

  // The header of the innermost part is complete, its body begins at `body_start`: now it is known what the
  // part is.
  void end_header(std::uint64_t body_start) {
    Open& open = open_.back();
    part(open).body_start = part(open).body_end = body_start;
    open.line_feeds = sweep_.line_feeds();
    header_has_line_ = false;
    if (sweep_.nul()) note(Anomaly::NulInHeader);
    if (sweep_.eight_bit())
      note(utf8::valid(message_.header(open.part).section()) ? Anomaly::EightBitInHeader
                                                             : Anomaly::BadUtf8InHeader);
    sweep_.forget();
    at_ = At::Body;

    const bool carries_message = decide(open);
    drop_header_beyond_budget(open);
    if (carries_message) open_part(body_start);
  }

  // Reads what the header says the part is. True: it carries a message, whose header comes next.
  bool decide(Open& open) {
    const bool is_message = open.part == 0 || parts()[parts()[open.part].parent].kind == Kind::Message;
    std::optional<std::string_view> type_value;
    std::string_view disposition;
    std::uint32_t seen = 0;
    for (const Field& field : message_.header(open.part)) {
      const Known known = known_field(field.name);
      if (known == Known::Other) continue;
      if (seen & bit(known)) {
        if (is_message && (originator_fields & bit(known))) note(Anomaly::RepeatedOriginator);
        if (is_message && (single_fields & bit(known))) note(Anomaly::RepeatedField);
        if (single_content_fields & bit(known)) note(Anomaly::RepeatedContentField);
        continue;
      }
      seen |= bit(known);
      if (known == Known::ContentType) type_value = field.value;
      if (known == Known::ContentDisposition) disposition = field.value;
      if (known == Known::ContentTransferEncoding) part(open).encoding = parse_transfer_encoding(field.value);
    }
    if (part(open).encoding == TransferEncoding::Unknown) note(Anomaly::BadTransferEncoding);

    std::optional<MediaType> type;
    if (type_value) {
      type = parse_media_type(*type_value, limits_.parameters);
      if (!type) note(Anomaly::BadContentType);
      if (type && type->parameters.repeated) note(Anomaly::RepeatedParameter);
      if (type && type->parameters.cut) note(Anomaly::TooManyParameters);
    }
    if (!type) {
      const bool in_digest = open_.size() > 1 && open_[open_.size() - 2].digest && !type_value;
      if (!in_digest) return read_as_text(open, disposition);
      kept(open).treated = Message::Treated::AsMessage;
      return carry_message(open);
    }
    if (type->type == "multipart") return become_multipart(open, *type), false;
    if (type->is("message", "rfc822") || type->is("message", "global")) return carry_message(open);
    if (type->type == "text") {
      part(open).reading = type->subtype == "plain"  ? Reading::Plain
                           : type->subtype == "html" ? Reading::Html
                                                     : Reading::OtherText;
      consider_preview(open, disposition);
    }
    return false;
  }

  bool read_as_text(Open& open, std::string_view disposition) {
    kept(open).treated = Message::Treated::AsText;
    part(open).reading = Reading::Plain;
    consider_preview(open, disposition);
    return false;
  }

  void become_multipart(Open& open, const MediaType& type) {
    const std::string* boundary = type.parameters.find("boundary");
    if (is_encoded(part(open).encoding)) note(Anomaly::EncodedComposite);
    if (!boundary || boundary->find_last_not_of(" \t") == std::string::npos) {
      note(Anomaly::MissingBoundary);
      read_as_text(open, {});
      return;
    }
    if (!may_have_parts(open)) return;
    part(open).kind = Kind::Multipart;
    // RFC 2046 §5.1.1: a boundary does not end with a blank.
    const auto trimmed = std::string_view(*boundary).substr(0, boundary->find_last_not_of(" \t") + 1);
    if (!boundaries_.add(open_.size() - 1, trimmed)) note(Anomaly::AmbiguousDelimiter);
    open.digest = type.subtype == "digest";
  }

  // RFC 2046 §5.2.1; an encoded message (which RFC 2045 §6.4 forbids) cannot be read while it streams past.
  bool carry_message(Open& open) {
    if (is_encoded(part(open).encoding)) {
      note(Anomaly::EncodedComposite);
      kept(open).treated = Message::Treated::AsOctets;
      return false;
    }
    if (!may_have_parts(open)) return false;
    part(open).kind = Kind::Message;
    return true;
  }

  bool may_have_parts(const Open& open) {
    if (open_.size() > limits_.depth)
      note(Anomaly::DepthCut);
    else if (parts().size() >= limits_.parts)
      note(Anomaly::PartsCut);
    else
      return true;
    kept(open).treated = Message::Treated::AsOctets;
    return false;
  }

  // The first plain text that is no attachment and not inside another message (RFC 8970 §3.3).
  void consider_preview(const Open& open, std::string_view disposition) {
    if (preview_chosen_ || part(open).reading != Reading::Plain) return;
    for (const Open& other : open_)
      if (part(other).kind == Kind::Message) return;
    if (!disposition.empty()) {
      const auto parsed = parse_disposition(disposition);
      if (parsed && parsed->kind == "attachment") return;
    }
    preview_chosen_ = previewing_ = true;
    message_.preview_part_ = open.part;
  }

  // All inner headers together may take half as much room as the message's own.
  void drop_header_beyond_budget(const Open& open) {
    Message::Kept& here = kept(open);
    if (open.part == 0) return;
    inner_headers_ += here.octets;
    if (inner_headers_ <= limits_.header / 2) return;
    inner_headers_ -= here.octets;
    message_.headers_.resize(here.start);
    here.octets = 0;
    note(Anomaly::HeaderCut);
    if (here.treated == Message::Treated::AsDeclared && part(open).kind == Kind::Leaf)
      here.treated =
          part(open).reading == Reading::None ? Message::Treated::AsOctets : Message::Treated::AsText;
  }

  // --- body
  // -------------------------------------------------------------------------------------------------------

  std::size_t run_body(std::string_view in, bool complete) {
    const std::size_t used = sweep_.look(in, !boundaries_.empty());
    if (previewing_) preview(in.substr(0, used));
    if (used == in.size()) return used;

    const auto rest = in.substr(used);
    const Delimiter delimiter = boundaries_.at(rest, complete);
    switch (delimiter.kind) {
      case Delimiter::Kind::Undecided: waiting_ = true; return used;
      case Delimiter::Kind::No:
        sweep_.pass(rest.front());
        if (previewing_) preview(rest.substr(0, 1));
        return used + 1;
      default: return used + meet(rest, delimiter);
    }
  }

  void preview(std::string_view octets) {
    const std::size_t room = preview_limit - message_.preview_.size();
    message_.preview_ += octets.substr(0, room);
    previewing_ = room > octets.size();
  }

  // A delimiter: what is open inside its multipart ends, and the next part begins, if there is one. Answers
  // the octets used.
  std::size_t meet(std::string_view in, const Delimiter& delimiter) {
    const std::uint64_t here = sweep_.octets();
    close_parts(delimiter.level + 1, here, sweep_.line_end());
    next_part_ = delimiter.kind == Delimiter::Kind::Next;
    if (!next_part_) {
      boundaries_.drop(delimiter.level);
    } else if (parts().size() >= limits_.parts) {
      note(Anomaly::PartsCut);
      stop_splitting();
    }
    at_ = At::DelimiterLine;
    sweep_.look(in.substr(0, delimiter.octets), false);
    return delimiter.octets;
  }

  void stop_splitting() {
    next_part_ = false;
    cut_ = true;
    boundaries_.clear();
  }

  // What follows the boundary in its line should be blanks only (RFC 2046 §5.1.1: transport-padding).
  std::size_t run_delimiter_line(std::string_view in) {
    const auto line = in.substr(0, line_octets(in));
    for (char c : line)
      if (!ascii::is_blank(c) && c != '\r' && c != '\n') {
        note(Anomaly::AmbiguousDelimiter);
        break;
      }
    sweep_.look(line, false);
    if (line.ends_with('\n')) {
      at_ = At::Body;
      if (next_part_) open_part(sweep_.octets());
    }
    return line.size();
  }

  // --- parts
  // ------------------------------------------------------------------------------------------------------

  void open_part(std::uint64_t header_start) {
    const auto index = static_cast<std::uint32_t>(parts().size());
    if (sweep_.nul()) note(Anomaly::NulInBody);
    message_.eight_bit_body_ |= sweep_.eight_bit();
    sweep_.forget();
    Part fresh;
    fresh.header_start = fresh.body_start = fresh.body_end = header_start;
    fresh.parent = open_.empty() ? 0 : open_.back().part;
    fresh.depth = static_cast<std::uint8_t>(open_.size());
    make_room(message_.parts_, index + 1, limits_.parts, 1024);
    make_room(message_.kept_, index + 1, limits_.parts, 1024);
    message_.parts_.push_back(fresh);
    message_.kept_.push_back({.start = static_cast<std::uint32_t>(message_.headers_.size())});
    open_.push_back({.part = index});
    at_ = At::Header;
    in_line_ = false;
  }

  // Ends all open parts from open_[first] on, at `here`, before which a line end of `line_end` octets is not
  // theirs; unless it is the empty line of the last one's header, which then has no body.
  void close_parts(std::size_t first, std::uint64_t here, unsigned line_end) {
    if (sweep_.nul()) note(Anomaly::NulInBody);
    message_.eight_bit_body_ |= sweep_.eight_bit();
    sweep_.forget();
    std::uint64_t end = here - line_end;
    while (open_.size() > first) {
      const Open& open = open_.back();
      Part& p = part(open);
      end = std::max(end, p.body_start);
      p.body_end = end;
      if (p.body_octets() > 0) {
        const std::uint64_t lines = sweep_.line_feeds() - open.line_feeds - (end < here ? 1 : 0);
        p.lines = static_cast<std::uint32_t>(std::min<std::uint64_t>(lines, UINT32_MAX));
      }
      p.after = static_cast<std::uint32_t>(parts().size());
      if (p.kind == Kind::Multipart) {
        if (boundaries_.drop(open_.size() - 1)) note(Anomaly::MissingClose);
        if (p.after == open.part + 1) without_parts(open);
      }
      if (message_.preview_part_ == open.part && preview_chosen_) {
        message_.preview_.resize(std::min<std::uint64_t>(message_.preview_.size(), p.body_octets()));
        previewing_ = false;
      }
      open_.pop_back();
    }
  }

  // A multipart without any part cannot be shown as one (RFC 9051 §9: body-type-mpart): it is what it looks
  // like, text.
  void without_parts(const Open& open) {
    part(open).kind = Kind::Leaf;
    part(open).reading = cut_ ? Reading::None : Reading::Plain;
    kept(open).treated = cut_ ? Message::Treated::AsOctets : Message::Treated::AsText;
    if (!cut_) note(Anomaly::MissingDelimiter);
  }

  Limits limits_;
  Message message_;
  Sweep sweep_;
  std::vector<Open> open_;
  Boundaries
      boundaries_;  // of the multiparts among them that are not closed; their level is the index in open_
  std::string pending_;            // the beginning of a line that cannot be judged yet
  std::size_t inner_headers_ = 0;  // octets of headers_ that are not the message's own
  At at_ = At::Header;
  bool in_line_ = false;  // in a header line that is judged already
  bool header_has_line_ = false;
  bool next_part_ = false;  // the delimiter line is not a close
  bool waiting_ = false;
  bool cut_ = false;
  bool preview_chosen_ = false, previewing_ = false;
};

Parser::Parser(const Limits& limits) : machine_(std::make_unique<Machine>(limits)) {}
Parser::Parser(Parser&&) noexcept = default;
Parser& Parser::operator=(Parser&&) noexcept = default;
Parser::~Parser() = default;

void Parser::feed(std::string_view piece) { machine_->feed(piece); }
bool Parser::header_done() const { return machine_->header_done(); }
std::uint64_t Parser::header_octets() const { return machine_->header_octets(); }
Header Parser::header() const { return machine_->header(); }
Message Parser::finish() { return machine_->finish(); }

Message parse(std::string_view message, const Limits& limits) {
  Parser parser(limits);
  parser.feed(message);
  return parser.finish();
}

}  // namespace postroad::mime
