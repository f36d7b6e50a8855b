#include "app/server.h"

#include <csignal>

#include <fmt/format.h>

#include <future>
#include <mutex>
#include <thread>

#include "app/demo.h"
#include "app/events.h"
#include "app/hold.h"
#include "app/overload.h"
#include "app/wiring.h"
#include "config/load.h"
#include "delivery/dispatcher.h"
#include "delivery/route_book.h"
#include "directory/admin.h"
#include "dns/fixed_resolver.h"
#include "dns/unbound_resolver.h"
#include "egress/pacing.h"
#include "httpd/api.h"
#include "imapd/server.h"
#include "ledger/ledger.h"
#include "mailbox/engine.h"
#include "net/listener.h"
#include "net/signals.h"
#include "observe/log.h"
#include "policy/gate.h"
#include "pop3d/server.h"
#include "queue/service.h"
#include "sandbox/sandbox.h"
#include "smtpd/server.h"
#include "store/embedded.h"

namespace postroad::app {
namespace {

constexpr std::string_view version = "0.1.0";

std::string words(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  }
}

net::task<void> joined(net::TaskGroup& group) { co_await group.join(); }

unsigned cores_of(const config::Settings& settings) {
  if (settings.runtime.cores) return settings.runtime.cores;
  // One is left to the committer, the log and what the database does in the background (ADR 9).
  return std::max(2u, std::thread::hardware_concurrency()) - 1;
}

}  // namespace

// In the order in which they are built; destroyed from the end.
struct Server::Parts {
  explicit Parts(ServeOptions o)
      : options(std::move(o)), settings(std::make_shared<const config::Settings>(options.settings)) {}

  ServeOptions options;
  smtpd::SettingsPtr settings;  // changed by reload(), on the first core
  mutable std::mutex settings_mutex;
  // For the other cores.
  smtpd::SettingsPtr current_settings() const {
    const std::lock_guard lock(settings_mutex);
    return settings;
  }
  std::string without_walls;  // why not, if the files could not be confined
  SystemClock clock;
  std::unique_ptr<observe::Log> log;
  std::unique_ptr<store::EmbeddedStore> store;
  std::unique_ptr<net::Runtime> runtime;
  std::vector<net::Core*> cores;
  std::unique_ptr<net::Pool> hashing;
  std::unique_ptr<net::TlsServer> tls;
  net::TlsClient tls_client;
  std::unique_ptr<net::Connections> connections;
  std::unique_ptr<Overload> overload;
  net::SystemConnector connector;
  std::unique_ptr<dns::Resolver> resolver;
  std::unique_ptr<directory::DirectoryService> directory;
  std::unique_ptr<ledger::Ledger> ledger;
  std::unique_ptr<mailbox::Engine> mailboxes;
  std::unique_ptr<queue::Service> queue;
  std::unique_ptr<delivery::Local> local;
  std::unique_ptr<delivery::Courier> courier;
  std::unique_ptr<egress::Pacing> pacing;
  std::unique_ptr<delivery::RouteBook> routes;
  std::vector<std::unique_ptr<delivery::Dispatcher>> dispatchers;
  std::unique_ptr<policy::Gate> gate;
  std::unique_ptr<smtpd::Server> smtpd;
  std::unique_ptr<pop3d::Server> pop3d;
  std::unique_ptr<imapd::Server> imapd;
  std::unique_ptr<net::Pool> blocking;  // backups and exports
  std::unique_ptr<httpd::Api> api;
  std::unique_ptr<net::Listener> control;  // DATA/control.sock
  Time started{};
  std::vector<std::unique_ptr<net::TaskGroup>> groups;  // of each core: dispatcher, folder
  std::vector<std::unique_ptr<net::Listener>> listeners;
  std::unique_ptr<net::Signals> signals;
  std::promise<int> signalled;
  bool stop_asked = false;
  bool running = false;

