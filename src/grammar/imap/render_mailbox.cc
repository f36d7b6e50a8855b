// Responses about mailboxes: LIST, STATUS, SEARCH, THREAD, NAMESPACE, and those of ACL, QUOTA, METADATA.
#include <utility>
#include <vector>

#include "imap/render.h"

namespace postroad::imap {
namespace {

constexpr std::pair<MailboxAttribute, std::string_view> attribute_names[]{
    {MailboxAttribute::NoInferiors, "\\Noinferiors"},
    {MailboxAttribute::NoSelect, "\\Noselect"},
    {MailboxAttribute::Marked, "\\Marked"},
    {MailboxAttribute::Unmarked, "\\Unmarked"},
    {MailboxAttribute::NonExistent, "\\NonExistent"},
    {MailboxAttribute::Subscribed, "\\Subscribed"},
    {MailboxAttribute::Remote, "\\Remote"},
    {MailboxAttribute::HasChildren, "\\HasChildren"},
    {MailboxAttribute::HasNoChildren, "\\HasNoChildren"},
    {MailboxAttribute::All, "\\All"},
    {MailboxAttribute::Archive, "\\Archive"},
    {MailboxAttribute::Drafts, "\\Drafts"},
    {MailboxAttribute::Flagged, "\\Flagged"},
    {MailboxAttribute::Junk, "\\Junk"},
    {MailboxAttribute::Sent, "\\Sent"},
    {MailboxAttribute::Trash, "\\Trash"},
    {MailboxAttribute::Important, "\\Important"},
};

// The numbers in their order, as a sequence-set: "2,10:11" (RFC 5267 §3.2).
void append_in_order(std::string& out, std::span<const std::uint32_t> numbers) {
  Renderer render(out);
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    if (i > 0) out.push_back(',');
    render.number(numbers[i]);
    if (last > i) {
      out.push_back(':');
      render.number(numbers[last]);
    }
    i = last + 1;
  }
}

}  // namespace

// --- LIST, LSUB, NAMESPACE, STATUS
// ----------------------------------------------------------------------------

void Renderer::delimiter(char c) {
  if (c == '\0') return raw("NIL");
  quoted({&c, 1});
}

void Renderer::listed(std::string_view response, const ListedMailbox& listed) {
  out_.append(response);
  bool space = false;
  for (const auto& [attribute, name] : attribute_names) {
    if (!(listed.attributes & static_cast<std::uint32_t>(attribute))) continue;
    if (space) out_.push_back(' ');
    space = true;
    out_.append(name);
  }
  out_.append(") ");
  delimiter(listed.delimiter);
  out_.push_back(' ');
  mailbox(listed.name);
  if (listed.child_info_subscribed || listed.old_name) {  // mbox-list-extended
    out_.append(" (");
    if (listed.child_info_subscribed) out_.append("\"CHILDINFO\" (\"SUBSCRIBED\")");
    if (listed.old_name) {
      out_.append(listed.child_info_subscribed ? " \"OLDNAME\" (" : "\"OLDNAME\" (");
      mailbox(*listed.old_name);
      out_.push_back(')');
    }
    out_.push_back(')');
  }
  out_.append("\r\n");
}

void Renderer::list(const ListedMailbox& mailbox) { listed("* LIST (", mailbox); }
void Renderer::lsub(const ListedMailbox& mailbox) { listed("* LSUB (", mailbox); }

void Renderer::namespaces(std::span<const NamespacePrefix> prefixes) {
  out_.push_back(' ');
  if (prefixes.empty()) return raw("NIL");
  out_.push_back('(');
  for (const auto& prefix : prefixes) {
    out_.push_back('(');
    mailbox(prefix.prefix);
    out_.push_back(' ');
    delimiter(prefix.delimiter);
    out_.push_back(')');
  }
  out_.push_back(')');
}

void Renderer::name_space(std::span<const NamespacePrefix> personal, std::span<const NamespacePrefix> others,
                          std::span<const NamespacePrefix> shared) {
  out_.append("* NAMESPACE");
  namespaces(personal);
  namespaces(others);
  namespaces(shared);
  out_.append("\r\n");
}

