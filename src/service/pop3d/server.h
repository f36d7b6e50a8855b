// The POP3 service. Made once by app; serve() is a listener's session.
#pragma once

#include <memory>
#include <mutex>

#include "config/settings.h"
#include "directory/directory.h"
#include "mailbox/engine.h"
#include "net/connections.h"
#include "net/stream.h"
#include "observe/log.h"

namespace postroad::pop3d {

using SettingsPtr = std::shared_ptr<const config::Settings>;

// What all sessions share. Everything outlives them.
struct Services {
  mailbox::Engine& mailboxes;
  directory::Directory& directory;
  net::TlsServer& tls;
  observe::Log& log;
  const Clock& clock;
};

class Server {
 public:
  Server(Services services, SettingsPtr settings);
  // A session; the listener's settings stand as long as the listener.
  net::task<void> serve(net::Stream stream, config::TlsMode tls);
  // Sessions that begin from now on follow these (reload).
  void set(SettingsPtr settings);
  // What a listener says to whom it refuses.
  static std::string refusal(net::Refusal why);

 private:
  SettingsPtr settings() const;
  Services services_;
  mutable std::mutex lock_;
  SettingsPtr settings_;
};

}  // namespace postroad::pop3d
