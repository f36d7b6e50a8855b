#include "mime/tokens.h"

namespace postroad::mime {

void take_comment(Cursor& in, std::string* text) {
  const std::string_view rest = in.rest();
  std::size_t depth = 0, i = 0;
  for (; i < rest.size(); ++i) {
    char c = rest[i];
    if (c == '(') {
      if (depth++ == 0) continue;
    } else if (c == ')') {
      if (--depth == 0) break;
    } else if (c == '\\' && i + 1 < rest.size()) {
      c = rest[++i];
    } else if (c == '\r' || c == '\n') {
      continue;
    }
    if (text) text->push_back(c);
  }
  in.skip(i + 1);
}

void take_quoted(Cursor& in, std::string& content) {
  const std::string_view rest = in.rest();
  std::size_t i = 1;
  for (; i < rest.size() && rest[i] != '"'; ++i) {
    if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
    if (rest[i] != '\r' && rest[i] != '\n') content.push_back(rest[i]);
  }
  in.skip(i + 1);
}

void skip_space_and_comments(Cursor& in) {
  while (!in.at_end()) {
    if (is_space(in.peek()))
      in.skip(1);
    else if (in.peek() == '(')
      take_comment(in, nullptr);
    else
      return;
  }
}

}  // namespace postroad::mime
