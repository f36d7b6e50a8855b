// bench_pop3: fetches and erases a whole maildrop (RETR and DELE for each message, then QUIT), with one or
// many messages in flight, and prints one JSON object with the time from the first RETR to the answer to
// QUIT.
//
//   bench_pop3 --to 127.0.0.1:2110 --user u0@demo.test --password postroad --in-flight 50
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "wire.h"

namespace postroad::bench {
namespace {

// A blocking conversation: what is asked is small enough for the kernel to hold it all.
class Conversation {
 public:
  explicit Conversation(const std::string& to) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in address = loopback_address(to);
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("nobody answers at " + to);
  }
  ~Conversation() { close(fd_); }
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  void say(std::string_view words) {
    while (!words.empty()) {
      const ssize_t n = send(fd_, words.data(), words.size(), MSG_NOSIGNAL);
      if (n <= 0) throw std::runtime_error("the server has gone");
      words.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  // One status line, which must be positive (RFC 1939 §3); the view lives until the next call.
  std::string_view line() { return until("\r\n"); }
  // A multi-line answer, with its first line and its end; how many octets it had.
  std::size_t lines() { return until("\r\n.\r\n").size(); }

 private:
  std::string_view until(std::string_view end) {
    begin_ += std::exchange(used_, 0);
    for (std::size_t looked = begin_;;) {
      const auto view = std::string_view(buffer_).substr(0, filled_);
      if (const auto at = view.find(end, looked); at != view.npos) {
        used_ = at + end.size() - begin_;
        const auto answer = view.substr(begin_, used_);
        if (!answer.starts_with("+OK")) throw std::runtime_error("refused: " + std::string(answer));
        return answer;
      }
      looked = std::max(begin_, filled_ < end.size() ? 0 : filled_ - end.size() + 1);
      if (begin_ > 0 && filled_ + room > buffer_.size()) {
        buffer_.erase(0, begin_);
        filled_ -= begin_, looked -= begin_, begin_ = 0;
      }
      if (buffer_.size() < filled_ + room) buffer_.resize(filled_ + 2 * room);
      const ssize_t n = recv(fd_, buffer_.data() + filled_, buffer_.size() - filled_, 0);
      if (n <= 0) throw std::runtime_error("the server has gone");
      filled_ += static_cast<std::size_t>(n);
    }
  }

  static constexpr std::size_t room = 64 * 1024;
  const int fd_;
  std::string buffer_ = std::string(4 * room, '\0');
  std::size_t begin_ = 0, used_ = 0, filled_ = 0;
};

struct Options {
  std::string to = "127.0.0.1:2110", user, password = "postroad";
  std::uint64_t in_flight = 1;
};

int run(const Options& options) {
  Conversation talk(options.to);
  talk.line();
  talk.say("USER " + options.user + "\r\n");
  talk.line();
  talk.say("PASS " + options.password + "\r\n");
  talk.line();
  talk.say("STAT\r\n");
  const std::uint64_t messages = std::stoull(std::string(talk.line().substr(4)));

  const auto begun = std::chrono::steady_clock::now();
  std::uint64_t asked = 0, answered = 0, octets = 0;
  std::string words;
  while (answered < messages) {
    words.clear();
    for (; asked < messages && asked - answered < options.in_flight; ++asked) {
      fmt::format_to(std::back_inserter(words), "RETR {}\r\n", asked + 1);
      if (options.in_flight > 1) fmt::format_to(std::back_inserter(words), "DELE {}\r\n", asked + 1);
    }
    talk.say(words);
    octets += talk.lines();
    ++answered;
    if (options.in_flight == 1) talk.say(fmt::format("DELE {}\r\n", answered));
    talk.line();
  }
  const std::chrono::duration<double> fetched = std::chrono::steady_clock::now() - begun;
  talk.say("QUIT\r\n");
  talk.line();
  const std::chrono::duration<double> erased = std::chrono::steady_clock::now() - begun;
  fmt::print(
      "{{\"messages\": {}, \"octets\": {}, \"in_flight\": {}, \"fetched_s\": {:.4f}, \"erased_s\": {:.4f}, "
      "\"messages_per_second\": {:.1f}}}\n",
      messages, octets, options.in_flight, fetched.count(), erased.count(),
      static_cast<double>(messages) / erased.count());
  return 0;
}

}  // namespace
}  // namespace postroad::bench

int main(int argc, char** argv) {
  postroad::bench::Options options;
  CLI::App app("Fetches and erases a whole maildrop by POP3");
  app.add_option("--to", options.to, "address and port, on the loopback")->capture_default_str();
  app.add_option("--user", options.user, "login name")->required();
  app.add_option("--password", options.password)->capture_default_str();
  app.add_option("--in-flight", options.in_flight, "messages asked for before the first is answered")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return postroad::bench::run(options);
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench_pop3: {}\n", e.what());
    return 1;
  }
}
