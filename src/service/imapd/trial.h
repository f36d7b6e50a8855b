// The IMAP service on a real store in a folder of its own, with one manual core and clients in memory. For
// tests only.
#pragma once

#include <gtest/gtest.h>

#include "imapd/server.h"
#include "mailbox/trial.h"
#include "net/tls_testing.h"

namespace postroad::imapd {

// Account 7 is alice@example.org, 8 is bob@example.org; the password of both is "postroad". With another
// `first` they are other accounts, of which nobody knows anything.
class TwoPeople final : public mailbox::TrialDirectory {
 public:
  static constexpr AccountId alice{7}, bob{8};
  std::uint64_t first = alice.value();
  std::string network{};  // of who tried to sign in last
  net::task<Result<directory::Identity, directory::AuthError>> check_password(
      std::string_view login, std::string_view password, directory::Scope scope,
      std::string_view client) override {
    network = client;
    const std::string name(login);
    const bool right = password == "postroad" && scope == directory::Scope::Imap;
    if (!right || (name != "alice@example.org" && name != "bob@example.org"))
      co_return refuse(directory::AuthError::Failed);
    co_return directory::Identity{.account = AccountId{name.front() == 'a' ? first : first + 1},
                                  .tenant = TenantId{1},
                                  .address = *Address::parse(name),
                                  .credential = {}};
  }
};

class Office;

// What a person at a terminal would see.
class Client {
 public:
  Client(Office& office, net::Stream stream) : office_(office), stream_(std::move(stream)) {}
  // Sends it as it is and answers all that comes back.
  std::string send(std::string_view octets);
  // One command under a tag of its own; all that comes back, with the tag "x".
  std::string say(std::string_view command) { return send("x " + std::string(command) + "\r\n"); }
  std::string hear();
  bool closed() const { return closed_; }
  net::Stream& stream() { return stream_; }

 private:
  Office& office_;
  net::Stream stream_;
  bool closed_ = false;
};

class Office {
 public:
  explicit Office(config::Settings wanted = cleartext()) : log({.file = place.path() + "/log"}) {
    auto opened = store::open_embedded(
        {.data = place.path() + "/data", .cores = 1, .clock = &core.clock(), .threads = false});
    if (!opened) throw std::runtime_error(opened.error().text);
    real = std::move(*opened);
    store = std::make_unique<mailbox::TrialStore>(*real);
    mailbox::Services services{
        .store = store.get(), .directory = &directory, .cores = {&core}, .clock = &core.clock()};
    engine = std::make_unique<mailbox::Engine>(std::move(services));
    server = std::make_unique<Server>(Services{*engine, directory, *store, tls, log, core.clock()},
                                      std::make_shared<config::Settings>(std::move(wanted)));
    group = std::make_unique<net::TaskGroup>(core, [](std::exception_ptr e) {
      try {
        std::rethrow_exception(e);
      } catch (const std::exception& what) {
        ADD_FAILURE() << what.what();
      }
    });
  }
  ~Office() {
    group.reset();
    engine.reset();
    core.settle();
  }

  static config::Settings cleartext() {
    config::Settings settings;
    settings.auth.cleartext = true;
    return settings;
  }

  Client connect(config::TlsMode mode = config::TlsMode::Starttls, std::size_t piece = SIZE_MAX) {
    net::MemoryPair pair = net::memory_pair(core, {.piece = piece});
    pair.first.stop_on(stopping);
    group->spawn(server->serve(std::move(pair.first), mode));
    return Client(*this, std::move(pair.second));
  }
  // Signed in, and INBOX selected.
  Client reader(std::string_view who = "alice") {
    Client client = connect();
    client.hear();
    client.say("LOGIN " + std::string(who) + "@example.org postroad");
    client.say("SELECT INBOX");
    return client;
  }
  void deliver(AccountId account, std::string_view octets, std::string mailbox = "INBOX") {
    auto writer = store->new_blob(octets.size());
    writer->append(octets);
    const auto id = core.run(writer->finish());
    mailbox::NewMessage made;
    made.blob = *id;
    made.blob_octets = octets.size();
    made.internal_date = core.clock().now();
    made.mailbox = std::move(mailbox);
    ASSERT_TRUE(core.run(engine->deliver(account, std::move(made), std::nullopt, false, {})));
    core.settle();
  }

  net::Signal stopping;
  mailbox::TrialPlace place;
  net::Certificates certificates;
  TwoPeople directory;
  net::ManualCore core;
  observe::Log log;
  net::TlsServer tls{certificates.make("localhost")};
  std::unique_ptr<store::EmbeddedStore> real;
  std::unique_ptr<mailbox::TrialStore> store;
  std::unique_ptr<mailbox::Engine> engine;
  std::unique_ptr<Server> server;
  std::unique_ptr<net::TaskGroup> group;
};

inline std::string Client::send(std::string_view octets) {
  const auto write = [](net::Stream& stream, std::string text) -> net::task<void> {
    try {
      co_await stream.write(text);
      co_await stream.flush();
    } catch (const net::ConnectionEnded&) {
    }
  };
  office_.core.run(write(stream_, std::string(octets)));
  return hear();
}

inline std::string Client::hear() {
  const auto listen = [](net::Core& core, net::Stream& stream, bool& closed) -> net::task<std::string> {
    std::string heard;
    try {
      while (co_await stream.wait(nullptr, core.now()) == net::Woke::Input) {
        if (stream.buffered().empty() && !co_await stream.fill()) {
          closed = true;
          break;
        }
        heard += stream.buffered();
        stream.consume(stream.buffered().size());
      }
    } catch (const net::ConnectionEnded&) {
      closed = true;
    }
    co_return heard;
  };
  std::string all;
  while (!closed_) {
    office_.core.settle();
    const std::string heard = office_.core.run(listen(office_.core, stream_, closed_));
    all += heard;
    if (heard.empty()) break;
  }
  return all;
}

}  // namespace postroad::imapd
