// For tests: mail servers that do as they are told, and the wires to them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>
#include <set>

#include "delivery/courier.h"
#include "dns/fixed_resolver.h"
#include "net/manual_core.h"
#include "net/sleep.h"
#include "net/stream.h"
#include "net/task_group.h"
#include "store/embedded.h"

namespace postroad::delivery::testing {

inline Address address(std::string_view text) { return *Address::parse(text); }
inline IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

// What a server answers; what is empty is not answered at all, and "close" is a closed connection.
struct Script {
  std::string greeting = "220 mx ESMTP\r\n";
  std::string ehlo = "250-mx\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250 DSN\r\n";
  std::string helo = "250 mx\r\n";
  std::string starttls = "220 go\r\n";
  std::string mail = "250 2.1.0 ok\r\n";
  std::map<std::string, std::string> rcpt{};  // by address; otherwise 250
  std::size_t most_recipients = 1000;         // then `too_many`
  std::string too_many = "452 4.5.3 too many recipients\r\n";
  std::string data = "354 go\r\n";
  std::string dot = "250 2.0.0 kept\r\n";
  std::map<std::string, std::string> other{};  // by first word; otherwise 250
  std::deque<std::string> dots{};              // LMTP and successive messages: before `dot`
  std::size_t most_messages = 1000;            // on one connection; then 421 to MAIL
  bool lmtp = false;
  const net::TlsServer* tls = nullptr;  // null: after STARTTLS it goes on in the clear
};

struct Sink {
  std::vector<std::string> commands;
  std::vector<std::string> messages;                 // as they came, dots and all
  std::vector<std::vector<std::string>> recipients;  // of each message
  std::size_t groups = 0;                            // how often commands came together
};

inline net::task<void> serve(net::Stream stream, Script script, Sink& sink) {
  const auto answer = [&](const std::string& text) {
    if (text == "close") throw net::ConnectionEnded(net::Ending::Closed);
    return stream.write(text);
  };
  std::vector<std::string> accepted;
  std::size_t messages = 0;
  bool begun = false;  // MAIL was taken
  const auto kept = [&](std::string message) {
    ++messages;
    sink.messages.push_back(std::move(message));
    sink.recipients.push_back(accepted);
  };
  const auto verdict = [&] {
    if (script.dots.empty()) return script.dot;
    std::string one = script.dots.front();
    script.dots.pop_front();
    return one;
  };
  stream.allow(1h);
  co_await answer(script.greeting);
  for (;;) {
    if (stream.buffered().empty()) ++sink.groups;
    const auto line = co_await stream.read_line(4096);
    if (!line) co_return;
    const std::string command(*line);
    sink.commands.push_back(command);
    if (command.starts_with("EHLO") || command.starts_with("LHLO")) {
      co_await answer(script.ehlo);
    } else if (command.starts_with("HELO")) {
      co_await answer(script.helo);
    } else if (command == "STARTTLS") {
      co_await answer(script.starttls);
      static const net::TlsService smtp{.name = "smtp"};
      if (script.tls && script.starttls.starts_with("220")) co_await stream.start_tls(*script.tls, smtp);
    } else if (command.starts_with("MAIL")) {
      accepted.clear();
      if (messages >= script.most_messages) {
        co_await answer("421 4.3.2 enough\r\n");
        co_await stream.close();
        co_return;
      }
      co_await answer(script.mail);
      begun = script.mail.starts_with("250");
    } else if (!begun && (command.starts_with("RCPT") || command == "DATA")) {
      co_await answer("503 5.5.1 MAIL first\r\n");
    } else if (command.starts_with("RCPT")) {
      const std::string to = command.substr(9, command.find('>') - 9);
      const auto it = script.rcpt.find(to);
      if (it != script.rcpt.end()) {
        co_await answer(it->second);
      } else if (accepted.size() >= script.most_recipients) {
        co_await answer(script.too_many);
      } else {
        accepted.push_back(to);
        co_await answer("250 2.1.5 ok\r\n");
      }
    } else if (command == "DATA") {
      co_await answer(script.data);
      if (!script.data.starts_with("354")) continue;
      std::string message;
      for (;;) {
        const auto text = co_await stream.read_line(65536);
        if (!text) co_return;
        if (*text == ".") break;
        message.append(*text).append("\r\n");
      }
      kept(std::move(message));
      for (std::size_t i = 0; i < (script.lmtp ? accepted.size() : 1); ++i) co_await answer(verdict());
    } else if (command.starts_with("BDAT ")) {
      const std::size_t octets = std::stoul(command.substr(5));
      if (!co_await stream.fill_to(octets)) co_return;
      std::string message(stream.buffered().substr(0, octets));
      stream.consume(octets);
      if (accepted.empty()) {
        co_await answer("503 5.5.1 no recipients\r\n");
        continue;
      }
      kept(std::move(message));
      co_await answer(verdict());
    } else if (command == "QUIT") {
      co_await answer("221 bye\r\n");
      co_await stream.close();
      co_return;
    } else {
      const auto it = script.other.find(command.substr(0, command.find(' ')));
      co_await answer(it == script.other.end() ? std::string("250 ok\r\n") : it->second);
    }
  }
}

class Wires final : public net::Connector {
 public:
  Wires(net::ManualCore& core, net::TaskGroup& group) : core_(core), group_(group) {}
  net::task<Result<net::Stream, net::ConnectError>> connect(net::ConnectTo to) override {
    const std::string at = to.peer.is_unix() ? to.peer.text() : to.peer.address().text();
    tried.push_back(at);
    if (const auto slow = silent.find(at); slow != silent.end()) {
      co_await net::sleep_for(std::min(slow->second, to.patience));
      if (slow->second > to.patience) co_return refuse(net::ConnectError::TimedOut);
    }
    const auto it = hosts.find(at);
    if (it == hosts.end()) co_return refuse(net::ConnectError::Refused);
    net::MemoryPairOptions options{.piece = piece};
    if (!to.peer.is_unix()) options.second_address = to.peer;
    auto pair = net::memory_pair(core_, options);
    // The one who connects sees whom it reached.
    pair.first.set_addresses(to.peer, net::loopback(1));
    group_.spawn(serve(std::move(pair.second), it->second, sink));
    co_return std::move(pair.first);
  }
  std::map<std::string, Script> hosts;     // by address
  std::map<std::string, Duration> silent;  // how long an address takes to answer
  std::size_t piece = SIZE_MAX;
  Sink sink;
  std::vector<std::string> tried;

