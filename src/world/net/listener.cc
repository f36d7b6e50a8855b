#include "net/listener.h"

#include <netinet/tcp.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "net/accept.h"
#include "net/sleep.h"
#include "net/socket.h"

namespace postroad::net {

// What a listener has on each core; touched on that core only, but for `count`.
struct PerCore {
  PerCore(Core& c, const TaskGroup::OnError& report) : core(c), on_error(report), group(c, report) {}
  Core& core;
  const TaskGroup::OnError on_error;
  Signal stop;  // before the sessions that listen to it
  TaskGroup group;
  bool ending = false;
  std::atomic<std::size_t> count{0};
};

namespace {

// A connection's place among all, and among those of its core; lives in the Stream.
struct Seat {
  Connections::Place place;
  std::atomic<std::size_t>& count;
  Seat(Connections::Place p, std::atomic<std::size_t>& c) : place(std::move(p)), count(c) { ++count; }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  ~Seat() { --count; }
};

// On its way to its core.
struct Arrival {
  Accepted connection;
  std::shared_ptr<Seat> seat;
};

}  // namespace

struct Listener::State : std::enable_shared_from_this<Listener::State> {
  State(Runtime& r, Connections& c, Options o) : runtime(r), connections(c), options(std::move(o)) {}

  void accepted(Accepted connection);
  PerCore& emptiest();
  void admit(PerCore& here, Arrival arrival);
  task<void> admit_proxied(PerCore& here, Arrival arrival);
  Stream open(PerCore& here, Arrival& arrival);
  task<void> end_on(PerCore& here);
  std::optional<Connections::Place> place_for(const IpAddress& address, int fd);
  void refuse(Refusal refusal, const IpAddress& address, int fd);

