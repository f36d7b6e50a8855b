// bench_net: what a connection and a request cost in world/net itself, without any protocol above it.
//
//   bench_net idle N [tls]     N idle connections; user-space octets of the server for each
//   bench_net bulk MIB [tls]   so much received over one connection: MiB/s and CPU for each
//   bench_net ping N CONNS     N requests of one line over CONNS connections, one core for the server:
//   requests/s
//                              and user CPU each. Under `valgrind --tool=callgrind` only the server is
//                              counted.
//   bench_net connect N CONNS  the same with a connection for each request
//
// The clients are a child process, so that what is measured is the server's alone.
#include <fcntl.h>
#include <fmt/core.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "net/connector.h"
#include "net/listener.h"
#include "net/sleep.h"

namespace postroad::bench {
namespace {

using net::Stream;

struct Tls {
  std::unique_ptr<net::TlsServer> server;
  net::TlsService service{.name = "bench", .alpn = {}};
};

// 250 for each line, as a session does it: two coroutines deep.
task<void> reply(Stream& stream) { co_await stream.write("250 2.0.0 Ok\r\n"); }
task<void> session(Stream stream, const Tls& tls, std::atomic<long>& requests) {
  if (tls.server) co_await stream.start_tls(*tls.server, tls.service);
  stream.allow(std::chrono::hours{1});
  for (;;) {
    const auto line = co_await stream.read_line(4096);
    if (!line) co_return;
    requests.fetch_add(1, std::memory_order_relaxed);
    co_await reply(stream);
  }
}

// Takes what comes, as a decoder of DATA does.
task<void> swallow(Stream stream, const Tls& tls, std::atomic<long>& octets) {
  if (tls.server) co_await stream.start_tls(*tls.server, tls.service);
  while (co_await stream.fill()) {
    octets += static_cast<long>(stream.buffered().size());
    stream.consume(stream.buffered().size());
  }
}

task<void> pour(net::Endpoint server, long mib, bool tls) {
  net::SystemConnector connector;
  net::ConnectTo to{.peer = std::move(server)};
  auto stream = co_await connector.connect(std::move(to));
  if (!stream) throw std::runtime_error(std::string(name(stream.error())));
  const net::TlsClient client;
  net::TlsPeer peer{.name = "bench.test", .verify = net::TlsVerify::Opportunistic};
  if (tls && !co_await stream->start_tls_client(client, std::move(peer))) throw std::runtime_error("TLS");
  const std::string block(1 << 20, 'x');
  for (long i = 0; i < mib; ++i) co_await stream->write_view(block);
  co_await stream->close();
}

task<void> hold(const net::Endpoint& server, bool tls, const net::TlsClient& client, int& up) {
  net::SystemConnector connector;
  net::ConnectTo to{.peer = server};
  auto stream = co_await connector.connect(std::move(to));
  if (!stream) throw std::runtime_error(std::string(name(stream.error())));
  if (tls) {
    net::TlsPeer peer{.name = "bench.test", .verify = net::TlsVerify::Opportunistic};
    const auto info = co_await stream->start_tls_client(client, std::move(peer));
    if (!info) throw std::runtime_error(info.error().detail);
  }
  co_await stream->write("NOOP\r\n");
  stream->allow(std::chrono::hours{1});
  co_await stream->read_line(100);
  ++up;
  co_await stream->read_line(100);  // for ever
}

task<void> ping(const net::Endpoint& server, long times) {
  net::SystemConnector connector;
  net::ConnectTo to{.peer = server};
  auto stream = co_await connector.connect(std::move(to));
  if (!stream) throw std::runtime_error(std::string(name(stream.error())));
  stream->allow(std::chrono::hours{1});
  for (long i = 0; i < times; ++i) {
    co_await stream->write("NOOP\r\n");
    co_await stream->read_line(100);
  }
}

task<void> come_and_go(const net::Endpoint& server, long times) {
  for (long i = 0; i < times; ++i) co_await ping(server, 1);
}

void give_up(std::exception_ptr error) {
  try {
    std::rethrow_exception(std::move(error));
  } catch (const std::exception& e) {
    fmt::print(stderr, "client: {}\n", e.what());
    std::_Exit(1);
  }
}

// In batches, so that the listener's queue never overflows; then tells the parent by a pipe, and stays.
task<void> crowd(net::Endpoint server, int n, bool tls, int to_parent) {
  net::TaskGroup group(net::Core::here(), give_up);
  const net::TlsClient client;
  int up = 0;
  for (int i = 0; i < n; ++i) {
    group.spawn(hold(server, tls, client, up));
    while (i + 1 - up >= 100 || (i + 1 == n && up < n)) co_await net::sleep_for(std::chrono::milliseconds{1});
  }
  if (::write(to_parent, "x", 1) != 1) std::_Exit(1);
  co_await group.join();
}

task<void> pingers(net::Endpoint server, long requests, int connections, bool anew) {
  net::TaskGroup group(net::Core::here(), give_up);
  const long each = requests / connections;
  for (int i = 0; i < connections; ++i) group.spawn(anew ? come_and_go(server, each) : ping(server, each));
  co_await group.join();
}

void allow_descriptors() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

// A server on one core, and a child that runs `client` against it.
class Bench {
 public:
  explicit Bench(bool with_tls) {
    allow_descriptors();
    if (with_tls) {
      std::string directory = std::filesystem::temp_directory_path() / "bench_net_XXXXXX";
      if (!mkdtemp(directory.data())) throw std::runtime_error("mkdtemp");
      const std::string cert = directory + "/c.pem", key = directory + "/k.pem";
      if (!net::make_self_signed("bench.test", cert, key)) throw std::runtime_error("make_self_signed");
      tls_.server = std::make_unique<net::TlsServer>(net::TlsCertificate::load(cert, key).value());
      std::filesystem::remove_all(directory);
    }
    net::Listener::Options options;
    options.addresses = {net::loopback(0)};
    listener_ = std::move(net::Listener::bind(runtime_, connections_, options).value());
  }
  template <class Client>
  void run_clients(Client client) {
    run_clients(std::move(client),
                [this](Stream stream) { return session(std::move(stream), tls_, requests); });
  }
  template <class Client, class Serve>
  void run_clients(Client client, Serve serve) {
    if (child_ = ::fork(); child_ == 0) {
      net::Runtime runtime(1);
      runtime.start();
      net::block_on(runtime.core(0), client(listener_->addresses()[0]));
      std::_Exit(0);
    }
    runtime_.start();
    listener_->start(serve, [](std::exception_ptr) {});
  }
  ~Bench() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    runtime_.stop();
  }
  int wait_for_child() const {
    int status = 0;
    ::waitpid(child_, &status, 0);
    return status;
  }
  net::Listener& listener() { return *listener_; }
  const Tls& tls() const { return tls_; }
  std::atomic<long> requests{0};

