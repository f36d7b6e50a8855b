// BODY[...] and its relatives: from what FETCH asks to octets on the wire (RFC 9051 §6.4.5.1).
//
// A section is a range of the message, found by the part tree that was stored with it; nothing is parsed
// again. Only header fields that are picked out are held, and of a header no more than a megabyte.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imap/fetch.h"
#include "imap/render.h"
#include "mailbox/session.h"
#include "mime/section.h"
#include "mime/stored.h"
#include "net/stream.h"

namespace postroad::imapd {

// The octets of one message, piece by piece; the last piece read is remembered.
class Octets {
 public:
  Octets(mailbox::Selected& selected, std::string_view locator) : selected_(selected), locator_(locator) {}
  // Nothing to say: it is there, and its beginning is sound.
  net::task<std::optional<mailbox::Refusal>> open();
  std::uint64_t size() const { return content_ ? content_->octets() : 0; }
  // What begins at `offset`, not beyond `end`, valid until the next call. Throws ConnectionEnded where the
  // message is damaged: half a literal is on the wire, and there is no way to take it back.
  net::task<std::string_view> piece(std::uint64_t offset, std::uint64_t end);
  net::task<std::string> text(mime::Range range, std::size_t most);

 private:
  mailbox::Selected& selected_;
  std::string_view locator_;
  std::unique_ptr<mailbox::Content> content_;
  std::uint64_t at_ = 0;
  std::string_view piece_;
};

// What is at hand of one message.
struct Source {
  Octets octets;
  const mime::Stored* structure = nullptr;
  std::string_view fields;  // its Kept::Fields record
  std::optional<mime::Parts> parts{};
  bool nul = false;  // the message holds NUL, which no literal may (RFC 3501 §9, CHAR8; attack 43)
};

// The body attributes of one FETCH command, understood once for all messages.
class Bodies {
 public:
  explicit Bodies(const std::vector<imap::BodyAttribute>& asked);
  bool empty() const { return all_.empty(); }
  std::size_t size() const { return all_.size(); }
  bool need_fields() const { return need_fields_; }

  net::task<std::optional<mailbox::Refusal>> open(Source& source) const;
  // Name and value at the end of `out`; of a value that is streamed its literal's header, and what is to
  // follow.
  net::task<std::optional<mime::Range>> render(std::size_t n, Source& source, imap::Renderer out) const;
  static net::task<void> stream(mime::Range range, Source& source, net::Stream& stream);

 private:
  struct One {
    const imap::BodyAttribute* asked;
    std::string name;
    bool by_fields = false;  // header fields that are kept beside each message
    std::vector<std::string_view> fields{};
  };
  std::vector<One> all_;
  bool need_fields_ = false;
};

}  // namespace postroad::imapd
