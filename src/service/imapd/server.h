// The IMAP service: reading mail (RFC 3501, RFC 9051). Made once by app; serve() is a listener's session.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "config/settings.h"
#include "directory/directory.h"
#include "mailbox/engine.h"
#include "net/connections.h"
#include "net/stream.h"
#include "observe/log.h"
#include "store/store.h"

namespace postroad::imapd {

using SettingsPtr = std::shared_ptr<const config::Settings>;

// What all sessions share. Everything outlives them.
struct Services {
  mailbox::Engine& mailboxes;
  directory::Directory& directory;
  store::Store& store;
  net::TlsServer& tls;
  observe::Log& log;
  const Clock& clock;
};

// How many sessions each account has ([limits] sessions_per_account). Any thread.
class Seats {
 public:
  // A place that is given back when the last owner lets go; nothing when all are taken.
  std::shared_ptr<void> take(AccountId account, std::uint32_t limit);

 private:
  struct Table {
    std::mutex lock;
    std::map<AccountId, std::uint32_t> taken;
  };
  std::shared_ptr<Table> table_ = std::make_shared<Table>();
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
  Seats seats_;
  mutable std::mutex lock_;
  SettingsPtr settings_;
};

}  // namespace postroad::imapd