 private:
  Tls tls_;
  net::Runtime runtime_{1};
  net::Connections connections_{{.all = 1'000'000, .exempt = {*Network::parse("127.0.0.0/8")}}};
  std::unique_ptr<net::Listener> listener_;
  pid_t child_ = -1;
};

long private_octets() {
  std::ifstream in("/proc/self/smaps_rollup");
  std::string word;
  for (long kib = 0; in >> word;)
    if (word == "Private_Dirty:" && in >> kib) return kib * 1024;
  return 0;
}

int idle(int n, bool tls) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return 1;
  Bench bench(tls);
  const auto heap = mallinfo2().uordblks;
  const long before = private_octets();
  bench.run_clients([&](net::Endpoint server) { return crowd(std::move(server), n, tls, pipe[1]); });
  char octet;
  if (::read(pipe[0], &octet, 1) != 1) return 1;
  usleep(300'000);
  const auto used = (mallinfo2().uordblks - heap) / static_cast<std::size_t>(n);
  malloc_trim(0);
  fmt::print("{} idle connections, {}: {} octets of heap each, {} octets of private memory each\n", n,
             tls ? "TLS" : "plain", used, (private_octets() - before) / n);
  return bench.listener().sessions() == static_cast<std::size_t>(n) ? 0 : 1;
}

double user_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec) + static_cast<double>(usage.ru_utime.tv_usec) / 1e6;
}
double system_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_stime.tv_sec) + static_cast<double>(usage.ru_stime.tv_usec) / 1e6;
}

int ping_pong(long n, int connections, bool anew) {
  Bench bench(false);
  const double user = user_seconds(), system = system_seconds();
  const auto start = std::chrono::steady_clock::now();
  bench.run_clients([&](net::Endpoint server) { return pingers(std::move(server), n, connections, anew); });
  if (bench.wait_for_child() != 0) return 1;
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double per = 1e6 / static_cast<double>(bench.requests);
  fmt::print("{} requests over {} connections: {:.0f}/s, {:.2f} us user and {:.2f} us system each\n",
             bench.requests.load(), connections, static_cast<double>(bench.requests) / wall,
             (user_seconds() - user) * per, (system_seconds() - system) * per);
  return 0;
}

int bulk(long mib, bool tls) {
  Bench bench(tls);
  std::atomic<long> octets{0};
  const double user = user_seconds(), system = system_seconds();
  const auto start = std::chrono::steady_clock::now();
  bench.run_clients([&](net::Endpoint server) { return pour(std::move(server), mib, tls); },
                    [&](Stream stream) { return swallow(std::move(stream), bench.tls(), octets); });
  if (bench.wait_for_child() != 0) return 1;
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print("{} MiB, {}: {:.0f} MiB/s, {:.0f} us user and {:.0f} us system for each\n", octets >> 20,
             tls ? "TLS" : "plain", static_cast<double>(mib) / wall,
             (user_seconds() - user) * 1e6 / static_cast<double>(mib),
             (system_seconds() - system) * 1e6 / static_cast<double>(mib));
  return (octets >> 20) == mib ? 0 : 1;
}

}  // namespace
}  // namespace postroad::bench

int main(int argc, char** argv) {
  const std::string mode = argc > 2 ? argv[1] : "";
  if (mode == "idle")
    return postroad::bench::idle(std::atoi(argv[2]), argc > 3 && std::string(argv[3]) == "tls");
  if ((mode == "ping" || mode == "connect") && argc > 3)
    return postroad::bench::ping_pong(std::atol(argv[2]), std::atoi(argv[3]), mode == "connect");
  if (mode == "bulk")
    return postroad::bench::bulk(std::atol(argv[2]), argc > 3 && std::string(argv[3]) == "tls");
  fmt::print(stderr, "bench_net idle N [tls] | bulk MIB [tls] | ping|connect N CONNECTIONS\n");
  return 2;
}
