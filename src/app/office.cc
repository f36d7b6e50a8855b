#include "app/office.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include "app/cli.h"
#include "app/command.h"
#include "app/hold.h"
#include "app/wiring.h"
#include "delivery/route_book.h"
#include "httpd/api.h"
#include "mailbox/engine.h"
#include "net/connector.h"
#include "net/runtime.h"
#include "queue/service.h"
#include "store/embedded.h"

namespace postroad::app {

namespace fs = std::filesystem;

namespace {

constexpr auto patience_for_others = 10s;

// The server, over its control socket: a connection for each request.
class Online final : public Office {
 public:
  explicit Online(net::Endpoint at) : at_(std::move(at)) { runtime_.start(); }
  ~Online() override { runtime_.stop(); }

  http::Reply ask(http::Ask ask, http::Out* out) override {
    auto reply = net::block_on(runtime_.core(0), converse(at_, ask, out));
    if (!reply)
      throw Failure{no_server,
                    fmt::format("the server did not answer: {}; see its log", describe(reply.error()))};
    return std::move(*reply);
  }
  void import_account(std::string_view, store::Source&) override {
    throw Failure{no_server, "an account is imported while no server runs: stop it first"};
  }
  // Is anybody there? Nothing: nobody listens.
  std::optional<net::ConnectError> reach() { return net::block_on(runtime_.core(0), try_connect(at_)); }

 private:
  static net::task<std::optional<net::ConnectError>> try_connect(net::Endpoint at) {
    net::SystemConnector connector;
    auto stream = co_await connector.connect({.peer = at, .patience = 10s});
    if (!stream) co_return stream.error();
    co_return std::nullopt;
  }
  static net::task<Result<http::Reply, http::ClientError>> converse(const net::Endpoint& at,
                                                                    const http::Ask& ask, http::Out* out) {
    net::SystemConnector connector;
    auto stream = co_await connector.connect({.peer = at, .patience = 10s});
    if (!stream) co_return refuse(http::ClientError::NotReached);
    // Erasing a large account or counting a large store takes its time.
    co_return co_await http::exchange(*stream, "localhost", ask, {.body = 64 << 20, .patience = 10min}, out);
  }
  const net::Endpoint at_;
  net::Runtime runtime_{1};
};

// The store in this process: the same routes, without a socket. Nothing is delivered meanwhile.
class Offline final : public Office {
 public:
  Offline(const config::Settings& settings, std::unique_ptr<store::EmbeddedStore> store)
      : store_(std::move(store)) {
    runtime_.start();
    core_ = &runtime_.core(0);
    directory_ = block(
        directory::open(*store_, runtime_, pool_, clock_, system_random(), directory_options(settings)));
    ledger_ = block(ledger::Ledger::open(*store_, clock_, ledger_options(settings)));
    mailboxes_ = std::make_unique<mailbox::Engine>(mailbox::Services{
        .store = store_.get(), .directory = directory_.get(), .cores = {core_}, .clock = &clock_});
    queue_ = std::make_unique<queue::Service>(*store_, std::vector<net::Core*>{core_}, *directory_, clock_);
    block(queue_->load());
    const auto generation = store_->restored_generation();
    queue_->hold(starts_held(settings.data, generation));
    routes_ = std::make_unique<delivery::RouteBook>(*store_, nullptr);
    if (auto rules = route_rules(settings)) routes_->configure(std::move(*rules));
    block(routes_->load());
    api_ = std::make_unique<httpd::Api>(httpd::Services{
        .administration = directory_.get(),
        .directory = directory_.get(),
        .queue = queue_.get(),
        .routes = routes_.get(),
        .ledger = ledger_.get(),
        .mailboxes = mailboxes_.get(),
        .store = store_.get(),
        .blocking = &pool_,
        .clock = &clock_,
        .version = "offline",
        .on_hold = [data = settings.data, generation](bool held) { remember_held(data, generation, held); }});
    block(api_->load());
  }
  ~Offline() override {
    if (mailboxes_) block(mailboxes_->stop());
    runtime_.stop();
  }

  http::Reply ask(http::Ask ask, http::Out* out) override {
    return block(answer(*api_, std::move(ask), out));
  }

