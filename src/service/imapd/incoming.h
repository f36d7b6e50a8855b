// The messages of one APPEND on their way in: octets go into a blob and past the MIME parser as they come;
// nothing is held (RFC 9051 §6.3.12, RFC 3502).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "imap/append.h"
#include "mailbox/message_writer.h"
#include "mime/parser.h"
#include "store/store.h"

namespace postroad::imapd {

class Incoming {
 public:
  Incoming(store::Store& store, std::string mailbox, const mime::Limits& limits)
      : store_(store), mailbox_(std::move(mailbox)), limits_(limits) {}
  const std::string& mailbox() const { return mailbox_; }
  std::uint64_t octets() const { return octets_; }  // of all messages, as announced

  void begin(const imap::AppendMessage& message, Time now);
  net::task<void> take(std::string_view octets);
  net::task<void> end();

  // What went wrong, once: the rest of the command is read and dropped.
  std::optional<mailbox::Refusal> trouble() const { return trouble_; }
  bool nul() const { return nul_; }
  std::vector<mailbox::NewMessage> messages() { return std::move(messages_); }

 private:
  store::Store& store_;
  std::string mailbox_;
  const mime::Limits limits_;
  std::vector<mailbox::NewMessage> messages_;
  std::vector<mailbox::MessageWriter> written_;  // until the commit has named the blobs
  std::optional<mailbox::MessageWriter> writer_;
  std::vector<std::string> flags_;  // and the date, of the one that comes
  Time date_{};
  std::uint64_t octets_ = 0;
  std::optional<mailbox::Refusal> trouble_;
  bool may_hold_nul_ = false;
  bool nul_ = false;
};

}  // namespace postroad::imapd
