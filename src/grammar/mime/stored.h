// What is stored beside a message so that it is never parsed again: tree, ENVELOPE, BODYSTRUCTURE, summary.
//
// A fixed layout with a version in front; fields are only added at the end. The tree of a simple message
// takes a dozen octets. Offsets are stored for the blob alone, with the octets of the prefix (trace fields of
// this copy) beside them, so that a copy with another prefix costs one number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "mime/message.h"
#include "mime/summary.h"

namespace postroad::mime {

enum class StoredError { Short, UnknownVersion, Inconsistent };

// `message` is the parse of the blob; `prefix_octets` of header fields stand before it in this copy.
std::string serialize(const Message& message, std::uint64_t prefix_octets = 0);
std::string serialize(const Message& message, const Summary& summary,
                      std::uint64_t prefix_octets);  // it was made already

// The same record for a copy with another prefix.
Result<std::string, StoredError> with_prefix(std::string_view record, std::uint64_t prefix_octets);

// Reads a record. The views point into it; tree and summary are read when asked for, and checked then:
// offsets that are not nested inside each other and inside the message are Inconsistent.
class Stored {
 public:
  static Result<Stored, StoredError> read(std::string_view record);

  std::string_view envelope() const { return envelope_; }
  std::string_view bodystructure() const { return bodystructure_; }
  std::uint64_t octets() const { return prefix_ + octets_; }  // RFC822.SIZE
  std::uint64_t header_octets() const { return prefix_ + header_; }
  Anomalies anomalies() const { return anomalies_; }
  Result<Parts, StoredError> parts() const;  // of prefix + blob
  Result<Summary, StoredError> summary() const;

 private:
  std::uint64_t prefix_ = 0, octets_ = 0, header_ = 0;
  Anomalies anomalies_;
  std::string_view envelope_, bodystructure_, parts_, summary_;
};

}  // namespace postroad::mime
