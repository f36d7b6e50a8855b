// Values of the engines as JSON, where several chapters show them. Not public.
#pragma once

#include "httpd/routes.h"

namespace postroad::httpd {

json::object view(const queue::Listed& listed);
extern const std::vector<Field> queue_fields;
// What a message still has in the queue.
net::task<json::array> entries_of(const Services& services, QueueId id);

}  // namespace postroad::httpd