 private:
  net::ManualCore& core_;
  net::TaskGroup& group_;
};

// A courier with a store, names and wires of its own.
class CourierTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/postroad-courier-XXXXXX";
    folder_ = mkdtemp(name);
    store_ = std::move(*store::open_embedded({.data = folder_, .cores = 1, .threads = false}));
    message_ = {.id = QueueId{7}, .accepted = core_.clock().now()};
    message_.envelope.reverse_path = ReversePath(address("me@here.example"));
    content("Subject: x\r\n\r\n.dot\r\nbody\r\n");
    names_.mx["a.example"] = {{20, "mx2.a.example"}, {10, "mx1.a.example"}};
    names_.addresses["mx1.a.example"] = {ip("192.0.2.1")};
    names_.addresses["mx2.a.example"] = {ip("192.0.2.2")};
    options_.our_name = "mail.here.example";
    options_.allow_private_networks = true;  // the addresses of documentation are not public
  }
  void TearDown() override {
    group_.cancel();
    core_.run_until_idle();
    writer_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void content(std::string_view text) {
    writer_ = store_->new_blob(text.size());
    writer_->append(text);
    message_.content = {
        .prefix = "Received: here\r\n", .blob = *core_.run(writer_->finish()), .blob_octets = text.size()};
  }
  void make_courier() {
    resolver_ = std::make_unique<dns::FixedResolver>(names_);
    courier_ = std::make_unique<Courier>(*resolver_, wires_, tls_, *store_, options_);
  }
  static std::vector<queue::Step> steps(const std::vector<std::string>& to) {
    std::vector<queue::Step> out;
    for (const std::string& text : to)
      out.push_back({.given = {.address = address(text)}, .account = {}, .address = address(text)});
    return out;
  }
  Attempt carry(const std::vector<std::string>& to, const std::string& domain = "a.example") {
    make_courier();
    return core_.run(whole_way(domain, steps(to)));
  }
  // Finds, opens, carries and quits, as for a message that is alone.
  net::task<Attempt> whole_way(std::string domain, std::vector<queue::Step> to) {
    const auto route = co_await courier_->router().find(domain);
    if (!route) co_return Attempt{std::vector<Outcome>(to.size(), route.error()), {}};
    auto line = co_await courier_->open(*route);
    if (!line) co_return Attempt{std::vector<Outcome>(to.size(), line.error().outcome), line.error().contact};
    Attempt attempt = co_await courier_->carry(*line, message_, to);
    if ((*line)->usable()) co_await (*line)->quit();
    co_return attempt;
  }
  std::unique_ptr<Line> open(const std::string& domain = "a.example") {
    make_courier();
    const auto route = core_.run(courier_->router().find(domain));
    auto line = core_.run(courier_->open(*route));
    EXPECT_TRUE(line.has_value()) << line.error().outcome.reply.text;
    return line ? std::move(*line) : nullptr;
  }
  Attempt carry(Line& line, const std::vector<std::string>& to) {
    const auto list = steps(to);
    return core_.run(line.carry(message_, list));
  }
  std::size_t said(std::string_view beginning) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        wires_.sink.commands, [&](const std::string& c) { return c.starts_with(beginning); }));
  }

  std::string folder_;
  net::ManualCore core_;
  net::TaskGroup group_{core_, [](std::exception_ptr) {}};
  Wires wires_{core_, group_};
  net::TlsClient tls_;
  std::unique_ptr<store::EmbeddedStore> store_;
  std::unique_ptr<store::BlobWriter> writer_;
  dns::FixedNames names_;
  std::unique_ptr<dns::FixedResolver> resolver_;
  CourierOptions options_;
  std::unique_ptr<Courier> courier_;
  queue::Message message_;
};

using Fate = Outcome::Fate;

}  // namespace postroad::delivery::testing
