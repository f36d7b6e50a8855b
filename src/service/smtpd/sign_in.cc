#include "smtpd/sign_in.h"

#include "directory/sasl_sign_in.h"
#include "smtpd/replies.h"

namespace postroad::smtpd {
namespace {

class SmtpChallenger final : public directory::Challenger {
 public:
  SmtpChallenger(net::Stream& stream, std::size_t limit) : stream_(stream), limit_(limit) {}
  net::task<std::optional<std::string>> ask(const sasl::Challenge& challenge) override {
    const std::string line = "334 " + challenge.base64 + "\r\n";
    co_await stream_.write(line);
    const auto answer = co_await stream_.read_line(limit_);
    if (!answer) co_return std::nullopt;
    co_return std::string(*answer);
  }

 private:
  net::Stream& stream_;
  std::size_t limit_;
};

Reply reply_of(sasl::Failure why) {
  switch (why) {
    case sasl::Failure::Cancelled: return replies::auth_cancelled;
    case sasl::Failure::BadBase64:
    case sasl::Failure::BadMessage: return replies::auth_base64;
    case sasl::Failure::TooLong: return replies::auth_too_long;
    case sasl::Failure::UnknownMechanism: return replies::auth_unknown;
    case sasl::Failure::TryLater: return replies::auth_later;
    case sasl::Failure::WrongCredentials:
    case sasl::Failure::NotAuthorized:
    case sasl::Failure::ChannelBinding: break;
  }
  return replies::wrong_credentials;
}

}  // namespace

std::vector<std::string_view> mechanisms_for(const net::Stream& stream, const config::Settings& settings) {
  return sasl::offered_mechanisms(
      true, settings.auth.scram != config::Scram::Off,
      !directory::channel_bindings(stream, settings.auth.scram == config::Scram::Plus).empty());
}

net::task<Result<directory::Identity, Reply>> sign_in(net::Stream& stream, directory::Directory& directory,
                                                      const smtp::Auth& command, const policy::Peer& peer,
                                                      const config::Settings& settings) {
  SmtpChallenger challenger(stream, settings.smtp.auth_line.value());
  directory::SignInRequest request{
      .mechanism = command.mechanism,
      .initial = command.initial_response,
      .scope = directory::Scope::Smtp,
      .client = peer.prefix,
      .bindings = directory::channel_bindings(stream, settings.auth.scram == config::Scram::Plus)};
  auto identity = co_await directory::sign_in(directory, std::move(request), challenger);
  if (!identity) co_return refuse(reply_of(identity.error()));
  co_return std::move(*identity);
}

}  // namespace postroad::smtpd