  std::optional<StartFault> open_store();
  std::optional<StartFault> open_tls();
  std::optional<StartFault> confine_files();
  std::optional<StartFault> build();
  std::optional<StartFault> listen();
  void begin();
  httpd::ServerState state() const;
  void reload();
  int stop(int signal);
  net::task<void> serve(net::Stream stream, config::Service service, config::TlsMode mode);
  void on_core(unsigned index, std::function<void()> work);
  net::TaskGroup::OnError report(std::string where);
  template <class T>
  T block(net::task<T> task) {
    return net::block_on(runtime->core(0), std::move(task));
  }
};

Server::Server(ServeOptions options) : parts_(std::make_unique<Parts>(std::move(options))) {}

Server::~Server() {
  if (parts_->running) parts_->stop(0);
  if (parts_->runtime) parts_->runtime->stop();
}

std::optional<StartFault> Server::start() {
  net::block_signals({SIGTERM, SIGINT, SIGHUP});
  Parts& p = *parts_;
  try {
    // The files first: this wall only holds threads that are made behind it, and the log has one.
    if (auto fault = p.confine_files()) return fault;
    p.log = std::make_unique<observe::Log>(log_settings(*p.settings), p.clock);
    if (!p.without_walls.empty()) (*p.log)(SandboxMissing{p.without_walls});
    if (auto fault = p.open_store()) return fault;
    if (auto fault = p.open_tls()) return fault;
    if (auto fault = p.build()) return fault;
    if (auto fault = p.listen()) return fault;
  } catch (const observe::LogUnavailable& e) {
    return StartFault{fmt::format("the log cannot be opened: {}", e.what()), 1};
  } catch (const dns::ResolverUnavailable& e) {
    return StartFault{fmt::format("dns: {}", e.what()), 78};
  } catch (const std::runtime_error& e) {
    return StartFault{e.what(), 1};
  }
  p.begin();
  return std::nullopt;
}

int Server::run() {
  auto asked = parts_->signalled.get_future();
  return parts_->stop(asked.get());
}

std::optional<StartFault> Server::Parts::confine_files() {
  if (!settings->runtime.sandbox) return std::nullopt;
  std::error_code error;
  std::filesystem::create_directories(settings->data, error);
  if (error)
    return StartFault{fmt::format("{}: cannot be made ({}); set `data` to a folder that this user may write",
                                  settings->data.string(), error.message()),
                      78};
  const auto walls = sandbox::restrict_files(files_of(*settings, options.config_file));
  if (!walls) {
    if (walls.error().kind != sandbox::SandboxError::Unsupported) return StartFault{walls.error().what};
    without_walls = walls.error().what;
  }
  return std::nullopt;
}

std::optional<StartFault> Server::Parts::open_store() {
  auto wanted = store_options(*settings, cores_of(*settings), clock);
  wanted.on_failure = [this] {
    (*log)(StoreFailed{"see `postroad check`"});
    kill(getpid(), SIGTERM);  // latched: nothing more can be acknowledged; a supervisor starts us again
  };
  auto opened = store::open_embedded(std::move(wanted));
  if (!opened)
    return StartFault{opened.error().text, opened.error().what == store::OpenError::NotWritable ||
                                                   opened.error().what == store::OpenError::Foreign
                                               ? 78
                                               : 1};
  store = std::move(*opened);
  return std::nullopt;
}

std::optional<StartFault> Server::Parts::open_tls() {
  auto certificate = load_certificate(*settings);
  if (!certificate) return StartFault{certificate.error(), 78};
  tls = std::make_unique<net::TlsServer>(std::move(*certificate),
                                         settings->tls.minimum == config::TlsVersion::Tls13);
  tls->set_handshake_wait(settings->tls.handshake_wait);
  return std::nullopt;
}

