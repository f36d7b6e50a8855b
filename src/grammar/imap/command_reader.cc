#include "imap/command_reader.h"

#include <algorithm>
#include <stdexcept>

#include "imap/command.h"
#include "imap/parser.h"

namespace postroad::imap {
namespace {

// Off the front of `input`, at most `most` octets.
std::string_view take(std::string_view& input, std::uint64_t most) {
  const auto taken = input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(most, input.size())));
  input.remove_prefix(taken.size());
  return taken;
}

}  // namespace

// --- What the session calls ------------------------------------------------------------------------------

void CommandReader::reset() {
  at_ = At::Line;
  finished_ = false;
  held_ = std::string();  // not clear(): an idle reader owns no memory
  append_.reset();
  line_limit_.reset();
  line_octets_ = 0;
  command_octets_ = 0;
  literals_ = 0;
  left_ = 0;
  skipped_ = 0;
}

bool CommandReader::at_start() const {
  return finished_ || (at_ == At::Line && held_.empty() && !append_ && literals_ == 0);
}

void CommandReader::expect_line(std::size_t limit) {
  if (finished_) reset();
  line_limit_ = limit;
}

bool CommandReader::accept_message() {
  at_ = At::Message;
  held_ = std::string();
  left_ = append_->message().size;
  return append_->message().synchronizing;
}

bool CommandReader::refuse_message() {
  const AppendMessage& message = append_->message();
  if (message.synchronizing) {  // RFC 9051 §7.6: told NO instead of "+", the client does not send it
    finish();
    return true;
  }
  return skip(message.size);
}

// --- The machine -------------------------------------------------------------------------------------------

ReaderEvent CommandReader::next(std::string_view& input) {
  if (finished_) reset();
  for (;;) {
    switch (at_) {
      case At::Line: {
        const bool started_here = held_.empty();
        const auto line = whole_line(input);
        const std::size_t limit = line_limit_.value_or(dialect_.limits.line);
        if (line_octets_ > limit + 2 || (!line && line_octets_ > limit + 1)) {
          if (started_here && line) held_ = line->substr(0, limit);
          return refusal({.fault = Fault::LineTooLong, .close = true}, std::nullopt);
        }
        // The piece as a whole: the line alone when nothing came before it, else all that is held.
        const std::string_view text = started_here && line ? *line : std::string_view(held_);
        if (!line_limit_ && command_octets_ + text.size() > dialect_.limits.command)
          return refusal({.fault = Fault::LineTooLong, .close = true}, std::nullopt);
        if (!line) return NeedInput{};
        line_octets_ = 0;
        auto event = after_line(text);
        if (std::holds_alternative<NeedInput>(event)) continue;  // a literal that needs no answer
        return event;
      }
      case At::HeldLiteral: {
        const auto octets = take(input, left_);
        held_.append(octets);
        left_ -= octets.size();
        if (left_ > 0) return NeedInput{};
        at_ = At::Line;
        continue;
      }
      case At::Decision: throw std::logic_error("a message of APPEND was neither accepted nor refused");
      case At::Message: {
        if (left_ == 0) {
          at_ = At::Line;
          return MessageEnds{};
        }
        const auto octets = take(input, left_);
        if (octets.empty()) return NeedInput{};
        left_ -= octets.size();
        return MessageOctets{octets};
      }
      case At::SkipLiteral: {
        left_ -= take(input, left_).size();
        if (left_ > 0) return NeedInput{};
        at_ = At::SkipLine;
        continue;
      }
      case At::SkipLine: {
        const bool started_here = held_.empty();
        const auto line = whole_line(input);
        if (line_octets_ > dialect_.limits.line + 2)
          return refusal({.fault = Fault::LineTooLong, .close = true}, std::nullopt);
        if (!line) return NeedInput{};
        const auto header = literal_header(started_here ? *line : std::string_view(held_));
        // RFC 7888 §3: each line may announce another literal. One the client waits for will not come,
        // since the command has been answered.
        if (!header || header->synchronizing) {
          reset();
          continue;
        }
        held_.clear();
        line_octets_ = 0;
        if (!skip(header->size)) return refusal({.fault = Fault::LiteralTooBig, .close = true}, std::nullopt);
        continue;
      }
    }
  }
}

// Moves input up to and with the next LF into the line. The line when it is whole: a view into `input` if all
// of the piece lies there (most commands come in one segment and are never copied), else into held_.
std::optional<std::string_view> CommandReader::whole_line(std::string_view& input) {
  const auto lf = input.find('\n');
  const auto part = take(input, lf == std::string_view::npos ? input.size() : lf + 1);
  line_octets_ += part.size();
  if (lf == std::string_view::npos || !held_.empty()) {
    // What is over the limit is refused at once and need not be kept.
    held_.append(part.substr(0, std::max(dialect_.limits.line, line_limit_.value_or(0)) + 2));
    if (lf == std::string_view::npos) return std::nullopt;
    return std::string_view(held_);
  }
  return part;
}

