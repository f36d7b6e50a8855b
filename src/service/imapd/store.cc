// STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3).
#include "imapd/session.h"

namespace postroad::imapd {
namespace {

mailbox::FlagChange change_of(const imap::Store& command) {
  using How = mailbox::FlagChange::How;
  mailbox::FlagChange change;
  switch (command.change) {
    case imap::Store::Change::Replace: change.how = How::Replace; break;
    case imap::Store::Change::Add: change.how = How::Add; break;
    case imap::Store::Change::Remove: change.how = How::Remove; break;
  }
  change.system = command.flags.system & mailbox::flag::system;
  change.keywords = command.flags.keywords;
  return change;
}

}  // namespace

net::task<Answer> Session::on(const imap::Store& command) {
  auto chosen = named(command.set, command.uid);
  if (!chosen) co_return chosen.error();
  if (selected_->access() == mailbox::Access::ReadOnly) co_return refused(mailbox::Refusal::ReadOnly);
  const NumberSet uids = std::move(*chosen);
  if (command.unchanged_since) condstore_ = true;
  const auto stored = co_await selected_->store(uids, change_of(command), command.unchanged_since);
  if (!stored) co_return refused(stored.error());
  reveal(stored->changed);

  // .SILENT keeps quiet of flags, never of MODSEQ (RFC 7162 §3.1.3).
  const mailbox::SnapshotPtr shown = selected_->shown();
  NumberSet told = uids;
  if (!stored->modified.empty()) told = subtract(told, stored->modified);
  if (command.silent) told = condstore_ ? stored->changed : NumberSet();
  imap::Renderer out = say();
  std::vector<std::uint32_t> numbers;
  shown->index.each_uid(told,
                        [&](std::uint32_t number, const mailbox::Entry&) { numbers.push_back(number); });
  for (const std::uint32_t number : numbers) {
    const mailbox::Entry& entry = shown->index.at(number);
    out.fetch_begin(number);
    if (command.uid || qresync_) out.fetch_uid(entry.uid);
    if (!command.silent) say_entry_flags(out, entry, *shown);
    if (condstore_) out.fetch_mod_seq(entry.modseq);
    out.fetch_end();
    co_await send_if_much();
  }
  if (!stored->modified.empty()) {
    const NumberSet failed = command.uid ? stored->modified : shown->index.sequences_of(stored->modified);
    co_return Answer::ok("Others have changed these meanwhile", imap::code::modified(failed));
  }
  // Of what somebody else has expunged nothing could be stored, and the client must learn why.
  const mailbox::SnapshotPtr latest = selected_->latest();
  if (latest->index.sequences_of(uids).size() < uids.size())
    co_return Answer::no(imap::code::expunge_issued, texts::some_expunged);
  co_return Answer::ok("Stored");
}

}  // namespace postroad::imapd
