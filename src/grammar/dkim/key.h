// Keys in the DNS (RFC 6376 §3.6, RFC 8463 §4). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/signature.h"
#include "dkim/signature.h"

namespace postroad::dkim {

struct KeyRecord {
  crypto::KeyType type = crypto::KeyType::Rsa;
  std::string octets;               // p=, decoded; empty: revoked
  std::vector<std::string> hashes;  // h=; empty: all
  bool for_mail = true;             // s=
  bool testing = false;             // t=y
  bool same_domain = false;         // t=s: i= may not be below d=
};

// The strings of one TXT record, joined.
Result<KeyRecord, Fault> parse_key(std::string_view record);
// The key, if it may be used for this signature.
Result<crypto::PublicKey, Fault> key_for(const KeyRecord& record, const Signature& signature);

// What to publish at "selector._domainkey.domain".
std::string to_record(const crypto::PublicKey& key);

}  // namespace postroad::dkim
