// APPEND (RFC 9051 §6.3.12; several messages at once: RFC 3502).
#include "imapd/incoming.h"
#include "imapd/session.h"

namespace postroad::imapd {
namespace {

std::vector<std::string> names_of(const imap::Flags& flags) {
  using imap::SystemFlag;
  static constexpr std::pair<SystemFlag, std::string_view> system[]{{SystemFlag::Answered, "\\Answered"},
                                                                    {SystemFlag::Flagged, "\\Flagged"},
                                                                    {SystemFlag::Deleted, "\\Deleted"},
                                                                    {SystemFlag::Seen, "\\Seen"},
                                                                    {SystemFlag::Draft, "\\Draft"}};
  std::vector<std::string> names = flags.keywords;
  for (const auto& [flag, name] : system)
    if (flags.has(flag)) names.emplace_back(name);
  return names;
}

}  // namespace

void Incoming::begin(const imap::AppendMessage& message, Time now) {
  flags_ = names_of(message.flags);
  date_ = message.date ? message.date->time() : now;
  may_hold_nul_ = message.literal8;
  octets_ += message.size;
  writer_.emplace(store_, limits_, message.size);
}

net::task<void> Incoming::take(std::string_view octets) {
  if (trouble_) co_return;
  nul_ |= !may_hold_nul_ && octets.find('\0') != std::string_view::npos;
  writer_->append(octets);
  const auto room = co_await writer_->drain();
  if (!room) trouble_ = room.error();
}

net::task<void> Incoming::end() {
  if (trouble_) co_return;
  auto message = co_await writer_->finish();
  if (!message) {
    trouble_ = message.error();
    co_return;
  }
  message->flags = std::move(flags_);
  message->internal_date = date_;
  messages_.push_back(std::move(*message));
  written_.push_back(std::move(*writer_));
  writer_.reset();
}

// --- the session ----------------------------------------------------------------------------------------

// All that can be known is known before the message is sent (attack 82).
net::task<std::optional<Answer>> Session::refuse_append(const imap::AppendTarget& target,
                                                        const imap::AppendMessage& message) {
  if (target.replaces) co_return Answer::bad(texts::not_offered);
  if (message.utf8) co_return Answer::bad(texts::not_offered);
  if (message.size > settings_.limits.message.value())
    co_return Answer::no(imap::code::too_big, "The message is larger than we take");
  switch (services_.store.status().health) {
    case store::Health::Good: break;
    case store::Health::Tight: co_return refused(mailbox::Refusal::DiskFull);
    case store::Health::Failed: co_return refused(mailbox::Refusal::Unavailable);
  }
  const auto tree = co_await mailboxes_->tree();
  if (!tree) co_return refused(tree.error());
  if (!(*tree)->find(inside(target.mailbox.text())))
    co_return refused(mailbox::Refusal::NoSuchMailbox, Target::MayBeCreated);
  const auto quota = co_await mailboxes_->quota();
  if (!quota) co_return refused(quota.error());
  const std::uint64_t before = incoming_ ? incoming_->octets() : 0;
  if ((quota->octet_limit != 0 && quota->octets + before + message.size > quota->octet_limit) ||
      (quota->message_limit != 0 && quota->messages + message.index + 1 > quota->message_limit))
    co_return refused(mailbox::Refusal::OverQuota);
  co_return std::nullopt;
}

net::task<void> Session::message_begins(const imap::AppendTarget& target,
                                        const imap::AppendMessage& message) {
  if (message.index == 0) incoming_.reset();
  const auto refusal = co_await refuse_append(target, message);
  if (refusal) {
    incoming_.reset();
    answer(target.tag, *refusal);
    if (!reader_.refuse_message()) say_goodbye(imap::code::too_big, texts::too_many_errors);
    co_return;
  }
  if (!incoming_)
    incoming_ = std::make_unique<Incoming>(services_.store, inside(target.mailbox.text()),
                                           config::reading_limits<mime::Limits>(settings_.limits));
  incoming_->begin(message, services_.clock.now());
  if (reader_.accept_message()) say().continuation(texts::go_on);
}

net::task<void> Session::message_octets(std::string_view octets) {
  if (incoming_) co_await incoming_->take(octets);
}

net::task<void> Session::message_ends() {
  if (incoming_) co_await incoming_->end();
}

net::task<void> Session::append_ends(const imap::AppendTarget& target) {
  const std::string tag = target.tag;
  const std::unique_ptr<Incoming> incoming = std::move(incoming_);
  if (!incoming) co_return;
  Answer ended;
  if (incoming->trouble()) {
    ended = refused(*incoming->trouble());
  } else if (incoming->nul()) {
    ended = Answer::no(imap::code::cannot, "A message with NUL must come in a literal8 (RFC 3516)");
  } else {
    const auto stored = co_await mailboxes_->append(incoming->mailbox(), incoming->messages());
    if (!stored) {
      ended = refused(stored.error(), Target::MayBeCreated);
    } else {
      NumberSet uids;
      for (const mailbox::Stored& one : *stored) uids.add(one.uid.value());
      ended = Answer::ok("Stored", imap::code::append_uid(stored->front().uid_validity, uids));
    }
  }
  if (selected_) co_await tell_news(Expunges::May);
  answer(tag, ended);
}

}  // namespace postroad::imapd
