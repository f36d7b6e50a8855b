// bench_sink: an SMTP (or LMTP) server that takes everything and throws it away. One thread, epoll.
//
// It tells how fast the load generator can go at all, and it is where relayed mail goes to in
// benchmarks and crash tests. With --log it writes one line for each message it says 250 to, before it
// says so: time in ns since the epoch, Message-ID, sender, recipients.
// SIGTERM or SIGINT ends it; then it prints what it took as one JSON object.
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <unordered_map>

#include "base/ascii.h"
#include "process_cpu.h"
#include "sink_session.h"
#include "wire.h"

namespace postroad::bench {
namespace {

std::string_view message_id(std::string_view header) {
  static constexpr std::string_view name = "message-id:";
  for (std::size_t at = 0; at < header.size();) {
    auto end = header.find('\n', at);
    if (end == std::string_view::npos) end = header.size();
    std::string_view line = header.substr(at, end - at);
    if (line.size() > name.size() && ascii::iequals(line.substr(0, name.size()), name)) {
      const auto open = line.find('<'), close = line.find('>');
      if (close != std::string_view::npos && open < close) return line.substr(open + 1, close - open - 1);
    }
    at = end + 1;
  }
  return "-";
}

class Sink {
 public:
  Sink(const sockaddr_in& address, SinkManners manners, const std::string& log) : manners_(manners) {
    if (!log.empty()) {
      manners_.keep_header = true;
      log_ = std::fopen(log.c_str(), "a");
      if (!log_) throw std::runtime_error("cannot write " + log);
    }
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) ||
        listen(listener_, 4096)) {
      throw std::runtime_error("cannot listen: the port is in use");
    }
    watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, nullptr);
    signals_ = signalfd(-1, &ends, SFD_CLOEXEC);
    watch(EPOLL_CTL_ADD, signals_, EPOLLIN);
  }
  ~Sink() {
    if (log_) std::fclose(log_);
    close(signals_);
    close(listener_);
    close(epoll_);
  }

  void run() {
    for (;;) {
      std::array<epoll_event, 256> events;
      const int n = epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < n; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        if (event.data.fd == signals_) return;
        if (event.data.fd == listener_)
          accept_all();
        else
          serve(event.data.fd);
      }
    }
  }

  std::uint64_t messages = 0, recipients = 0, octets = 0, connections = 0;

 private:
  struct Peer {
    Wire wire;
    SinkSession session;
    bool over = false, writing = false;
  };

  void watch(int operation, int fd, std::uint32_t events) {
    epoll_event event{.events = events, .data = {.fd = fd}};
    epoll_ctl(epoll_, operation, fd, &event);
  }

  void accept_all() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      ++connections;
      SinkSession session(manners_, [this](const SinkSession::Taken& taken) { note(taken); });
      peers_.emplace(fd, Peer{Wire::accepted(fd), std::move(session)});
      watch(EPOLL_CTL_ADD, fd, EPOLLIN);
      serve(fd);
    }
  }

  void note(const SinkSession::Taken& taken) {
    ++messages;
    recipients += taken.recipients.size();
    octets += taken.octets;
    if (!log_) return;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    fmt::print(log_, "{} {} <{}>", std::chrono::nanoseconds(now).count(), message_id(taken.header),
               taken.sender);
    for (const auto& recipient : taken.recipients) fmt::print(log_, " <{}>", recipient);
    std::fputc('\n', log_);
    std::fflush(log_);
  }

  void serve(int fd) {
    Peer& peer = peers_.at(fd);
    for (;;) {
      std::string& out = peer.session.output();
      while (!out.empty()) {
        std::size_t put = 0;
        const IoState state = peer.wire.write(out, put);
        if (state == IoState::Closed) return end(fd);
        if (state != IoState::Progress) {
          if (!peer.writing) watch(EPOLL_CTL_MOD, fd, EPOLLOUT);  // no reading while it does not listen
          peer.writing = true;
          return;
        }
        out.erase(0, put);
      }
      if (peer.over) return end(fd);
      if (peer.writing) watch(EPOLL_CTL_MOD, fd, EPOLLIN);
      peer.writing = false;
      std::size_t got = 0;
      const IoState state = peer.wire.read(buffer_, got);
      if (state == IoState::Closed) return end(fd);
      if (state != IoState::Progress) return;
      peer.over = !peer.session.feed({buffer_.data(), got});
    }
  }

  void end(int fd) { peers_.erase(fd); }

  SinkManners manners_;
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  int listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int signals_ = -1;
  std::FILE* log_ = nullptr;
  std::unordered_map<int, Peer> peers_;
  std::array<char, 65536> buffer_;
};

}  // namespace

int run(int argc, char** argv) {
  std::string address = "127.0.0.1:2526", log;
  SinkManners manners;
  CLI::App app("Takes every message and throws it away.");
  app.add_option("--listen", address, "127.x.y.z:PORT")->capture_default_str();
  app.add_option("--log", log, "append a line for each message taken");
  app.add_flag("--lmtp", manners.lmtp, "RFC 2033 instead of SMTP");
  app.add_flag("!--no-pipelining", manners.pipelining, "do not offer PIPELINING");
  CLI11_PARSE(app, argc, argv);

  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  Sink sink(loopback_address(address), manners, log);
  sink.run();
  fmt::print(
      "{{\"messages\": {}, \"recipients\": {}, \"octets\": {}, \"connections\": {}, \"cpu_seconds\": "
      "{:.3f}}}\n",
      sink.messages, sink.recipients, sink.octets, sink.connections, own_cpu_seconds());
  return 0;
}

}  // namespace postroad::bench

int main(int argc, char** argv) {
  try {
    return postroad::bench::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_sink: {}\n", error.what());
    return 2;
  }
}
