#include "delivery/conversation.h"

namespace postroad::delivery {

net::task<void> Conversation::send() {
  co_await stream_.write_view(wire_);
  wire_.clear();
}

net::task<Reply> Conversation::reply(std::chrono::seconds patience) {
  stream_.allow(patience);
  if (!wire_.empty()) co_await send();
  while (!parser_.done()) {
    if (stream_.buffered().empty() && !co_await stream_.fill())
      throw net::ConnectionEnded(net::Ending::Closed);
    const auto used = parser_.feed(stream_.buffered());
    if (!used) throw NotSmtp();
    stream_.consume(*used);
  }
  co_return parser_.take();
}

}  // namespace postroad::delivery
