#include "sasl/server.h"

#include <array>
#include <stdexcept>

#include "base/ascii.h"
#include "base/encoding.h"
#include "sasl/plain.h"
#include "sasl/scram.h"

namespace postroad::sasl {
namespace {

using Make = std::unique_ptr<ServerMechanism> (*)(const ServerContext&);

template <crypto::Hash hash, bool plus>
std::unique_ptr<ServerMechanism> scram(const ServerContext& context) {
  return scram_server(hash, plus, context);
}

struct Row {
  std::string_view name;
  Make make;
};
constexpr std::array<Row, 7> mechanisms{{
    {"PLAIN", plain_server},
    {"LOGIN", login_server},
    {"EXTERNAL", external_server},
    {"SCRAM-SHA-1", scram<crypto::Hash::Sha1, false>},
    {"SCRAM-SHA-1-PLUS", scram<crypto::Hash::Sha1, true>},
    {"SCRAM-SHA-256", scram<crypto::Hash::Sha256, false>},
    {"SCRAM-SHA-256-PLUS", scram<crypto::Hash::Sha256, true>},
}};

}  // namespace

ServerExchange::ServerExchange(std::string_view mechanism, ServerContext context)
    : context_(std::make_unique<ServerContext>(std::move(context))) {
  for (const Row& row : mechanisms)
    if (ascii::iequals(row.name, mechanism)) mechanism_ = row.make(*context_);
}
ServerExchange::~ServerExchange() = default;
ServerExchange::ServerExchange(ServerExchange&&) noexcept = default;
ServerExchange& ServerExchange::operator=(ServerExchange&&) noexcept = default;

void ServerExchange::expect(Awaits what) const {
  if (awaits_ != what) throw std::logic_error("a SASL exchange was given what it did not ask for");
}

// Whatever the mechanism says, once it is over nothing brings it back.
Step ServerExchange::note(Step step) {
  struct Next {
    Awaits operator()(const Challenge&) const { return Awaits::Response; }
    Awaits operator()(const NeedPassword&) const { return Awaits::Answer; }
    Awaits operator()(const NeedExternal&) const { return Awaits::Answer; }
    Awaits operator()(const NeedAuthorization&) const { return Awaits::Answer; }
    Awaits operator()(const NeedScramKeys&) const { return Awaits::Keys; }
    Awaits operator()(const Done&) const { return Awaits::Nothing; }
    Awaits operator()(const Failed&) const { return Awaits::Nothing; }
  };
  awaits_ = std::visit(Next{}, step);
  if (awaits_ == Awaits::Nothing) mechanism_.reset();
  return step;
}

Step ServerExchange::begin(std::optional<std::string_view> initial) {
  expect(Awaits::Begin);
  if (!mechanism_) return note(Failed{Failure::UnknownMechanism});
  if (!initial) return note(mechanism_->begin(std::nullopt));
  if (initial->size() > longest_line) return note(Failed{Failure::TooLong});
  if (*initial == "=") return note(mechanism_->begin(std::string()));
  auto message = from_base64(*initial);
  if (!message || message->empty()) return note(Failed{Failure::BadBase64});
  return note(mechanism_->begin(std::move(message)));
}

Step ServerExchange::respond(std::string_view line) {
  expect(Awaits::Response);
  if (line.size() > longest_line) return note(Failed{Failure::TooLong});
  if (line == "*") return note(Failed{Failure::Cancelled});
  auto message = from_base64(line);
  if (!message) return note(Failed{Failure::BadBase64});
  return note(mechanism_->respond(std::move(*message)));
}

Step ServerExchange::answer(Verdict verdict) {
  expect(Awaits::Answer);
  return note(mechanism_->answer(verdict));
}

Step ServerExchange::scram_keys(std::optional<crypto::ScramKeys> keys) {
  expect(Awaits::Keys);
  return note(mechanism_->scram_keys(std::move(keys)));
}

std::vector<std::string_view> offered_mechanisms(bool passwords, bool scram, bool bindings) {
  std::vector<std::string_view> out;
  if (scram && bindings) out.insert(out.end(), {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"});
  if (scram) out.insert(out.end(), {"SCRAM-SHA-256", "SCRAM-SHA-1"});
  if (passwords) out.insert(out.end(), {"PLAIN", "LOGIN"});
  return out;
}

}  // namespace postroad::sasl
