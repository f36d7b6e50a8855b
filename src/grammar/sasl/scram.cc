#include "sasl/scram.h"

#include <algorithm>

#include "base/cursor.h"
#include "base/encoding.h"

namespace postroad::sasl {
namespace {

constexpr std::uint32_t most_iterations = 10'000'000;

// One attribute's value: everything up to the next comma.
std::string_view take_value(Cursor& in) {
  return in.take_while([](char c) { return c != ','; });
}

// saslname = 1*(value-safe-char / "=2C" / "=3D")
std::optional<std::string> decode_name(std::string_view text) {
  std::string out;
  Cursor in(text);
  while (!in.at_end()) {
    if (in.take("=2C"))
      out += ',';
    else if (in.take("=3D"))
      out += '=';
    else if (in.peek() == '=' || in.peek() == '\0')
      return std::nullopt;
    else
      out += in.skip(1);
  }
  if (out.empty()) return std::nullopt;
  return out;
}

// c-nonce, s-nonce = printable: %x21-2B / %x2D-7E
bool is_nonce(std::string_view text) {
  return !text.empty() && text.size() <= longest_nonce &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f && c != ','; });
}

// extensions = attr-val *("," attr-val); none is defined, and none that is optional can matter.
bool only_extensions(Cursor in) {
  while (!in.at_end()) {
    if (!in.take(',') || !ascii::is_alpha(in.peek())) return false;
    in.skip(1);
    if (!in.take('=') || take_value(in).empty()) return false;
  }
  return true;
}

// gs2-header = gs2-cbind-flag "," [ authzid ] ","
std::optional<Gs2Header> take_gs2_header(Cursor& in) {
  const auto start = in.rest();
  Gs2Header header;
  header.flag = in.peek();
  if (in.take("p=")) {
    const auto is_name_char = [](char c) { return ascii::is_alnum(c) || c == '.' || c == '-'; };
    header.binding = in.take_while(is_name_char);
    if (header.binding.empty()) return std::nullopt;
  } else if (!in.take('n') && !in.take('y')) {
    return std::nullopt;
  }
  if (!in.take(',')) return std::nullopt;
  if (in.take("a=")) {
    auto authzid = decode_name(take_value(in));
    if (!authzid) return std::nullopt;
    header.authzid = std::move(*authzid);
  }
  if (!in.take(',')) return std::nullopt;
  header.text = start.substr(0, start.size() - in.rest().size());
  return header;
}

}  // namespace

// client-first-message = gs2-header [reserved-mext ","] username "," nonce ["," extensions]. A reserved-mext
// ("m=") is a demand we cannot meet: refused, as any other unknown beginning is.
std::optional<ClientFirst> parse_client_first(std::string_view message) {
  Cursor in(message);
  auto gs2 = take_gs2_header(in);
  if (!gs2) return std::nullopt;
  ClientFirst out{std::move(*gs2), {}, {}, std::string(in.rest())};
  if (!in.take("n=")) return std::nullopt;
  auto username = decode_name(take_value(in));
  if (!username || !in.take(",r=")) return std::nullopt;
  out.username = std::move(*username);
  out.nonce = take_value(in);
  if (!is_nonce(out.nonce) || !only_extensions(in)) return std::nullopt;
  return out;
}

// server-first-message = [reserved-mext ","] nonce "," salt "," iteration-count ["," extensions]
std::optional<ServerFirst> parse_server_first(std::string_view message) {
  Cursor in(message);
  ServerFirst out;
  if (!in.take("r=")) return std::nullopt;
  out.nonce = take_value(in);
  if (!is_nonce(out.nonce) || !in.take(",s=")) return std::nullopt;
  auto salt = from_base64(take_value(in));
  if (!salt || salt->empty() || !in.take(",i=")) return std::nullopt;
  out.salt = std::move(*salt);
  const auto iterations = in.take_number();
  if (!iterations || *iterations == 0 || *iterations > most_iterations || !only_extensions(in))
    return std::nullopt;
  out.iterations = static_cast<std::uint32_t>(*iterations);
  return out;
}

// client-final-message = channel-binding "," nonce ["," extensions] "," proof
std::optional<ClientFinal> parse_client_final(std::string_view message) {
  const auto proof_at = message.rfind(",p=");
  if (proof_at == std::string_view::npos) return std::nullopt;
  ClientFinal out;
  out.without_proof = message.substr(0, proof_at);
  auto proof = from_base64(message.substr(proof_at + 3));
  Cursor in(out.without_proof);
  if (!proof || !in.take("c=")) return std::nullopt;
  out.proof = std::move(*proof);
  auto binding = from_base64(take_value(in));
  if (!binding || binding->empty() || !in.take(",r=")) return std::nullopt;
  out.channel_binding = std::move(*binding);
  out.nonce = take_value(in);
  if (!is_nonce(out.nonce) || !only_extensions(in)) return std::nullopt;
  return out;
}

std::string scram_name(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (c == ',')
      out += "=2C";
    else if (c == '=')
      out += "=3D";
    else
      out += c;
  }
  return out;
}

std::string exclusive_or(std::string a, std::string_view b) {
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) a[i] = static_cast<char>(a[i] ^ b[i]);
  return a;
}

}  // namespace postroad::sasl