std::optional<StartFault> Server::Parts::build() {
  const config::Settings& s = *settings;
  runtime = std::make_unique<net::Runtime>(cores_of(s));
  for (unsigned i = 0; i < runtime->cores(); ++i) cores.push_back(&runtime->core(i));
  runtime->start();
  hashing = std::make_unique<net::Pool>(
      s.auth.hash_threads ? s.auth.hash_threads : std::max(1u, std::thread::hardware_concurrency()),
      s.auth.hash_waiting);
  connections = std::make_unique<net::Connections>(connection_limits(s));
  overload = std::make_unique<Overload>(*store, *connections, *log);
  overload->set(s.overload);
  if (options.demo)
    resolver = dns::demo_resolver();
  else
    resolver = std::make_unique<dns::UnboundResolver>(resolver_options(s), clock);

  directory =
      block(directory::open(*store, *runtime, *hashing, clock, system_random(), directory_options(s)));
  ledger = block(ledger::Ledger::open(*store, clock, ledger_options(s)));
  mailboxes = std::make_unique<mailbox::Engine>(
      mailbox::Services{.store = store.get(), .directory = directory.get(), .cores = cores, .clock = &clock});
  queue = std::make_unique<queue::Service>(*store, cores, *directory, clock);
  block(queue->load());
  local = std::make_unique<delivery::Local>(*mailboxes, clock);
  queue->set_door(*local);
  queue->set_patience(s.delivery.delay_notice_after, s.delivery.give_up_after);
  if (starts_held(s.data, store->restored_generation())) queue->hold(true);
  courier = std::make_unique<delivery::Courier>(*resolver, connector, tls_client, *store, courier_options(s));
  pacing = std::make_unique<egress::Pacing>(clock, egress::Providers::built_in(), egress::Pace::Tuning{},
                                            s.delivery.connections_per_site);
  routes = std::make_unique<delivery::RouteBook>(*store,
                                                 [this](std::shared_ptr<const delivery::RouteTable> table) {
                                                   courier->router().set_table(std::move(table));
                                                 });
  auto rules = route_rules(s);
  if (!rules) return StartFault{rules.error(), 78};
  routes->configure(std::move(*rules));
  block(routes->load());
  for (unsigned i = 0; i < runtime->cores(); ++i)
    dispatchers.push_back(std::make_unique<delivery::Dispatcher>(*queue, *directory, *local, *courier,
                                                                 *pacing, *store, clock, system_random(),
                                                                 dispatcher_options(s)));
  gate = std::make_unique<policy::Gate>(*directory, *resolver, clock, policy_options(s));
  smtpd = std::make_unique<smtpd::Server>(smtpd::Services{.policy = *gate,
                                                          .queue = *queue,
                                                          .directory = *directory,
                                                          .store = *store,
                                                          .connections = *connections,
                                                          .tls = *tls,
                                                          .log = *log,
                                                          .clock = clock},
                                          settings);
  pop3d = std::make_unique<pop3d::Server>(
      pop3d::Services{
          .mailboxes = *mailboxes, .directory = *directory, .tls = *tls, .log = *log, .clock = clock},
      settings);
  imapd = std::make_unique<imapd::Server>(imapd::Services{*mailboxes, *directory, *store, *tls, *log, clock},
                                          settings);
  blocking = std::make_unique<net::Pool>(2, 16);
  api = std::make_unique<httpd::Api>(httpd::Services{
      .administration = directory.get(),
      .directory = directory.get(),
      .queue = queue.get(),
      .routes = routes.get(),
      .ledger = ledger.get(),
      .mailboxes = mailboxes.get(),
      .store = store.get(),
      .blocking = blocking.get(),
      .clock = &clock,
      .version = std::string(version),
      .state = [this] { return state(); },
      .on_retry =
          [this](const std::set<std::string>& sites) {
            for (const std::string& site : sites) pacing->forget_trouble(site);
            for (auto& dispatcher : dispatchers) dispatcher->try_now(sites);
          },
      .on_hold =
          [this](bool held) { remember_held(options.settings.data, store->restored_generation(), held); }});
  block(api->load());
  if (options.demo)
    if (auto trouble = block(make_demo(*directory))) return StartFault{*trouble};
  return std::nullopt;
}

