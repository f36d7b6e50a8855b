#include "dkim/signature.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/ascii.h"
#include "base/encoding.h"
#include "dkim/tags.h"

namespace postroad::dkim {
namespace {

constexpr std::size_t most_fields = 1000;  // in h=

std::optional<std::uint64_t> number(std::string_view digits, std::size_t most) {
  if (digits.empty() || digits.size() > most) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (!ascii::is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

std::optional<Canonical> canonical(std::string_view name) {
  if (name == "simple") return Canonical::Simple;
  if (name == "relaxed") return Canonical::Relaxed;
  return std::nullopt;
}

// a= is type "-" hash; both are needed to know what is asked of us.
Result<void, Fault> read_algorithm(std::string_view name, Signature& out) {
  if (name == "rsa-sha256") {
    out.key_type = crypto::KeyType::Rsa;
    return {};
  }
  if (name == "ed25519-sha256") {
    out.key_type = crypto::KeyType::Ed25519;
    return {};
  }
  return refuse(Fault::UnknownAlgorithm);
}

Result<void, Fault> read_canonical(std::string_view value, Signature& out) {
  const auto slash = value.find('/');
  const auto header = canonical(value.substr(0, slash));
  const auto body =
      slash == std::string_view::npos ? std::optional(Canonical::Simple) : canonical(value.substr(slash + 1));
  if (!header || !body) return refuse(Fault::UnknownCanonical);
  out.header = *header, out.body = *body;
  return {};
}

// sub-domain *( "." sub-domain ); U-labels may stand where the field is UTF-8 (RFC 8616).
bool is_domain(std::string_view text) {
  if (text.empty() || text.size() > 255) return false;
  std::size_t label = 0;
  for (const char c : text) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
    } else if (ascii::is_alnum(c) || c == '-' || c == '_' || static_cast<unsigned char>(c) >= 0x80) {
      if (++label > 63) return false;
    } else {
      return false;
    }
  }
  return label > 0;
}

bool is_below(std::string_view domain, std::string_view above) {
  if (domain.size() == above.size()) return domain == above;
  return domain.size() > above.size() && domain.ends_with(above) &&
         domain[domain.size() - above.size() - 1] == '.';
}

}  // namespace

std::string_view describe(Fault fault) {
  switch (fault) {
    case Fault::Syntax: return "the signature cannot be read";
    case Fault::Version: return "the signature is of an unknown version";
    case Fault::UnknownAlgorithm: return "the signature is of an algorithm that is not in use";
    case Fault::UnknownCanonical: return "the signature is of an unknown canonicalization";
    case Fault::IdentityDomain: return "the signature speaks for a domain that is not its own";
    case Fault::FromNotSigned: return "the signature does not cover From";
    case Fault::Expired: return "the signature has expired";
    case Fault::BodyDiffers: return "the body was changed after it was signed";
    case Fault::HeaderDiffers: return "the header was changed after it was signed, or the key is another";
    case Fault::NoKey: return "there is no key for the signature in the DNS";
    case Fault::KeySyntax: return "the key in the DNS cannot be read";
    case Fault::KeyRevoked: return "the key was revoked";
    case Fault::KeyMismatch: return "the key in the DNS is not for such a signature";
    case Fault::KeyWeak: return "the key is too short to be trusted";
    case Fault::KeyUnavailable: return "the key could not be fetched";
  }
  return "";
}

Result<Signature, Fault> parse_signature(std::string_view value) {
  const auto tags = Tags::parse(value);
  if (!tags) return refuse(Fault::Syntax);
  if (tags->get("v") != "1") return refuse(tags->get("v") ? Fault::Version : Fault::Syntax);
  for (const auto* required : {"a", "b", "bh", "d", "h", "s"})
    if (!tags->get(required)) return refuse(Fault::Syntax);

  Signature out;
  if (auto read = read_algorithm(tags->get("a", ""), out); !read) return refuse(read.error());
  if (auto read = read_canonical(tags->get("c", "simple/simple"), out); !read) return refuse(read.error());
  const auto signature = from_base64(without_blanks(tags->get("b", "")));
  const auto body_hash = from_base64(without_blanks(tags->get("bh", "")));
  if (!signature || signature->empty() || !body_hash) return refuse(Fault::Syntax);
  out.signature = *signature;
  out.body_hash = *body_hash;
  out.domain = ascii::to_lower(tags->get("d", ""));
  out.selector = tags->get("s", "");
  if (!is_domain(out.domain) || !is_domain(out.selector)) return refuse(Fault::Syntax);

  for (const std::string_view field : colon_list(tags->get("h", ""))) {
    if (field.empty() || field.find_first_of(" \t\r\n;") != std::string_view::npos ||
        out.fields.size() == most_fields)
      return refuse(Fault::Syntax);
    out.fields.emplace_back(field);
  }
  if (std::ranges::none_of(out.fields, [](const std::string& f) { return ascii::iequals(f, "From"); }))
    return refuse(Fault::FromNotSigned);

  if (const auto identity = tags->get("i")) {
    const auto at = identity->rfind('@');
    if (at == std::string_view::npos) return refuse(Fault::Syntax);
    if (!is_below(ascii::to_lower(identity->substr(at + 1)), out.domain))
      return refuse(Fault::IdentityDomain);
    out.identity = *identity;
  } else {
    out.identity = "@" + out.domain;
  }
  const auto take_number = [&](std::string_view tag, std::size_t digits,
                               std::optional<std::uint64_t>& into) -> bool {
    const auto text = tags->get(tag);
    return !text || (into = number(*text, digits));
  };
  if (!take_number("l", 18, out.length) || !take_number("t", 12, out.time) ||
      !take_number("x", 12, out.expiry))
    return refuse(Fault::Syntax);
  if (out.time && out.expiry && *out.expiry <= *out.time) return refuse(Fault::Syntax);
  if (const auto methods = tags->get("q")) {  // §6.1.1: of several query methods one must be known
    const auto all = colon_list(*methods);
    if (std::ranges::find(all, "dns/txt") == all.end()) return refuse(Fault::Syntax);
  }
  return out;
}

std::string key_name(const Signature& signature) {
  return signature.selector + "._domainkey." + signature.domain;
}

std::string without_signature(std::string_view raw) {
  const auto colon = std::min(raw.find(':'), raw.size());
  for (std::size_t at = colon; at < raw.size();) {
    const std::size_t begin = at + 1;
    const std::size_t end = std::min(raw.find(';', begin), raw.size());
    const std::string_view spec = raw.substr(begin, end - begin);
    const auto name = spec.find_first_not_of(" \t\r\n");
    const auto equals = spec.find('=');
    if (name != std::string_view::npos && equals != std::string_view::npos && spec[name] == 'b' &&
        spec.substr(name + 1, equals - name - 1).find_first_not_of(" \t\r\n") == std::string_view::npos) {
      // The line end of the field is not part of the value.
      std::size_t stop = end;
      if (end == raw.size()) {
        if (raw.ends_with("\n")) --stop;
        if (raw.substr(0, stop).ends_with("\r")) --stop;
      }
      stop = std::max(stop, begin + equals + 1);
      return std::string(raw.substr(0, begin + equals + 1)).append(raw.substr(stop));
    }
    at = end;
  }
  return std::string(raw);
}

// §5.4.2: the n-th mention of a name is the n-th field of that name from the bottom; there may be none.
std::string signed_fields(const mime::Header& header, const std::vector<std::string>& names, Canonical how) {
  std::map<std::string, std::vector<std::string_view>> by_name;  // of those that are asked for
  for (const std::string& name : names) by_name[ascii::to_lower(name)];
  for (const mime::Field& field : header) {
    const auto it = by_name.find(ascii::to_lower(field.name));
    if (it != by_name.end()) it->second.push_back(field.raw);
  }
  std::string out;
  for (const std::string& name : names) {
    auto& left = by_name[ascii::to_lower(name)];
    if (left.empty()) continue;
    out += canonical_field(how, left.back());
    left.pop_back();
  }
  return out;
}

std::string signed_octets(const mime::Header& header, const Signature& signature, std::string_view own) {
  std::string out = signed_fields(header, signature.fields, signature.header);
  out += canonical_field(signature.header, without_signature(own));
  out.resize(out.size() - 2);  // without the last CRLF
  return out;
}

Result<void, Fault> check(const Signature& signature, const mime::Header& header, std::string_view own,
                          std::string_view body_digest, const crypto::PublicKey& key, Time now) {
  if (signature.expiry && static_cast<std::uint64_t>(seconds(now)) > *signature.expiry)
    return refuse(Fault::Expired);
  if (body_digest != signature.body_hash) return refuse(Fault::BodyDiffers);
  if (key.type() != signature.key_type) return refuse(Fault::KeyMismatch);
  const std::string octets = signed_octets(header, signature, own);
  const bool holds = signature.key_type == crypto::KeyType::Rsa
                         ? key.verify(signature.hash, octets, signature.signature)
                         : key.verify(signature.hash, crypto::digest(signature.hash, octets),
                                      signature.signature);  // RFC 8463 §3
  if (!holds) return refuse(Fault::HeaderDiffers);
  return {};
}

}  // namespace postroad::dkim
