// bench_smtp: a cheap SMTP and LMTP load generator. One thread, plain epoll.
//
// It sends a fixed number of messages through N clients as fast as the server takes them, or at a
// given rate, and prints one JSON object: how each message ended, how long the answers to the final
// dots took, the CPU it used itself and the CPU the server's processes used meanwhile. With --ledger it
// also writes the fate of each message, one per line, as it learns it.
//
//   bench_smtp --to 127.0.0.1:2525 --recipient bob@demo.test --messages 10000 --clients 50
//   bench_smtp --to 127.0.0.1:2525 --recipient bob@demo.test --reuse 100 --pipelining --server-pid 4711
#include <fmt/core.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <vector>

#include "histogram.h"
#include "process_cpu.h"
#include "smtp_client.h"
#include "wire.h"

namespace postroad::bench {
namespace {

using Clock = SmtpClient::Clock;

struct Options {
  std::string to = "127.0.0.1:2525";
  std::size_t clients = 50;
  std::uint64_t messages = 1000;
  double rate = 0;  // messages a second; 0: as fast as they are taken
  bool tls = false;
  double patience = 60;  // seconds without any progress at all before giving up
  std::vector<pid_t> server_pids;
  std::string ledger;
  SmtpPlan plan;
};

struct Tally {
  std::uint64_t begun = 0, acknowledged = 0, refused_4yz = 0, refused_5yz = 0, unknown = 0, dropped = 0;
  std::uint64_t recipients = 0, connections = 0, connections_failed = 0, late = 0;
  std::map<int, std::uint64_t> by_code;
  Histogram waits;

  std::uint64_t ended() const { return acknowledged + refused_4yz + refused_5yz + unknown + dropped; }
};

std::string_view name_of(Fate fate) {
  switch (fate) {
    case Fate::Acknowledged: return "acked";
    case Fate::Refused: return "refused";
    case Fate::Unknown: return "unknown";
    case Fate::Dropped: return "dropped";
  }
  return "?";
}

class Load {
 public:
  explicit Load(const Options& options) : options_(options), address_(loopback_address(options.to)) {
    if (!options.ledger.empty()) {
      ledger_ = std::fopen(options.ledger.c_str(), "a");
      if (!ledger_) throw std::runtime_error("cannot write the ledger " + options.ledger);
      std::setvbuf(ledger_, nullptr, _IOLBF, 1 << 16);
    }
    clients_.reserve(options.clients);
    for (std::size_t i = 0; i < options.clients; ++i) {
      clients_.push_back(std::make_unique<Client>(
          options_.plan, [this] { return next_message(); },
          [this](const SmtpClient::Ended& e) { count(e); }));
    }
  }
  ~Load() {
    if (ledger_) std::fclose(ledger_);
    close(epoll_);
  }

  // True when every message found its fate, false when the server stopped answering.
  bool run() {
    started_ = last_progress_ = Clock::now();
    for (auto& client : clients_) rest(*client);
    while (tally_.ended() < options_.messages) {
      wake();
      std::array<epoll_event, 256> events;
      const int n = epoll_wait(epoll_, events.data(), events.size(), wait_ms());
      for (int i = 0; i < n; ++i) handle(*static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr));
      if (Clock::now() - last_progress_ > std::chrono::duration<double>(options_.patience)) break;
    }
    finished_ = Clock::now();
    return tally_.ended() >= options_.messages;
  }

  const Tally& tally() const { return tally_; }
  double seconds() const { return std::chrono::duration<double>(finished_ - started_).count(); }

 private:
  struct Client {
    Client(const SmtpPlan& plan, auto next, auto ended) : dialogue(plan, std::move(next), std::move(ended)) {}
    SmtpClient dialogue;
    Wire wire;
    bool connecting = false, handshaking = false, resting = false;
    std::uint32_t watched = 0;
  };

