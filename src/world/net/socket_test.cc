// Listener, SystemConnector and Signals on real sockets, and what happens when there are too many.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "net/connector.h"
#include "net/listener.h"
#include "net/runtime.h"
#include "net/server_testing.h"
#include "net/signals.h"
#include "net/sleep.h"
#include "net/socket.h"

namespace postroad::net {
namespace {

task<void> echo_lines(Stream stream) {
  co_await stream.write("220 " + stream.peer().address().text() + "\r\n");
  for (;;) {
    const auto line = co_await stream.read_line(1000);
    if (!line && line.error() == LineError::Stopping) co_await stream.write("421 stopping\r\n");
    if (!line || *line == "QUIT") break;
    const std::string reply = std::string(*line) + "\r\n";
    co_await stream.write(reply);
  }
  co_await stream.close();
}

// The first line a server says, or why there is none.
task<std::string> greeting(Endpoint server, std::optional<IpAddress> source = {}, std::string first = "") {
  SystemConnector connector;
  ConnectTo to{.peer = std::move(server), .source = source};
  auto stream = co_await connector.connect(std::move(to));
  if (!stream) co_return std::string(name(stream.error()));
  stream->allow(5s);
  co_await stream->write(first);
  std::string text;
  try {
    text = std::string(*co_await stream->read_line(1000));
  } catch (const ConnectionEnded& ended) {
    co_return std::string(name(ended.how()));
  }
  co_await stream->write("QUIT\r\n");
  co_await stream->close();
  co_return text;
}

// Connections that say nothing and stay.
struct Crowd {
  std::vector<Socket> sockets;
  void join(const Endpoint& server, int n, const IpAddress& source) {
    for (int i = 0; i < n; ++i) {
      Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      SocketAddress from, to;
      const socklen_t from_length = to_kernel(Endpoint(source, 0), from);
      ::bind(socket.fd(), &from.any, from_length);
      const socklen_t length = to_kernel(server, to);
      ASSERT_EQ(::connect(socket.fd(), &to.any, length), 0);
      sockets.push_back(std::move(socket));
    }
  }
};

IpAddress from(int last) { return IpAddress::v4(0x7f000000u + static_cast<std::uint32_t>(last)); }

template <class Condition>
bool soon(Condition condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    usleep(10'000);
  }
  return false;
}

TEST(Listener, ServesManyConnectionsAtOnceOnAllItsCores) {
  TestServer server(echo_lines);
  auto many = [](Endpoint address) -> task<int> {
    int good = 0;
    auto one = [](Endpoint a, int& n) -> task<void> { n += co_await greeting(a) == "220 127.0.0.1"; };
    TaskGroup group(Core::here(), {});
    for (int i = 0; i < 40; ++i) group.spawn(one(address, good));
    co_await group.join();
    co_return good;
  };
  EXPECT_EQ(server.client(many(server.address())), 40);
  EXPECT_TRUE(soon([&] { return server.connections().open() == 0; }));
}

TEST(Listener, ListensOnIpv6AndUnixSocketsToo) {
  const auto directory =
      std::filesystem::temp_directory_path() / ("postroad_unix_" + std::to_string(getpid()));
  std::filesystem::create_directory(directory);
  const Endpoint path = *Endpoint::unix_path((directory / "lmtp.sock").string());
  Listener::Options options;
  options.addresses = {loopback(0), *Endpoint::parse("[::1]:0"), path};
  options.unix_mode = 0600;
  {
    TestServer server(echo_lines, options);
    EXPECT_EQ(server.client(greeting(server.address(0))), "220 127.0.0.1");
    EXPECT_EQ(server.client(greeting(server.address(1))), "220 ::1");
    EXPECT_EQ(server.client(greeting(server.address(2))), "220 ::");
    struct stat there{};
    ASSERT_EQ(::stat(path.path().c_str(), &there), 0);
    EXPECT_EQ(there.st_mode & 0777, 0600);
  }
  EXPECT_FALSE(std::filesystem::exists(path.path()));
  std::filesystem::remove_all(directory);
}

TEST(Listener, KnowsTheUserBehindAUnixSocket) {
  const auto file = std::filesystem::temp_directory_path() / ("postroad_uid_" + std::to_string(getpid()));
  auto say_uid = [](Stream stream) -> task<void> {
    co_await stream.write(std::to_string(stream.peer_uid()) + "\r\n");
    co_await stream.close();
  };
  Listener::Options options;
  options.addresses = {*Endpoint::unix_path(file.string()), loopback(0)};
  TestServer server(say_uid, options);
  EXPECT_EQ(server.client(greeting(server.address(0))), std::to_string(getuid()));
  EXPECT_EQ(server.client(greeting(server.address(1))), "-1");
}

TEST(Listener, TakesOverAPathThatAKilledServerLeftButNotALivingOnes) {
  const auto file = std::filesystem::temp_directory_path() / ("postroad_stale_" + std::to_string(getpid()));
  const Endpoint path = *Endpoint::unix_path(file.string());
  Listener::Options options;
  options.addresses = {path};
  {
    Socket killed = open_socket(path);
    SocketAddress address;
    const socklen_t length = to_kernel(path, address);
    ASSERT_EQ(::bind(killed.fd(), &address.any, length), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(file));
  TestServer server(echo_lines, options);
  EXPECT_EQ(server.client(greeting(path)), "220 ::");
  Runtime runtime(1);
  Connections connections({});
  const auto second = Listener::bind(runtime, connections, options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().problem, BindProblem::InUse);
  EXPECT_EQ(server.client(greeting(path)), "220 ::") << "and did not disturb it";
}

TEST(Listener, SaysWhyItCannotBind) {
  Runtime runtime(1);
  Connections connections({});
  const auto problem = [&](const char* text) {
    Listener::Options options;
    options.addresses = {*Endpoint::parse(text)};
    const auto bound = Listener::bind(runtime, connections, options);
    return bound ? BindProblem::Other : bound.error().problem;
  };
  EXPECT_EQ(problem("192.0.2.1:2525"), BindProblem::NotAvailable);
  EXPECT_EQ(problem("unix:/nonexistent/socket"), BindProblem::NotAvailable);
  Listener::Options options;
  options.addresses = {loopback(0)};
  const auto first = Listener::bind(runtime, connections, options);
  EXPECT_EQ(problem(first.value()->addresses()[0].text().c_str()), BindProblem::InUse);
}

TEST(Listener, RefusesTooManyFromOneAddressAndOnePrefixAndServesTheOthers) {
  Listener::Options options;
  options.refuse = [](Refusal refusal, const IpAddress& who) {
    return "421 " + std::to_string(static_cast<int>(refusal)) + " " + who.text() + "\r\n";
  };
  TestServer server(echo_lines, options, {.per_address = 5, .per_prefix = 12});
  Crowd crowd;
  crowd.join(server.address(), 5, from(1));
  crowd.join(server.address(), 5, from(2));
  ASSERT_TRUE(soon([&] { return server.connections().open() == 10; }));
  EXPECT_EQ(server.client(greeting(server.address(), from(1))), "421 0 127.0.0.1");
  crowd.join(server.address(), 2, from(3));
  ASSERT_TRUE(soon([&] { return server.connections().open() == 12; }));
  EXPECT_EQ(server.client(greeting(server.address(), from(4))), "421 1 127.0.0.4");
  EXPECT_EQ(server.client(greeting(server.address(), IpAddress::v4(0x7f000101))), "220 127.0.1.1");
  crowd.sockets.clear();
  ASSERT_TRUE(soon([&] { return server.connections().open() == 0; }));
  EXPECT_EQ(server.client(greeting(server.address(), from(1))), "220 127.0.0.1");
}

TEST(Listener, ExemptNetworksAreNotLimited) {
  TestServer server(echo_lines, {},
                    {.per_address = 1, .per_prefix = 1, .exempt = {*Network::parse("127.0.0.0/30")}});
  Crowd crowd;
  crowd.join(server.address(), 20, from(1));
  EXPECT_TRUE(soon([&] { return server.connections().open() == 20; }));
}

TEST(Listener, ShedsStrangersFirstAndRestsWhenEverySlotIsTaken) {
  Listener::Options options;
  options.refuse = [](Refusal, const IpAddress&) { return std::string("421 4.3.2\r\n"); };
  TestServer server(echo_lines, options,
                    {.all = 20,
                     .per_address = 100,
                     .busy = 0.5,
                     .shedding = 0.75,
                     .exempt = {*Network::parse("127.0.0.2")}});
  EXPECT_EQ(server.connections().load(), Load::Normal);
  Crowd crowd;
  crowd.join(server.address(), 10, from(1));
  ASSERT_TRUE(soon([&] { return server.connections().load() == Load::Busy; }));
  crowd.join(server.address(), 5, from(1));
  ASSERT_TRUE(soon([&] { return server.connections().load() == Load::Shedding; }));
  EXPECT_EQ(server.client(greeting(server.address(), from(1))), "421 4.3.2");
  EXPECT_EQ(server.client(greeting(server.address(), from(2))), "220 127.0.0.2") << "a reserved share";
  crowd.join(server.address(), 10, from(2));
  ASSERT_TRUE(soon([&] { return server.connections().full(); }));
  usleep(100'000);
  EXPECT_EQ(server.connections().open(), 20) << "the others wait in the kernel";
  crowd.sockets.resize(10);
  EXPECT_TRUE(soon([&] { return server.client(greeting(server.address(), from(2))) == "220 127.0.0.2"; }));
}

TEST(Listener, SomeoneElseMayRaiseTheLoad) {
  Connections connections({});
  connections.raise(Load::Shedding);
  EXPECT_EQ(connections.take(from(1)).error(), Refusal::Shedding);
  connections.raise(Load::Normal);
  EXPECT_TRUE(connections.take(from(1)));
}

// --- PROXY ---

task<void> say_addresses(Stream stream) {
  co_await stream.write(stream.peer().text() + " " + stream.local().text() + "\r\n");
  for (;;) {
    const auto line = co_await stream.read_line(100);
    if (!line || *line == "QUIT") break;
  }
  co_await stream.close();
}

TEST(Listener, BelievesAProxyThatItTrustsAndNobodyElse) {
  Listener::Options options;
  options.proxies = {*Network::parse("127.0.0.2")};
  TestServer server(say_addresses, options, {.per_address = 1});
  const std::string header = "PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\n";
  EXPECT_EQ(server.client(greeting(server.address(), from(2), header)), "192.0.2.1:56324 198.51.100.1:25");
  EXPECT_EQ(server.client(greeting(server.address(), from(2), "EHLO no.header\r\n")), "reset");
  const std::string other = server.client(greeting(server.address(), from(3), header));
  EXPECT_TRUE(other.starts_with("127.0.0.3:")) << other;
}

TEST(Listener, CountsWhomTheProxyNames) {
  Listener::Options options;
  options.proxies = {*Network::parse("127.0.0.2")};
  options.refuse = [](Refusal, const IpAddress& who) { return "421 " + who.text() + "\r\n"; };
  TestServer server(say_addresses, options, {.per_address = 1});
  Crowd crowd;
  crowd.join(server.address(), 1, from(2));
  const std::string header = "PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\n";
  // In pieces: the listener waits for the whole header.
  for (const char c : header) {
    ASSERT_EQ(::send(crowd.sockets[0].fd(), &c, 1, 0), 1);
    usleep(500);
  }
  char octets[100];
  ASSERT_GT(::recv(crowd.sockets[0].fd(), octets, sizeof octets, 0), 0);
  EXPECT_EQ(server.client(greeting(server.address(), from(2), header)), "421 192.0.2.1");
}

// --- stopping ---

TEST(Listener, StopsSessionsBetweenTwoLinesAndWaitsForTheOthers) {
  TestServer server(echo_lines);
  Crowd crowd;
  crowd.join(server.address(), 2, from(1));
  ASSERT_TRUE(soon([&] { return server.listener().sessions() == 2; }));
  ASSERT_EQ(::send(crowd.sockets[1].fd(), "half a li", 9, 0), 9);
  usleep(50'000);
  server.listener().stop_accepting();
  auto drained = [](Listener& listener, Duration patience) -> task<bool> {
    co_return co_await listener.drained(patience);
  };
  char octets[200];
  std::string said;
  for (ssize_t n; (n = ::recv(crowd.sockets[0].fd(), octets, sizeof octets, 0)) > 0;) said.append(octets, n);
  EXPECT_EQ(said, "220 127.0.0.1\r\n421 stopping\r\n");
  crowd.sockets.erase(crowd.sockets.begin());
  EXPECT_FALSE(server.client(drained(server.listener(), 200ms)));
  EXPECT_EQ(server.listener().sessions(), 1);
  EXPECT_EQ(server.client(greeting(server.address())), "connection refused");
  ASSERT_EQ(::send(crowd.sockets[0].fd(), "ne\r\n", 4, 0), 4);
  std::string late;
  for (ssize_t n; (n = ::recv(crowd.sockets[0].fd(), octets, sizeof octets, 0)) > 0;) late.append(octets, n);
  EXPECT_EQ(late, "220 127.0.0.1\r\nhalf a line\r\n421 stopping\r\n");
  crowd.sockets.clear();
  EXPECT_TRUE(server.client(drained(server.listener(), 5s)));
}

// --- connecting ---

TEST(Connector, SaysWhyItDidNotGetThere) {
  TestServer server(echo_lines);
  const Endpoint address = server.address();
  const auto to = [&](Endpoint peer, std::optional<IpAddress> source = {}) {
    return server.client(greeting(std::move(peer), source));
  };
  EXPECT_EQ(to(loopback(1)), "connection refused");
  EXPECT_EQ(to(*Endpoint::unix_path("/nonexistent")), "connection refused");
  EXPECT_EQ(to(address, IpAddress::v4(0xc0000201)), "source address not usable");
  EXPECT_EQ(to(address, *IpAddress::parse("::1")), "source address not usable");
}

TEST(Connector, GivesUpInTime) {
  // A listener whose queue is full: the kernel leaves further SYNs without an answer.
  Socket full = open_socket(loopback(0));
  SocketAddress any;
  const socklen_t length = to_kernel(loopback(0), any);
  ASSERT_EQ(::bind(full.fd(), &any.any, length), 0);
  ASSERT_EQ(::listen(full.fd(), 0), 0);
  const Endpoint address = local_endpoint(full.fd());
  std::vector<Socket> waiting;
  for (int i = 0; i < 4; ++i) {
    SocketAddress to;
    const socklen_t n = to_kernel(address, to);
    waiting.push_back(open_socket(address));
    ::connect(waiting.back().fd(), &to.any, n);
  }
  auto attempt = [](Endpoint peer) -> task<std::string> {
    SystemConnector connector;
    ConnectTo to{.peer = std::move(peer), .patience = 100ms};
    auto stream = co_await connector.connect(std::move(to));
    co_return stream ? "connected" : std::string(name(stream.error()));
  };
  Runtime runtime(1);
  runtime.start();
  EXPECT_EQ(block_on(runtime.core(0), attempt(address)), "connection timed out");
}

// --- descriptors ---

// durability.md, attack 28: fewer descriptors than clients. In a child, whose limit is its own.
int serve_with_few_descriptors() {
  const rlimit few{.rlim_cur = 100, .rlim_max = 100};
  if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return 1;
  TestServer server(echo_lines, {},
                    {.all = 10'000,
                     .reserve_fds = 40,
                     .per_address = 1000,
                     .per_prefix = 1000,
                     .busy = 1.0,
                     .shedding = 1.1});
  if (server.connections().slots() != 60) return 2;
  const pid_t clients = ::fork();
  if (clients == 0) {
    const rlimit more{.rlim_cur = 100, .rlim_max = 100};
    ::setrlimit(RLIMIT_NOFILE, &more);
    Crowd crowd;
    crowd.join(server.address(), 80, from(1));
    ::pause();
    ::_exit(0);
  }
  int result = 0;
  if (!soon([&] { return server.connections().full(); })) result = 3;
  // It rests: what it burns meanwhile is next to nothing.
  rusage before{}, after{};
  ::getrusage(RUSAGE_SELF, &before);
  ::usleep(500'000);
  ::getrusage(RUSAGE_SELF, &after);
  const long burnt =
      (after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_stime.tv_sec) *
          1'000'000 +
      after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_stime.tv_usec;
  if (burnt > 100'000) result = 4;
  // The store still gets its descriptors.
  for (int i = 0; i < 20; ++i)
    if (::open("/dev/null", O_RDONLY | O_CLOEXEC) < 0) result = 5;
  ::kill(clients, SIGKILL);
  ::waitpid(clients, nullptr, 0);
  if (!soon([&] { return server.connections().open() < 10; })) result = 6;
  if (server.client(greeting(server.address())) != "220 127.0.0.1") result = 7;
  return result;
}

TEST(Listener, RestsWhenDescriptorsRunOutAndRecovers) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(serve_with_few_descriptors());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// The same when others have eaten the reserve: accept() itself fails with EMFILE.
int serve_without_descriptors() {
  TestServer server(echo_lines);
  Crowd crowd;  // its sockets exist before the limit
  std::vector<Socket> spare;
  for (int i = 0; i < 10; ++i) spare.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const rlimit few{.rlim_cur = static_cast<rlim_t>(spare.back().fd()) + 1, .rlim_max = 4096};
  if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return 1;
  SocketAddress to;
  const socklen_t length = to_kernel(server.address(), to);
  for (int i = 0; i < 5; ++i)
    if (::connect(spare[i].fd(), &to.any, length) != 0) return 2;
  ::usleep(200'000);
  if (server.connections().open() != 0) return 3;
  spare.resize(5);  // five descriptors are free again
  return soon([&] { return server.connections().open() == 5; }) ? 0 : 4;
}

TEST(Listener, RestsWhenAcceptFailsForWantOfDescriptors) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(serve_without_descriptors());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// --- signals ---

int wait_for_signals() {
  block_signals({SIGTERM, SIGHUP});
  Runtime runtime(1);
  runtime.start();
  std::atomic<int> hups{0}, terms{0};
  const Signals signals(runtime.core(0), {SIGTERM, SIGHUP},
                        [&](int number) { ++(number == SIGHUP ? hups : terms); });
  ::kill(::getpid(), SIGHUP);
  if (!soon([&] { return hups == 1; })) return 1;
  ::kill(::getpid(), SIGTERM);
  if (!soon([&] { return terms == 1; })) return 2;
  runtime.stop();
  return 0;
}

TEST(Signals, ArriveOnTheirCore) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(wait_for_signals());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace postroad::net
