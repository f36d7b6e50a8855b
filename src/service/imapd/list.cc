// LIST and LSUB (RFC 9051 §6.3.9, RFC 5258, RFC 3501 §6.3.9).
//
// What is listed: mailboxes that match, levels above mailboxes that match and are none themselves
// (\NonExistent), and subscribed names that match, whether there is a mailbox or not.
#include <algorithm>
#include <map>

#include "imap/list_pattern.h"
#include "imapd/session.h"

namespace postroad::imapd {
namespace {

using imap::ListReturn;
using imap::ListSelection;
using imap::MailboxAttribute;

constexpr std::uint32_t bit(MailboxAttribute attribute) { return static_cast<std::uint32_t>(attribute); }

std::uint32_t attribute_of(mailbox::SpecialUse use) {
  using mailbox::SpecialUse;
  switch (use) {
    case SpecialUse::None: return 0;
    case SpecialUse::All: return bit(MailboxAttribute::All);
    case SpecialUse::Archive: return bit(MailboxAttribute::Archive);
    case SpecialUse::Drafts: return bit(MailboxAttribute::Drafts);
    case SpecialUse::Flagged: return bit(MailboxAttribute::Flagged);
    case SpecialUse::Junk: return bit(MailboxAttribute::Junk);
    case SpecialUse::Sent: return bit(MailboxAttribute::Sent);
    case SpecialUse::Trash: return bit(MailboxAttribute::Trash);
    case SpecialUse::Important: return bit(MailboxAttribute::Important);
  }
  return 0;
}

// Patterns speak of the client's names; so do names that are matched.
class Patterns {
 public:
  Patterns(const std::string& reference, const std::vector<std::string>& patterns, char separator) {
    for (const std::string& pattern : patterns) all_.emplace_back(reference + pattern, separator);
  }
  bool match(std::string_view name) const {
    return std::ranges::any_of(all_, [&](const auto& p) { return p.match(name) == imap::PatternMatch::Yes; });
  }

 private:
  std::vector<imap::ListPattern> all_;
};

struct Line {
  std::uint32_t attributes = 0;
  const mailbox::MailboxInfo* mailbox = nullptr;
  bool child_subscribed = false;
};
using Lines = std::map<std::string, Line, std::less<>>;  // by the engine's name

// Calls f with each level above `name`.
template <class F>
void each_above(std::string_view name, F&& f) {
  for (std::size_t at = name.find('/'); at != std::string_view::npos; at = name.find('/', at + 1))
    f(name.substr(0, at));
}

}  // namespace

net::task<Answer> Session::on(const imap::List& command) {
  // Not extended and without a name it asks for the separator (§6.3.9).
  if (!command.extended && command.patterns.size() == 1 && command.patterns.front().empty()) {
    say().list({.attributes = bit(MailboxAttribute::NoSelect), .delimiter = separator(), .name = ""});
    co_return Answer::ok("List is complete");
  }
  const auto selects = [&](ListSelection what) {
    return (command.selection & static_cast<unsigned>(what)) != 0;
  };
  const auto returns = [&](ListReturn what) { return (command.returns & static_cast<unsigned>(what)) != 0; };
  auto got = co_await mailboxes_->tree();
  if (!got) co_return refused(got.error());
  const mailbox::TreePtr tree = std::move(*got);
  const Patterns patterns(command.reference, command.patterns, separator());
  const bool subscribed_only = selects(ListSelection::Subscribed);
  const bool special_only = selects(ListSelection::SpecialUse);
  const bool recursive = selects(ListSelection::RecursiveMatch);

  // RFC 5258 §3.1, §3.5: the selection chooses, RECURSIVEMATCH adds the parents of what was chosen.
  Lines lines;
  const auto take = [&](std::string_view name, const mailbox::MailboxInfo* mailbox) {
    if (patterns.match(outside(name))) {
      Line& line = lines[std::string(name)];
      line.mailbox = mailbox ? mailbox : line.mailbox;
    } else if (!subscribed_only) {
      // A level that is no mailbox stands for those below it that the pattern does not reach.
      each_above(name, [&](std::string_view above) {
        if (!tree->find(above) && patterns.match(outside(above))) lines.try_emplace(std::string(above));
      });
    }
    if (recursive && subscribed_only)
      each_above(name, [&](std::string_view above) {
        if (!patterns.match(outside(above))) return;
        Line& line = lines[std::string(above)];
        line.mailbox = tree->find(above);
        line.child_subscribed = true;
      });
  };
  if (subscribed_only) {
    for (const std::string& name : tree->subscribed) take(name, tree->find(name));
  } else {
    for (const auto& mailbox : tree->mailboxes)
      if (!special_only || mailbox->use != mailbox::SpecialUse::None) take(mailbox->name, mailbox.get());
  }

  std::vector<mailbox::Status> statuses;
  if (returns(ListReturn::Status)) {
    auto all = co_await mailboxes_->statuses();
    if (!all) co_return refused(all.error());
    statuses = std::move(*all);
  }

  for (auto& [name, line] : lines) {
    if (special_only && (!line.mailbox || line.mailbox->use == mailbox::SpecialUse::None)) continue;
    std::uint32_t attributes = line.mailbox ? attribute_of(line.mailbox->use) : 0;
    if (!line.mailbox)
      attributes |= command.extended ? bit(MailboxAttribute::NonExistent) : bit(MailboxAttribute::NoSelect);
    attributes |=
        tree->has_children(name) ? bit(MailboxAttribute::HasChildren) : bit(MailboxAttribute::HasNoChildren);
    if ((subscribed_only || returns(ListReturn::Subscribed)) && tree->subscribed.contains(name))
      attributes |= bit(MailboxAttribute::Subscribed);
    const std::string shown = outside(name);
    say().list({.attributes = attributes,
                .delimiter = separator(),
                .name = shown,
                .child_info_subscribed = line.child_subscribed});
    if (returns(ListReturn::Status) && line.mailbox)
      for (const mailbox::Status& status : statuses)
        if (status.mailbox == line.mailbox->id) say_status(name, status, command.status);
    co_await send_if_much();
  }
  co_return Answer::ok("List is complete");
}

// RFC 3501 §6.3.9: subscribed names; with "%" also levels above them, as \Noselect.
net::task<Answer> Session::on(const imap::Lsub& command) {
  auto got = co_await mailboxes_->tree();
  if (!got) co_return refused(got.error());
  const mailbox::TreePtr tree = std::move(*got);
  const Patterns patterns(command.reference, command.patterns, separator());
  std::map<std::string, bool, std::less<>> names;  // and whether it is subscribed itself
  for (const std::string& name : tree->subscribed) {
    if (patterns.match(outside(name)))
      names[name] = true;
    else
      each_above(name, [&](std::string_view above) {
        if (patterns.match(outside(above))) names.try_emplace(std::string(above), false);
      });
  }
  for (const auto& [name, subscribed] : names) {
    const std::string shown = outside(name);
    say().lsub({.attributes = subscribed && tree->find(name) ? 0 : bit(MailboxAttribute::NoSelect),
                .delimiter = separator(),
                .name = shown});
    co_await send_if_much();
  }
  co_return Answer::ok("Lsub is complete");
}

}  // namespace postroad::imapd
