// SASLprep (RFC 4013): names and passwords as SCRAM wants them (RFC 5802 §2.2, §5.1), so that "é" is one
// password however a keyboard writes it. RFC 8265 would replace it, but RFC 7677 and every client stay with
// it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postroad::sasl {

// Nothing if `text` is not UTF-8, has characters that may not stand there (controls among them), mixes
// directions, or is empty afterwards. ASCII without controls comes back as it is.
std::optional<std::string> prepare(std::string_view text);

}  // namespace postroad::sasl
