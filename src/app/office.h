// Office: who answers a command. The running server, or this process with the store open.
#pragma once

#include <memory>
#include <string>

#include "config/settings.h"
#include "http/client.h"
#include "store/store.h"

namespace postroad::app {

class Office {
 public:
  virtual ~Office() = default;
  // A 2xx body goes to `out`, if there is one. Throws Failure 69 when the connection is lost.
  virtual http::Reply ask(http::Ask ask, http::Out* out) = 0;
  // What `export` wrote, into an account that has no mailboxes yet. Throws Failure: 69 while a server runs,
  // for nothing may come to the account meanwhile; store::BadArchive.
  virtual void import_account(std::string_view address, store::Source& source) = 0;
};

std::string control_path(const config::Settings& settings);  // DATA/control.sock

// Throws Failure: 69 where neither a server nor the store can be had.
std::unique_ptr<Office> open_office(const config::Settings& settings);

}  // namespace postroad::app
