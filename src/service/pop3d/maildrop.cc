#include "pop3d/maildrop.h"

#include "base/encoding.h"

namespace postroad::pop3d {

namespace {

// So many locators are looked up at once when messages are fetched in order.
constexpr std::uint32_t look_ahead = 64;
// Events and flags of so many messages go into one commit.
constexpr std::size_t at_once = 4'000;
// What a message of an account with erasure after days carries once it was retrieved.
constexpr std::string_view retrieved_keyword = "$Pop3Retrieved";

}  // namespace

Maildrop::Maildrop(mailbox::MaildropLock lock, std::unique_ptr<mailbox::Selected> inbox,
                   directory::Account owner)
    : lock_(std::move(lock)), inbox_(std::move(inbox)), owner_(std::move(owner)), marks_(highest()) {}

net::task<Result<std::unique_ptr<Maildrop>, mailbox::Refusal>> Maildrop::open(
    mailbox::Engine& engine, const directory::Account& owner) {
  mailbox::Session session(engine, owner.id);
  auto lock = co_await session.lock_maildrop();
  if (!lock) co_return refuse(lock.error());
  auto inbox = co_await session.select("INBOX", mailbox::Access::ReadWrite);
  if (!inbox) co_return refuse(inbox.error());
  co_return std::unique_ptr<Maildrop>(new Maildrop(std::move(*lock), std::move(*inbox), owner));
}

void Maildrop::mark(std::uint32_t message) {
  marks_[message - 1] |= Deleted;
  ++marked_count_;
  marked_octets_ += entry(message).octets;
}

void Maildrop::unmark_all() {
  for (std::uint8_t& mark : marks_) mark &= static_cast<std::uint8_t>(~Deleted);
  marked_count_ = 0;
  marked_octets_ = 0;
}

std::string Maildrop::unique_id(const mailbox::Entry& entry) {
  return base32(std::uint64_t{entry.home.space} << 32 | entry.home.uid);
}

net::task<Result<std::unique_ptr<mailbox::Content>, mailbox::Refusal>> Maildrop::content(
    std::uint32_t message) {
  const bool known =
      ahead_from_ != 0 && message >= ahead_from_ && message - ahead_from_ < ahead_entries_.size();
  if (!known) {
    const bool in_order = ahead_from_ != 0 && message == ahead_from_ + ahead_entries_.size();
    const std::uint32_t to = in_order ? std::min(highest(), message + look_ahead - 1) : message;
    ahead_entries_.clear();
    for (std::uint32_t n = message; n <= to; ++n) ahead_entries_.push_back(entry(n));
    ahead_from_ = message;
    auto records = co_await inbox_->read(mailbox::Kept::Locator, ahead_entries_);
    if (!records) {
      ahead_from_ = 0;
      co_return refuse(records.error());
    }
    ahead_ = std::move(*records);
  }
  const std::string_view locator = ahead_[message - ahead_from_];
  if (locator.empty()) co_return refuse(mailbox::Refusal::Expunged);
  co_return co_await inbox_->open(locator);
}

void Maildrop::note_retrieved(std::uint32_t message, std::uint64_t queue_id) {
  if (marks_[message - 1] & Retrieved) return;
  marks_[message - 1] |= Retrieved;
  ++retrieved_count_;
  collected_.emplace_back(message, queue_id);
}

// UIDs. Whatever else has happened to the mailbox, only these go: a message that came after the session began
// is never among them.
NumberSet Maildrop::to_erase(Time now) const {
  using Erase = directory::Pop3Erase;
  const auto old = seconds(now) - std::int64_t{owner_.pop3_erase_days} * 86'400;
  std::uint64_t was_retrieved = 0;
  const auto& keywords = *inbox_->shown()->keywords;
  for (std::size_t bit = 0; bit < keywords.size(); ++bit)
    if (keywords[bit] == retrieved_keyword) was_retrieved = std::uint64_t{1} << bit;
  NumberSet uids;
  inbox_->shown()->index.each([&](std::uint32_t message, const mailbox::Entry& e) {
    const std::uint8_t mark = marks_[message - 1];
    const bool retrieved = mark & Retrieved;
    const bool goes = (mark & Deleted) || (owner_.pop3_erase == Erase::OnRetrieval && retrieved) ||
                      (owner_.pop3_erase == Erase::AfterDays && (retrieved || (e.keywords & was_retrieved)) &&
                       std::int64_t{e.save_date} <= old);
    if (goes) uids.add(e.uid.value());
  });
  return uids;
}

net::task<Result<std::uint32_t, mailbox::Refusal>> Maildrop::update(Time now) {
  // What was fetched is seen, and collected in the ledger's eyes; first, for what is erased can tell no more.
  for (std::size_t i = 0; i < collected_.size(); i += at_once) {
    NumberSet uids;
    std::vector<ledger::Event> events;
    for (std::size_t n = i; n < std::min(collected_.size(), i + at_once); ++n) {
      const auto& [message, queue_id] = collected_[n];
      const Uid uid = entry(message).uid;
      uids.add(uid.value());
      if (queue_id == 0) continue;
      ledger::Event event{.type = ledger::Type::Collected, .at = now, .tenant = owner_.tenant};
      event.queue_id = QueueId{queue_id};
      event.with(ledger::Field::Account, owner_.id.value()).with(ledger::Field::Protocol, "POP3");
      event.with(ledger::Field::Mailbox, inbox_->mailbox().value()).with(ledger::Field::Uid, uid.value());
      events.push_back(std::move(event));
    }
    mailbox::FlagChange seen{.how = mailbox::FlagChange::How::Add, .system = mailbox::flag::seen};
    if (owner_.pop3_erase == directory::Pop3Erase::AfterDays) seen.keywords.emplace_back(retrieved_keyword);
    const auto noted = co_await inbox_->store(std::move(uids), std::move(seen), {}, std::move(events));
    // On a full disk the note is left out: who deletes makes room.
    if (!noted && noted.error() != mailbox::Refusal::DiskFull) co_return refuse(noted.error());
  }
  NumberSet uids = to_erase(now);
  if (uids.empty()) co_return 0u;
  const auto erased = co_await inbox_->expunge(std::move(uids), mailbox::Which::All, mailbox::Fate::Erased);
  if (!erased) co_return refuse(erased.error());
  co_return static_cast<std::uint32_t>(erased->size());
}

}  // namespace postroad::pop3d