  // With a rate, message i is due at start + i/rate, whatever the server does meanwhile (open loop):
  // a slow server is not spared, and a message begun over 10 ms after its time is counted as late.
  std::optional<std::uint64_t> next_message() {
    if (tally_.begun >= options_.messages) return std::nullopt;
    if (options_.rate > 0) {
      const auto due = due_time(tally_.begun);
      const auto now = Clock::now();
      if (due > now) return std::nullopt;
      if (now - due > std::chrono::milliseconds(10)) ++tally_.late;
    }
    return tally_.begun++;
  }
  Clock::time_point due_time(std::uint64_t message) const {
    return started_ + std::chrono::duration_cast<Clock::duration>(
                          std::chrono::duration<double>(static_cast<double>(message) / options_.rate));
  }
  bool message_waits() const {
    return tally_.begun < options_.messages && (options_.rate <= 0 || due_time(tally_.begun) <= Clock::now());
  }
  int wait_ms() const {
    if (Clock::now() < try_again_at_) return 20;
    if (options_.rate <= 0 || resting_.empty() || tally_.begun >= options_.messages) return 1000;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(due_time(tally_.begun) - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1000));
  }

  void rest(Client& client) {
    if (client.resting) return;
    client.resting = true;
    resting_.push_back(&client);
  }

  // Clients without work: those without a connection, and those that keep an idle one. Each that is
  // woken will ask for one message, so no more are woken than there are messages due.
  void wake() {
    if (Clock::now() < try_again_at_) return;
    for (std::size_t n = resting_.size(); n > 0 && message_waits(); --n) {
      Client* client = resting_.front();
      resting_.pop_front();
      client->resting = false;
      if (client->wire.open())
        after(*client, client->dialogue.begin_next());
      else
        connect(*client);
      if (options_.rate > 0 && client->connecting) ++asking_;
      if (options_.rate > 0 && asking_ > due_now()) break;
    }
  }
  std::uint64_t due_now() const {
    const double elapsed = std::chrono::duration<double>(Clock::now() - started_).count();
    const auto due = static_cast<std::uint64_t>(elapsed * options_.rate) + 1;
    return due > tally_.begun ? due - tally_.begun : 0;
  }

  void connect(Client& client) {
    if (!client.wire.connect(address_)) return connection_failed(client);
    client.connecting = true;
    client.handshaking = false;
    client.watched = EPOLLOUT;
    epoll_event event{.events = EPOLLOUT, .data = {.ptr = &client}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, client.wire.fd(), &event);
  }

  void connection_failed(Client& client) {
    ++tally_.connections_failed;
    client.wire.close();
    rest(client);
    try_again_at_ = Clock::now() + std::chrono::milliseconds(20);
    if (tally_.connections_failed > 1000 && tally_.connections == 0) {
      throw std::runtime_error("nobody answers at " + options_.to);
    }
  }

