// Passage: from code that blocks while it writes (the store's backup, on a pool thread) to an answer's body
// (a coroutine). At most 1 MiB waits in between; then the writer does. Not public.
#pragma once

#include <functional>
#include <memory>

#include "http/message.h"
#include "net/runtime.h"
#include "store/store.h"

namespace postroad::httpd {

// The body that `produce` writes. What it throws cuts the body off; when the peer goes away, its next write
// throws.
std::unique_ptr<http::Content> outgoing(net::Pool& pool, std::function<void(store::Sink&)> produce);

}  // namespace postroad::httpd
