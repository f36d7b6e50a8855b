#include "delivery/reply_rules.h"

#include <algorithm>

#include "base/cursor.h"
#include "mail/public_suffix.h"
#include "smtp/reply.h"

namespace postroad::delivery {
namespace {

constexpr std::size_t most_text = 2000;
constexpr std::size_t most_alternatives = 64;

bool number_fits(std::string_view pattern, unsigned number) {
  const std::string digits = std::to_string(number);
  if (!pattern.ends_with('*')) return pattern == digits;
  pattern.remove_suffix(1);
  return digits.starts_with(pattern);
}

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> out;
  Cursor in(line);
  for (in.take_while(ascii::is_blank); !in.at_end(); in.take_while(ascii::is_blank))
    out.push_back(in.take_while([](char c) { return !ascii::is_blank(c); }));
  return out;
}

}  // namespace

std::optional<CodePattern> CodePattern::parse(std::string_view text) {
  if (text.size() != 3 || (text[0] != '4' && text[0] != '5')) return std::nullopt;
  CodePattern out{0, 0};
  for (std::size_t i = 0; i < 3; ++i) {
    const bool any = text[i] == 'x' && i > 0 && (i == 2 || text[2] == 'x');
    if (!any && !ascii::is_digit(text[i])) return std::nullopt;
    out.least = static_cast<std::uint16_t>(out.least * 10 + (any ? 0 : text[i] - '0'));
    out.most = static_cast<std::uint16_t>(out.most * 10 + (any ? 9 : text[i] - '0'));
  }
  return out;
}

std::optional<StatusPattern> StatusPattern::parse(std::string_view text) {
  StatusPattern out;
  Cursor in(text);
  for (std::string StatusPattern::* part :
       {&StatusPattern::klass, &StatusPattern::subject, &StatusPattern::detail}) {
    if (part != &StatusPattern::klass && !in.take('.')) return std::nullopt;
    out.*part = in.take_while(ascii::is_digit);
    if (in.take('*')) out.*part += '*';
    if ((out.*part).empty() || (out.*part).size() > 4) return std::nullopt;
  }
  if (!in.at_end()) return std::nullopt;
  return out;
}

bool StatusPattern::fits(const EnhancedStatus& status) const {
  return status.given() && number_fits(klass, status.klass) && number_fits(subject, status.subject) &&
         number_fits(detail, status.detail);
}

std::optional<std::vector<TextPattern>> parse_text_pattern(std::string_view text) {
  std::vector<std::string> flat{""};  // every way to say it
  Cursor in(text);
  while (!in.at_end()) {
    std::vector<std::string> choices;
    if (in.take('(')) {
      const auto inside = in.take_until(')');
      if (!inside) return std::nullopt;
      in.take(')');
      for (std::size_t at = 0; at <= inside->size();) {
        const std::size_t end = std::min(inside->find('|', at), inside->size());
        choices.emplace_back(inside->substr(at, end - at));
        at = end + 1;
      }
    } else {
      choices.emplace_back(in.take_while([](char c) { return c != '('; }));
    }
    std::vector<std::string> longer;
    if (flat.size() * choices.size() > most_alternatives) return std::nullopt;
    for (const std::string& one : flat)
      for (const std::string& choice : choices) longer.push_back(one + choice);
    flat = std::move(longer);
  }
  std::vector<TextPattern> out;
  for (const std::string& one : flat) {
    TextPattern pattern;
    for (std::size_t at = 0; at <= one.size();) {
      const std::size_t end = std::min(one.find('*', at), one.size());
      if (auto piece = std::string(ascii::trim(normalized(one.substr(at, end - at)))); !piece.empty())
        pattern.push_back(std::move(piece));
      at = end + 1;
    }
    if (pattern.empty()) return std::nullopt;
    out.push_back(std::move(pattern));
  }
  return out;
}

bool fits(const TextPattern& pattern, std::string_view normal) {
  std::size_t at = 0;
  for (const std::string& piece : pattern) {
    at = normal.find(piece, at);
    if (at == std::string_view::npos) return false;
    at += piece.size();
  }
  return true;
}

std::string normalized(std::string_view text) {
  std::string out;
  bool blank = false;
  for (const char c : text.substr(0, most_text)) {
    const bool space = ascii::is_blank(c) || ascii::is_control(c);
    if (!space || !blank) out.push_back(space ? ' ' : ascii::lower(c));
    blank = space;
  }
  return out;
}

bool ReplyRules::Rule::fits(const Reply& reply, std::string_view normal, Stage stage,
                            std::string_view provider) const {
  if (!code.fits(reply.code) || (status && !status->fits(reply.status))) return false;
  if (!from.empty() && std::ranges::find(from, provider) == from.end()) return false;
  if (!at.empty() && std::ranges::find(at, stage) == at.end()) return false;
  return text.empty() ||
         std::ranges::any_of(text, [&](const TextPattern& one) { return delivery::fits(one, normal); });
}