// Each core's standing work: a dispatcher; on the first the ledger's folder.
void Server::Parts::begin() {
  for (unsigned i = 0; i < runtime->cores(); ++i) {
    on_core(i, [this, i] {
      auto group = std::make_unique<net::TaskGroup>(*cores[i], report("delivery"));
      group->spawn(dispatchers[i]->run());
      if (i == 0) group->spawn(ledger->run()), group->spawn(overload->run());
      groups.push_back(std::move(group));
    });
  }
  // Before anybody from outside is heard.
  signals = std::make_unique<net::Signals>(*cores[0], std::initializer_list<int>{SIGTERM, SIGINT, SIGHUP},
                                           [this](int number) {
                                             if (number == SIGHUP) return reload();
                                             if (!std::exchange(stop_asked, true))
                                               signalled.set_value(number);
                                           });
  if (settings->runtime.sandbox)
    if (const auto walls = sandbox::restrict_system_calls(); !walls)
      (*log)(SandboxMissing{walls.error().what});
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    const config::Listener& door = settings->listeners[i];
    if (!listeners[i]) continue;
    listeners[i]->start([this, service = door.service, tls_mode = door.tls](
                            net::Stream stream) { return serve(std::move(stream), service, tls_mode); },
                        report(std::string(to_text(door.service))));
  }
  control->start(
      [this](net::Stream stream) {
        return api->serve_control(std::move(stream), http_limits(*current_settings()));
      },
      report("control"));
  started = clock.now();
  running = true;
  Started told{.version = std::string(version), .listening = {}};
  for (const auto& listener : listeners)
    if (listener)
      for (const net::Endpoint& at : listener->addresses())
        told.listening.push_back(listener->name() + " " + at.text());
  (*log)(told);
  if (options.demo) print_demo_banner();
}

std::optional<StartFault> Server::Parts::listen() {
  // The command line's door, and the first: who finds a port open finds this one open as well. A socket that
  // an earlier process left behind is replaced: DATA/lock is ours.
  const std::string path = (settings->data / "control.sock").string();
  const auto at = net::Endpoint::unix_path(path);
  if (!at) return StartFault{fmt::format("{}: too long for a socket; choose a shorter `data`", path), 78};
  auto bound =
      net::Listener::bind(*runtime, *connections, {.name = "control", .addresses = {*at}, .unix_mode = 0600});
  if (!bound) return StartFault{fmt::format("{}: {}", path, bound.error().detail)};
  control = std::move(*bound);
  for (const config::Listener& door : settings->listeners) {
    if (!offered(door.service)) {
      listeners.push_back(nullptr);
      continue;
    }
    net::Listener::Options wanted{.name = std::string(to_text(door.service)), .addresses = {}};
    for (const config::Bind& bind : door.bind) wanted.addresses.push_back(endpoint_of(bind));
    wanted.proxies = door.proxy_from;
    wanted.strangers = door.service == config::Service::Smtp;
    if (door.tls != config::TlsMode::Implicit && is_smtp(door.service))
      wanted.refuse = [](net::Refusal why, const IpAddress&) { return smtpd::Server::refusal(why); };
    if (door.tls != config::TlsMode::Implicit && door.service == config::Service::Pop3)
      wanted.refuse = [](net::Refusal why, const IpAddress&) { return pop3d::Server::refusal(why); };
    if (door.tls != config::TlsMode::Implicit && door.service == config::Service::Imap)
      wanted.refuse = [](net::Refusal why, const IpAddress&) { return imapd::Server::refusal(why); };
    auto bound = net::Listener::bind(*runtime, *connections, std::move(wanted));
    if (!bound) return StartFault{bind_fault(door, bound.error())};
    listeners.push_back(std::move(*bound));
  }
  return std::nullopt;
}

