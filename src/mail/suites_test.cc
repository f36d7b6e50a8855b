// Other people's tables of addresses and names, read where they lie (POSTROAD_SUITES names the directory)
// and skipped where they do not.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "base/ascii.h"
#include "base/utf8.h"
#include "mail/address.h"
#include "mail/public_suffix.h"

namespace postroad {
namespace {

std::optional<std::string> suite(const std::string& file) {
  const char* directory = std::getenv("POSTROAD_SUITES");
  if (!directory) return std::nullopt;
  std::ifstream in(std::string(directory) + "/" + file);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string element(std::string_view xml, const std::string& name) {
  const auto from = xml.find("<" + name + ">"), to = xml.find("</" + name + ">");
  if (from == std::string_view::npos || to == std::string_view::npos) return "";
  return std::string(xml.substr(from + name.size() + 2, to - from - name.size() - 2));
}

char32_t number(std::string_view digits, int base) {
  return static_cast<char32_t>(std::stoul(std::string(digits), nullptr, base));
}

// The five entities of XML, character references, and U+2400+n for the control character n.
std::string plain(std::string_view xml) {
  std::string out;
  while (!xml.empty()) {
    if (xml.front() == '&') {
      const auto end = xml.find(';');
      const auto name = xml.substr(1, end - 1);
      if (name == "amp")
        out += '&';
      else if (name == "lt")
        out += '<';
      else if (name == "gt")
        out += '>';
      else if (name == "quot")
        out += '"';
      else if (name == "apos")
        out += '\'';
      else if (name.starts_with("#x"))
        utf8::append(out, number(name.substr(2), 16));
      else if (name.starts_with("#"))
        utf8::append(out, number(name.substr(1), 10));
      xml.remove_prefix(end + 1);
    } else {
      const char32_t point = utf8::take(xml).value();
      utf8::append(out, point >= 0x2400 && point <= 0x2420 ? point - 0x2400 : point);
    }
  }
  return out;
}

}  // namespace

// What isemail calls valid in SMTP we accept; what it calls an error or valid in header fields only
// (comments, folding white space, obsolete forms, domain literals of another kind) we refuse.
TEST(Isemail, IsAgreedWithExceptWhereThereIsAReason) {
  const auto text = suite("addresses/isemail-tests.xml");
  if (!text) GTEST_SKIP() << "SKIPPED: POSTROAD_SUITES has no addresses/isemail-tests.xml";
  const std::set<std::string> accepted = {"ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN", "ISEMAIL_RFC5321"};
  // RFC 1123 §2.1: a name's last label is not a number; RFC 5321 writes an IP address in brackets.
  const std::set<std::string> exceptions = {"ISEMAIL_RFC5321_TLDNUMERIC"};
  int seen = 0;
  for (std::size_t at = 0; (at = text->find("<test id", at)) != std::string::npos; ++at) {
    const auto test = std::string_view(*text).substr(at, text->find("</test>", at) - at);
    const std::string address = plain(element(test, "address")), diagnosis = element(test, "diagnosis");
    const bool wanted = accepted.contains(element(test, "category")) && !exceptions.contains(diagnosis);
    EXPECT_EQ(Address::parse(address).has_value(), wanted) << address << " " << diagnosis;
    ++seen;
  }
  EXPECT_GT(seen, 50);
}

namespace {

std::string unescaped(std::string_view text) {
  if (text == "\"\"") return "";
  std::string out;
  while (!text.empty()) {
    if (text.starts_with("\\u")) {
      utf8::append(out, number(text.substr(2, 4), 16));
      text.remove_prefix(6);
    } else if (text.starts_with("\\x{")) {
      const auto end = text.find('}');
      utf8::append(out, number(text.substr(3, end - 3), 16));
      text.remove_prefix(end + 1);
    } else {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

std::vector<std::string> columns(std::string_view line) {
  std::vector<std::string> out;
  for (;;) {
    const auto end = line.find(';');
    out.emplace_back(ascii::trim(line.substr(0, end)));
    if (end == std::string_view::npos) return out;
    line.remove_prefix(end + 1);
  }
}

}  // namespace

TEST(IdnaTestV2, IsAgreedWithExceptWhereThereIsAReason) {
  const auto text = suite("idna/IdnaTestV2-half.txt");
  if (!text) GTEST_SKIP() << "SKIPPED: POSTROAD_SUITES has no idna/IdnaTestV2-half.txt";
  std::istringstream lines(*text);
  int seen = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto c = columns(line.substr(0, line.find('#')));
    if (c.size() < 7) continue;
    const std::string source = unescaped(c[0]);
    const std::string unicode = c[1].empty() ? source : unescaped(c[1]);
    const std::string a_labels = c[3].empty() ? unicode : unescaped(c[3]);
    const std::string& status = c[4].empty() ? c[2] : c[4];
    const bool valid = status.empty() || status == "[]";
    ++seen;

    const auto domain = Domain::parse(source);
    const std::string got = domain ? domain->text() : "";
    if (got == (valid ? a_labels : "")) continue;
    const bool looks_like_ip = !domain && domain.error() == DomainError::LooksLikeAnIpAddress;
    // RFC 5321 and DNS allow "--" anywhere inside a plain label; hosts have it.
    const bool only_hyphens = status == "[V2]" && utf8::is_ascii(source);
    if (looks_like_ip || only_hyphens) continue;
    ADD_FAILURE() << c[0] << ": wanted " << (valid ? a_labels : status) << ", got "
                  << (domain ? got : "refused: " + std::string(describe(domain.error())));
  }
  EXPECT_GT(seen, 3000);
}

// Lines of the form checkPublicSuffix('www.example.com', 'example.com');
TEST(PublicSuffix, AgreesWithTheTableOfItsMaintainers) {
  const auto text = suite("psl/test_psl.txt");
  if (!text) GTEST_SKIP() << "SKIPPED: POSTROAD_SUITES has no psl/test_psl.txt";
  std::istringstream lines(*text);
  int seen = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("checkPublicSuffix('")) continue;
    const auto from = line.find('\''), to = line.find('\'', from + 1);
    const auto answer_from = line.find('\'', to + 1), answer_to = line.rfind('\'');
    const std::string name = line.substr(from + 1, to - from - 1);
    const std::string wanted =
        answer_from == std::string::npos ? "" : line.substr(answer_from + 1, answer_to - answer_from - 1);
    ++seen;
    const auto domain = Domain::parse(name);
    if (!domain) {
      EXPECT_EQ(wanted, "") << name;  // a leading dot
      continue;
    }
    const auto got = organizational_domain(*domain);
    EXPECT_EQ(got ? got->text() : "", wanted.empty() ? "" : Domain::parse(wanted)->text()) << name;
  }
  EXPECT_GT(seen, 50);
}

}  // namespace postroad
