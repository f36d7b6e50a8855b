// Mailboxes as wholes (RFC 9051 §6.3). LIST is in list.cc, SELECT in selected.cc.
#include <algorithm>

#include "base/ascii.h"
#include "imapd/object_id.h"
#include "imapd/session.h"

namespace postroad::imapd {
namespace {

// The engine writes "/" between levels. With another separator the two change places, both ways alike, so
// that every name has one spelling on either side.
std::string swapped(std::string_view name, char separator) {
  std::string out(name);
  if (separator == '/') return out;
  for (char& c : out) {
    if (c == separator)
      c = '/';
    else if (c == '/')
      c = separator;
  }
  return out;
}

std::optional<mailbox::SpecialUse> special_use(std::string_view attribute) {
  using mailbox::SpecialUse;
  static constexpr std::pair<std::string_view, SpecialUse> all[]{
      {"\\All", SpecialUse::All},       {"\\Archive", SpecialUse::Archive},
      {"\\Drafts", SpecialUse::Drafts}, {"\\Flagged", SpecialUse::Flagged},
      {"\\Junk", SpecialUse::Junk},     {"\\Sent", SpecialUse::Sent},
      {"\\Trash", SpecialUse::Trash},   {"\\Important", SpecialUse::Important}};
  for (const auto& [name, use] : all)
    if (ascii::iequals(attribute, name)) return use;
  return std::nullopt;
}

}  // namespace

std::string Session::inside(std::string_view name) const { return swapped(name, separator()); }
std::string Session::outside(std::string_view name) const { return swapped(name, separator()); }

net::task<Answer> Session::on(const imap::Create& command) {
  // RFC 6154 §3: one use is all a mailbox of ours can have.
  mailbox::SpecialUse use = mailbox::SpecialUse::None;
  if (command.special_use.size() > 1)
    co_return Answer::no(imap::code::use_attr, "A mailbox has one special use at most");
  if (!command.special_use.empty()) {
    const auto found = special_use(command.special_use.front());
    if (!found) co_return Answer::no(imap::code::use_attr, "This special use is not known here");
    // These would be views of other mailboxes, which we do not make (RFC 6154 §2).
    if (*found == mailbox::SpecialUse::All || *found == mailbox::SpecialUse::Flagged)
      co_return Answer::no(imap::code::use_attr, "A mailbox of this special use cannot be created");
    use = *found;
  }
  const auto made = co_await mailboxes_->create(inside(command.mailbox.text()), use);
  if (!made) co_return refused(made.error());
  co_return Answer::ok("Created", imap::code::mailbox_id(object_id(made->id)));
}

net::task<Answer> Session::on(const imap::Delete& command) {
  const std::string name = inside(command.mailbox.text());
  const auto tree = co_await mailboxes_->tree();
  if (!tree) co_return refused(tree.error());
  const mailbox::MailboxInfo* const found = (*tree)->find(name);
  const bool selected = found && selected_ && selected_->mailbox() == found->id;
  const auto removed = co_await mailboxes_->remove(name);
  if (!removed) co_return refused(removed.error());
  if (selected) unselect();  // our own doing: no reason to be thrown out
  co_return Answer::ok("Deleted");
}

net::task<Answer> Session::on(const imap::Rename& command) {
  const auto renamed = co_await mailboxes_->rename(inside(command.from.text()), inside(command.to.text()));
  if (!renamed) co_return refused(renamed.error());
  co_return Answer::ok("Renamed");
}

net::task<Answer> Session::on(const imap::Subscribe& command) {
  const auto done = co_await mailboxes_->subscribe(inside(command.mailbox.text()));
  if (!done) co_return refused(done.error());
  co_return Answer::ok("Subscribed");
}

net::task<Answer> Session::on(const imap::Unsubscribe& command) {
  const auto done = co_await mailboxes_->unsubscribe(inside(command.mailbox.text()));
  if (!done) co_return refused(done.error());
  co_return Answer::ok("Unsubscribed");
}

void Session::say_status(std::string_view name, const mailbox::Status& status, std::uint16_t items) {
  using imap::StatusItem;
  const auto wants = [items](StatusItem item) { return (items & static_cast<std::uint16_t>(item)) != 0; };
  const mailbox::Summary& summary = status.summary;
  imap::StatusValues values;
  if (wants(StatusItem::Messages)) values.messages = summary.messages;
  if (wants(StatusItem::Recent)) values.recent = summary.recent;
  if (wants(StatusItem::UidNext)) values.uid_next = summary.uid_next.value();
  if (wants(StatusItem::UidValidity)) values.uid_validity = status.uid_validity.value();
  if (wants(StatusItem::Unseen)) values.unseen = summary.unseen;
  if (wants(StatusItem::Deleted)) values.deleted = summary.deleted;
  if (wants(StatusItem::DeletedStorage)) values.deleted_storage = summary.deleted_octets;
  if (wants(StatusItem::Size)) values.size = summary.octets;
  if (wants(StatusItem::HighestModSeq)) values.highest_mod_seq = highest(summary);
  const std::string id = object_id(status.mailbox);
  if (wants(StatusItem::MailboxId)) values.mailbox_id = id;
  if (wants(StatusItem::AppendLimit))
    values.append_limit.emplace(
        static_cast<std::uint32_t>(std::min<std::uint64_t>(settings_.limits.message.value(), UINT32_MAX)));
  say().status(outside(name), values);
}

net::task<Answer> Session::on(const imap::Status& command) {
  const std::string name = inside(command.mailbox.text());
  const auto status = co_await mailboxes_->status(name);
  if (!status) co_return refused(status.error());
  // RFC 7162 §3.1: who asks for it knows it.
  if (command.items & static_cast<std::uint16_t>(imap::StatusItem::HighestModSeq)) condstore_ = true;
  say_status(name, *status, command.items);
  co_return Answer::ok("Status is complete");
}

// RFC 2342: all that is here is one's own.
net::task<Answer> Session::on(const imap::Namespace&) {
  const imap::NamespacePrefix own{.prefix = "", .delimiter = separator()};
  say().name_space({&own, 1}, {}, {});
  co_return Answer::ok("Namespace is complete");
}

}  // namespace postroad::imapd