httpd::ServerState Server::Parts::state() const {
  httpd::ServerState out{.serving = true, .started = started, .connections = connections->open()};
  for (const auto& listener : listeners)
    if (listener)
      for (const net::Endpoint& at : listener->addresses())
        out.listeners.push_back({listener->name(), at.text(), listener->sessions()});
  return out;
}

net::task<void> Server::Parts::serve(net::Stream stream, config::Service service, config::TlsMode mode) {
  switch (service) {
    case config::Service::Smtp:
    case config::Service::Submission:
    case config::Service::Lmtp: return smtpd->serve(std::move(stream), service, mode);
    case config::Service::Pop3: return pop3d->serve(std::move(stream), mode);
    case config::Service::Http: return api->serve(std::move(stream), http_limits(*current_settings()));
    case config::Service::Imap: return imapd->serve(std::move(stream), mode);
    case config::Service::Sieve: break;
  }
  throw std::logic_error("a listener without a service");
}

// On another thread than the core's; returns when the work is done.
void Server::Parts::on_core(unsigned index, std::function<void()> work) {
  std::promise<void> done;
  cores[index]->post([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

net::TaskGroup::OnError Server::Parts::report(std::string where) {
  return [this, where = std::move(where)](std::exception_ptr error) {
    (*log)(SessionFailed{.where = where, .what = words(error)});
  };
}

// SIGHUP. What can change while it runs does; the rest is named and waits for a restart.
void Server::Parts::reload() {
  Reloaded told;
  log->reopen();
  if (!options.config_file.empty()) {
    auto next = config::load(options.config_file);
    if (!next) {
      for (const config::Problem& problem : next.error()) told.problems.push_back(problem.text());
    } else {
      for (const config::Change& change : config::changes(*settings, *next))
        told.changed.push_back(
            change.effect == config::Effect::OnRestart ? change.name + " (at the next start)" : change.name);
      auto fresh = std::make_shared<const config::Settings>(config::reloaded(*settings, *next));
      {
        const std::lock_guard lock(settings_mutex);
        settings = std::move(fresh);
      }
      smtpd->set(settings);
      pop3d->set(settings);
      imapd->set(settings);
      gate->set(policy_options(*settings));
      connections->set_limits(connection_limits(*settings));
      tls->set_handshake_wait(settings->tls.handshake_wait);
      overload->set(settings->overload);
      log->set_level(log_settings(*settings).level);
      if (auto rules = route_rules(*settings))
        routes->configure(std::move(*rules));
      else
        told.problems.push_back(rules.error());
    }
  }
  auto certificate = load_certificate(*settings);
  if (certificate)
    tls->set_certificate(std::move(*certificate));
  else
    told.problems.push_back(certificate.error());
  (*log)(told);
}

// In reverse: no new sessions, the old ones end by themselves or are ended, then deliveries, then what they
// stood on.
int Server::Parts::stop(int signal) {
  running = false;
  (*log)(Stopping{signal});
  on_core(0, [this] { signals.reset(); });
  for (auto& listener : listeners)
    if (listener) listener->stop_accepting();
  control->stop_accepting();
  block(control->end_sessions());
  bool drained = true;
  const auto until = clock.instant() + settings->runtime.drain_wait;
  for (auto& listener : listeners) {
    if (!listener) continue;
    const auto left = std::max<Duration>(Duration{0}, until - clock.instant());
    drained = block(listener->drained(left)) && drained;
    block(listener->end_sessions());
  }
  for (unsigned i = 0; i < groups.size(); ++i) {
    on_core(i, [this, i] { groups[i]->cancel(); });
    net::block_on(*cores[i], joined(*groups[i]));
  }
  (void)block(ledger->settle());
  block(mailboxes->stop());
  for (unsigned i = 0; i < groups.size(); ++i) on_core(i, [this, i] { groups[i].reset(); });
  (*log)(Stopped{drained});
  log->flush();
  return store->status().health == store::Health::Failed ? 1 : 0;
}

}  // namespace postroad::app
