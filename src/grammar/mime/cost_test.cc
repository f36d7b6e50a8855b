// Time is linear in the input, whatever the input (durability.md, rule U): each family of attacks 30-46 as
// long as it is looked at. Under sanitizers a kibibyte may take half a millisecond; a quadratic step takes
// minutes.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ctime>

#include "mime/parser.h"
#include "mime/stored.h"

namespace postroad::mime {
namespace {

std::string repeated(std::string_view unit, std::size_t octets) {
  std::string out;
  while (out.size() < octets) out += unit;
  return out;
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void expect_cheap(const std::string& what, const std::string& text) {
  const double start = cpu_seconds();
  EXPECT_FALSE(serialize(parse(text)).empty());
  const double us_per_kib = (cpu_seconds() - start) * 1e6 / (static_cast<double>(text.size()) / 1024);
  EXPECT_LT(us_per_kib, 500) << what;
}

TEST(Cost, OfAFieldIsLinear) {
  constexpr std::size_t octets = 250'000;
  for (const std::string_view field :
       {"From", "To", "Subject", "Date", "Message-ID", "References", "Content-Type", "Content-Disposition",
        "Content-Description", "Content-Language", "Content-Transfer-Encoding", "Content-ID"})
    for (const std::string_view unit :
         {"a@b,", "g:a@b;", "(",        "(a)",     "\"a\" ",
          "\"",   "\\",     "=?a?q?",   "=?a?q?b", "=?utf-8?q?=C3?= ",
          ". ",   "@",      "<",        "<@",      "[",
          "[a",   "[a]",    "<a@b>",    "1 ",      ":",
          ";",    ";a=b",   "; a*1*=b", "x y= ",   "= ",
          "'",    "%",      "\r\n ",    "\xe4",    "=?iso-2022-jp?q?a?= =?x?q?b?= ",
          "re: ", "[fwd:",  "(fwd)",    ","}) {
      const std::string start = field == "Content-Type"          ? "a/b;c="
                                : field == "Content-Disposition" ? "x;y="
                                                                 : "";
      expect_cheap(fmt::format("{}: {}", field, unit),
                   fmt::format("{}: {}{}\r\n\r\n", field, start, repeated(unit, octets / 4)));
    }
}

TEST(Cost, OfManyFieldsIsLinear) {
  for (const std::string_view unit :
       {"a:\n", "to:a\n", "subject:\n", "content-type:a/b\n", "a \t: \n", "x:\n \n"})
    expect_cheap(std::string(unit), repeated(unit, 250'000) + "\n");
}

TEST(Cost, OfABodyIsLinear) {
  constexpr std::size_t octets = 1'000'000;
  const std::string multipart = "Content-Type: multipart/mixed; boundary=bbbb\n\n",
                    digest = "Content-Type: multipart/digest; boundary=b\n\n";
  std::string deep;
  for (int i = 0; i < 100; ++i)
    deep += fmt::format("Content-Type: multipart/mixed; boundary=bbbbbbbbbbbb{:03}\n\n--bbbbbbbbbbbb{:03}\n",
                        i, i);
  for (const std::string_view unit : {"\n", "\r", "-\n", "--\n", "--b\n", "--bbb\n", "--bbbb\n", "--bbbb--\n",
                                      "--bbbbbbbbbbbb\n", "x", "--b\n\nFrom: a@b\n\n"})
    for (const std::string& head : {std::string("A: b\n\n"), multipart, digest, deep})
      expect_cheap(std::string(unit) + " after " + head.substr(0, 60),
                   head + "\n" + repeated(unit, octets / 4));
}

}  // namespace
}  // namespace postroad::mime