// Line by line; a fault ends it.
class ReplyRules::Reader {
 public:
  Result<std::vector<Rule>, RuleFault> read(std::string_view text) {
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size());
      std::string_view one = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      ++line_;
      if (const auto hash = one.find('#');
          hash == 0 || (hash != std::string_view::npos && ascii::trim(one).front() == '#'))
        continue;
      const bool indented = !one.empty() && ascii::is_blank(one.front());
      one = ascii::trim(one);
      if (one.empty()) continue;
      const std::string wrong = indented ? property(one) : begin(one);
      if (!wrong.empty()) return refuse(RuleFault{line_, wrong});
    }
    if (const std::string wrong = finish(); !wrong.empty()) return refuse(RuleFault{line_, wrong});
    return std::move(rules_);
  }

 private:
  std::string finish() const {
    if (!rules_.empty() && !rules_.back().klass) return "the rule " + rules_.back().name + " has no class";
    return {};
  }
  std::string begin(std::string_view name) {
    if (std::string wrong = finish(); !wrong.empty()) return wrong;
    const bool good = std::ranges::all_of(
        name, [](char c) { return ascii::is_lower(c) || ascii::is_digit(c) || c == '-'; });
    if (!good || name.size() > 40) return "a rule's name has small letters, digits and hyphens only";
    if (std::ranges::find(rules_, name, &Rule::name) != rules_.end())
      return "there is a rule " + std::string(name) + " already";
    rules_.push_back(
        {.line = line_, .name = std::string(name), .from = {}, .at = {}, .text = {}, .like = {}});
    return {};
  }
  std::string property(std::string_view one) {
    if (rules_.empty()) return "a line of a rule stands before the first rule";
    Rule& rule = rules_.back();
    const auto key = one.substr(0, one.find_first_of(" \t"));
    const auto value = ascii::trim(one.substr(key.size()));
    if (value.empty()) return "nothing stands behind '" + std::string(key) + "'";
    if (key == "from") return from(rule, value);
    if (key == "at") return at(rule, value);
    if (key == "code") {
      const auto code = CodePattern::parse(value);
      if (!code) return "a code is like 550, 45x or 5xx";
      rule.code = *code;
    } else if (key == "status") {
      rule.status = StatusPattern::parse(value);
      if (!rule.status) return "a status is like 5.1.1, *.2.2 or 4.7.*";
    } else if (key == "text") {
      const auto patterns = parse_text_pattern(value);
      if (!patterns) return "a text has words, '*' and (this|that), and says no more than 64 things";
      rule.text.insert(rule.text.end(), patterns->begin(), patterns->end());
    } else if (key == "class") {
      for (std::size_t i = 0; i < classes; ++i)
        if (to_text(static_cast<Class>(i)) == value) rule.klass = static_cast<Class>(i);
      if (!rule.klass) return "there is no class '" + std::string(value) + "'";
    } else if (key == "as") {
      if (value != "later" && value != "never") return "'as' is later or never";
      rule.insist = value == "later" ? Insist::Later : Insist::Never;
    } else if (key == "like") {
      return like(rule, value);
    } else {
      return "unknown word '" + std::string(key) +
             "': from, at, code, status, text, class, as, like are known";
    }
    return {};
  }
  std::string from(Rule& rule, std::string_view value) {
    for (const std::string_view word : words(value)) {
      const auto domain = Domain::parse(word);
      const auto owner = domain ? organizational_domain(*domain) : std::nullopt;
      if (!owner || owner->text() != word)
        return std::string(word) + " is not the domain of an organization, so no server could be of it";
      rule.from.emplace_back(word);
    }
    return {};
  }
  std::string at(Rule& rule, std::string_view value) {
    for (const std::string_view word : words(value)) {
      std::optional<Stage> found;
      for (int i = 1; i <= static_cast<int>(Stage::End); ++i)
        if (to_text(static_cast<Stage>(i)) == word) found = static_cast<Stage>(i);
      if (!found) return "'" + std::string(word) + "' is none of connect, hello, mail, rcpt, data, end";
      rule.at.push_back(*found);
    }
    return {};
  }
  std::string like(Rule& rule, std::string_view value) {
    smtp::ReplyParser parser;
    if (!parser.feed(std::string(value) + "\r\n") || !parser.done()) return "this is no reply";
    rule.like.push_back({line_, parser.take()});
    return {};
  }

  std::vector<Rule> rules_;
  std::size_t line_ = 0;
};

ReplyRules::ReplyRules() = default;
ReplyRules::ReplyRules(ReplyRules&&) noexcept = default;
ReplyRules& ReplyRules::operator=(ReplyRules&&) noexcept = default;
ReplyRules::~ReplyRules() = default;
std::size_t ReplyRules::size() const { return rules_.size(); }

Result<ReplyRules, RuleFault> ReplyRules::parse(std::string_view text) {
  auto rules = Reader().read(text);
  if (!rules) return refuse(std::move(rules.error()));
  ReplyRules out;
  out.rules_ = std::move(*rules);
  return out;
}

const ReplyRules::Rule* ReplyRules::find(const Reply& reply, Stage stage, std::string_view provider) const {
  const std::string normal = normalized(reply.text);
  for (const Rule& rule : rules_)
    if (rule.fits(reply, normal, stage, provider)) return &rule;
  return nullptr;
}

std::vector<RuleFault> ReplyRules::lint() const {
  std::vector<RuleFault> out;
  for (const Rule& rule : rules_) {
    if (rule.like.empty()) out.push_back({rule.line, rule.name + " has no example ('like')"});
    for (const Example& example : rule.like) {
      const Stage stage = rule.at.empty() ? Stage::None : rule.at.front();
      const std::string_view provider = rule.from.empty() ? std::string_view() : rule.from.front();
      const Rule* found = find(example.reply, stage, provider);
      if (found != &rule)
        out.push_back({example.line, rule.name + " does not get its own example; " +
                                         (found ? found->name + " does" : std::string("no rule does"))});
    }
  }
  return out;
}

Verdict ReplyRules::judge(const Reply& reply, Stage stage, std::string_view provider) const {
  Verdict out{.permanent = reply.permanent()};
  const Rule* rule = find(reply, stage, provider);
  if (rule) {
    out.klass = *rule->klass;
    out.rule = rule->name;
    if (rule->insist != Insist::AsCoded) out.permanent = rule->insist == Insist::Never;
  }
  return completed(std::move(out), stage);
}

}  // namespace postroad::delivery