  void handle(Client& client) {
    if (client.connecting) {
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(client.wire.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
      client.connecting = false;
      if (asking_ > 0) --asking_;
      if (error) return connection_failed(client);
      ++tally_.connections;
      client.dialogue.connected();
      if (options_.tls) start_tls(client);
    }
    if (client.handshaking && !shake(client)) return;
    pump(client);
  }

  void start_tls(Client& client) {
    client.wire.start_tls(tls_.get());
    client.handshaking = true;
  }
  // True once the handshake is through.
  bool shake(Client& client) {
    switch (client.wire.handshake()) {
      case IoState::Progress: break;
      case IoState::WantRead: return watch(client, EPOLLIN), false;
      case IoState::WantWrite: return watch(client, EPOLLOUT), false;
      case IoState::Closed: return lost(client), false;
    }
    client.handshaking = false;
    if (!options_.tls) client.dialogue.tls_started();  // STARTTLS: EHLO again (RFC 3207 §4.2)
    return true;
  }

  // Writes what there is to say, then reads what there is to hear, until neither moves.
  void pump(Client& client) {
    std::uint32_t wanted = EPOLLIN;
    for (bool moved = true; moved;) {
      moved = false;
      while (!client.dialogue.output().empty()) {
        std::size_t put = 0;
        const auto departure = Clock::now();  // before the call: it may return after the answer has come
        const IoState state = client.wire.write(client.dialogue.output(), put);
        if (state == IoState::Closed) return lost(client);
        if (state != IoState::Progress) {
          if (state == IoState::WantWrite) wanted |= EPOLLOUT;
          break;
        }
        client.dialogue.sent(put, departure);
      }
      std::size_t got = 0;
      const IoState state = client.wire.read(buffer_, got);
      if (state == IoState::Closed) return lost(client);
      if (state == IoState::Progress) {
        moved = true;
        if (!after(client, client.dialogue.feed({buffer_.data(), got}))) return;
        if (client.handshaking && !shake(client)) return;
      }
    }
    watch(client, wanted);
  }

  // Acts on what the dialogue came to. False when this client has nothing more to do on its socket.
  bool after(Client& client, SmtpClient::State state) {
    switch (state) {
      case SmtpClient::State::Talking:
        if (!client.dialogue.output().empty()) watch(client, EPOLLIN | EPOLLOUT);
        return true;
      case SmtpClient::State::StartTls: start_tls(client); return true;
      case SmtpClient::State::Idle:
        if (tally_.begun < options_.messages)
          rest(client);
        else
          lost(client);
        return false;
      case SmtpClient::State::Finished:
        client.wire.close();
        rest(client);
        return false;
      case SmtpClient::State::Confused:
        ++tally_.connections_failed;
        lost(client);
        return false;
    }
    return false;
  }

  void lost(Client& client) {
    client.dialogue.connection_lost();
    client.wire.close();
    rest(client);
  }

  void watch(Client& client, std::uint32_t events) {
    if (!client.wire.open() || client.watched == events) return;
    client.watched = events;
    epoll_event event{.events = events, .data = {.ptr = &client}};
    epoll_ctl(epoll_, EPOLL_CTL_MOD, client.wire.fd(), &event);
  }

  void count(const SmtpClient::Ended& ended) {
    last_progress_ = Clock::now();
    if (ended.code) ++tally_.by_code[ended.code];
    tally_.recipients += ended.delivered;
    switch (ended.fate) {
      case Fate::Acknowledged:
        ++tally_.acknowledged;
        tally_.waits.add(ended.waited);
        break;
      case Fate::Refused: ++(ended.code / 100 == 4 ? tally_.refused_4yz : tally_.refused_5yz); break;
      case Fate::Unknown: ++tally_.unknown; break;
      case Fate::Dropped: ++tally_.dropped; break;
    }
    if (ledger_)
      fmt::print(ledger_, "{}.{} {} {}\n", options_.plan.run, ended.message, name_of(ended.fate), ended.code);
  }

  const Options& options_;
  sockaddr_in address_;
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  SslContext tls_ = client_context();
  std::vector<std::unique_ptr<Client>> clients_;
  std::deque<Client*> resting_;
  std::uint64_t asking_ = 0;  // connections being made for a message that is due (rate mode)
  std::array<char, 65536> buffer_;
  Tally tally_;
  std::FILE* ledger_ = nullptr;
  Clock::time_point started_, finished_, last_progress_, try_again_at_;
};

double ms(Histogram::Duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

void report(const Load& load, double own_cpu, double server_cpu) {
  const Tally& t = load.tally();
  const double acked = static_cast<double>(std::max<std::uint64_t>(t.acknowledged, 1));
  std::string codes;
  for (const auto& [code, n] : t.by_code)
    codes += fmt::format("{}\"{}\": {}", codes.empty() ? "" : ", ", code, n);
  fmt::print(
      "{{\"messages\": {}, \"acknowledged\": {}, \"refused_4yz\": {}, \"refused_5yz\": {}, \"unknown\": {}, "
      "\"dropped\": {}, \"recipients\": {}, \"connections\": {}, \"connections_failed\": {}, \"late\": {}, "
      "\"codes\": {{{}}}, \"seconds\": {:.3f}, \"messages_per_second\": {:.1f}, "
      "\"final_dot_ms\": {{\"mean\": {:.3f}, \"p50\": {:.3f}, \"p99\": {:.3f}, \"max\": {:.3f}}}, "
      "\"generator_cpu_seconds\": {:.3f}, \"generator_cpu_per_1000\": {:.4f}, "
      "\"server_cpu_seconds\": {:.3f}, \"server_cpu_per_1000\": {:.4f}}}\n",
      t.begun, t.acknowledged, t.refused_4yz, t.refused_5yz, t.unknown, t.dropped, t.recipients,
      t.connections, t.connections_failed, t.late, codes, load.seconds(),
      static_cast<double>(t.acknowledged) / load.seconds(), ms(t.waits.mean()), ms(t.waits.quantile(0.5)),
      ms(t.waits.quantile(0.99)), ms(t.waits.max()), own_cpu, own_cpu * 1000 / acked, server_cpu,
      server_cpu * 1000 / acked);
}

std::string base64(std::string_view text) {
  std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
  out.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                                      reinterpret_cast<const unsigned char*>(text.data()),
                                                      static_cast<int>(text.size()))));
  return out;
}

}  // namespace

