// A mail transaction (RFC 5321 §3.3), the second half of session.cc: MAIL, RCPT, DATA or BDAT, and the moment
// in which the message becomes ours.
#include "smtpd/session.h"

#include <algorithm>

#include "mime/address.h"
#include "mime/stored.h"
#include "mime/summary.h"
#include "net/sleep.h"
#include "smtp/data_decoder.h"
#include "smtp/reply.h"
#include "smtp/trace.h"
#include "smtpd/events.h"
#include "smtpd/help.h"
#include "smtpd/replies.h"
#include "smtpd/sign_in.h"

namespace postroad::smtpd {
namespace {

Reply trouble_reply(store::BlobError error) {
  return error == store::BlobError::NoSpace ? replies::disk_full : replies::try_again_later;
}

}  // namespace

net::task<Outcome> Session::on(smtp::MailFrom command) {
  if (!client_) co_return lmtp() ? replies::say_lhlo_first : replies::say_ehlo_first;
  if (service_ == config::Service::Submission && !peer_.identity) co_return replies::sign_in_first;
  if (transaction_) co_return replies::already_in_transaction;  // §4.1.4
  const bool for_users = service_ == config::Service::Submission;
  if (command.body == Body::BinaryMime || command.by || command.require_tls ||
      (!for_users && (command.priority || command.hold)))
    co_return replies::parameter_not_offered;
  std::optional<Time> hold_until;
  if (command.hold) {  // RFC 4865 §2, both forms
    const Time now = services_.clock.now();
    const auto* interval = std::get_if<std::chrono::seconds>(&*command.hold);
    hold_until = interval ? now + *interval : std::get<Time>(*command.hold);
    if (*hold_until > now + longest_hold) co_return replies::hold_too_long;
  }
  if (command.size > settings_.limits.message.value()) co_return replies::message_too_big;  // RFC 1870 §6.1
  if (messages_ >= settings_.smtp.messages && !peer_.exempt) co_return replies::too_many_messages;
  if (auto trouble = store_trouble()) co_return *trouble;
  if (stranger() && services_.connections.load() == net::Load::Shedding) co_return replies::overloaded;

  const auto verdict = co_await services_.policy.sender(peer_, command.reverse_path);
  if (!verdict) co_return verdict.error();

  // AUTH= is read and not believed (RFC 4954 §5, attack 19): who sends is who signed in.
  transaction_.emplace();
  Envelope& envelope = transaction_->envelope;
  envelope.reverse_path = std::move(command.reverse_path);
  envelope.body = command.body.value_or(Body::SevenBit);
  envelope.smtputf8 = command.smtputf8;
  envelope.ret = command.ret;
  envelope.envid = std::move(command.envid);
  envelope.priority = command.priority.value_or(0);
  envelope.hold_until = hold_until;
  idle_ = 0;
  co_return replies::sender_ok;
}

net::task<Outcome> Session::on(smtp::RcptTo command) {
  if (!transaction_) co_return replies::no_transaction;
  if (transaction_->bdat) co_return replies::bdat_under_way;
  if (command.valid_since) co_return replies::parameter_not_offered;
  ++transaction_->said;
  Envelope& envelope = transaction_->envelope;
  if (envelope.recipients.size() >= settings_.limits.recipients) co_return replies::too_many_recipients;
  if (!command.forward_path) command.forward_path = services_.directory.postmaster();  // §4.1.1.3
  if (!command.forward_path) co_return Reply{550, {5, 1, 1}, "There is no postmaster yet"};
  if (command.forward_path->needs_smtputf8() && !envelope.smtputf8) co_return replies::needs_smtputf8;

  const auto verdict =
      co_await services_.policy.recipient(peer_, envelope.reverse_path, *command.forward_path);
  if (!verdict) {
    services_.log(RecipientRefused{.peer = peer_.address,
                                   .recipient = *command.forward_path,
                                   .code = verdict.error().code,
                                   .reply = verdict.error().text});
    co_return verdict.error();
  }
  // The same one twice gets one copy (§4.1.1.3 permits it); LMTP owes an answer for each.
  const auto same = [&](const Recipient& r) { return r.address == *command.forward_path; };
  if (lmtp() || std::ranges::none_of(envelope.recipients, same))
    envelope.recipients.push_back({*command.forward_path, command.notify, std::move(command.original)});
  co_return replies::recipient_ok;
}

net::task<Outcome> Session::on(smtp::Rset) {
  transaction_.reset();
  ++idle_;
  co_return replies::ok;
}

// RFC 5321 §3.3 lets us choose between 503 and 554; RFC 2033 §4.2 wants 503.
Reply Session::nobody_to_send_to() const {
  return transaction_->said == 0 || lmtp() ? replies::no_recipients : replies::no_valid_recipients;
}

// §4.1.1.4. The 250 at its end makes the message ours to deliver or to bounce (§6.1).
net::task<Outcome> Session::on(smtp::Data) {
  if (!transaction_) co_return replies::no_transaction;
  if (transaction_->bdat) co_return replies::bdat_under_way;
  if (transaction_->envelope.recipients.empty()) co_return nobody_to_send_to();
  // A message sent before the 354 is one nobody waited with (attack 8).
  if (stranger() && !stream_.buffered().empty()) co_return Outcome{replies::too_eager, Then::Close};

  co_await say(replies::start_mail_input);
  transaction_->incoming = std::make_unique<Incoming>(
      services_.store, config::reading_limits<mime::Limits>(settings_.limits), fixes());
  Incoming& incoming = *transaction_->incoming;
  smtp::DataDecoder decoder;
  const std::uint64_t limit = settings_.limits.message.value();
  bool too_big = false;
  stream_.allow(settings_.smtp.data_wait);
  for (;;) {
    stream_.consume(decoder.feed(stream_.buffered(), incoming));
    if (decoder.error()) incoming.drop();
    if (decoder.octets() > limit && !std::exchange(too_big, true)) incoming.drop();
    if (decoder.done()) break;
    // What is not wanted is read so that the client hears why, but not without end (attack 11).
    if (decoder.octets() > 2 * limit) co_return Outcome{replies::message_too_big, Then::Close};
    co_await incoming.drain();
    if (!co_await stream_.fill()) co_return Outcome::said(Then::Close);
  }
  if (decoder.error()) co_return Outcome{replies::bad_line_ends, Then::Close};
  const std::size_t recipients = transaction_->envelope.recipients.size();
  if (!too_big) co_return co_await say_for_each(recipients, co_await finish_message());
  transaction_.reset();
  co_return co_await say_for_each(recipients, replies::message_too_big);
}

// RFC 2033 §4.2: in LMTP a message that is refused as a whole is refused once for each recipient.
net::task<Outcome> Session::say_for_each(std::size_t recipients, Outcome outcome) {
  if (lmtp() && outcome.reply)
    for (std::size_t i = 1; i < recipients; ++i) co_await say(*outcome.reply);
  co_return outcome;
}

// RFC 3030 §2.
net::task<Outcome> Session::on(smtp::Bdat command) {
  const bool valid = transaction_ && !transaction_->envelope.recipients.empty() && extended_;
  const std::uint64_t limit = settings_.limits.message.value();
  if (!valid) {
    // The chunk comes all the same; without a transaction it is swallowed, within the size limit (attack 9).
    smtp::BdatDecoder swallow(limit, Body::BinaryMime);
    smtp::StringSink nowhere;
    swallow.refuse_rest();
    if (swallow.begin(command) == smtp::BdatDecoder::Verdict::Close)
      co_return Outcome{replies::message_too_big, Then::Close};
    stream_.allow(settings_.smtp.data_wait);
    for (;;) {
      stream_.consume(swallow.feed(stream_.buffered(), nowhere));
      if (swallow.chunk_done()) break;
      if (!co_await stream_.fill()) co_return Outcome::said(Then::Close);
    }
    co_return transaction_ ? nobody_to_send_to() : replies::no_transaction;
  }
  Transaction& now = *transaction_;
  if (!now.bdat) {
    now.bdat.emplace(limit, now.envelope.body);
    now.incoming = std::make_unique<Incoming>(
        services_.store, config::reading_limits<mime::Limits>(settings_.limits), fixes());
  }
  if (now.bdat->begin(command) == smtp::BdatDecoder::Verdict::Close)
    co_return Outcome{replies::message_too_big, Then::Close};
  stream_.allow(settings_.smtp.data_wait);
  for (;;) {
    stream_.consume(now.bdat->feed(stream_.buffered(), *now.incoming));
    if (now.bdat->chunk_done()) break;
    co_await now.incoming->drain();
    if (!co_await stream_.fill()) co_return Outcome::said(Then::Close);
  }
  if (now.bdat->too_big()) {
    transaction_.reset();
    co_return replies::message_too_big;
  }
  if (now.bdat->error()) co_return Outcome{replies::bad_line_ends, Then::Close};
  if (!now.bdat->done()) co_return replies::chunk(command.octets);
  const std::size_t recipients = now.envelope.recipients.size();
  co_return co_await say_for_each(recipients, co_await finish_message());
}

std::optional<Fixes> Session::fixes() const {
  if (!peer_.identity) return std::nullopt;
  return Fixes{
      .from = peer_.identity->address, .host = settings_.hostname.text(), .now = services_.clock.now()};
}

smtp::Received Session::received_by_us() const {
  smtp::Received out{.by = settings_.hostname};
  const bool hide = peer_.identity && settings_.submission.hide_client;
  if (!hide) {
    out.client = client_;
    if (!stream_.peer().is_unix()) out.peer = stream_.peer().address();
  }
  out.protocol = lmtp() ? smtp::Protocol::Lmtp : extended_ ? smtp::Protocol::Esmtp : smtp::Protocol::Smtp;
  out.tls = stream_.is_tls();
  if (const auto tls = stream_.tls()) out.tls_details = tls->version + " " + tls->cipher;
  out.authenticated = peer_.identity.has_value();
  out.smtputf8 = transaction_->envelope.smtputf8;
  const auto& recipients = transaction_->envelope.recipients;
  if (recipients.size() == 1) out.recipient = recipients[0].address;
  out.time = services_.clock.now();
  return out;
}

// The whole message is here. What is wrong with it is said now, before it is ours.
net::task<Outcome> Session::finish_message() {
  Transaction done = std::move(*transaction_);
  auto received = received_by_us();
  transaction_.reset();  // over, however it goes
  ++messages_;
  auto whole = co_await done.incoming->finish();
  if (!whole) co_return trouble_reply(done.incoming->trouble().value_or(store::BlobError::Unavailable));

  const mime::Header header = whole->message.header();
  const std::size_t hops = header.count("Received");
  if (hops >= settings_.limits.hops) co_return replies::loops;  // RFC 5321 §6.3
  if (peer_.identity && settings_.submission.own_senders_only && !originator_is_ours(header))
    co_return replies::bad_originator;

  queue::Submission submission{.id = services_.queue.next_id()};
  received.id = submission.id.text();
  submission.content = std::move(whole->content);
  submission.content.prefix = smtp::received_field(received);
  const mime::Summary summary = mime::summarize(whole->message);
  submission.content.structure = mime::serialize(whole->message, summary, submission.content.prefix.size());
  submission.received_count = static_cast<unsigned>(hops);
  if (whole->message.eight_bit_body()) done.envelope.body = Body::EightBitMime;
  submission.origin = {.protocol = smtp::with_protocol(received.protocol, received.tls,
                                                       received.authenticated, received.smtputf8),
                       .client_address = peer_.address,
                       .client_name = peer_.helo,
                       .identity = peer_.identity};
  submission.origin.message_id = summary.message_id.substr(0, 200);
  submission.origin.subject = summary.subject.substr(0, 200);

  MessageAccepted accepted{.queue_id = submission.id,
                           .peer = peer_.address,
                           .sender = done.envelope.reverse_path.text(),
                           .recipients = done.envelope.recipients.size(),
                           .octets = submission.content.octets()};
  const QueueId id = submission.id;
  submission.envelope = std::move(done.envelope);
  const auto verdicts = co_await services_.queue.accept(std::move(submission), lmtp());
  if (!verdicts) {
    if (verdicts.error() == queue::AcceptError::Unknown) co_return Outcome::said(Then::Close);
    co_return verdicts.error() == queue::AcceptError::Full ? replies::disk_full : replies::try_again_later;
  }
  const auto refused = [](const queue::Verdict& v) { return !v.accepted; };
  if (!std::ranges::all_of(*verdicts, refused)) services_.log(accepted);
  if (lmtp()) {  // RFC 2033 §4.2: one answer for each
    for (const queue::Verdict& verdict : *verdicts)
      co_await say(verdict.accepted ? replies::queued(id) : verdict.reply);
    co_return Outcome::said(Then::GoOn);
  }
  const auto no = std::ranges::find_if(*verdicts, refused);
  co_return no == verdicts->end() ? replies::queued(id) : no->reply;
}

// RFC 6409 §8.1: who writes is who signed in. One From, all its addresses the user's, and Sender if there is
// one.
bool Session::originator_is_ours(const mime::Header& header) const {
  if (header.count("From") > 1 || header.count("Sender") > 1) return false;  // attack 33
  for (const std::string_view name : {"Sender", "From"}) {
    const auto field = header.first(name);
    if (!field) continue;
    std::size_t addresses = 0;
    for (const mime::AddressEntry& entry : mime::parse_mailboxes(field->value)) {
      const auto address = mime::envelope_address(entry);
      if (!address || !services_.directory.owns(peer_.identity->account, *address)) return false;
      ++addresses;
    }
    if (addresses == 0) return false;
    if (name == "Sender") return true;  // then From may name others (RFC 5322 §3.6.2)
  }
  return true;
}

}  // namespace postroad::smtpd
