// Reading what is kept of many messages at once. Not public: Selected::read() is.
#pragma once

#include "mailbox/session.h"

namespace postroad::mailbox {

// Records of entries, in their order. Messages that were born side by side are read with one scan.
task<Result<Records, Refusal>> read_records(store::Store& store, store::Partition partition, Kept kind,
                                            std::span<const Entry> entries);

}  // namespace postroad::mailbox
