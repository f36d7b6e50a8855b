// Maildrop: what one POP3 session has of an account, from signing in to QUIT (RFC 1939 §4-§6).
//
// It is INBOX as it was when the session began: message numbers and sizes stand, whatever comes or goes
// meanwhile. What is marked is only remembered here; update() alone removes (C14), and nothing else ever
// does.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "directory/directory.h"
#include "mailbox/session.h"

namespace postroad::pop3d {

class Maildrop {
 public:
  // Takes the lock; InUse if another session has it.
  static net::task<Result<std::unique_ptr<Maildrop>, mailbox::Refusal>> open(mailbox::Engine& engine,
                                                                             const directory::Account& owner);

  const directory::Account& owner() const { return owner_; }
  // Message numbers go from 1 to this, those that are marked among them.
  std::uint32_t highest() const { return inbox_->shown()->index.size(); }
  // Not marked: how many, and how long together.
  std::uint32_t messages() const { return highest() - marked_count_; }
  std::uint64_t octets() const { return inbox_->shown()->summary.octets - marked_octets_; }
  std::uint32_t retrieved() const { return retrieved_count_; }

  // Valid for 1 <= message <= highest().
  const mailbox::Entry& entry(std::uint32_t message) const { return inbox_->shown()->index.at(message); }
  bool marked(std::uint32_t message) const { return marks_[message - 1] & Deleted; }
  void mark(std::uint32_t message);
  void unmark_all();
  // For the life of the message, and no other ever has it.
  static std::string unique_id(const mailbox::Entry& entry);

  // The octets of a message. Sessions mostly ask for one after the other: those to come are looked up along.
  net::task<Result<std::unique_ptr<mailbox::Content>, mailbox::Refusal>> content(std::uint32_t message);
  // RETR sent all of it; `queue_id` of its Locator is for the ledger.
  void note_retrieved(std::uint32_t message, std::uint64_t queue_id);

  // The UPDATE state: erases what is marked, and what the account's policy erases once it was retrieved.
  // Durable when it answers: how many were erased.
  net::task<Result<std::uint32_t, mailbox::Refusal>> update(Time now);

 private:
  Maildrop(mailbox::MaildropLock lock, std::unique_ptr<mailbox::Selected> inbox, directory::Account owner);
  NumberSet to_erase(Time now) const;

  enum Mark : std::uint8_t { Deleted = 1, Retrieved = 2 };
  mailbox::MaildropLock lock_;
  std::unique_ptr<mailbox::Selected> inbox_;
  directory::Account owner_;
  std::vector<std::uint8_t> marks_;                                 // by message number - 1
  std::vector<std::pair<std::uint32_t, std::uint64_t>> collected_;  // message, queue id
  std::uint32_t marked_count_ = 0, retrieved_count_ = 0;
  std::uint64_t marked_octets_ = 0;
  mailbox::Records ahead_;  // locators of ahead_entries_
  std::vector<mailbox::Entry> ahead_entries_;
  std::uint32_t ahead_from_ = 0;  // number of the first of them
};

}  // namespace postroad::pop3d