// `text`: the command so far, ending in a line's end; or the piece since the last message.
ReaderEvent CommandReader::after_line(std::string_view text) {
  // Clients that count their message one octet too long leave half of its last CRLF behind. That is no
  // danger, and every server takes it for the end.
  if (append_ && text == "\n") text = "\r\n";
  if (!text.ends_with("\r\n")) {
    // If a literal was meant its octets would be taken for commands.
    const bool literal = literal_header(text).has_value();
    if (held_.empty()) held_ = text;
    return refusal({.fault = Fault::BareLineFeed, .close = literal}, std::nullopt);
  }
  if (line_limit_) {
    finish();
    return WholeLine{text.substr(0, text.size() - 2)};
  }
  const auto literal = literal_header(text);
  if (literal && held_.empty()) held_ = text;
  if (literal) text = held_;

  // The first literal shows what the command is; before it, most commands are over.
  if (literal && literals_ == 0) {
    Parser in(text, dialect_, true);
    in.tag();
    in.sp();
    const CommandRule* rule = in.command_rule();
    if (!in.ok()) return refusal(*in.error(), literal);
    if (!rule->parse) append_.emplace(dialect_);
  }

  if (!append_) {
    if (!literal) {
      finish();
      return WholeCommand{text.substr(0, text.size() - 2)};
    }
    if (const auto fault = too_much(*literal)) return refusal({.fault = *fault}, literal);
    return at_literal(*literal).value_or(NeedInput{});
  }

  const auto step = append_->piece(literal ? text : text.substr(0, text.size() - 2), literal.has_value());
  if (!step) {
    SyntaxError error = step.error();
    error.position += command_octets_;
    return refusal(std::move(error), literal);
  }
  switch (*step) {
    case AppendParser::Next::End: finish(); return AppendEnds{&append_->target()};
    case AppendParser::Next::Hold:
      if (const auto fault = too_much(*literal)) return refusal({.fault = *fault}, literal);
      return at_literal(*literal).value_or(NeedInput{});
    case AppendParser::Next::Stream: break;
  }
  if (literals_ >= dialect_.limits.literals) return refusal({.fault = Fault::TooManyLiterals}, literal);
  if (!literal->synchronizing && literal->size > dialect_.limits.non_synchronizing)
    return refusal({.fault = Fault::LiteralTooBig}, literal);
  ++literals_;
  command_octets_ += text.size();
  at_ = At::Decision;
  return MessageBegins{&append_->target(), &append_->message()};
}

std::optional<Fault> CommandReader::too_much(const LiteralHeader& header) const {
  const Limits& limits = dialect_.limits;
  if (literals_ >= limits.literals) return Fault::TooManyLiterals;
  if (header.size > limits.literal) return Fault::LiteralTooBig;
  if (!header.synchronizing && header.size > limits.non_synchronizing) return Fault::LiteralTooBig;
  if (command_octets_ + held_.size() + header.size > limits.command) return Fault::LiteralTooBig;
  return std::nullopt;
}

// A literal that is held. Nothing is allocated for what was only announced.
std::optional<ReaderEvent> CommandReader::at_literal(const LiteralHeader& header) {
  ++literals_;
  left_ = header.size;
  at_ = At::HeldLiteral;
  if (header.synchronizing) return NeedContinuation{};
  return std::nullopt;
}

std::string_view CommandReader::tag() const {
  if (append_ && !append_->target().tag.empty()) return append_->target().tag;
  const auto text = std::string_view(held_).substr(0, dialect_.limits.line);
  const auto end = std::ranges::find_if_not(text, is_tag_char);
  const auto length = static_cast<std::size_t>(end - text.begin());
  // Without a space behind it, it may be half a tag.
  return length < text.size() && text[length] == ' ' ? text.substr(0, length) : std::string_view();
}

// The command is refused, and with it the `literal` that its last line announces.
ReaderEvent CommandReader::refusal(SyntaxError error, const std::optional<LiteralHeader>& literal) {
  const bool answered = at_ == At::SkipLiteral || at_ == At::SkipLine;
  if (error.tag.empty() && !answered && !line_limit_ && error.fault != Fault::NoTag) error.tag = tag();
  const bool for_size = error.fault == Fault::LiteralTooBig || error.fault == Fault::TooManyLiterals;
  if (for_size && dialect_.limits.swallow == 0) error.close = true;
  if (!literal || literal->synchronizing || error.close)
    finish();
  else if (!skip(literal->size))
    error.close = true;
  return Refusal{std::move(error)};
}

// False when the octets are more than may be thrown away for one command.
bool CommandReader::skip(std::uint64_t octets) {
  if (octets > dialect_.limits.swallow - std::min(skipped_, dialect_.limits.swallow)) {
    finish();
    return false;
  }
  skipped_ += octets;
  left_ = octets;
  held_ = std::string();
  line_octets_ = 0;
  at_ = At::SkipLiteral;
  return true;
}

void CommandReader::finish() { finished_ = true; }

}  // namespace postroad::imap