void Renderer::status(std::string_view name, const StatusValues& values) {
  out_.append("* STATUS ");
  mailbox(name);
  out_.append(" (");
  bool space = false;
  const auto label = [&](std::string_view item) {
    if (space) out_.push_back(' ');
    space = true;
    out_.append(item);
    out_.push_back(' ');
  };
  const auto value = [&](std::string_view item, const auto& number_of) {
    if (!number_of) return;
    label(item);
    number(*number_of);
  };
  value("MESSAGES", values.messages);
  value("RECENT", values.recent);
  value("UIDNEXT", values.uid_next);
  value("UIDVALIDITY", values.uid_validity);
  value("UNSEEN", values.unseen);
  value("DELETED", values.deleted);
  value("DELETED-STORAGE", values.deleted_storage);
  value("SIZE", values.size);
  value("HIGHESTMODSEQ", values.highest_mod_seq);
  if (values.mailbox_id) {
    label("MAILBOXID");
    out_.push_back('(');
    out_.append(*values.mailbox_id);
    out_.push_back(')');
  }
  if (values.append_limit) {
    label("APPENDLIMIT");
    if (*values.append_limit)
      number(**values.append_limit);
    else
      out_.append("NIL");
  }
  out_.append(")\r\n");
}

// --- The selected mailbox
// --------------------------------------------------------------------------------------

void Renderer::flags_line(std::uint8_t system, std::span<const std::string_view> keywords) {
  out_.append("* FLAGS ");
  flags(system, keywords);
  out_.append("\r\n");
}

void Renderer::exists(std::uint32_t messages) {
  out_.append("* ");
  number(messages);
  out_.append(" EXISTS\r\n");
}

void Renderer::recent(std::uint32_t messages) {
  out_.append("* ");
  number(messages);
  out_.append(" RECENT\r\n");
}

void Renderer::expunge(std::uint32_t message) {
  out_.append("* ");
  number(message);
  out_.append(" EXPUNGE\r\n");
}

void Renderer::vanished(const NumberSet& uids, bool earlier) {
  if (uids.empty()) return;
  out_.append(earlier ? "* VANISHED (EARLIER) " : "* VANISHED ");
  uids.print(out_);
  out_.append("\r\n");
}

// --- SEARCH, SORT, THREAD
// ----------------------------------------------------------------------------------------

void Renderer::numbers(std::string_view response, std::span<const std::uint32_t> numbers,
                       std::optional<std::uint64_t> mod_seq) {
  out_.append(response);
  for (const auto one : numbers) {
    out_.push_back(' ');
    number(one);
  }
  if (mod_seq && !numbers.empty()) {  // RFC 7162 §3.1.5
    out_.append(" (MODSEQ ");
    number(*mod_seq);
    out_.push_back(')');
  }
  out_.append("\r\n");
}

void Renderer::search(std::span<const std::uint32_t> found, std::optional<std::uint64_t> mod_seq) {
  numbers("* SEARCH", found, mod_seq);
}

void Renderer::sort(std::span<const std::uint32_t> found, std::optional<std::uint64_t> mod_seq) {
  numbers("* SORT", found, mod_seq);
}

void Renderer::esearch(const ESearchValues& values) {
  out_.append("* ESEARCH");
  if (!values.tag.empty()) {
    out_.append(" (TAG ");
    string(values.tag);
    out_.push_back(')');
  }
  if (values.uid) out_.append(" UID");
  const auto value = [&](std::string_view item, const auto& number_of) {
    if (!number_of) return;
    out_.append(item);
    number(*number_of);
  };
  value(" MIN ", values.min);
  value(" MAX ", values.max);
  value(" COUNT ", values.count);
  if (!values.sorted.empty()) {
    out_.append(" ALL ");
    append_in_order(out_, values.sorted);
  } else if (values.all && !values.all->empty()) {
    out_.append(" ALL ");
    values.all->print(out_);
  }
  value(" MODSEQ ", values.mod_seq);
  char before = '(';
  if (!values.relevancy.empty()) out_.append(" RELEVANCY ");
  for (const auto score : values.relevancy) {
    out_.push_back(std::exchange(before, ' '));
    number(score);
  }
  if (!values.relevancy.empty()) out_.push_back(')');
  out_.append("\r\n");
}

