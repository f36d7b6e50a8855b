// FETCH (RFC 9051 §6.4.5, §7.5.2).
//
// Messages go out one after the other, each from its blob to the stream piece by piece: what is held is one
// page of index entries, their records, and 64 KiB of one message, however much is asked for (attack 79).
#include "imapd/body.h"
#include "imapd/events.h"
#include "imapd/object_id.h"
#include "imapd/session.h"
#include "mime/imap.h"
#include "net/sleep.h"

namespace postroad::imapd {
namespace {

using imap::FetchItem;

constexpr std::size_t batch_size = 256;  // what Selected::read() takes at once

bool sets_seen(const imap::Fetch& fetch) {
  for (const imap::BodyAttribute& body : fetch.bodies)
    if (!body.peek && body.kind != imap::BodyAttribute::Kind::BinarySize) return true;
  return false;
}

// The next so many numbers of a set.
class Walk {
 public:
  explicit Walk(const NumberSet& set) : set_(set) {}
  std::vector<std::uint32_t> take(std::size_t most) {
    std::vector<std::uint32_t> numbers;
    while (range_ < set_.ranges().size() && numbers.size() < most) {
      const NumberSet::Range& range = set_.ranges()[range_];
      next_ = std::max<std::uint64_t>(next_, range.first);
      while (next_ <= range.last && numbers.size() < most)
        numbers.push_back(static_cast<std::uint32_t>(next_++));
      if (next_ > range.last) ++range_;
    }
    return numbers;
  }

