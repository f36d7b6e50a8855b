// A Stream becomes a TLS stream.
#include "net/stream_state.h"
#include "net/tls_transport.h"

namespace postroad::net {

namespace {

// The handshake, within its time whatever the peer dribbles (durability.md, attack 27). Answers how it went;
// throws Cancelled only.
class Shake final : public detail::StreamWait {
 public:
  Shake(detail::StreamState& stream, Duration wait) : StreamWait(stream), left_(wait) {}
  ~Shake() { abandon(); }
  struct Outcome {
    Io io;
    bool timed_out;
  };
  Outcome await_resume() {
    check();
    return {io_, timed_out_};
  }

 private:
  Step advance() override {
    io_ = stream_.transport->tls()->handshake();
    return io_ == Io::WouldBlock ? Step::Blocked : Step::Finished;
  }
  Duration patience() override { return left_; }
  void waited(Duration time) override { left_ -= time; }
  void too_late() override { timed_out_ = true; }

  Io io_ = Io::WouldBlock;
  bool timed_out_ = false;
  Duration left_;
};

constexpr Duration client_handshake_wait = 30s;

void put_tls(detail::StreamState& state, SslPtr<SSL> ssl) {
  state.transport = std::make_unique<TlsTransport>(std::move(state.transport), std::move(ssl));
  state.transport->set_owner(&state);
}

}  // namespace

task<std::size_t> Stream::start_tls(const TlsServer& server, const TlsService& service) {
  co_await flush();
  // RFC 3207 §4.2, CVE-2011-0411: what came before the handshake came from anybody.
  const std::size_t early = state_->in.size();
  state_->in.drop();
  put_tls(*state_, TlsAccess::accept(server, service));

  const Shake::Outcome outcome = co_await Shake(*state_, server.handshake_wait());
  if (outcome.timed_out) throw TimedOut();
  if (outcome.io == Io::Truncated || outcome.io == Io::End)
    throw ConnectionEnded(Ending::Closed, "in the TLS handshake");
  if (outcome.io == Io::Reset) throw ConnectionEnded(Ending::Reset, "in the TLS handshake");
  if (outcome.io != Io::Done) throw ConnectionEnded(Ending::TlsFailed, state_->detail());
  co_return early;
}

task<Result<TlsInfo, TlsFailure>> Stream::start_tls_client(const TlsClient& client, TlsPeer peer) {
  co_await flush();
  // CVE-2021-38371: an answer that came with the go-ahead was not protected, and would be taken for one that
  // is.
  if (!state_->in.empty())
    co_return refuse(TlsFailure{TlsProblem::EarlyPlaintext, "octets before the handshake"});
  auto ssl = TlsAccess::connect(client, peer);
  if (!ssl) co_return refuse(std::move(ssl.error()));
  put_tls(*state_, std::move(*ssl));

  const Shake::Outcome outcome = co_await Shake(*state_, client_handshake_wait);
  const TlsTransport& tls = *state_->transport->tls();
  if (outcome.timed_out)
    co_return refuse(TlsFailure{TlsProblem::TimedOut, "no end of the handshake within 30 s"});
  if (outcome.io != Io::Done) co_return refuse(TlsAccess::failure(tls, outcome.io));
  co_return tls.info();
}

bool Stream::is_tls() const { return state_->transport->tls() != nullptr; }

std::optional<TlsInfo> Stream::tls() const {
  const TlsTransport* tls = state_->transport->tls();
  if (!tls) return std::nullopt;
  return tls->info();
}
std::optional<std::string> Stream::tls_exporter() const {
  const TlsTransport* tls = state_->transport->tls();
  return tls ? tls->exporter() : std::nullopt;
}
std::optional<std::string> Stream::tls_server_end_point() const {
  const TlsTransport* tls = state_->transport->tls();
  return tls ? tls->server_end_point() : std::nullopt;
}

}  // namespace postroad::net
