#include "mailbox/hot.h"

#include <algorithm>

#include "base/ascii.h"
#include "mailbox/keys.h"

namespace postroad::mailbox {

std::string canonical_name(std::string_view name) {
  std::string out(name);
  const auto level = out.substr(0, out.find('/'));
  if (ascii::iequals(level, "INBOX")) out.replace(0, level.size(), "INBOX");
  return out;
}

// --- Tree ----------------------------------------------------------------------------------------------

const MailboxInfo* Tree::find(std::string_view name) const {
  const std::string exact = canonical_name(name);
  const auto at = std::lower_bound(mailboxes.begin(), mailboxes.end(), exact,
                                   [](const auto& m, const std::string& n) { return m->name < n; });
  return at != mailboxes.end() && (*at)->name == exact ? at->get() : nullptr;
}

bool Tree::has_children(std::string_view name) const {
  const std::string below = canonical_name(name) + "/";
  const auto at = std::lower_bound(mailboxes.begin(), mailboxes.end(), below,
                                   [](const auto& m, const std::string& n) { return m->name < n; });
  return at != mailboxes.end() && (*at)->name.starts_with(below);
}

// --- Mailbox -------------------------------------------------------------------------------------------

void Mailbox::rename(std::string name) {
  record.name = std::move(name);
  auto told = std::make_shared<MailboxInfo>();
  *told = {.id = id, .name = record.name, .uid_validity = record.uid_validity, .use = record.use};
  info = std::move(told);
}

SnapshotPtr Mailbox::snapshot() const {
  auto made = std::make_shared<Snapshot>();
  made->mailbox = id;
  made->uid_validity = record.uid_validity;
  made->summary = published.summary;
  made->index = published.index;
  made->keywords = published.keywords;
  return made;
}

// --- Mailboxes -----------------------------------------------------------------------------------------

Mailbox& Hot::add(MailboxId id, MailboxRecord found) {
  auto mailbox = std::make_unique<Mailbox>();
  mailbox->id = id;
  mailbox->record = std::move(found);
  mailbox->published.summary = mailbox->record.summary;
  mailbox->published.keywords = std::make_shared<Keywords>(mailbox->record.keywords);
  mailbox->working = mailbox->published;
  mailbox->rename(mailbox->record.name);
  octets += mailbox->working.summary.octets;
  messages += mailbox->working.summary.messages;
  names_[mailbox->record.name] = mailbox.get();
  tree_changed();
  return *(mailboxes_[id] = std::move(mailbox));
}

void Hot::remove(Mailbox& mailbox) {
  octets -= mailbox.working.summary.octets;
  messages -= mailbox.working.summary.messages;
  names_.erase(mailbox.record.name);
  tree_changed();
  mailboxes_.erase(MailboxId{mailbox.id});
}

void Hot::rename(Mailbox& mailbox, std::string name) {
  names_.erase(mailbox.record.name);
  mailbox.rename(std::move(name));
  names_[mailbox.record.name] = &mailbox;
  tree_changed();
}

Mailbox* Hot::find(std::string_view name) {
  const auto at = names_.find(canonical_name(name));
  return at == names_.end() ? nullptr : at->second;
}

Mailbox* Hot::find(MailboxId id) {
  const auto at = mailboxes_.find(id);
  return at == mailboxes_.end() ? nullptr : at->second.get();
}

TreePtr Hot::tree() {
  if (tree_) return tree_;
  auto made = std::make_shared<Tree>();
  made->mailboxes.reserve(names_.size());
  for (const auto& [name, mailbox] : names_) made->mailboxes.push_back(mailbox->info);
  made->subscribed = subscribed;
  return tree_ = std::move(made);
}

// --- Reading in ----------------------------------------------------------------------------------------

namespace {

// Which pages an operation may change, for those that say it without an index.
void note_dirty(Mailbox& mailbox, const Operation& operation) {
  if (const auto* add = std::get_if<Add>(&operation)) {
    for (const Entry& e : add->entries) mailbox.dirty.add(touched_number(page_of(e.uid)));
  } else if (!std::holds_alternative<NameKeyword>(operation)) {
    mailbox.fold_needs_index = true;
  }
}

void name_keyword(State& state, const NameKeyword& name) {
  auto keywords = std::make_shared<Keywords>(*state.keywords);
  if (keywords->size() <= name.bit) keywords->resize(name.bit + 1u);
  (*keywords)[name.bit] = name.name;
  state.keywords = std::move(keywords);
}

// UIDs that lie in pages stored after `modseq`: what it did is in them already.
NumberSet settled(const std::vector<StoredPage>& pages, ModSeq modseq) {
  NumberSet uids;
  for (const StoredPage& page : pages) {
    if (page.as_of < modseq || page.entries.empty()) continue;
    const std::uint32_t first = page_of(page.entries.front().uid) << 8;
    uids.add(std::max(first, 1u), first | 255);
  }
  return uids;
}

Operation restricted(Operation operation, const NumberSet& taken) {
  if (taken.empty()) return operation;
  if (auto* add = std::get_if<Add>(&operation))
    std::erase_if(add->entries, [&](const Entry& e) { return taken.contains(e.uid.value()); });
  if (auto* flags = std::get_if<ChangeFlags>(&operation)) flags->uids = subtract(flags->uids, taken);
  if (auto* expunge = std::get_if<Expunge>(&operation)) expunge->uids = subtract(expunge->uids, taken);
  if (auto* share = std::get_if<Share>(&operation)) share->uids = subtract(share->uids, taken);
  return operation;
}

Result<Delta, RecordError> decode(const Unfolded& unfolded) {
  const std::vector<std::string_view> views(unfolded.parts.begin(), unfolded.parts.end());
  return decode_delta(unfolded.modseq, views);
}

}  // namespace

void Hot::replay(const Delta& delta, std::vector<std::string> parts) {
  Unfolded found{.modseq = delta.modseq, .parts = std::move(parts)};
  for (const Section& section : delta.sections) {
    found.weight += weight(section);
    Mailbox* mailbox = find(section.mailbox);
    if (!mailbox) continue;  // deleted since
    for (const Operation& operation : section.operations) note_dirty(*mailbox, operation);
    if (delta.modseq <= mailbox->record.as_of) continue;
    octets += section.after.octets - mailbox->working.summary.octets;
    messages += section.after.messages - mailbox->working.summary.messages;
    mailbox->working.summary = section.after;
    for (const Operation& operation : section.operations)
      if (const auto* name = std::get_if<NameKeyword>(&operation)) name_keyword(mailbox->working, *name);
    mailbox->published = mailbox->working;
  }
  for (const std::string& part : found.parts) unfolded_octets += part.size();
  unfolded_weight += found.weight;
  unfolded.push_back(std::move(found));
}

Result<bool, RecordError> Hot::load(Mailbox& mailbox, std::vector<StoredPage> pages) {
  std::vector<PagePtr> stored;
  stored.reserve(pages.size());
  ModSeq newest{};
  for (StoredPage& page : pages) {
    newest = std::max(newest, page.as_of);
    if (page.entries.empty()) continue;
    auto made = std::make_shared<Page>();
    made->number = page_of(page.entries.front().uid);
    made->entries = page.entries;
    stored.push_back(std::move(made));
  }
  Editor editor{Index(std::move(stored))};
  Summary counted = mailbox.published.summary;
  Keywords names = *mailbox.published.keywords;
  for (const Unfolded& since : unfolded) {
    auto delta = decode(since);
    if (!delta) return refuse(delta.error());
    const NumberSet taken = delta->modseq <= newest ? settled(pages, delta->modseq) : NumberSet{};
    for (Section& section : delta->sections) {
      if (section.mailbox != mailbox.id) continue;
      for (Operation& operation : section.operations) {
        if (std::holds_alternative<NameKeyword>(operation)) continue;
        apply(editor, counted, names, restricted(std::move(operation), taken), delta->modseq);
      }
    }
  }
  mailbox.dirty = unite(mailbox.dirty, editor.touched());
  mailbox.fold_needs_index = false;
  mailbox.published.index = editor.finish();
  mailbox.loaded = true;

  Summary recount = mailbox.published.summary;
  recount.messages = recount.unseen = recount.deleted = recount.recent = 0;
  recount.octets = recount.deleted_octets = 0;
  mailbox.published.index.each([&](std::uint32_t, const Entry& e) { recount.count(e); });
  const bool agrees = recount == mailbox.published.summary;
  if (!agrees) {
    octets += recount.octets - mailbox.published.summary.octets;
    messages += recount.messages - mailbox.published.summary.messages;
    mailbox.published.summary = recount;
  }
  mailbox.working = mailbox.published;
  return agrees;
}

NumberSet Hot::expunged_since(const Mailbox& mailbox, ModSeq since) const {
  NumberSet gone;
  for (const Unfolded& delta : unfolded) {
    if (delta.modseq <= since) continue;
    const auto read = decode(delta);
    if (!read) continue;
    for (const Section& section : read->sections)
      for (const Operation& operation : section.operations)
        if (const auto* expunge = std::get_if<Expunge>(&operation); expunge && section.mailbox == mailbox.id)
          gone = unite(gone, expunge->uids);
  }
  return gone;
}

void Hot::adopt(Mailbox& mailbox, Index index) {
  // Pages that differ from what is stored are those the deltas since speak of: as far as they exist, and all
  // of an Expunge, whose UIDs did exist.
  for (const Unfolded& since : unfolded) {
    const auto delta = decode(since);
    if (!delta) return;
    for (const Section& section : delta->sections) {
      if (section.mailbox != mailbox.id) continue;
      for (const Operation& operation : section.operations) {
        const NumberSet* uids = nullptr;
        if (const auto* flags = std::get_if<ChangeFlags>(&operation)) uids = &flags->uids;
        if (const auto* share = std::get_if<Share>(&operation)) uids = &share->uids;
        if (uids)
          index.each_uid(*uids, [&](std::uint32_t, const Entry& e) {
            mailbox.dirty.add(touched_number(page_of(e.uid)));
          });
        if (const auto* expunge = std::get_if<Expunge>(&operation))
          for (const NumberSet::Range& range : expunge->uids.ranges())
            mailbox.dirty.add(touched_number(page_of(Uid{range.first})),
                              touched_number(page_of(Uid{range.last})));
      }
    }
  }
  mailbox.fold_needs_index = false;
  mailbox.published.index = std::move(index);
  mailbox.working = mailbox.published;
  mailbox.loaded = true;
}

void Hot::unload(Mailbox& mailbox) {
  mailbox.loaded = false;
  mailbox.working.index = mailbox.published.index = Index{};
  mailbox.fold_needs_index = !mailbox.dirty.empty();
}

Result<std::vector<Entry>, RecordError> Hot::fold_page(const Mailbox& mailbox, std::uint32_t number,
                                                       const StoredPage& page) const {
  Editor editor{Index{}};
  for (const Entry& e : page.entries) editor.add(e);
  for (const Unfolded& since : unfolded) {
    if (since.modseq <= page.as_of || since.modseq > published) continue;
    auto delta = decode(since);
    if (!delta) return refuse(delta.error());
    for (const Section& section : delta->sections) {
      if (section.mailbox != mailbox.id) continue;
      for (const Operation& operation : section.operations)
        if (const auto* add = std::get_if<Add>(&operation))
          for (const Entry& e : add->entries)
            if (page_of(e.uid) == number) editor.add(e);
    }
  }
  const Index index = editor.finish();
  if (index.empty()) return std::vector<Entry>{};
  return index.slots()[0].page->entries;
}

// --- Changing ------------------------------------------------------------------------------------------

Applied Hot::stage(Change& change, Mailbox& mailbox, std::vector<Operation> operations) {
  Applied applied;
  State& state = mailbox.working;
  octets -= state.summary.octets;
  messages -= state.summary.messages;
  NumberSet touched;
  if (mailbox.loaded) {
    Editor editor(state.index);
    Keywords names = *state.keywords;
    for (const Operation& operation : operations)
      apply(editor, state.summary, names, operation, change.modseq, &applied);
    touched = editor.touched();
    state.index = editor.finish();
    if (names != *state.keywords) state.keywords = std::make_shared<Keywords>(std::move(names));
  } else {
    for (const Operation& operation : operations) {
      if (const auto* name = std::get_if<NameKeyword>(&operation)) name_keyword(state, *name);
      if (const auto* add = std::get_if<Add>(&operation)) {
        for (const Entry& e : add->entries) {
          state.summary.count(e);
          state.summary.uid_next = next(e.uid);
          touched.add(touched_number(page_of(e.uid)));
        }
      }
    }
    state.summary.highest = change.modseq;
  }
  octets += state.summary.octets;
  messages += state.summary.messages;

  const auto effect = std::find_if(change.effects.begin(), change.effects.end(),
                                   [&](const Change::Effect& e) { return e.mailbox == &mailbox; });
  if (effect == change.effects.end()) {
    ++mailbox.in_flight;
    change.effects.push_back({&mailbox, state, std::move(touched)});
    change.delta.sections.push_back({mailbox.id, state.summary, std::move(operations)});
  } else {
    effect->after = state;
    effect->touched = unite(effect->touched, touched);
    Section& section = change.delta.sections[static_cast<std::size_t>(effect - change.effects.begin())];
    section.after = state.summary;
    for (Operation& operation : operations) section.operations.push_back(std::move(operation));
  }
  return applied;
}

Unfolded Hot::close(Change& change) {
  change.delta.modseq = change.modseq;
  Unfolded made{.modseq = change.modseq, .parts = {}};
  if (change.delta.sections.empty()) return made;
  for (const Section& section : change.delta.sections) made.weight += weight(section);
  made.parts = encode_delta(change.delta);
  change.delta.sections.clear();
  return made;
}

void Hot::commit(Change& change, Unfolded made) {
  published = change.modseq;
  for (Change::Effect& effect : change.effects) {
    Mailbox& mailbox = *effect.mailbox;
    // It may have been loaded in between only while nothing was in flight, so both know an index or neither.
    mailbox.published = std::move(effect.after);
    effect.touched.each([&](std::uint32_t page) { mailbox.dirty.add(page); });
    --mailbox.in_flight;
  }
  if (made.parts.empty()) return;
  for (const std::string& part : made.parts) unfolded_octets += part.size();
  unfolded_weight += made.weight;
  unfolded.push_back(std::move(made));
}

void Hot::roll_back() {
  for (auto& [id, mailbox] : mailboxes_) {
    if (mailbox->in_flight == 0) continue;
    octets += mailbox->published.summary.octets - mailbox->working.summary.octets;
    messages += mailbox->published.summary.messages - mailbox->working.summary.messages;
    mailbox->working = mailbox->published;
    mailbox->in_flight = 0;
  }
  version = published;
}

}  // namespace postroad::mailbox