  Runtime& runtime;
  Connections& connections;
  const Options options;
  std::vector<Socket> sockets;
  std::vector<Endpoint> bound;
  std::vector<std::unique_ptr<PerCore>> cores;  // from start() on
  Session session;
  std::vector<std::unique_ptr<Acceptor>> acceptors;  // on core 0
  std::atomic<bool> stopped{false};
};

// --- binding ---

namespace {

BindError problem(const Endpoint& address, int error) {
  BindProblem what = BindProblem::Other;
  if (error == EADDRINUSE) what = BindProblem::InUse;
  if (error == EACCES || error == EPERM || error == EROFS) what = BindProblem::NotPermitted;
  if (error == EADDRNOTAVAIL || error == EAFNOSUPPORT || error == ENOENT || error == ENOTDIR)
    what = BindProblem::NotAvailable;
  return {what, address, std::strerror(error)};
}

// A path on which nobody listens any more was left by a server that was killed.
void remove_stale(const Endpoint& address, const SocketAddress& kernel, socklen_t length) {
  struct stat there{};
  if (::lstat(address.path().c_str(), &there) != 0 || !S_ISSOCK(there.st_mode)) return;
  const Socket probe = open_socket(address);
  if (probe && ::connect(probe.fd(), &kernel.any, length) != 0 && errno == ECONNREFUSED)
    ::unlink(address.path().c_str());
}

void set_options(int fd, const Endpoint& address, unsigned unix_mode) {
  const int on = 1;
  if (address.is_unix()) {
    ::fchmod(fd, unix_mode);  // Linux gives the path this mode at bind(), less the umask
    return;
  }
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.address().is_v6()) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  // What follows is inherited by every connection, which saves system calls for each. A peer that vanished in
  // IDLE is found by keep-alive within ten minutes.
  send_at_once(fd);
  const int idle = 300, interval = 60, count = 5;
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

// Listening already, for only that claims a port (with SO_REUSEADDR two sockets may be bound to one): who
// connects before start() waits in the kernel's queue.
Result<Socket, BindError> bind_one(const Endpoint& address, int backlog, unsigned unix_mode) {
  SocketAddress kernel;
  const socklen_t length = to_kernel(address, kernel);
  if (address.is_unix()) remove_stale(address, kernel, length);
  Socket socket = open_socket(address);
  if (!socket) return refuse(problem(address, errno));
  set_options(socket.fd(), address, unix_mode);
  if (::bind(socket.fd(), &kernel.any, length) != 0) return refuse(problem(address, errno));
  if (address.is_unix()) ::chmod(address.path().c_str(), unix_mode);
  if (::listen(socket.fd(), backlog) != 0) return refuse(problem(address, errno));
  return socket;
}

}  // namespace

Listener::Listener(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Listener>, BindError> Listener::bind(Runtime& runtime, Connections& connections,
                                                            Options options) {
  auto state = std::make_shared<State>(runtime, connections, std::move(options));
  for (const Endpoint& address : state->options.addresses) {
    auto socket = bind_one(address, state->options.backlog, state->options.unix_mode);
    if (!socket) return postroad::refuse(std::move(socket.error()));
    state->bound.push_back(local_endpoint(socket->fd()));
    state->sockets.push_back(std::move(*socket));
  }
  return std::unique_ptr<Listener>(new Listener(std::move(state)));
}

Listener::~Listener() {
  stop_accepting();
  if (state_->runtime.core(0).may_touch()) state_->acceptors.clear();
}

const std::string& Listener::name() const { return state_->options.name; }
std::vector<Endpoint> Listener::addresses() const { return state_->bound; }

// --- accepting ---

void Listener::start(Session session, TaskGroup::OnError on_error) {
  if (!state_->cores.empty()) throw std::logic_error("net: a Listener starts once");
  state_->session = std::move(session);
  for (unsigned i = 0; i < state_->runtime.cores(); ++i)
    state_->cores.push_back(std::make_unique<PerCore>(state_->runtime.core(i), on_error));
  state_->runtime.core(0).post([state = state_] {
    if (state->stopped) return;
    for (const Socket& socket : state->sockets)
      state->acceptors.push_back(std::make_unique<Acceptor>(
          state->cores[0]->core, socket.fd(), state->connections,
          [&s = *state](Accepted connection) { s.accepted(std::move(connection)); }));
  });
}

PerCore& Listener::State::emptiest() {
  return **std::ranges::min_element(
      cores, {}, [](const auto& core) { return core->count.load(std::memory_order_relaxed); });
}

// On core 0.
void Listener::State::accepted(Accepted connection) {
  const Endpoint& peer = connection.peer;
  auto place = peer.is_unix() || contains(options.proxies, peer.address())
                   ? std::optional(connections.take_unlimited())
                   : place_for(peer.address(), connection.socket.fd());
  if (!place) return;
  PerCore& core = emptiest();
  auto seat = std::make_shared<Seat>(std::move(*place), core.count);
  Arrival arrival{std::move(connection), std::move(seat)};
  if (&core.core == Core::current()) return admit(core, std::move(arrival));
  core.core.post([state = shared_from_this(), &core, a = std::move(arrival)]() mutable {
    state->admit(core, std::move(a));
  });
}

std::optional<Connections::Place> Listener::State::place_for(const IpAddress& address, int fd) {
  auto place = connections.take(address, options.strangers);
  if (place) return std::move(*place);
  refuse(place.error(), address, fd);
  return std::nullopt;
}

// The reply fits into the empty send buffer of a fresh socket, or is not worth waiting for.
void Listener::State::refuse(Refusal refusal, const IpAddress& address, int fd) {
  const std::string text = options.refuse ? options.refuse(refusal, address) : std::string();
  if (text.empty()) return;
  if (::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return;
  ::shutdown(fd, SHUT_WR);
  // Octets left unread would turn our close into a RST, which may overtake the reply.
  char dropped[4096];
  ::recv(fd, dropped, sizeof dropped, MSG_DONTWAIT);
}

// On the connection's own core. The session's frame is all that stays.
void Listener::State::admit(PerCore& here, Arrival arrival) {
  if (here.ending) return;
  const Endpoint& peer = arrival.connection.peer;
  const bool proxied = !peer.is_unix() && contains(options.proxies, peer.address());
  try {
    here.group.spawn(proxied ? admit_proxied(here, std::move(arrival)) : session(open(here, arrival)));
  } catch (
      const std::exception&) {  // out of memory, or of what epoll may watch: this connection's end, not ours
    if (here.on_error) here.on_error(std::current_exception());
  }
}

Stream Listener::State::open(PerCore& here, Arrival& arrival) {
  Stream stream(socket_transport(here.core, arrival.connection.socket.release()));
  stream.stop_on(here.stop);
  stream.set_peer(std::move(arrival.connection.peer));
  stream.keep(std::move(arrival.seat));
  return stream;
}

task<void> Listener::State::admit_proxied(PerCore& here, Arrival arrival) {
  const int fd = arrival.connection.socket.fd();
  auto header = co_await ProxyWait(here.core, fd);
  if (!header) co_return;  // none, or too late: not a proxy of ours
  if (header->proxied) {
    auto place = place_for(header->source.address(), fd);
    if (!place) co_return;
    arrival.seat->place = std::move(*place);
  }
  Stream stream = open(here, arrival);
  if (header->proxied) stream.set_addresses(std::move(header->source), std::move(header->destination));
  here.group.spawn(session(std::move(stream)));
}

// --- ending ---

void Listener::stop_accepting() {
  if (state_->stopped.exchange(true)) return;
  for (const Endpoint& address : state_->bound)
    if (address.is_unix()) ::unlink(address.path().c_str());
  if (state_->cores.empty()) return state_->sockets.clear();
  state_->runtime.core(0).post([state = state_] {
    state->acceptors.clear();
    state->sockets.clear();
  });
  for (const auto& core : state_->cores)
    core->core.post([state = state_, here = core.get()] { here->stop.latch(); });
}

std::size_t Listener::sessions() const {
  std::size_t all = 0;
  for (const auto& core : state_->cores) all += core->count.load(std::memory_order_relaxed);
  return all;
}

task<bool> Listener::drained(Duration patience) {
  const Instant end = Core::here().now() + patience;
  while (sessions() > 0 && Core::here().now() < end) co_await sleep_for(20ms);
  co_return sessions() == 0;
}

task<void> Listener::State::end_on(PerCore& here) {
  here.ending = true;
  here.group.cancel();
  co_await here.group.join();
}

task<void> Listener::end_sessions() {
  for (const auto& core : state_->cores) co_await run_on(core->core, state_->end_on(*core));
}

}  // namespace postroad::net
