// The selected mailbox: opening and closing it, what changes in it as a whole, and what is told unasked
// (RFC 9051 §6.3.2, §6.4, §7; RFC 7162).
#include <algorithm>

#include "imapd/object_id.h"
#include "imapd/session.h"

namespace postroad::imapd {
namespace {

constexpr std::uint8_t recent_flag = static_cast<std::uint8_t>(imap::SystemFlag::Recent);

std::uint32_t first_unseen(const mailbox::Snapshot& snapshot) {
  if (snapshot.summary.unseen == 0) return 0;
  for (const mailbox::Index::Slot& slot : snapshot.index.slots())
    for (std::uint32_t i = 0; i < slot.page->entries.size(); ++i)
      if (!(slot.page->entries[i].flags & mailbox::flag::seen)) return slot.before + i + 1;
  return 0;
}

std::vector<std::string_view> names_of(const mailbox::Keywords& keywords) {
  std::vector<std::string_view> names;
  for (const std::string& name : keywords)
    if (!name.empty()) names.push_back(name);
  return names;
}

NumberSet uids(const std::vector<Uid>& list) {
  NumberSet set;
  for (const Uid uid : list) set.add(uid.value());
  return set;
}

// What the client may be told while expunges must wait: all of `to`, and those of `from` that are gone still
// in their places. Their numbers stay as they are, so new messages and flags can be told of at once.
mailbox::SnapshotPtr with_the_gone(const mailbox::Snapshot& from, const mailbox::Snapshot& to,
                                   const mailbox::Changes& changes) {
  mailbox::Editor editor(to.index);
  auto kept = std::make_shared<mailbox::Snapshot>(to);
  for (const auto& gone : changes.gone) {
    const mailbox::Entry& entry = from.index.at(gone.sequence);
    editor.add(entry);
    kept->summary.count(entry);
  }
  kept->summary.uid_next = to.summary.uid_next;
  kept->index = editor.finish();
  return kept;
}

}  // namespace

std::vector<std::string_view> Session::keywords_of(const mailbox::Entry& entry,
                                                   const mailbox::Snapshot& snapshot) const {
  std::vector<std::string_view> names;
  for (std::size_t n = 0; n < snapshot.keywords->size() && entry.keywords >> n != 0; ++n)
    if (entry.keywords >> n & 1 && !(*snapshot.keywords)[n].empty()) names.push_back((*snapshot.keywords)[n]);
  return names;
}

void Session::say_entry_flags(imap::Renderer& out, const mailbox::Entry& entry,
                              const mailbox::Snapshot& snapshot) const {
  std::uint8_t system = entry.flags & mailbox::flag::system;
  if (selected_->recent().contains(entry.uid.value())) system |= recent_flag;
  if (entry.keywords == 0)
    out.fetch_flags(system);
  else
    out.fetch_flags(system, keywords_of(entry, snapshot));
}

void Session::say_flags(const mailbox::Snapshot& snapshot) {
  const auto keywords = names_of(*snapshot.keywords);
  say().flags_line(mailbox::flag::system, keywords);
  const bool writable = selected_->access() == mailbox::Access::ReadWrite;
  const auto none = std::span<const std::string_view>();
  say().untagged(imap::Condition::Ok,
                 imap::code::permanent_flags(writable ? mailbox::flag::system : std::uint8_t{0},
                                             writable ? std::span<const std::string_view>(keywords) : none,
                                             writable && keywords.size() < mailbox::keyword_limit),
                 writable ? "These are kept" : "Nothing is changed in a mailbox opened read-only");
}

void Session::unselect() {
  selected_.reset();
  saved_ = {};
  dialect_.state = imap::State::Authenticated;
}

// §6.3.2. What was selected is not any more, even if this fails.
net::task<Answer> Session::on(const imap::Select& command) {
  if (command.qresync && !qresync_) co_return Answer::bad("Say ENABLE QRESYNC first");  // RFC 7162 §3.2.5
  if (selected_) {
    unselect();
    if (qresync_) say().untagged(imap::Condition::Ok, imap::code::closed, "The mailbox before is closed");
  }
  const auto access = command.read_only ? mailbox::Access::ReadOnly : mailbox::Access::ReadWrite;
  auto opened = co_await mailboxes_->select(inside(command.mailbox.text()), access);
  if (!opened) co_return refused(opened.error());
  if (command.condstore || command.qresync) condstore_ = true;
  selected_ = std::move(*opened);
  dialect_.state = imap::State::Selected;

  const mailbox::SnapshotPtr shown = selected_->shown();
  const mailbox::Summary& summary = shown->summary;
  say_flags(*shown);
  say().exists(summary.messages);
  say().recent(static_cast<std::uint32_t>(selected_->recent().size()));
  using imap::Condition;
  if (const std::uint32_t number = first_unseen(*shown))
    say().untagged(Condition::Ok, imap::code::unseen(number), "The first that was not read");
  say().untagged(Condition::Ok, imap::code::uid_validity(shown->uid_validity), "UIDs are valid");
  say().untagged(Condition::Ok, imap::code::uid_next(summary.uid_next), "The next UID");
  say().untagged(Condition::Ok, imap::code::highest_mod_seq(ModSeq{highest(summary)}), "The highest");
  say().untagged(Condition::Ok, imap::code::mailbox_id(object_id(shown->mailbox)), "The mailbox");
  if (command.qresync) co_await say_since(*command.qresync);
  co_return Answer::ok("The mailbox is open",
                       std::string(command.read_only ? imap::code::read_only : imap::code::read_write));
}

// RFC 7162 §3.2.5: what a client that was here before has missed.
net::task<void> Session::say_since(const imap::QResync& known) {
  const mailbox::SnapshotPtr shown = selected_->shown();
  if (known.uid_validity != shown->uid_validity) co_return;
  const std::uint32_t last = std::max(shown->summary.uid_next.value(), 2u) - 1;
  const NumberSet among = known.known_uids ? known.known_uids->resolve(last) : NumberSet::of({{1, last}});
  const auto vanished = co_await selected_->vanished(known.mod_seq, among);
  if (vanished && !vanished->empty()) say().vanished(*vanished, true);
  for (const mailbox::Index::Slot& slot : shown->index.slots()) {
    for (std::uint32_t i = 0; i < slot.page->entries.size(); ++i) {
      const mailbox::Entry& entry = slot.page->entries[i];
      if (entry.modseq <= known.mod_seq || !among.contains(entry.uid.value())) continue;
      say_change(slot.before + i + 1, entry, *shown);
    }
    co_await send_if_much();
  }
}

// An untagged FETCH that tells of a message's flags.
void Session::say_change(std::uint32_t number, const mailbox::Entry& entry,
                         const mailbox::Snapshot& snapshot) {
  imap::Renderer out = say();
  out.fetch_begin(number);
  if (qresync_) out.fetch_uid(entry.uid);
  say_entry_flags(out, entry, snapshot);
  if (condstore_) out.fetch_mod_seq(entry.modseq);
  out.fetch_end();
}

net::task<Answer> Session::on(const imap::Check&) { co_return Answer::ok("Checked"); }

net::task<Answer> Session::on(const imap::Unselect&) {
  unselect();
  co_return Answer::ok("Unselected");
}

// §6.4.1: expunges, and tells nobody here of it.
net::task<Answer> Session::on(const imap::Close&) {
  if (selected_->access() == mailbox::Access::ReadWrite) {
    const auto gone =
        co_await selected_->expunge(selected_->shown()->index.all_uids(), mailbox::Which::FlaggedDeleted);
    if (!gone) co_return refused(gone.error());
  }
  unselect();
  co_return Answer::ok("Closed");
}

net::task<Answer> Session::on(const imap::Expunge& command) {
  const mailbox::Index& index = selected_->shown()->index;
  NumberSet among = index.all_uids();
  if (command.uids) {
    auto chosen = named(*command.uids, true);
    if (!chosen) co_return chosen.error();
    among = std::move(*chosen);
  }
  const auto gone = co_await selected_->expunge(std::move(among), mailbox::Which::FlaggedDeleted);
  if (!gone) co_return refused(gone.error());
  // The EXPUNGEs themselves are news like others' (§7.5.1).
  co_await tell_news(Expunges::May);
  co_return Answer::ok("Expunged", qresync_ ? imap::code::highest_mod_seq(selected_->shown()->summary.highest)
                                            : std::string());
}

// RFC 2177. The waiting is done where all waiting is, in wait_for_client().
net::task<Answer> Session::on(const imap::Idle&) {
  say().continuation(texts::idling);
  reader_.expect_line(64);
  if (selected_) co_await tell_news(Expunges::May);
  co_return Answer::said();
}

net::task<Answer> Session::on(const imap::Copy& command) {
  auto chosen = named(command.set, command.uid);
  if (!chosen) co_return chosen.error();
  if (chosen->empty()) co_return Answer::ok("Nothing to copy");
  const auto copied = co_await selected_->copy(std::move(*chosen), inside(command.mailbox.text()));
  if (!copied) co_return refused(copied.error(), Target::MayBeCreated);
  if (copied->source.empty()) co_return Answer::no(imap::code::expunge_issued, texts::some_expunged);
  co_return Answer::ok(
      "Copied", imap::code::copy_uid(copied->uid_validity, uids(copied->source), uids(copied->target)));
}

// RFC 6851 §4.3: COPYUID comes before the EXPUNGEs, in an untagged OK.
net::task<Answer> Session::on(const imap::Move& command) {
  auto chosen = named(command.set, command.uid);
  if (!chosen) co_return chosen.error();
  if (chosen->empty()) co_return Answer::ok("Nothing to move");
  const auto moved = co_await selected_->move(std::move(*chosen), inside(command.mailbox.text()));
  if (!moved) co_return refused(moved.error(), Target::MayBeCreated);
  if (moved->source.empty()) co_return Answer::no(imap::code::expunge_issued, texts::some_expunged);
  say().untagged(imap::Condition::Ok,
                 imap::code::copy_uid(moved->uid_validity, uids(moved->source), uids(moved->target)),
                 "Moved");
  co_await tell_news(Expunges::May);
  co_return Answer::ok(
      "Moved", qresync_ ? imap::code::highest_mod_seq(selected_->shown()->summary.highest) : std::string());
}

// --- what is told unasked -------------------------------------------------------------------------------

Result<NumberSet, Answer> Session::named(const imap::SequenceSet& set, bool uid) const {
  const mailbox::Snapshot& shown = *selected_->shown();
  NumberSet found;
  if (uid) {
    const std::uint32_t largest =
        shown.index.empty() ? shown.summary.uid_next.value() : shown.index.last_uid().value();
    found = shown.index.uids_of(shown.index.sequences_of(set.resolve(largest)));
  } else {
    const std::uint32_t messages = shown.index.size();
    if (set.largest() > messages || (set.has_star() && messages == 0))
      return refuse(Answer::bad(texts::no_such_message));
    found = shown.index.uids_of(set.resolve(messages));
  }
  if (set.saved_result()) found = unite(found, shown.index.uids_of(shown.index.sequences_of(saved_)));
  return found;
}

// RFC 9051 §7.5.1. Commands by UID may be told of expunges.
Session::Expunges Session::expunges_after(const imap::Command& command) {
  if (const auto* fetch = std::get_if<imap::Fetch>(&command))
    return fetch->uid ? Expunges::May : Expunges::Wait;
  if (const auto* store = std::get_if<imap::Store>(&command))
    return store->uid ? Expunges::May : Expunges::Wait;
  if (const auto* search = std::get_if<imap::Search>(&command))
    return search->uid ? Expunges::May : Expunges::Wait;
  return Expunges::May;
}

net::task<void> Session::tell_news(Expunges expunges) {
  if (selected_->gone()) {
    say_goodbye(imap::code::none, texts::mailbox_gone);
    co_return;
  }
  const mailbox::SnapshotPtr before = selected_->shown();
  mailbox::SnapshotPtr now = selected_->latest();
  if (now == before) co_return;
  mailbox::Changes changes = mailbox::compare(*before, *now);
  if (!changes.gone.empty() && expunges == Expunges::Wait) {
    now = with_the_gone(*before, *now, changes);
    changes = mailbox::compare(*before, *now);
  }
  const std::uint64_t recent = selected_->recent().size();
  selected_->show(now);

  // From the last to the first, so that no number is changed by the one before it.
  if (qresync_) {
    NumberSet vanished;
    for (const auto& gone : changes.gone) vanished.add(gone.uid.value());
    say().vanished(vanished, false);
  } else {
    for (std::size_t i = changes.gone.size(); i-- > 0;) {
      say().expunge(changes.gone[i].sequence);
      co_await send_if_much();
    }
  }
  if (changes.first_new != 0) {
    say().exists(now->index.size());
    if (selected_->recent().size() != recent)
      say().recent(static_cast<std::uint32_t>(selected_->recent().size()));
  }
  if (changes.keywords) say_flags(*now);
  for (const std::uint32_t number : changes.changed) {
    say_change(number, now->index.at(number), *now);
    co_await send_if_much();
  }
}

void Session::reveal(const NumberSet& changed) {
  const mailbox::SnapshotPtr latest = selected_->latest();
  const mailbox::Snapshot& shown = *selected_->shown();
  mailbox::Editor editor(shown.index);
  editor.change(changed, [&](mailbox::Entry& entry) {
    const mailbox::Entry* const now = latest->index.find(entry.uid);
    if (!now || *now == entry) return false;
    entry = *now;
    return true;
  });
  auto next = std::make_shared<mailbox::Snapshot>(shown);
  next->index = editor.finish();
  if (*latest->keywords != *shown.keywords) {
    next->keywords = latest->keywords;
    say_flags(*next);
  }
  selected_->show(std::move(next));
}

}  // namespace postroad::imapd
