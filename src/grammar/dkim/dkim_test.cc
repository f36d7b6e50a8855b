#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/random.h"
#include "dkim/key.h"
#include "dkim/signature.h"
#include "dkim/tags.h"

namespace postroad::dkim {
namespace {

using crypto::Hash;

std::string body_hash(Canonical how, std::string_view body, std::size_t piece = SIZE_MAX,
                      std::optional<std::uint64_t> limit = std::nullopt) {
  BodyHash hash(how, Hash::Sha256, limit);
  for (std::size_t at = 0; at < body.size(); at += std::min(piece, body.size()))
    hash.update(body.substr(at, piece));
  return base64(hash.finish());
}

std::string digest(std::string_view octets) { return base64(crypto::digest(Hash::Sha256, octets)); }

// --- Tags ---

TEST(Tags, BlanksAroundNamesAndValuesDoNotCount) {
  const auto tags = Tags::parse(" a = b c ;\r\n\td=; e=f=g ;");
  ASSERT_TRUE(tags);
  EXPECT_EQ(tags->all().size(), 3u);
  EXPECT_EQ(tags->get("a"), "b c");
  EXPECT_EQ(tags->get("d"), "");
  EXPECT_EQ(tags->get("e"), "f=g");
  EXPECT_FALSE(tags->get("A"));
}

TEST(Tags, WhatIsNoTagListIsRefused) {
  EXPECT_EQ(Tags::parse("a=1; a=2").error(), TagError::Duplicate);
  for (const char* wrong : {"", ";", "a", "a=1;;b=2", "=1", "1a=1", "a b=1", "a=1; b", "a=\x01"})
    EXPECT_EQ(Tags::parse(wrong).error(), TagError::NotATag) << wrong;
  std::string many;
  for (int n = 0; n < 101; ++n) many += "t" + std::to_string(n) + "=;";
  EXPECT_EQ(Tags::parse(many).error(), TagError::TooMany);
}

// --- Canonicalization (RFC 6376 §3.4.5) ---

TEST(CanonicalField, TheExamplesOfTheRfc) {
  EXPECT_EQ(canonical_field(Canonical::Relaxed, "A: X\r\n"), "a:X\r\n");
  EXPECT_EQ(canonical_field(Canonical::Relaxed, "B : Y\t\r\n\tZ  \r\n"), "b:Y Z\r\n");
  EXPECT_EQ(canonical_field(Canonical::Simple, "B : Y\t\r\n\tZ  \r\n"), "B : Y\t\r\n\tZ  \r\n");
  EXPECT_EQ(canonical_field(Canonical::Relaxed, "Subject:"), "subject:\r\n");
  EXPECT_EQ(canonical_field(Canonical::Simple, "Subject: a\n"), "Subject: a\r\n");
}

TEST(BodyHash, TheExamplesOfTheRfc) {
  const std::string body = " C \r\nD \t E\r\n\r\n\r\n";
  EXPECT_EQ(body_hash(Canonical::Relaxed, body), digest(" C\r\nD E\r\n"));
  EXPECT_EQ(body_hash(Canonical::Simple, body), digest(" C \r\nD \t E\r\n"));
}

TEST(BodyHash, AnEmptyBodyIsOneLineEndOrNothing) {
  EXPECT_EQ(body_hash(Canonical::Simple, ""), "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=");
  EXPECT_EQ(body_hash(Canonical::Relaxed, ""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
  EXPECT_EQ(body_hash(Canonical::Simple, "\r\n\r\n"), body_hash(Canonical::Simple, ""));
  EXPECT_EQ(body_hash(Canonical::Relaxed, " \t\r\n\r\n \r\n"), body_hash(Canonical::Relaxed, ""));
}

TEST(BodyHash, WhatLacksItsLastLineEndGetsOne) {
  EXPECT_EQ(body_hash(Canonical::Simple, "a"), digest("a\r\n"));
  EXPECT_EQ(body_hash(Canonical::Relaxed, "a \t"), digest("a\r\n"));
  EXPECT_EQ(body_hash(Canonical::Simple, "a\r"), digest("a\r\r\n"));
  EXPECT_EQ(body_hash(Canonical::Simple, "a\nb"), digest("a\r\nb\r\n"));
}

TEST(BodyHash, OnlySoManyOctetsCount) {
  EXPECT_EQ(body_hash(Canonical::Simple, "abcdef\r\n", SIZE_MAX, 3), digest("abc"));
  EXPECT_EQ(body_hash(Canonical::Relaxed, "a  b\r\n\r\nc\r\n", SIZE_MAX, 6), digest("a b\r\n\r"));
  BodyHash hash(Canonical::Simple, Hash::Sha256, 2);
  hash.update("abc\r\n\r\n");
  hash.finish();
  EXPECT_EQ(hash.octets(), 5u);
}

TEST(BodyHash, ThePiecesDoNotMatter) {
  const std::string body = " a\t b \r\r\n\r\n \r\nc\rd\n\ne  \r\n\r\n\r\n";
  for (const auto how : {Canonical::Simple, Canonical::Relaxed})
    for (std::size_t piece = 1; piece < body.size(); ++piece)
      EXPECT_EQ(body_hash(how, body, piece), body_hash(how, body)) << piece;
}

// --- Signatures ---

constexpr std::string_view minimal = " v=1; a=rsa-sha256; d=Example.COM; s=a.b; h=from:To; bh=YQ==; b=Yg==";

TEST(ParseSignature, WhatIsNotSaidHasItsDefault) {
  const auto read = parse_signature(minimal);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->domain, "example.com");
  EXPECT_EQ(key_name(*read), "a.b._domainkey.example.com");
  EXPECT_EQ(read->identity, "@example.com");
  EXPECT_EQ(read->header, Canonical::Simple);
  EXPECT_EQ(read->fields, (std::vector<std::string>{"from", "To"}));
  EXPECT_EQ(read->body_hash, "a");
  EXPECT_EQ(read->signature, "b");
  EXPECT_FALSE(read->length);
}

TEST(ParseSignature, EachFaultHasItsName) {
  const auto with = [](std::string_view from, std::string_view to) {
    std::string text(minimal);
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    const auto read = parse_signature(text.replace(at, from.size(), to));
    return read ? std::string("fine") : std::string(describe(read.error()));
  };
  const auto is = [](Fault fault) { return std::string(describe(fault)); };
  EXPECT_EQ(with("v=1", "v=2"), is(Fault::Version));
  EXPECT_EQ(with("v=1; ", ""), is(Fault::Syntax));
  EXPECT_EQ(with("rsa-sha256", "rsa-sha1"), is(Fault::UnknownAlgorithm));  // RFC 8301
  EXPECT_EQ(with("s=a.b", "s=a.b; c=relaxed/other"), is(Fault::UnknownCanonical));
  EXPECT_EQ(with("s=a.b", "s=a.b; c=relaxed"), "fine");
  EXPECT_EQ(with("s=a.b", "s=a..b"), is(Fault::Syntax));
  EXPECT_EQ(with("h=from:To", "h=To"), is(Fault::FromNotSigned));
  EXPECT_EQ(with("h=from:To", "h=from::To"), is(Fault::Syntax));
  EXPECT_EQ(with("s=a.b", "s=a.b; i=x@mail.example.com"), "fine");
  EXPECT_EQ(with("s=a.b", "s=a.b; i=x@badexample.com"), is(Fault::IdentityDomain));
  EXPECT_EQ(with("s=a.b", "s=a.b; i=x"), is(Fault::Syntax));
  EXPECT_EQ(with("s=a.b", "s=a.b; l=-1"), is(Fault::Syntax));
  EXPECT_EQ(with("s=a.b", "s=a.b; t=2; x=2"), is(Fault::Syntax));
  EXPECT_EQ(with("s=a.b", "s=a.b; q=other"), is(Fault::Syntax));
  EXPECT_EQ(with("s=a.b", "s=a.b; q=other:dns/txt"), "fine");
  EXPECT_EQ(with("b=Yg==", "b=Y g =\r\n ="), "fine");
  EXPECT_EQ(with("b=Yg==", "b=Yg"), is(Fault::Syntax));
}

TEST(WithoutSignature, OnlyTheValueOfBGoes) {
  EXPECT_EQ(without_signature("D: a=1; b=x\r\n\ty; bh=z\r\n"), "D: a=1; b=; bh=z\r\n");
  EXPECT_EQ(without_signature("D: bh=z; b =\r\n\tx y\r\n"), "D: bh=z; b =\r\n");
  EXPECT_EQ(without_signature("D: bh=z; b=\r\n"), "D: bh=z; b=\r\n");
  EXPECT_EQ(without_signature("D: b=x"), "D: b=");
  EXPECT_EQ(without_signature("D: bh=b=x\r\n"), "D: bh=b=x\r\n");
}

TEST(SignedFields, AreTakenFromTheBottomEachOnce) {
  const mime::Header header("A: 1\r\nB: 2\r\nA: 3\r\n\r\n");
  EXPECT_EQ(signed_fields(header, {"a", "A", "a", "b"}, Canonical::Simple), "A: 3\r\nA: 1\r\nB: 2\r\n");
}

// --- Signing and checking ---

constexpr std::string_view letter_header =
    "From: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: A long\r\n subject\r\n"
    "List-Unsubscribe: <https://example.com/u>\r\nReceived: by somebody\r\nDate: now\r\n\r\n";
constexpr std::string_view letter_body = "Hello  Bob,\r\n\r\nbye \r\n\r\n";

class Signed : public testing::TestWithParam<std::tuple<crypto::KeyType, Canonical, Canonical>> {
 protected:
  static const crypto::PrivateKey& key(crypto::KeyType type) {
    static const auto rsa = crypto::PrivateKey::generate(crypto::KeyType::Rsa);
    static const auto ed = crypto::PrivateKey::generate(crypto::KeyType::Ed25519);
    return type == crypto::KeyType::Rsa ? rsa : ed;
  }
  const crypto::PrivateKey& key_ = key(std::get<0>(GetParam()));
  const Canonical header_ = std::get<1>(GetParam()), body_ = std::get<2>(GetParam());
  const Time now_ = time_of_micros(1'700'000'000'000'000);

  std::string sign_letter(std::chrono::seconds valid = std::chrono::seconds(0)) const {
    BodyHash hash(body_, Hash::Sha256);
    hash.update(letter_body);
    return sign(mime::Header(letter_header), hash.finish(),
                {.domain = "example.com",
                 .selector = "k1",
                 .key = &key_,
                 .header = header_,
                 .body = body_,
                 .now = now_,
                 .valid = valid});
  }
  // As a verifier sees it: the signature lies on top.
  std::string verdict(std::string_view field, std::string_view header, std::string_view body,
                      std::optional<Time> at = std::nullopt) const {
    const std::string whole = std::string(field).append(header);
    const mime::Header all(whole);
    const auto own = all.first(field_name);
    if (!own) return "no signature";
    const auto read = parse_signature(own->value);
    if (!read) return std::string(describe(read.error()));
    const auto record = parse_key(to_record(key_.public_key()));
    if (!record) return std::string(describe(record.error()));
    const auto public_key = key_for(*record, *read);
    if (!public_key) return std::string(describe(public_key.error()));
    BodyHash hash(read->body, read->hash, read->length);
    hash.update(body);
    const auto held = check(*read, all, own->raw, hash.finish(), *public_key, at.value_or(now_));
    return held ? "holds" : std::string(describe(held.error()));
  }
};

TEST_P(Signed, WhatWeSignHolds) {
  const std::string field = sign_letter();
  EXPECT_EQ(verdict(field, letter_header, letter_body), "holds");
  for (std::string_view rest = field; !rest.empty();) {
    const auto end = rest.find("\r\n");
    EXPECT_LE(end, 78u) << rest.substr(0, end);
    rest.remove_prefix(end + 2);
  }
  EXPECT_EQ(field.find(" l="), std::string::npos);
}

TEST_P(Signed, AnyChangeToWhatIsSignedIsSeen) {
  const std::string field = sign_letter();
  std::string header(letter_header);
  for (const std::string_view what : {"Ann", "bob", "subject", "https", "now"}) {
    std::string changed = header;
    ++changed[changed.find(what)];
    EXPECT_EQ(verdict(field, changed, letter_body), describe(Fault::HeaderDiffers)) << what;
  }
  header.replace(header.find("somebody"), 8, "another");  // Received is not signed
  EXPECT_EQ(verdict(field, header, letter_body), "holds");
  for (std::size_t i = 0; i < std::string_view("Hello  Bob").size(); ++i) {
    std::string changed(letter_body);
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    EXPECT_EQ(verdict(field, letter_header, changed), describe(Fault::BodyDiffers)) << i;
  }
  std::string forged = field;
  forged.replace(forged.find("s=k1"), 4, "s=k2");
  EXPECT_EQ(verdict(forged, letter_header, letter_body), describe(Fault::HeaderDiffers));
}

TEST_P(Signed, NoFieldThatAReaderLooksAtCanBeAdded) {
  const std::string field = sign_letter();
  for (const std::string& name : fields_to_oversign())
    EXPECT_EQ(verdict(field, name + ": x\r\n" + std::string(letter_header), letter_body),
              describe(Fault::HeaderDiffers))
        << name;
  EXPECT_EQ(verdict(field, "X-Other: x\r\n" + std::string(letter_header), letter_body), "holds");
}

TEST_P(Signed, WhatServersDoToBlanksIsForgivenByRelaxedOnly) {
  const std::string field = sign_letter();
  std::string header(letter_header);
  header.replace(header.find("long\r\n subject"), 14, "long \t\r\n\t  subject ");
  EXPECT_EQ(verdict(field, header, letter_body),
            header_ == Canonical::Relaxed ? "holds" : describe(Fault::HeaderDiffers));
  EXPECT_EQ(verdict(field, letter_header, "Hello \t Bob,  \r\n\r\nbye\r\n"),
            body_ == Canonical::Relaxed ? "holds" : describe(Fault::BodyDiffers));
}

TEST_P(Signed, ASignatureExpires) {
  const std::string field = sign_letter(std::chrono::hours(1));
  EXPECT_EQ(verdict(field, letter_header, letter_body, now_ + std::chrono::hours(1)), "holds");
  EXPECT_EQ(verdict(field, letter_header, letter_body, now_ + std::chrono::hours(2)),
            describe(Fault::Expired));
}

INSTANTIATE_TEST_SUITE_P(Dkim, Signed,
                         testing::Combine(testing::Values(crypto::KeyType::Rsa, crypto::KeyType::Ed25519),
                                          testing::Values(Canonical::Simple, Canonical::Relaxed),
                                          testing::Values(Canonical::Simple, Canonical::Relaxed)));

// --- Keys ---

TEST(ParseKey, EachFaultHasItsName) {
  const auto fault = [](std::string_view record) -> std::optional<Fault> {
    const auto key = parse_key(record);
    return key ? std::nullopt : std::optional(key.error());
  };
  EXPECT_EQ(fault("p=YQ=="), std::nullopt);
  EXPECT_EQ(fault("v=DKIM1; p="), std::nullopt);
  EXPECT_EQ(fault("p=YQ==; v=DKIM1"), Fault::KeySyntax);
  EXPECT_EQ(fault("v=DKIM2; p=YQ=="), Fault::KeySyntax);
  EXPECT_EQ(fault("v=DKIM1"), Fault::KeySyntax);
  EXPECT_EQ(fault("k=dsa; p=YQ=="), Fault::KeyMismatch);
  EXPECT_EQ(fault("v=spf1 -all"), Fault::KeySyntax);
}

TEST(KeyFor, TheRecordDecidesWhatTheKeyIsFor) {
  const auto pair = crypto::PrivateKey::generate(crypto::KeyType::Ed25519);
  Signature signature{.key_type = crypto::KeyType::Ed25519, .domain = "example.com"};
  signature.identity = "@mail.example.com";
  const auto fault = [&](std::string_view more, std::string_view key = "") -> std::optional<Fault> {
    const std::string record =
        key.empty() ? to_record(pair.public_key()).append(more) : std::string(key).append(more);
    const auto got = key_for(*parse_key(record), signature);
    return got ? std::nullopt : std::optional(got.error());
  };
  EXPECT_EQ(fault(""), std::nullopt);
  EXPECT_EQ(fault("; s=email:x; h=sha1:sha256; t=y"), std::nullopt);
  EXPECT_EQ(fault("; s=other"), Fault::KeyMismatch);
  EXPECT_EQ(fault("; h=sha1"), Fault::KeyMismatch);
  EXPECT_EQ(fault("; t=s"), Fault::IdentityDomain);
  EXPECT_EQ(fault("", "k=ed25519; p="), Fault::KeyRevoked);
  EXPECT_EQ(fault("", "k=rsa; p=YQ=="), Fault::KeyMismatch);
  EXPECT_EQ(fault("", "k=ed25519; p=YQ=="), Fault::KeySyntax);
}

}  // namespace
}  // namespace postroad::dkim
