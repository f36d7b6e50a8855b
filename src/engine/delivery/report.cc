#include "delivery/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/date.h"
#include "base/encoding.h"
#include "mime/compose.h"
#include "smtp/xtext.h"

namespace postroad::delivery {
namespace {

std::string subject_of(const std::vector<Told>& told) {
  bool failed = false, delayed = false;
  for (const Told& t : told) failed |= t.action == Action::Failed, delayed |= t.action == Action::Delayed;
  if (failed) return "Your message could not be delivered";
  if (delayed) return "Your message is delayed";
  return "Your message has been delivered";
}

// What a person can do about it. By cause, not by code: codes are for machines.
std::string_view advice(const Told& told) {
  switch (told.outcome.cause) {
    case Cause::NoSuchDomain: return "Check the part of the address behind the @ for a typing error.";
    case Cause::NullMx: return "Nobody can receive mail at this domain; find another address.";
    case Cause::NoMailbox:
      return "Check the address for a typing error, or ask the person for the right one.";
    case Cause::MailboxFull:
      return "The mailbox is full. Tell the person by another way, or try again later.";
    case Cause::TooBig: return "Send the message again without large attachments, or with a link to them.";
    case Cause::NotConvertible: return "Use an address without special characters, or ask for another one.";
    case Cause::Loops:
    case Cause::PrivateAddress:
      return "The mail settings of that domain are wrong; its administrator can mend them.";
    case Cause::DnsTrouble:
    case Cause::NoHostAnswered:
    case Cause::ConnectionLost:
    case Cause::Expired:
      return "The other mail system may be out of order. Try again later or use another way.";
    default: break;
  }
  if (told.outcome.remote_reply)
    if (const Class klass = verdict_of(told.outcome).klass; klass != Class::Unknown) return explain(klass);
  return "The other mail system's own words, above, say why; its administrator can explain them.";
}

std::string printable_reply(const Reply& reply) {
  std::string text = fmt::format("{} {}", reply.code, reply.text);
  for (char& c : text)
    if (c == '\n') c = ' ';
  return printable(text, 1000);
}

std::string words(const ReportInput& in) {
  std::string out = fmt::format("This is the mail system at {}.\n\n", in.our_name);
  for (const Told& told : in.told) {
    const std::string address = told.step->given.address.unicode();
    switch (told.action) {
      case Action::Failed:
        out += fmt::format("Your message could not be delivered to <{}>. It will not be tried again.\n",
                           address);
        break;
      case Action::Delayed:
        out += fmt::format(
            "Your message to <{}> has not been delivered yet. You need not send it again:\n"
            "it is tried further{}.\n",
            address, told.until ? " until " + rfc5322_date(*told.until) : std::string());
        break;
      case Action::Delivered: out += fmt::format("Your message was delivered to <{}>.\n", address); break;
      case Action::Relayed:
        out += fmt::format(
            "Your message to <{}> was handed to a mail system that does not report\n"
            "deliveries. You will hear of it no more unless it fails.\n",
            address);
        break;
      case Action::Expanded:
        out += fmt::format("Your message to <{}> was passed on to its members.\n", address);
        break;
    }
    if (told.action == Action::Failed || told.action == Action::Delayed) {
      if (told.outcome.remote_reply)
        out += fmt::format("\n    {} said:\n    {}\n", in.contact.host, printable_reply(told.outcome.reply));
      else
        out += fmt::format("\n    {}\n", printable(told.outcome.reply.text, 1000));
      out += fmt::format("\n{}\n", advice(told));
    }
    out += "\n";
  }
  const bool failed =
      std::any_of(in.told.begin(), in.told.end(), [](const Told& t) { return t.action == Action::Failed; });
  out += failed && in.complete ? "Your message is attached.\n" : "The header of your message is attached.\n";
  return out;
}

// May the report have UTF-8 in its machine-readable part? Only for who has shown that he takes it (RFC 6533
// §3).
bool is_global(const ReportInput& in) { return in.message->envelope.smtputf8; }

std::string typed_address(std::string_view type, std::string_view address, bool global) {
  const bool ascii_only = std::ranges::none_of(address, ascii::is_8bit);
  if (ascii_only) return fmt::format("{}; {}", printable(type), address);
  // RFC 6533 §3: where only ASCII may stand, the address is written in ASCII.
  return "utf-8; " + (global ? std::string(address) : smtp::utf8_address_xtext(address));
}

// xtext is decoded in ORCPT already; RFC 3464 §2.3.1 wants it as it was meant.
std::string status_part(const ReportInput& in) {
  const bool global = is_global(in);
  const queue::Message& message = *in.message;
  std::string out = fmt::format("Reporting-MTA: dns; {}\r\n", in.our_name);
  if (!message.envelope.envid.empty())
    out += fmt::format("Original-Envelope-Id: {}\r\n", printable(message.envelope.envid));
  out += fmt::format("Arrival-Date: {}\r\n", rfc5322_date(message.accepted));
  for (const Told& told : in.told) {
    out += "\r\n";
    const auto& original = told.step->given.original;
    if (original)
      out +=
          fmt::format("Original-Recipient: {}\r\n", typed_address(original->type, original->address, global));
    out += fmt::format("Final-Recipient: {}\r\n",
                       typed_address("rfc822", told.step->given.address.text(), global));
    out += fmt::format("Action: {}\r\n", to_text(told.action));
    EnhancedStatus status = told.outcome.reply.status;
    if (told.action == Action::Failed)
      status.klass = 5;  // RFC 3464 §2.3.4: a failure's class is 5, expired or not
    out += fmt::format("Status: {}\r\n", status.given() ? status.text() : "5.0.0");
    if (told.outcome.remote_reply) {
      out += fmt::format("Remote-MTA: dns; {}\r\n", in.contact.host);
      out += fmt::format("Diagnostic-Code: smtp; {}\r\n", printable_reply(told.outcome.reply));
    }
    out += fmt::format("Last-Attempt-Date: {}\r\n", rfc5322_date(in.now));
    if (told.until) out += fmt::format("Will-Retry-Until: {}\r\n", rfc5322_date(*told.until));
  }
  return out;
}

}  // namespace

std::string_view to_text(Action action) {
  switch (action) {
    case Action::Failed: return "failed";
    case Action::Delayed: return "delayed";
    case Action::Delivered: return "delivered";
    case Action::Relayed: return "relayed";
    case Action::Expanded: return "expanded";
  }
  return "failed";
}

bool wants(const DsnNotify& notify, Action action) {
  if (notify.never) return false;
  switch (action) {
    case Action::Failed: return !notify.given() || notify.failure;
    case Action::Delayed: return !notify.given() || notify.delay;
    case Action::Delivered:
    case Action::Relayed:
    case Action::Expanded: return notify.success;
  }
  return false;
}

std::string compose_report(const ReportInput& in, Random& random) {
  mime::HeaderWriter header;
  const auto postmaster = Address::parse("postmaster@" + in.our_name);
  const auto to = in.message->envelope.reverse_path.address();
  // None of these can be refused: the texts are ours, the addresses valid.
  if (postmaster) {
    const mime::NamedAddress from[] = {{"Mail system", *postmaster}};
    (void)header.addresses("From", from);
  }
  if (to) {
    const mime::NamedAddress recipient[] = {{"", *to}};
    (void)header.addresses("To", recipient);
  }
  (void)header.text("Subject", subject_of(in.told));
  (void)header.date("Date", in.now);
  const std::string id[] = {base32(random.u64()) + "." + in.message->id.text() + "@" + in.our_name};
  (void)header.ids("Message-ID", id);
  if (!in.message->origin.message_id.empty()) {
    std::string_view of = in.message->origin.message_id;
    if (of.starts_with('<') && of.ends_with('>')) of = of.substr(1, of.size() - 2);
    const std::string references[] = {std::string(of)};
    (void)header.ids("References", references);
  }
  (void)header.structured("Auto-Submitted", "auto-replied");  // RFC 3834 §5

  const bool global = is_global(in);
  mime::OutPart status{.type = "message",
                       .subtype = global ? "global-delivery-status" : "delivery-status",
                       .body = status_part(in)};
  mime::OutPart original{.body = std::string(in.original)};
  if (in.complete)
    original.type = "message", original.subtype = global ? "global" : "rfc822";
  else
    original.type = global ? "message" : "text",
    original.subtype = global ? "global-headers" : "rfc822-headers";
  mime::OutPart report{
      .type = "multipart", .subtype = "report", .parameters = {{"report-type", "delivery-status"}}};
  report.parts.push_back({.type = "text", .subtype = "plain", .body = words(in)});
  report.parts.push_back(std::move(status));
  if (!in.original.empty()) report.parts.push_back(std::move(original));
  auto out = mime::compose(header, report, random);
  if (out) return std::move(*out);
  report.parts.resize(2);  // the message itself cannot be embedded: the report goes without it
  out = mime::compose(header, report, random);
  return out ? std::move(*out) : std::string();
}

}  // namespace postroad::delivery
