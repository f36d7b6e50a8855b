#include "sasl/plain.h"

#include "base/encoding.h"
#include "sasl/prepare.h"

namespace postroad::sasl {
namespace {

bool is_password(std::string_view text) {
  return !text.empty() && text.size() <= crypto::longest_password &&
         text.find('\0') == std::string_view::npos;
}
std::optional<std::string> name(std::string_view text) {
  if (text.size() > longest_name) return std::nullopt;
  return prepare(text);
}

Failed failed(Verdict verdict, Failure no) { return {verdict == Verdict::TryLater ? Failure::TryLater : no}; }

// Who it is, and as whom he wants to act; shared by the mechanisms that show the password.
class WithPassword : public ServerMechanism {
 public:
  Step answer(Verdict verdict) override {
    if (asked_authorization_)
      return verdict == Verdict::Yes ? Step(Done{authcid_, authzid_})
                                     : failed(verdict, Failure::NotAuthorized);
    if (verdict != Verdict::Yes) return failed(verdict, Failure::WrongCredentials);
    if (authzid_.empty() || authzid_ == authcid_) return Done{authcid_, authcid_};
    asked_authorization_ = true;
    return NeedAuthorization{authcid_, authzid_};
  }

 protected:
  std::string authcid_, authzid_;

 private:
  bool asked_authorization_ = false;
};

// message = [authzid] UTF8NUL authcid UTF8NUL passwd  (RFC 4616 §2)
class Plain final : public WithPassword {
 public:
  Step begin(std::optional<std::string> initial) override {
    if (!initial) return Challenge{};
    return respond(std::move(*initial));
  }
  Step respond(std::string message) override {
    const std::string_view text = message;
    const auto first = text.find('\0');
    if (first == std::string_view::npos) return Failed{Failure::BadMessage};
    const auto second = text.find('\0', first + 1);
    if (second == std::string_view::npos) return Failed{Failure::BadMessage};
    const auto authcid = name(text.substr(first + 1, second - first - 1));
    const auto authzid = first == 0 ? std::string() : name(text.substr(0, first));
    std::string password(text.substr(second + 1));
    crypto::wipe(message);
    if (!authcid || !authzid || !is_password(password)) return Failed{Failure::BadMessage};
    authcid_ = *authcid;
    authzid_ = *authzid;
    return NeedPassword{authcid_, std::move(password)};
  }
};

// draft-murchison-sasl-login: two questions, two answers. Some clients answer the first with the command.
class Login final : public WithPassword {
 public:
  Step begin(std::optional<std::string> initial) override {
    if (!initial || initial->empty()) return Challenge{base64("Username:")};
    return respond(std::move(*initial));
  }
  Step respond(std::string message) override {
    if (authcid_.empty()) {
      const auto authcid = name(message);
      if (!authcid) return Failed{Failure::BadMessage};
      authcid_ = *authcid;
      return Challenge{base64("Password:")};
    }
    if (!is_password(message)) return Failed{Failure::BadMessage};
    return NeedPassword{authcid_, std::move(message)};
  }
};

// RFC 4422 Appendix A: the message is an authzid, or empty.
class External final : public ServerMechanism {
 public:
  Step begin(std::optional<std::string> initial) override {
    if (!initial) return Challenge{};
    return respond(std::move(*initial));
  }
  Step respond(std::string message) override {
    const auto authzid = message.empty() ? std::string() : name(message);
    if (!authzid) return Failed{Failure::BadMessage};
    authzid_ = *authzid;
    return NeedExternal{authzid_};
  }
  Step answer(Verdict verdict) override {
    if (verdict != Verdict::Yes) return failed(verdict, Failure::NotAuthorized);
    return Done{authzid_, authzid_};
  }

 private:
  std::string authzid_;
};

}  // namespace

std::unique_ptr<ServerMechanism> plain_server(const ServerContext&) { return std::make_unique<Plain>(); }
std::unique_ptr<ServerMechanism> login_server(const ServerContext&) { return std::make_unique<Login>(); }
std::unique_ptr<ServerMechanism> external_server(const ServerContext&) {
  return std::make_unique<External>();
}

}  // namespace postroad::sasl
