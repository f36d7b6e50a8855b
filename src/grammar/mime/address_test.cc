#include "mime/address.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>

namespace postroad::mime {
namespace {

// "Name <local@domain>" each, groups as "name:" and ";".
std::string read(std::string_view value) {
  std::string out;
  for (const AddressEntry& e : parse_addresses(value)) {
    if (!out.empty()) out += " | ";
    switch (e.kind) {
      case AddressEntry::Kind::GroupStart: out += e.display_name + ":"; break;
      case AddressEntry::Kind::GroupEnd: out += ";"; break;
      case AddressEntry::Kind::Mailbox:
        if (!e.display_name.empty()) out += e.display_name + " ";
        out += "<" + (e.route.empty() ? "" : e.route + ":") + e.local_part +
               (e.domain.empty() ? "" : "@" + e.domain) + ">";
    }
  }
  return out;
}

TEST(Addresses, SpeakTheExamplesOfRfc5322) {
  EXPECT_EQ(read("John Doe <jdoe@machine.example>"), "John Doe <jdoe@machine.example>");
  EXPECT_EQ(read("\"Joe Q. Public\" <john.q.public@example.com>"),
            "Joe Q. Public <john.q.public@example.com>");
  EXPECT_EQ(read("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>"),
            "Mary Smith <mary@x.test> | <jdoe@example.org> | Who? <one@y.test>");
  EXPECT_EQ(read("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>"),
            "<boss@nil.test> | Giant; \"Big\" Box <sysservices@example.net>");
  EXPECT_EQ(read("A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;"),
            "A Group: | Ed Jones <c@a.test> | <joe@where.test> | John <jdoe@one.test> | ;");
  EXPECT_EQ(read("Undisclosed recipients:;"), "Undisclosed recipients: | ;");
}

TEST(Addresses, SpeakTheObsoleteExamplesToo) {  // RFC 5322 Appendix A.5 and A.6
  EXPECT_EQ(read("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"), "Pete <pete@silly.test>");
  EXPECT_EQ(read("A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         "
                 "joe@example.org,\r\n  John <jdoe@one.test> (my "
                 "dear friend); (the end of the group)"),
            "A Group: | Chris Jones <c@public.example> | <joe@example.org> | John <jdoe@one.test> | ;");
  EXPECT_EQ(read("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;"),
            "Hidden recipients: | ;");
  EXPECT_EQ(read("Joe Q. Public <john.q.public@example.com>"), "Joe Q. Public <john.q.public@example.com>");
  EXPECT_EQ(read("Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example"),
            "Mary Smith <@node.test:mary@example.net> | <jdoe@test.example>");
  EXPECT_EQ(read("John Doe <jdoe@machine(comment).  example>"), "John Doe <jdoe@machine.example>");
  EXPECT_EQ(read("<@a.test, @b.test:joe@c.test>"), "<@a.test,@b.test:joe@c.test>");
}

TEST(Addresses, ACommentIsTheNameWhereThereIsNoOther) {
  EXPECT_EQ(read("joe@x.test (Joe Smith)"), "Joe Smith <joe@x.test>");
  EXPECT_EQ(read("<joe@x.test> (Joe)"), "Joe <joe@x.test>");
  EXPECT_EQ(read("Joe <joe@x.test> (work)"), "Joe <joe@x.test>");
  EXPECT_EQ(read("a@x.test (A), b@x.test"), "A <a@x.test> | <b@x.test>");
}

TEST(Addresses, AreReadAsTheyAreWritten) {
  EXPECT_EQ(read("joe@x.test <joe@x.test>"), "joe@x.test <joe@x.test>");
  EXPECT_EQ(read("<joe@x.test> Joe"), "Joe <joe@x.test>");
  EXPECT_EQ(read("joe@x.test Joe Smith"), "Joe Smith <joe@x.test>");
  EXPECT_EQ(read("Joe Smith joe@x.test"), "Joe Smith <joe@x.test>");
  EXPECT_EQ(read("<joe@x.test> <bob@x.test>"), "<joe@x.test> | <bob@x.test>");
  EXPECT_EQ(read("Joe <joe@x.test, bob@x.test"), "Joe <joe@x.test> | <bob@x.test>");
  EXPECT_EQ(read("a@x.test; b@x.test;"), "<a@x.test> | <b@x.test>");
  EXPECT_EQ(read("bob"), "<bob>");
  EXPECT_EQ(read("Undisclosed recipients"), "<Undisclosed recipients>");
  EXPECT_EQ(read("\"joe smith\"@x.test"), "<joe smith@x.test>");
  EXPECT_EQ(read("<\"a@b\"@x.test>"), "<a@b@x.test>");
  EXPECT_EQ(read("a@b@x.test"), "<a@b@x.test>");
  EXPECT_EQ(read("joe@[192.0.2.1]"), "<joe@[192.0.2.1]>");
  EXPECT_EQ(read("<>"), "<>");
  EXPECT_EQ(read("MAILER-DAEMON <>"), "MAILER-DAEMON <>");
  EXPECT_EQ(read("group: a@x.test, B <b@x.test>"), "group: | <a@x.test> | B <b@x.test> | ;");
  EXPECT_EQ(read("J\xc3\xb6rg <j\xc3\xb6rg@x.test>"), "J\xc3\xb6rg <j\xc3\xb6rg@x.test>");
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read(" ,,; \r\n ,"), "");
}

TEST(Addresses, AnEncodedWordIsNeverTakenApart) {
  EXPECT_EQ(read("=?utf-8?Q?Foo,_<Bar>_(x);:?= <a@x.test>"), "=?utf-8?Q?Foo,_<Bar>_(x);:?= <a@x.test>");
  const auto entry = parse_addresses("=?x?q?v=40corp=3E=00?=@us.test").at(0);  // attack 38
  EXPECT_EQ(entry.local_part, "=?x?q?v=40corp=3E=00?=");
  EXPECT_EQ(entry.domain, "us.test");
  EXPECT_EQ(shown_name(parse_addresses("=?iso-8859-1?q?Andr=E9?= Pirard <a@x.test>").at(0)), "André Pirard");
  EXPECT_EQ(shown_name(parse_addresses("\"=?utf-8?b?w6k=?= x\" <a@x.test>").at(0)), "é x");
}

TEST(Addresses, EndAtTheirLimitAndInLinearTime) {  // attacks 35 and 39
  std::string many = "To", groups, parentheses(1'000'000, '('), quotes(1'000'000, '"'),
              angles(1'000'000, '<'), open = "a@b (abc\\";
  many.clear();
  while (many.size() < 4'000'000) many += "a@b,";
  while (groups.size() < 1'000'000) groups += "g:";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(parse_addresses(many).size(), address_limit);
  EXPECT_EQ(parse_addresses(groups).size(), 3u);  // a group in a group is none
  EXPECT_LE(parse_addresses(parentheses).size(), 1u);
  EXPECT_LE(parse_addresses(quotes).size(), 1u);
  EXPECT_LE(parse_addresses(angles).size(), address_limit);
  EXPECT_EQ(read(open), "abc\\ <a@b>");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Addresses, AnEnvelopeAddressIsAValidOneOrNone) {
  EXPECT_EQ(envelope_address(parse_addresses("Joe <joe@X.test>").at(0))->text(), "joe@x.test");
  EXPECT_EQ(envelope_address(parse_addresses("\"joe smith\"@x.test").at(0))->text(), "\"joe smith\"@x.test");
  EXPECT_EQ(envelope_address(parse_addresses("joe").at(0)).error(), AddressError::NoDomain);
  EXPECT_FALSE(envelope_address(parse_addresses("joe@b_d..").at(0)));
}

}  // namespace
}  // namespace postroad::mime
