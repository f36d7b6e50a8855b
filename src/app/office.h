// Office: who answers a command. The running server, or this process with the store open.
#pragma once

#include <memory>
#include <string>

#include "config/settings.h"
#include "http/client.h"

namespace postroad::app {

class Office {
 public:
  virtual ~Office() = default;
  // A 2xx body goes to `out`, if there is one. Throws Failure 69 when the connection is lost.
  virtual http::Reply ask(http::Ask ask, http::Out* out) = 0;
};

std::string control_path(const config::Settings& settings);  // DATA/control.sock

// Throws Failure: 69 where neither a server nor the store can be had.
std::unique_ptr<Office> open_office(const config::Settings& settings);

}  // namespace postroad::app
