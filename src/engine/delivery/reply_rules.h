// The parts of a reply rule and how they match. Not public.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "delivery/classify.h"

namespace postroad::delivery {

// "550", "45x".
struct CodePattern {
  static std::optional<CodePattern> parse(std::string_view text);
  bool fits(std::uint16_t code) const { return code >= least && code <= most; }
  std::uint16_t least = 0, most = 999;
};

// "5.1.1", "*.2.*", "5.7.5*": of a number its beginning.
struct StatusPattern {
  static std::optional<StatusPattern> parse(std::string_view text);
  bool fits(const EnhancedStatus& status) const;
  std::string klass, subject, detail;  // digits, perhaps with "*" behind
};

// Pieces that follow each other, anything between them.
using TextPattern = std::vector<std::string>;
// "(a|b) * c" is two of them. Nothing: it is empty, or says more than 64 things.
std::optional<std::vector<TextPattern>> parse_text_pattern(std::string_view text);
bool fits(const TextPattern& pattern, std::string_view normal);
// Lower case, blanks for line ends and runs of blanks; of 2,000 octets.
std::string normalized(std::string_view text);

enum class Insist : std::uint8_t { AsCoded, Later, Never };

struct Example {
  std::size_t line = 0;
  Reply reply;
};

struct ReplyRules::Rule {
  std::size_t line = 0;
  std::string name;
  std::vector<std::string> from;
  std::vector<Stage> at;
  CodePattern code{};
  std::optional<StatusPattern> status{};
  std::vector<TextPattern> text;
  std::optional<Class> klass{};
  Insist insist = Insist::AsCoded;
  std::vector<Example> like;

  bool fits(const Reply& reply, std::string_view normal, Stage stage, std::string_view provider) const;
};

// What is known of class and permanence, completed: scope and reaction.
Verdict completed(Verdict verdict, Stage stage);

extern const std::string_view builtin_reply_rules;  // data/replies.txt, made at build

}  // namespace postroad::delivery