int run(int argc, char** argv) {
  Options options;
  SmtpPlan& plan = options.plan;
  std::string login;
  std::size_t numbered = 0;
  CLI::App app("Sends mail by SMTP or LMTP to a server on this machine and measures it.");
  app.add_option("--to", options.to, "server, 127.x.y.z:PORT")->capture_default_str();
  app.add_option("--clients", options.clients, "connections at a time")->capture_default_str();
  app.add_option("--messages", options.messages, "messages to send")->capture_default_str();
  app.add_option("--octets", plan.octets, "size of a message")->capture_default_str();
  app.add_option("--recipient", plan.recipients, "who gets them, in turn; %d with --numbered")->required();
  app.add_option("--numbered", numbered, "replace %d in the first --recipient by 0 ... N-1");
  app.add_option("--recipients-per-message", plan.recipients_per_message, "recipients per message")
      ->capture_default_str();
  app.add_option("--sender", plan.sender, "reverse-path")->capture_default_str();
  app.add_option("--reuse", plan.messages_per_connection, "messages per connection")->capture_default_str();
  app.add_flag("--pipelining", plan.pipelining, "RFC 2920: several commands in a segment");
  app.add_flag("--chunking", plan.chunking, "RFC 3030: BDAT instead of DATA");
  app.add_flag("--lmtp", plan.lmtp, "RFC 2033 instead of SMTP");
  app.add_flag("--tls", options.tls, "TLS from the first octet");
  app.add_flag("--starttls", plan.starttls, "TLS by STARTTLS");
  app.add_option("--auth", login, "USER:PASSWORD for AUTH PLAIN");
  app.add_option("--rate", options.rate, "messages a second; 0: as fast as possible")->capture_default_str();
  app.add_option("--patience", options.patience, "seconds without progress before giving up")
      ->capture_default_str();
  app.add_option("--run", plan.run, "name of the run, part of each Message-ID")->capture_default_str();
  app.add_option("--ledger", options.ledger, "append the fate of each message to this file");
  app.add_option("--server-pid", options.server_pids, "roots of the server's process trees")->delimiter(',');
  CLI11_PARSE(app, argc, argv);

  if (numbered > 0) {
    const std::string pattern = plan.recipients.front();
    const auto at = pattern.find("%d");
    if (at == std::string::npos) throw std::invalid_argument("--numbered needs %d in --recipient");
    plan.recipients.clear();
    for (std::size_t i = 0; i < numbered; ++i)
      plan.recipients.push_back(fmt::format("{}{}{}", pattern.substr(0, at), i, pattern.substr(at + 2)));
  }
  if (const auto colon = login.find(':'); colon != std::string::npos) {
    plan.auth_plain = base64('\0' + login.substr(0, colon) + '\0' + login.substr(colon + 1));
  }
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  Load load(options);
  const double server_before = tree_cpu_seconds(options.server_pids);
  const double own_before = own_cpu_seconds();
  const bool complete = load.run();
  const double own_cpu = own_cpu_seconds() - own_before;
  const double server_cpu = tree_cpu_seconds(options.server_pids) - server_before;
  report(load, own_cpu, server_cpu);
  if (!complete) fmt::print(stderr, "bench_smtp: no progress for {} s, gave up\n", options.patience);
  return complete ? 0 : 1;
}

}  // namespace postroad::bench

int main(int argc, char** argv) {
  try {
    return postroad::bench::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_smtp: {}\n", error.what());
    return 2;
  }
}