// thread-list = "(" (thread-members / thread-nested) ")"                                     (RFC 5256 §5)
//
// An only child stands behind its parent, several each have parentheses. References can form chains of
// thousands, so what is open is kept in a list and not on the stack.
void Renderer::thread(std::span<const ThreadNode> nodes) {
  struct Open {
    std::uint32_t children = 0;
    std::uint32_t left = 0;    // of the children
    bool parenthesis = false;  // to be closed when none is left
  };
  std::vector<Open> open;
  out_.append("* THREAD");
  if (!nodes.empty()) out_.push_back(' ');
  for (const ThreadNode& node : nodes) {
    const bool only_child = !open.empty() && open.back().children == 1;
    if (!open.empty()) --open.back().left;
    if (!only_child) out_.push_back('(');
    if (node.number != 0) number(node.number);
    if (node.number != 0 && node.children > 0) out_.push_back(' ');
    open.push_back({.children = node.children, .left = node.children, .parenthesis = !only_child});
    while (!open.empty() && open.back().left == 0) {
      if (open.back().parenthesis) out_.push_back(')');
      open.pop_back();
    }
  }
  out_.append("\r\n");
}

// --- ACL (RFC 4314 §3), QUOTA (RFC 9208 §4), METADATA (RFC 5464 §4.4)
// ----------------------------------------------

void Renderer::acl(std::string_view name,
                   std::span<const std::pair<std::string_view, std::string_view>> entries) {
  out_.append("* ACL ");
  mailbox(name);
  for (const auto& [identifier, rights] : entries) {
    out_.push_back(' ');
    astring(identifier);
    out_.push_back(' ');
    astring(rights);
  }
  out_.append("\r\n");
}

void Renderer::list_rights(std::string_view name, std::string_view identifier, std::string_view always,
                           std::span<const std::string_view> optional) {
  out_.append("* LISTRIGHTS ");
  mailbox(name);
  out_.push_back(' ');
  astring(identifier);
  out_.push_back(' ');
  astring(always);
  for (const auto rights : optional) {
    out_.push_back(' ');
    astring(rights);
  }
  out_.append("\r\n");
}

void Renderer::my_rights(std::string_view name, std::string_view rights) {
  out_.append("* MYRIGHTS ");
  mailbox(name);
  out_.push_back(' ');
  astring(rights);
  out_.append("\r\n");
}

void Renderer::quota(std::string_view root, std::span<const QuotaResource> resources) {
  out_.append("* QUOTA ");
  astring(root);
  out_.append(" (");
  bool space = false;
  for (const auto& resource : resources) {
    if (space) out_.push_back(' ');
    space = true;
    out_.append(resource.name);
    out_.push_back(' ');
    number(resource.usage);
    out_.push_back(' ');
    number(resource.limit);
  }
  out_.append(")\r\n");
}

void Renderer::quota_root(std::string_view name, std::span<const std::string_view> roots) {
  out_.append("* QUOTAROOT ");
  mailbox(name);
  for (const auto root : roots) {
    out_.push_back(' ');
    astring(root);
  }
  out_.append("\r\n");
}

void Renderer::metadata(
    std::string_view name,
    std::span<const std::pair<std::string_view, std::optional<std::string_view>>> values) {
  out_.append("* METADATA ");
  mailbox(name);
  char before = '(';
  out_.push_back(' ');
  for (const auto& [entry, value] : values) {
    out_.push_back(before);
    before = ' ';
    astring(entry);
    out_.push_back(' ');
    if (value && value->find('\0') != std::string_view::npos) {  // value = nstring / literal8
      literal8_header(value->size());
      out_.append(*value);
    } else {
      nstring(value);
    }
  }
  out_.append(")\r\n");
}

void Renderer::metadata_changed(std::string_view name, std::span<const std::string_view> entries) {
  out_.append("* METADATA ");
  mailbox(name);
  for (const auto entry : entries) {
    out_.push_back(' ');
    astring(entry);
  }
  out_.append("\r\n");
}

}  // namespace postroad::imap
