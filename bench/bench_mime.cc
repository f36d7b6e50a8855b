// How much does reading a message cost? It should not be seen beside copying, hashing and syncing: at least 1
// GB/s of body, and under 10 us for all that is done about a 4 KiB message.
//
//   bench_mime [seconds-per-case]          GB/s and us per message
//   bench_mime count parse|store KIND      one message a hundred times, for callgrind to count:
//                                          valgrind --tool=callgrind bench_mime count parse 64k-base64
#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <map>
#include <string>

#include "base/random.h"
#include "mime/imap.h"
#include "mime/parser.h"
#include "mime/stored.h"
#include "mime/summary.h"
#include "mime/transfer.h"

namespace {

using namespace postroad;

// The trace and authentication fields a message has by now, about 2 KiB.
std::string header(std::string_view content_type) {
  std::string out =
      "Return-Path: <newsletter-bounces@lists.example.com>\r\nDelivered-To: alice@demo.test\r\n";
  for (int hop = 0; hop < 4; ++hop)
    out += fmt::format(
        "Received: from mail-{0}.example.com (mail-{0}.example.com [192.0.2.{0}])\r\n\tby mx{0}.example.org "
        "(Postroad) with "
        "ESMTPS id 4Vx{0}kL3qT2z1B\r\n\tfor <alice@demo.test>; Fri, 21 Nov 2025 09:55:0{0} +0000 (UTC)\r\n",
        hop + 1);
  out +=
      "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; "
      "s=s2048;\r\n\th=from:to:subject:date:message-id:"
      "mime-version:content-type;\r\n\tbh=yuycNteU3R8u06MvlZyMGfEM6XWUsfZNdi4MXOvDmJM=;\r\n\tb="
      "YlpZWlL8q5FXdYMMXo1tUnxhwvV6uGNsz"
      "LQ7f7p0LXDa0YLsPi8GQRckuRlB8aHvO6aVR14qbuLTbFHZJ5+cwITL\r\n\t "
      "ZhtQrFzq/BiBzh5F1UjbcgwLkulHRkw2ulBGN06rK4FJCH976aaf7M8qKk"
      "K3i+xkwo2ptTzve4VFzGXh4gg=\r\nARC-Seal: i=1; a=rsa-sha256; t=1763718906; cv=none; d=example.com; "
      "s=arc;\r\n\tb=CITXFMszoBp"
      "jfabn47oOdBGGj3ULwqJ3L1P84fQz0ZY/LdPk1qW3oC0bsmJPK6swRfHYDkz695QKHn9XG\r\nFrom: "
      "=?utf-8?q?J=C3=B6rg_M=C3=BCller?= "
      "<joerg.mueller@example.com>\r\nTo: Alice Example <alice@demo.test>, \"Bob, the Builder\" "
      "<bob@demo.test>\r\nCc: "
      "team@example.com\r\nSubject: =?utf-8?q?Re:_Angebot_f=C3=BCr_die_n=C3=A4chste?=\r\n "
      "=?utf-8?q?_Woche?=\r\nDate: Fri, 21 Nov 2025 "
      "09:55:06 +0100\r\nMessage-ID: <20251121095506.4Vx1kL3qT2z1B@mail-1.example.com>\r\nIn-Reply-To: "
      "<CAJ1+abc@mail.example.net>"
      "\r\nReferences: <one@mail.example.net> <CAJ1+abc@mail.example.net>\r\nMIME-Version: 1.0\r\nX-Mailer: "
      "Example 1.0\r\n";
  return out + "Content-Type: " + std::string(content_type) + "\r\n\r\n";
}

std::string text_lines(std::size_t octets) {
  SeededRandom random(octets);
  std::string out;
  while (out.size() < octets) {
    for (std::uint64_t n = 20 + random.below(58); n > 0; --n)
      out += random.below(6) ? static_cast<char>('a' + random.below(26)) : ' ';
    out += "\r\n";
  }
  return out;
}

std::string plain(std::size_t octets) {
  const std::string head = header("text/plain; charset=utf-8");
  return head + text_lines(octets - std::min(octets, head.size()));
}
std::string mixed(std::size_t octets) {
  std::string out = header("multipart/mixed; boundary=\"=_outer\"");
  out +=
      "--=_outer\r\nContent-Type: multipart/alternative; "
      "boundary=\"=_inner\"\r\n\r\n--=_inner\r\nContent-Type: text/plain; "
      "charset=utf-8\r\n\r\n" +
      text_lines(500) +
      "--=_inner\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: "
      "quoted-printable\r\n\r\n" +
      text_lines(500) +
      "--=_inner--\r\n--=_outer\r\nContent-Type: application/pdf; name=\"offer.pdf\""
      "\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; "
      "filename=\"offer.pdf\"\r\n\r\n";
  SeededRandom random(1);
  out += mime::encode_base64(random.bytes((octets - std::min(octets, out.size())) / 78 * 57));
  return out + "--=_outer--\r\n";
}

// CPU time of this thread: the machine may be busy with other things.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

template <class Once>
void measure(const std::string& name, std::size_t octets, double seconds, Once once) {
  const double start = cpu_seconds();
  std::size_t rounds = 0;
  double took = 0;
  do {
    for (int i = 0; i < 8; ++i) once();
    rounds += 8;
    took = cpu_seconds() - start;
  } while (took < seconds);
  fmt::print("{:<38} {:8.2f} GB/s {:10.2f} us\n", name, static_cast<double>(rounds * octets) / took / 1e9,
             took / static_cast<double>(rounds) * 1e6);
}

mime::Message parse_in_pieces(std::string_view text, std::size_t piece) {
  mime::Parser parser;
  for (std::size_t at = 0; at < text.size(); at += piece) parser.feed(text.substr(at, piece));
  return parser.finish();
}

}  // namespace