 private:
  const NumberSet& set_;
  std::size_t range_ = 0;
  std::uint64_t next_ = 0;
};

}  // namespace

net::task<Answer> Session::on(const imap::Fetch& command) {
  using Kind = imap::BodyAttribute::Kind;
  for (const imap::BodyAttribute& body : command.bodies)  // RFC 3516
    if (body.kind == Kind::Binary || body.kind == Kind::BinarySize) co_return Answer::bad(texts::not_offered);
  // RFC 7162 §3.2.6.
  if (command.vanished && !qresync_) co_return Answer::bad("Say ENABLE QRESYNC first");
  auto chosen = named(command.set, command.uid);
  if (!chosen) co_return chosen.error();
  if (command.wants(FetchItem::ModSeq) || command.changed_since) condstore_ = true;
  const NumberSet numbers = selected_->shown()->index.sequences_of(*chosen);
  // RFC 7162 §3.2.6: before the FETCHes.
  if (command.vanished && command.changed_since) {
    const std::uint32_t last = std::max(selected_->shown()->summary.uid_next.value(), 2u) - 1;
    const auto vanished =
        co_await selected_->vanished(ModSeq{*command.changed_since}, command.set.resolve(last));
    if (!vanished) co_return refused(vanished.error());
    say().vanished(*vanished, true);
  }

  const Bodies bodies(command.bodies);
  std::optional<mailbox::Refusal> trouble;
  Walk walk(numbers);
  for (auto batch = walk.take(batch_size); !batch.empty(); batch = walk.take(batch_size)) {
    const auto failed = co_await fetch_batch(command, bodies, batch);
    if (failed) trouble = failed;
    co_await net::yield();  // a million messages are many turns
  }
  if (trouble) co_return refused(*trouble);
  co_return Answer::ok("Fetched");
}

// Answers what could not be fetched, if anything; the others were.
net::task<std::optional<mailbox::Refusal>> Session::fetch_batch(const imap::Fetch& command,
                                                                const Bodies& bodies,
                                                                std::span<const std::uint32_t> batch) {
  const bool needs_structure = command.wants(FetchItem::Envelope) || command.wants(FetchItem::Body) ||
                               command.wants(FetchItem::BodyStructure) || command.wants(FetchItem::Preview) ||
                               !bodies.empty();
  std::vector<std::uint32_t> numbers;
  NumberSet unseen;
  for (const std::uint32_t number : batch) {
    const mailbox::Entry& entry = selected_->shown()->index.at(number);
    if (command.changed_since && entry.modseq.value() <= *command.changed_since) continue;
    numbers.push_back(number);
    if (!(entry.flags & mailbox::flag::seen)) unseen.add(entry.uid.value());
  }
  if (numbers.empty()) co_return std::nullopt;

  // §6.4.5: \Seen is set, and told of with the message. A store that takes nothing now is no reason to keep
  // a message from who wants to read it.
  NumberSet now_seen;
  if (sets_seen(command) && selected_->access() == mailbox::Access::ReadWrite && !unseen.empty()) {
    mailbox::FlagChange seen{
        .how = mailbox::FlagChange::How::Add, .system = mailbox::flag::seen, .keywords = {}};
    auto stored = co_await selected_->store(unseen, std::move(seen));
    if (stored) {
      now_seen = std::move(stored->changed);
      reveal(now_seen);
    }
  }

  const mailbox::SnapshotPtr shown = selected_->shown();
  std::vector<mailbox::Entry> entries;
  for (const std::uint32_t number : numbers) entries.push_back(shown->index.at(number));
  mailbox::Records structures, fields, locators;
  if (needs_structure) {
    auto got = co_await selected_->read(mailbox::Kept::Structure, entries);
    if (!got) co_return got.error();
    structures = std::move(*got);
  }
  if (bodies.need_fields()) {
    auto got = co_await selected_->read(mailbox::Kept::Fields, entries);
    if (!got) co_return got.error();
    fields = std::move(*got);
  }
  if (!bodies.empty()) {
    auto got = co_await selected_->read(mailbox::Kept::Locator, entries);
    if (!got) co_return got.error();
    locators = std::move(*got);
  }

  std::optional<mailbox::Refusal> trouble;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const mailbox::Entry& entry = entries[i];
    std::optional<mime::Stored> structure;
    if (needs_structure) {
      if (structures[i].empty()) {
        trouble = mailbox::Refusal::Expunged;
        continue;
      }
      const auto read = mime::Stored::read(structures[i]);
      if (!read) {
        trouble = mailbox::Refusal::Damaged;
        services_.log(MessageDamaged{.account = mailboxes_->account().value(),
                                     .mailbox = selected_->mailbox().value(),
                                     .uid = entry.uid.value()});
        continue;
      }
      structure = *read;
    }
    Source source{.octets = Octets(*selected_, bodies.empty() ? std::string_view() : locators[i]),
                  .structure = structure ? &*structure : nullptr,
                  .fields = bodies.need_fields() ? fields[i] : std::string_view()};
    // Opened before anything is said of it: a message that is gone is left out, not half told.
    if (!bodies.empty()) {
      const auto refusal = co_await bodies.open(source);
      if (refusal) {
        trouble = refusal;
        if (*refusal == mailbox::Refusal::Damaged)
          services_.log(MessageDamaged{.account = mailboxes_->account().value(),
                                       .mailbox = selected_->mailbox().value(),
                                       .uid = entry.uid.value()});
        continue;
      }
    }
    imap::Renderer out = say();
    out.fetch_begin(numbers[i]);
    if (command.uid || command.wants(FetchItem::Uid)) out.fetch_uid(entry.uid);
    const bool flags_told = command.wants(FetchItem::Flags) || now_seen.contains(entry.uid.value());
    if (flags_told) say_entry_flags(out, entry, *shown);
    if (command.wants(FetchItem::ModSeq) || (flags_told && condstore_)) out.fetch_mod_seq(entry.modseq);
    if (command.wants(FetchItem::InternalDate)) out.fetch_internal_date({.seconds = entry.internal_date});
    if (command.wants(FetchItem::Rfc822Size)) out.fetch_size(entry.octets);
    if (command.wants(FetchItem::SaveDate)) out.fetch_save_date(imap::DateTime{.seconds = entry.save_date});
    if (command.wants(FetchItem::EmailId)) out.fetch_email_id(object_id(entry.home));
    if (command.wants(FetchItem::ThreadId)) out.fetch_thread_id(std::nullopt);
    if (command.wants(FetchItem::Preview)) {
      const auto summary = structure->summary();
      out.fetch_preview(summary ? std::optional<std::string_view>(summary->preview) : std::nullopt);
    }
    if (command.wants(FetchItem::Envelope)) {
      out.fetch_item("ENVELOPE");
      out.raw(structure->envelope());
    }
    if (command.wants(FetchItem::BodyStructure)) {
      out.fetch_item("BODYSTRUCTURE");
      out.raw(structure->bodystructure());
    }
    if (command.wants(FetchItem::Body)) {
      out.fetch_item("BODY");
      out.raw(mime::derive_body(structure->bodystructure()));
    }
    for (std::size_t n = 0; n < bodies.size(); ++n) {
      const auto streamed = co_await bodies.render(n, source, out);
      if (!streamed) continue;
      co_await send();
      co_await bodies.stream(*streamed, source, stream_);
    }
    out.fetch_end();
    co_await send_if_much();
  }
  co_return trouble;
}

}  // namespace postroad::imapd
