#include "delivery/terms.h"

#include "base/ascii.h"
#include "mime/stored.h"

namespace postroad::delivery {
namespace {

Outcome impossible(Cause cause, std::uint16_t code, EnhancedStatus status, std::string text) {
  return {Outcome::Fate::Failed, cause, {code, status, std::move(text)}};
}

Outcome no_smtputf8() {
  return impossible(Cause::NotConvertible, 550, {5, 6, 7},
                    "The server does not take internationalised mail (SMTPUTF8)");
}

// A client that always says SMTPUTF8 need not have meant it (RFC 6531 §3.4): what counts is the header.
bool header_needs_utf8(const queue::Message& message) {
  if (!message.envelope.smtputf8) return false;
  const auto stored = mime::Stored::read(message.content.structure);
  return !stored || stored->anomalies().has(mime::Anomaly::EightBitInHeader);
}

bool contains_word(std::string_view text, std::string_view lower) {
  return ascii::to_lower(text).find(lower) != std::string::npos;
}

}  // namespace

Result<smtp::MailFrom, Outcome> agree(const smtp::Capabilities& offers, const queue::Message& message,
                                      Time now) {
  const Envelope& envelope = message.envelope;
  smtp::MailFrom mail{.reverse_path = envelope.reverse_path};
  if (!offers.takes(message.content.octets()))
    return refuse(impossible(Cause::TooBig, 552, {5, 3, 4}, "The message is larger than the server takes"));
  if (offers.size) mail.size = message.content.octets();

  mail.smtputf8 = header_needs_utf8(message) ||
                  (envelope.reverse_path.address() && envelope.reverse_path.address()->needs_smtputf8());
  if (mail.smtputf8 && !offers.smtputf8) return refuse(no_smtputf8());
  if (offers.eight_bit_mime && envelope.body != Body::SevenBit) mail.body = Body::EightBitMime;

  if (offers.dsn) mail.ret = envelope.ret, mail.envid = envelope.envid;
  if (offers.mt_priority && envelope.priority != 0) mail.priority = envelope.priority;
  if (offers.deliver_by && envelope.deliver_by) {
    const auto left = std::chrono::floor<std::chrono::seconds>(*envelope.deliver_by - now).count();
    if (left > 0 || envelope.deliver_by_notify)
      mail.by = smtp::DeliverBy{
          .seconds = static_cast<std::int32_t>(std::clamp<std::int64_t>(left, -999'999'999, 999'999'999)),
          .mode = envelope.deliver_by_notify ? smtp::DeliverBy::Mode::Notify : smtp::DeliverBy::Mode::Return};
  }
  return mail;
}

std::optional<Carries> must_convert(const smtp::Capabilities& offers, const queue::Message& message) {
  const auto carries = offers.eight_bit_mime ? Carries::EightBit : Carries::SevenBit;
  if (message.envelope.body == Body::BinaryMime) return carries;
  if (message.envelope.body == Body::EightBitMime && !offers.eight_bit_mime) return carries;
  const auto stored = mime::Stored::read(message.content.structure);
  if (!stored || !stored->anomalies().has(mime::Anomaly::LongLine)) return std::nullopt;
  // Undeclared 8-bit text is sent on as it came; only its lines are too long.
  return message.envelope.body == Body::SevenBit ? Carries::EightBit : carries;
}

Result<smtp::RcptTo, Outcome> agree(const smtp::Capabilities& offers, const queue::Step& step,
                                    smtp::MailFrom& mail) {
  if (step.address.needs_smtputf8()) {
    if (!offers.smtputf8) return refuse(no_smtputf8());
    mail.smtputf8 = true;
  }
  smtp::RcptTo rcpt{.forward_path = step.address};
  if (offers.dsn) rcpt.notify = step.given.notify, rcpt.original = step.given.original;
  return rcpt;
}

bool too_many_recipients(const Reply& reply) {
  if (reply.code != 452 && reply.code != 552 && reply.code != 451) return false;
  if (reply.status.given()) return reply.status.subject == 5 && reply.status.detail == 3;
  return reply.code != 451 || contains_word(reply.text, "too many recipients");
}

}  // namespace postroad::delivery
