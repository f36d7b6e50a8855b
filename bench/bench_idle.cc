// bench_idle: opens many connections and holds them in silence, so that a server's memory per connection
// can be measured. One thread, plain epoll.
//
// Each connection waits for the greeting (after the handshake, with --tls). When all stand it prints
// {"connections": N, "failed": M, "seconds": S} on one line and holds them until its standard input ends.
#include <fmt/core.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <memory>
#include <vector>

#include "wire.h"

namespace postroad::bench {
namespace {

class Holder {
 public:
  Holder(const std::string& to, bool tls, std::string first_words)
      : address_(loopback_address(to)), tls_(tls), first_words_(std::move(first_words)) {}
  ~Holder() { close(epoll_); }

  // Opens them, at most 200 under way at a time (a listener's queue is short).
  void open(std::size_t count) {
    while (standing + failed < count) {
      while (under_way_ < 200 && begun_ < count) begin();
      std::array<epoll_event, 256> events;
      const int n = epoll_wait(epoll_, events.data(), events.size(), 5000);
      if (n == 0) throw std::runtime_error(fmt::format("{} of {} stand and nothing moves", standing, count));
      for (int i = 0; i < n; ++i) step(*static_cast<Peer*>(events[static_cast<std::size_t>(i)].data.ptr));
    }
  }

  std::size_t standing = 0, failed = 0;

 private:
  enum class Stage { Connecting, Handshake, Greeting, FirstWords, Standing };
  struct Peer {
    Wire wire;
    Stage stage = Stage::Connecting;
  };

  void begin() {
    auto peer = std::make_unique<Peer>();
    ++begun_;
    if (!peer->wire.connect(address_)) {
      ++failed;
      return;
    }
    epoll_event event{.events = EPOLLIN | EPOLLOUT, .data = {.ptr = peer.get()}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, peer->wire.fd(), &event);
    peers_.push_back(std::move(peer));
    ++under_way_;
  }

  void watch(Peer& peer, std::uint32_t events) {
    epoll_event event{.events = events, .data = {.ptr = &peer}};
    epoll_ctl(epoll_, EPOLL_CTL_MOD, peer.wire.fd(), &event);
  }

  void step(Peer& peer) {
    if (peer.stage == Stage::Connecting) {
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(peer.wire.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
      if (error) return lost(peer);
      if (tls_) peer.wire.start_tls(context_.get());
      peer.stage = tls_ ? Stage::Handshake : Stage::Greeting;
      watch(peer, EPOLLIN);
    }
    if (peer.stage == Stage::Handshake) {
      const IoState state = peer.wire.handshake();
      if (state == IoState::Closed) return lost(peer);
      if (state != IoState::Progress) return watch(peer, state == IoState::WantWrite ? EPOLLOUT : EPOLLIN);
      peer.stage = Stage::Greeting;
    }
    std::array<char, 2048> heard;
    std::size_t got = 0;
    const IoState state = peer.wire.read(heard, got);
    if (state == IoState::Closed) return lost(peer);
    if (state != IoState::Progress) return;
    if (peer.stage == Stage::Greeting && !first_words_.empty()) {
      std::size_t put = 0;
      if (peer.wire.write(first_words_, put) != IoState::Progress) return lost(peer);
      peer.stage = Stage::FirstWords;
    } else if (peer.stage == Stage::Greeting || peer.stage == Stage::FirstWords) {
      peer.stage = Stage::Standing;
      --under_way_;
      ++standing;
    }
  }

  void lost(Peer& peer) {
    if (peer.stage == Stage::Standing)
      --standing;
    else
      --under_way_;
    ++failed;
    peer.wire.close();
  }

  sockaddr_in address_;
  bool tls_;
  std::string first_words_;
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  SslContext context_ = client_context();
  std::vector<std::unique_ptr<Peer>> peers_;
  std::size_t begun_ = 0, under_way_ = 0;
};

}  // namespace

int run(int argc, char** argv) {
  std::string to = "127.0.0.1:2525", say;
  std::size_t connections = 1000;
  bool tls = false;
  CLI::App app("Opens connections and holds them until its input ends.");
  app.add_option("--to", to, "server, 127.x.y.z:PORT")->capture_default_str();
  app.add_option("--connections", connections, "how many")->capture_default_str();
  app.add_flag("--tls", tls, "TLS from the first octet");
  app.add_option("--say", say, "one line each says after the greeting, and waits for the answer");
  CLI11_PARSE(app, argc, argv);

  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  const auto begun = std::chrono::steady_clock::now();
  Holder holder(to, tls, say.empty() ? "" : say + "\r\n");
  holder.open(connections);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  fmt::print("{{\"connections\": {}, \"failed\": {}, \"seconds\": {:.2f}}}\n", holder.standing, holder.failed,
             took.count());
  std::fflush(stdout);

  std::array<char, 64> ignored;
  while (read(STDIN_FILENO, ignored.data(), ignored.size()) > 0) {
  }
  return 0;
}

}  // namespace postroad::bench

int main(int argc, char** argv) {
  try {
    return postroad::bench::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_idle: {}\n", error.what());
    return 2;
  }
}