int main(int argc, char** argv) {
  struct Kind {
    std::string (*make)(std::size_t);
    std::size_t octets;
  };
  const std::map<std::string, Kind> kinds{
      {"4k-plain", {plain, 4096}},        {"4k-mixed", {mixed, 4096}},
      {"64k-plain", {plain, 65'536}},     {"64k-base64", {mixed, 65'536}},
      {"25m-plain", {plain, 25'000'000}}, {"25m-base64", {mixed, 25'000'000}},
  };
  if (argc == 4 && std::string_view(argv[1]) == "count") {
    const Kind& kind = kinds.at(argv[3]);
    const std::string text = kind.make(kind.octets);
    std::size_t sum = 0;
    for (int i = 0; i < 100; ++i) {
      const auto message = parse_in_pieces(text, 65'536);
      sum += std::string_view(argv[2]) == "store" ? mime::serialize(message).size() : message.parts().size();
    }
    fmt::print("{} octets, 100 times; {}\n", text.size(), sum);
    return 0;
  }
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1;
  for (const auto& [name, kind] : kinds) {
    const std::string text = kind.make(kind.octets);
    measure(name + ", parse, pieces of 64 KiB", text.size(), seconds, [&] { parse_in_pieces(text, 65'536); });
    measure(name + ", parse, pieces of 1460", text.size(), seconds, [&] { parse_in_pieces(text, 1460); });
    const auto message = mime::parse(text);
    measure(name + ", ENVELOPE", text.size(), seconds, [&] { mime::render_envelope(message); });
    measure(name + ", BODYSTRUCTURE", text.size(), seconds, [&] { mime::render_bodystructure(message); });
    measure(name + ", summary", text.size(), seconds, [&] { mime::summarize(message); });
    measure(name + ", parse and store", text.size(), seconds,
            [&] { mime::serialize(parse_in_pieces(text, 65'536)); });
    fmt::print("  record {} octets for {}\n", mime::serialize(message).size(), text.size());
  }
  SeededRandom random(2);
  const std::string octets = random.bytes(1 << 20), base64 = mime::encode_base64(octets);
  const std::string printable = mime::encode_quoted_printable(text_lines(1 << 20));
  std::string out;
  const auto decode = [&](std::string_view text, mime::TransferEncoding encoding) {
    out.clear();
    mime::TransferDecoder decoder(encoding);
    decoder.feed(text, out);
    decoder.finish(out);
  };
  measure("base64 decode", base64.size(), seconds, [&] { decode(base64, mime::TransferEncoding::Base64); });
  measure("base64 encode", octets.size(), seconds, [&] { mime::encode_base64(octets); });
  measure("quoted-printable decode", printable.size(), seconds,
          [&] { decode(printable, mime::TransferEncoding::QuotedPrintable); });
  measure("quoted-printable encode", printable.size(), seconds,
          [&] { mime::encode_quoted_printable(printable); });
}
