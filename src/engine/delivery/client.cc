#include "delivery/client.h"

#include "smtp/command.h"
#include "smtp/data_encoder.h"

namespace postroad::delivery {
namespace {

constexpr std::size_t most_pipelined =
    100;  // recipients in flight: replies must fit into the peer's patience

Outcome refused(Reply reply) {
  if (!reply.status.given()) reply.status = {static_cast<std::uint8_t>(reply.permanent() ? 5 : 4), 0, 0};
  const auto fate = reply.permanent() ? Outcome::Fate::Failed : Outcome::Fate::Deferred;
  return {fate, Cause::RefusedByReply, std::move(reply), true};
}

Outcome bad_protocol(std::string_view what) {
  return {Outcome::Fate::Deferred, Cause::BadProtocol, {451, {4, 5, 0}, std::string(what)}};
}

// RFC 5321 §4.2.1: only the first digit counts. What is neither yes nor no where yes or no is due is no
// answer.
bool is_answer(const Reply& reply) { return (reply.code >= 200 && reply.code < 300) || reply.code >= 400; }

struct WriteSink final : smtp::BodySink {
  void write(std::string_view octets) override { text.append(octets); }
  std::string text;
};

}  // namespace

Client::Client(net::Stream stream, std::string our_name, Patience patience)
    : stream_(std::move(stream)), our_name_(std::move(our_name)), patience_(patience) {}

net::task<Reply> Client::reply(std::chrono::seconds patience) {
  stream_.allow(patience);
  while (!parser_.done()) {
    if (stream_.buffered().empty() && !co_await stream_.fill())
      throw net::ConnectionEnded(net::Ending::Closed);
    const auto used = parser_.feed(stream_.buffered());
    if (!used) {
      usable_ = false;
      co_return Reply{0, {}, "the server's reply is not SMTP"};
    }
    stream_.consume(*used);
  }
  co_return parser_.take();
}

net::task<void> Client::say(std::string_view line) {
  co_await stream_.write(line);
  co_await stream_.write("\r\n");
}

net::task<Result<void, Outcome>> Client::greet(net::TlsClient* tls, std::string host, bool lmtp) {
  lmtp_ = lmtp;
  const Reply greeting = co_await reply(patience_.greeting);
  if (greeting.code == 0) co_return refuse(bad_protocol(greeting.text));
  if (greeting.code != 220) {
    // A 5yz greeting speaks for this host, not for the message (RFC 5321 §3.1, RFC 7504 §4): others may take
    // it.
    Outcome no = refused(greeting);
    no.fate = Outcome::Fate::Deferred;
    co_return refuse(std::move(no));
  }
  for (bool secured = false;; secured = true) {
    co_await say((lmtp ? "LHLO " : "EHLO ") + our_name_);
    Reply hello = co_await reply(patience_.mail);
    esmtp_ = hello.code == 250;
    offers_ = esmtp_ ? smtp::parse_capabilities(hello) : smtp::Capabilities{};
    if (!esmtp_ && hello.permanent() && !lmtp && !secured) {  // RFC 5321 §3.2: the old word
      co_await say("HELO " + our_name_);
      hello = co_await reply(patience_.mail);
    }
    if (hello.code == 0) co_return refuse(bad_protocol(hello.text));
    if (hello.code != 250) co_return refuse(refused(hello));
    if (!tls || secured || !offers_.starttls) break;

    co_await say("STARTTLS");
    const Reply go = co_await reply(patience_.mail);
    if (go.code != 220) break;  // offered and then refused: as if it had not been offered
    const auto done = co_await stream_.start_tls_client(
        *tls, {.name = host, .verify = net::TlsVerify::Opportunistic, .alpn = {}});
    if (!done) {
      co_return refuse(
          Outcome{Outcome::Fate::Deferred,
                  Cause::TlsFailed,
                  {451, {4, 7, 5}, "TLS failed: " + std::string(net::name(done.error().problem))}});
    }
    tls_ = done->version + " " + done->cipher +
           (done->verified == net::TlsProblem::None ? " verified" : " unverified");
  }
  usable_ = true;
  co_return {};
}

// Sends prefix and blob, stuffed. False: the message cannot be read, and the connection is lost with it.
net::task<bool> Client::send_body(const Payload& payload) {
  smtp::DataEncoder encoder(smtp::DataEncoder::Dots::Stuffed, SIZE_MAX);
  WriteSink sink;
  stream_.allow(patience_.block);
  if (!encoder.feed(payload.prefix, sink)) co_return false;
  for (std::uint64_t at = 0; at < payload.blob->octets();) {
    const auto piece = co_await payload.blob->read(at);
    if (!piece || piece->empty() || !encoder.feed(*piece, sink)) co_return false;
    at += piece->size();
    co_await stream_.write(sink.text);
    sink.text.clear();
    stream_.allow(patience_.block);
  }
  encoder.finish(sink);
  co_await stream_.write(sink.text);
  co_return true;
}

net::task<std::vector<Outcome>> Client::transact(const Deal& deal, Payload payload) {
  const auto all = [&](const Outcome& outcome) {
    return std::vector<Outcome>(deal.recipients.size(), outcome);
  };
  const Envelope& envelope = *deal.envelope;
  if (!offers_.takes(payload.octets))
    co_return all({Outcome::Fate::Failed,
                   Cause::TooBig,
                   {552, {5, 3, 4}, "The message is larger than the server takes"}});
  bool utf8 = envelope.smtputf8 ||
              (envelope.reverse_path.address() && envelope.reverse_path.address()->needs_smtputf8());
  for (const Recipient& recipient : deal.recipients) utf8 |= recipient.address.needs_smtputf8();
  if (utf8 && !offers_.smtputf8)
    co_return all({Outcome::Fate::Failed,
                   Cause::NotConvertible,
                   {550, {5, 6, 7}, "The server does not take internationalised mail (SMTPUTF8)"}});

  smtp::MailFrom mail{.reverse_path = envelope.reverse_path};
  if (offers_.size) mail.size = payload.octets;
  if (offers_.eight_bit_mime && (payload.eight_bit || envelope.body != Body::SevenBit))
    mail.body = Body::EightBitMime;
  if (utf8) mail.smtputf8 = true;
  if (offers_.dsn) mail.ret = envelope.ret, mail.envid = envelope.envid;

  std::vector<std::string> commands{smtp::render(mail)};
  for (const Recipient& recipient : deal.recipients) {
    smtp::RcptTo rcpt{.forward_path = recipient.address};
    if (offers_.dsn) rcpt.notify = recipient.notify, rcpt.original = recipient.original;
    commands.push_back(smtp::render(rcpt));
  }
  commands.push_back("DATA");

  // With PIPELINING everything up to DATA leaves in one go (RFC 2920 §3.1), recipients in bounded bunches.
  std::vector<Reply> replies;
  const std::size_t window = offers_.pipelining ? most_pipelined : 1;
  bool enough = false;
  for (std::size_t said = 0; replies.size() < commands.size() && !enough;) {
    while (said < commands.size() && said - replies.size() < window) {
      // DATA only when it is known that somebody is accepted: its 354 must be followed by a message.
      if (said == commands.size() - 1 && replies.size() < said) break;
      if (said == commands.size() - 1) {
        const bool anybody =
            std::any_of(replies.begin() + 1, replies.end(), [](const Reply& r) { return r.positive(); });
        if (!replies[0].positive() || !anybody) {
          enough = true;
          break;
        }
      }
      co_await say(commands[said++]);
    }
    if (enough) break;
    replies.push_back(co_await reply(replies.empty() ? patience_.mail : patience_.rcpt));
    if (!is_answer(replies.back()) && replies.back().code != 354) {
      usable_ = false;
      co_return all(bad_protocol("the server's reply is not SMTP"));
    }
    if (replies.size() == 1 && !replies[0].positive() && window == 1) enough = true;
  }
  if (!replies[0].positive()) {
    usable_ = usable_ && replies[0].code != 421;
    co_await say("RSET");
    if ((co_await reply(patience_.mail)).code != 250) usable_ = false;
    co_return all(refused(replies[0]));
  }
  std::vector<Outcome> outcomes;
  std::vector<std::size_t> accepted;
  for (std::size_t i = 0; i < deal.recipients.size(); ++i) {
    const Reply& r = replies[i + 1];
    if (r.positive()) {
      accepted.push_back(i);
      outcomes.push_back({});
    } else {
      outcomes.push_back(refused(r));
      // RFC 5321 §4.5.3.1.10: a 552 to RCPT for too many recipients is to be taken for 452.
      if (r.code == 552 && r.status.detail != 2) outcomes.back().fate = Outcome::Fate::Deferred;
    }
    if (r.code == 421) usable_ = false;
  }
  if (accepted.empty()) {
    co_await say("RSET");
    if ((co_await reply(patience_.mail)).code != 250) usable_ = false;
    co_return outcomes;
  }
  const Reply& go = replies.back();
  if (go.code != 354) {
    usable_ = false;
    for (const std::size_t i : accepted)
      outcomes[i] = go.code >= 400 ? refused(go) : bad_protocol("no 354 to DATA");
    co_return outcomes;
  }
  if (!co_await send_body(payload)) {
    // The message must not be completed; only closing takes it back (RFC 5321 §4.1.1.4).
    usable_ = false;
    for (const std::size_t i : accepted)
      outcomes[i] = {
          Outcome::Fate::Deferred, Cause::StoreTrouble, {451, {4, 3, 0}, "The message cannot be read"}};
    co_return outcomes;
  }
  // LMTP answers once for each accepted recipient, in order (RFC 2033 §4.2).
  Reply end = co_await reply(patience_.final_dot);
  for (std::size_t k = 0; k < accepted.size(); ++k) {
    if (lmtp_ && k > 0) end = co_await reply(patience_.final_dot);
    Outcome& outcome = outcomes[accepted[k]];
    if (!is_answer(end)) usable_ = false;
    if (end.code >= 200 && end.code < 300)
      outcome = {Outcome::Fate::Delivered, Cause::Accepted, end, true, offers_.dsn};
    else
      outcome = is_answer(end) ? refused(end) : bad_protocol("no answer to the message");
    if (end.code == 421) usable_ = false;
  }
  co_return outcomes;
}

net::task<void> Client::quit() {
  usable_ = false;
  co_await say("QUIT");
  co_await reply(patience_.quit);
  co_await stream_.close();
}

}  // namespace postroad::delivery