  void import_account(std::string_view text, store::Source& source) override {
    const auto address = Address::parse(text);
    const auto account = address ? directory_->account(*address) : std::nullopt;
    if (!account)
      throw Failure{failed, fmt::format("there is no account {}; `postroad account add` makes it", text)};
    switch (store_->import_partition({store::Realm::Account, account->id.value()}, source)) {
      case store::Outcome::Committed: return;
      case store::Outcome::Conflict:
        throw Failure{
            failed, fmt::format("{} has mailboxes already: import into an account that was just made", text)};
      case store::Outcome::NoSpace:
        throw Failure{failed, "the disk is nearly full: make room, then try again"};
      default: throw Failure{failed, "the store does not take it; see `postroad check`"};
    }
  }

 private:
  static net::task<http::Reply> answer(httpd::Api& api, http::Ask ask, http::Out* out) {
    const auto question = std::min(ask.target.find('?'), ask.target.size());
    http::TextBody text(ask.text);
    http::Request request{
        .method = ask.method,
        .path = ask.target.substr(0, question),
        .query = question < ask.target.size() ? ask.target.substr(question + 1) : std::string(),
        .headers = ask.headers,
        .body = ask.stream         ? ask.stream
                : ask.text.empty() ? nullptr
                                   : &text,
        .origin = http::Origin::Owner,
        .id = "offline"};
    if (!ask.type.empty()) request.headers.add("Content-Type", ask.type);
    auto response = co_await api.handle(request);
    http::Reply reply{.status = response.status, .headers = std::move(response.headers)};
    Kept kept;
    http::Out& to = out && reply.status < 300 ? *out : kept;
    if (response.content)
      co_await response.content->write(to);
    else
      co_await to.write(response.body);
    reply.body = std::move(kept.octets);
    co_return reply;
  }
  struct Kept final : http::Out {
    std::string octets;
    net::task<void> write(std::string_view piece) override {
      octets += piece;
      co_return;
    }
  };
  template <class T>
  T block(net::task<T> task) {
    return net::block_on(*core_, std::move(task));
  }

  SystemClock clock_;
  std::unique_ptr<store::EmbeddedStore> store_;
  net::Runtime runtime_{1};
  net::Core* core_ = nullptr;
  net::Pool pool_{1};
  std::unique_ptr<directory::DirectoryService> directory_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<mailbox::Engine> mailboxes_;
  std::unique_ptr<queue::Service> queue_;
  std::unique_ptr<delivery::RouteBook> routes_;
  std::unique_ptr<httpd::Api> api_;
};

}  // namespace

std::string control_path(const config::Settings& settings) {
  return (settings.data / "control.sock").string();
}

namespace {

// The server, if one listens. Nothing: none does.
std::unique_ptr<Office> reach_server(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error) && !error) return nullptr;
  if (::access(path.c_str(), W_OK) != 0 && errno == EACCES)
    throw Failure{
        no_server,
        fmt::format("{}: permission denied; run this as the user the server runs as, or as root", path)};
  const auto at = net::Endpoint::unix_path(path);
  if (!at)
    throw Failure{bad_configuration, fmt::format("{}: too long for a socket; choose a shorter `data`", path)};
  auto online = std::make_unique<Online>(*at);
  const auto fault = online->reach();
  if (!fault) return online;
  if (*fault == net::ConnectError::Refused) return nullptr;
  throw Failure{no_server, fmt::format("{}: the server cannot be reached ({})", path, name(*fault))};
}

}  // namespace

// A server that is starting or ending, or another command at its work, has the store for a moment and answers
// nobody: that is waited for.
std::unique_ptr<Office> open_office(const config::Settings& settings) {
  static const SystemClock clock;
  const std::string path = control_path(settings);
  const auto until = std::chrono::steady_clock::now() + patience_for_others;
  while (true) {
    if (auto online = reach_server(path)) return online;
    auto store = store::open_embedded(store_options(settings, 1, clock));
    if (store) return std::make_unique<Offline>(settings, std::move(*store));
    if (store.error().what != store::OpenError::InUse || std::chrono::steady_clock::now() >= until)
      throw Failure{no_server, store.error().text};
    std::this_thread::sleep_for(50ms);
  }
}

}  // namespace postroad::app
