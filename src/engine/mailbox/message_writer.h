// MessageWriter: a message on its way in by APPEND, import or an API: octets go into a blob and past the
// parser as they come, nothing is held.
//
//   MessageWriter writer(store, limits, octets);
//   writer.append(piece); co_await writer.drain();            // again and again
//   auto message = co_await writer.finish();
//   message->flags = ...; messages.push_back(std::move(*message)); writers.push_back(std::move(writer));
//   co_await session.append("INBOX", std::move(messages));     // the writers still live
#pragma once

#include <memory>
#include <string_view>

#include "mailbox/mailbox.h"
#include "mailbox/session.h"

namespace postroad::mime {
class Parser;
struct Limits;
}  // namespace postroad::mime

namespace postroad::mailbox {

class MessageWriter {
 public:
  // Of `expected` octets; 0: unknown.
  MessageWriter(store::Store& store, const mime::Limits& limits, std::uint64_t expected = 0);
  MessageWriter(MessageWriter&&) noexcept;
  MessageWriter& operator=(MessageWriter&&) noexcept;
  ~MessageWriter();  // what no commit has named leaves no trace (attack 82)

  void append(std::string_view octets);
  // Between reads from the network: waits where the store cannot keep up; DiskFull, Unavailable as soon as it
  // is known.
  task<Result<void, Refusal>> drain();
  // The writer must live until the message has been appended.
  task<Result<NewMessage, Refusal>> finish();

 private:
  std::unique_ptr<store::BlobWriter> writer_;
  std::unique_ptr<mime::Parser> parser_;
};

}  // namespace postroad::mailbox
