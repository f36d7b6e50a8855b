#include "queue/accept.h"

#include <map>

namespace postroad::queue {
namespace {

Reply refusal(directory::NoDestination reason) {
  switch (reason) {
    case directory::NoDestination::Disabled: return {550, {5, 2, 1}, "This mailbox is switched off"};
    case directory::NoDestination::NotOurs: return {550, {5, 7, 1}, "Relaying denied"};
    default: return {550, {5, 1, 1}, "No such mailbox here"};
  }
}

std::size_t octets(const Step& step) {
  return 2 * step.address.text().size() + step.detail.size() + 64 +
         (step.given.original ? step.given.original->address.size() : 0);
}

}  // namespace

std::vector<Entry> entries_for(QueueId id, std::vector<Step> local, std::vector<Step> remote) {
  std::map<std::string, std::vector<Step>> by_domain;
  for (Step& step : remote) {
    const std::string domain = step.address.domain().text();
    by_domain[domain].push_back(std::move(step));
  }
  if (!local.empty()) by_domain[""] = std::move(local);

  std::vector<Entry> out;
  for (auto& [domain, steps] : by_domain) {
    std::size_t size = most_entry_octets;
    for (Step& step : steps) {
      size += octets(step);
      if (size > most_entry_octets) {
        size = octets(step);
        out.push_back({.id = id, .number = static_cast<std::uint16_t>(out.size()), .domain = domain});
      }
      out.back().steps.push_back(std::move(step));
    }
  }
  return out;
}

Plan plan(const directory::Directory& directory, const Submission& submission, Time now) {
  Plan out;
  if (submission.origin.identity) out.tenant = submission.origin.identity->tenant;
  std::vector<Step> local, remote;
  for (const Recipient& recipient : submission.envelope.recipients) {
    auto& refused = out.refused.emplace_back();
    const auto to = directory.resolve(recipient.address);
    if (!to && to.error() == directory::NoDestination::NotOurs) {
      remote.push_back({.given = recipient, .account = {}, .address = recipient.address});
      continue;
    }
    if (!to) {
      refused = refusal(to.error());
      continue;
    }
    if (out.tenant == TenantId{}) out.tenant = to->tenant;
    for (const directory::Local& target : to->accounts)
      local.push_back({recipient, target.account, target.address, target.detail});
    for (const Address& target : to->forwards) remote.push_back({recipient, {}, target, {}});
  }
  const bool now_wanted = !submission.envelope.hold_until || *submission.envelope.hold_until <= now;
  if (submission.envelope.recipients.size() == 1 && local.size() == 1 && remote.empty() && now_wanted)
    out.only = directory::Local{local[0].account, local[0].address, local[0].detail};
  out.entries = entries_for(submission.id, std::move(local), std::move(remote));
  return out;
}

std::vector<ledger::Event> events_of(const Submission& submission, const Plan& plan, Time now) {
  using ledger::Field;
  std::vector<ledger::Event> out;
  ledger::Event accepted{
      .type = ledger::Type::Accepted, .at = now, .tenant = plan.tenant, .queue_id = submission.id};
  const Origin& origin = submission.origin;
  accepted.fields.reserve(16);
  accepted.with(Field::Sender, submission.envelope.reverse_path.text())
      .with(Field::Octets, submission.content.octets())
      .with(Field::Protocol, origin.protocol)
      .with(Field::ClientAddress, origin.client_address);
  if (!origin.client_name.empty()) accepted.with(Field::ClientName, origin.client_name);
  if (!origin.message_id.empty()) accepted.with(Field::MessageId, origin.message_id);
  if (!origin.subject.empty()) accepted.with(Field::Subject, origin.subject);
  if (origin.identity) accepted.with(Field::Login, origin.identity->address.text());
  const auto& recipients = submission.envelope.recipients;
  if (recipients.size() == 1) {  // one event tells it all: the usual case is also the frequent one
    accepted.with(Field::Recipient, recipients[0].address.text());
    out.push_back(std::move(accepted));
    return out;
  }
  accepted.with(Field::Recipients, recipients.size());
  out.push_back(std::move(accepted));
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    if (plan.refused[i]) continue;
    out.push_back({.type = ledger::Type::RecipientAccepted,
                   .at = now,
                   .tenant = plan.tenant,
                   .queue_id = submission.id});
    out.back().with(Field::Recipient, recipients[i].address.text());
  }
  return out;
}

}  // namespace postroad::queue
