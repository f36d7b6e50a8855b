#include "dkim/key.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/encoding.h"
#include "dkim/tags.h"

namespace postroad::dkim {

Result<KeyRecord, Fault> parse_key(std::string_view record) {
  const auto tags = Tags::parse(record);
  if (!tags) return refuse(Fault::KeySyntax);
  if (const auto version = tags->get("v"); version && (*version != "DKIM1" || !tags->begins_with("v")))
    return refuse(Fault::KeySyntax);
  const auto key = tags->get("p");
  if (!key) return refuse(Fault::KeySyntax);

  KeyRecord out;
  const std::string_view type = tags->get("k", "rsa");
  if (type == "ed25519")
    out.type = crypto::KeyType::Ed25519;
  else if (type != "rsa")
    return refuse(Fault::KeyMismatch);
  const auto octets = from_base64(without_blanks(*key));
  if (!octets) return refuse(Fault::KeySyntax);
  out.octets = *octets;
  if (const auto hashes = tags->get("h"))
    for (const auto hash : colon_list(*hashes)) out.hashes.emplace_back(hash);
  if (const auto services = tags->get("s")) {
    const auto all = colon_list(*services);
    out.for_mail = std::ranges::any_of(all, [](std::string_view s) { return s == "*" || s == "email"; });
  }
  if (const auto flags = tags->get("t"))
    for (const auto flag : colon_list(*flags)) out.testing |= flag == "y", out.same_domain |= flag == "s";
  return out;
}

Result<crypto::PublicKey, Fault> key_for(const KeyRecord& record, const Signature& signature) {
  if (record.octets.empty()) return refuse(Fault::KeyRevoked);
  if (record.type != signature.key_type || !record.for_mail) return refuse(Fault::KeyMismatch);
  if (!record.hashes.empty() && std::ranges::find(record.hashes, "sha256") == record.hashes.end())
    return refuse(Fault::KeyMismatch);
  if (record.same_domain) {
    const auto at = signature.identity.rfind('@');
    if (!ascii::iequals(std::string_view(signature.identity).substr(at + 1), signature.domain))
      return refuse(Fault::IdentityDomain);
  }
  auto key = crypto::PublicKey::from_octets(record.type, record.octets);
  if (key) return std::move(*key);
  return refuse(key.error() == crypto::KeyError::WeakKey ? Fault::KeyWeak : Fault::KeySyntax);
}

std::string to_record(const crypto::PublicKey& key) {
  const bool rsa = key.type() == crypto::KeyType::Rsa;
  return std::string("v=DKIM1; k=") + (rsa ? "rsa" : "ed25519") + "; p=" + base64(key.octets());
}

}  // namespace postroad::dkim
