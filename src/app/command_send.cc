// send: a small SMTP client that shows the dialogue, for people who want to see what a server says.
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>

#include "app/cli.h"
#include "app/console.h"
#include "base/ascii.h"
#include "base/date.h"
#include "base/encoding.h"
#include "base/random.h"
#include "mail/address.h"
#include "net/connector.h"
#include "net/runtime.h"
#include "smtp/data_encoder.h"

namespace postroad::app {

namespace {

constexpr std::size_t largest = 256 << 20;  // of a message that is read from a file

struct Letter {
  net::Endpoint server;
  std::string host;  // as given: for TLS
  std::string from;  // empty: <>
  std::vector<std::string> to;
  std::string tls;  // none, starttls, implicit
  std::string login, password;
  std::string helo;
  std::string text;
};

// What was said, in order; each recipient's answer decides the exit code.
class Dialogue {
 public:
  Dialogue(net::Stream stream, bool quiet) : stream_(std::move(stream)), quiet_(quiet) {}

  net::task<bool> run(const Letter& letter) {
    net::TlsClient authorities;
    stream_.allow(5min);
    if (letter.tls == "implicit" && !co_await secure(authorities, letter.host)) co_return false;
    if (!good(co_await reply())) co_return false;
    if (!good(co_await command("EHLO " + letter.helo))) co_return false;
    if (letter.tls == "starttls") {
      if (!good(co_await command("STARTTLS")) || !co_await secure(authorities, letter.host)) co_return false;
      if (!good(co_await command("EHLO " + letter.helo))) co_return false;
    }
    if (!letter.login.empty()) {
      const std::string word =
          base64(std::string(1, '\0') + letter.login + std::string(1, '\0') + letter.password);
      if (!good(co_await command("AUTH PLAIN " + word, "AUTH PLAIN (the password)"))) co_return false;
    }
    const bool sent = co_await transaction(letter);
    co_await command("QUIT");
    co_await stream_.close();
    co_return sent;
  }
  json::array told() && { return std::move(told_); }

 private:
  static bool good(int code) { return code >= 200 && code < 400; }

  net::task<bool> transaction(const Letter& letter) {
    if (!good(co_await command("MAIL FROM:<" + letter.from + ">"))) co_return false;
    std::size_t accepted = 0;
    for (const auto& to : letter.to) accepted += good(co_await command("RCPT TO:<" + to + ">"));
    if (accepted == 0 || !good(co_await command("DATA"))) co_return false;
    smtp::DataEncoder encoder;
    smtp::StringSink wire;
    if (!encoder.feed(letter.text, wire))
      throw Failure{failed,
                    "the message has a NUL or a line of more than 998 octets; SMTP's DATA cannot carry it"};
    encoder.finish(wire);
    tell("C", fmt::format("(the message: {} octets, and the final dot)", letter.text.size()));
    co_await stream_.write(wire.text);
    stream_.allow(10min);
    co_return good(co_await reply()) && accepted == letter.to.size();
  }
  net::task<int> command(std::string line, std::string shown = {}) {
    tell("C", shown.empty() ? line : shown);
    stream_.allow(5min);
    co_await stream_.write(line + "\r\n");
    co_return co_await reply();
  }
  net::task<int> reply() {
    for (;;) {
      const auto line = co_await stream_.read_line(4096);
      if (!line) throw Failure{failed, "the server's line does not end with CRLF, or never ends"};
      tell("S", *line);
      if (line->size() < 3) throw Failure{failed, "this is no SMTP server"};
      if (line->size() > 3 && (*line)[3] == '-') continue;
      co_return (*line)[0] >= '2' && (*line)[0] <= '5' ? ((*line)[0] - '0') * 100 : 0;
    }
  }
  net::task<bool> secure(const net::TlsClient& authorities, const std::string& host) {
    net::TlsPeer peer{.name = host, .verify = net::TlsVerify::Opportunistic};
    const auto info = co_await stream_.start_tls_client(authorities, std::move(peer));
    if (!info) {
      tell("-", fmt::format("TLS failed: {} {}", name(info.error().problem), info.error().detail));
      co_return false;
    }
    const bool trusted = info->verified == net::TlsProblem::None;
    tell("-", fmt::format(
                  "{}, {}; the certificate is {}", info->version, info->cipher,
                  trusted ? std::string("trusted") : fmt::format("not trusted: {}", name(info->verified))));
    co_return true;
  }
  void tell(std::string_view who, std::string_view what) {
    const std::string text = safe(what);
    if (!quiet_) fmt::print("{}: {}\n", who, text), std::fflush(stdout);
    told_.push_back(json::object{{"by", who == "S"   ? "server"
                                        : who == "C" ? "client"
                                                     : "tls"},
                                 {"text", text}});
  }
  net::Stream stream_;
  const bool quiet_;
  json::array told_;
};

struct Outcome {
  bool sent = false;
  json::array dialogue;
};
net::task<Outcome> deliver(const Letter& letter, bool quiet) {
  net::SystemConnector connector;
  auto stream = co_await connector.connect({.peer = letter.server});
  if (!stream) throw Failure{failed, fmt::format("{}: {}", letter.server.text(), name(stream.error()))};
  Dialogue dialogue(std::move(*stream), quiet);
  const bool sent = co_await dialogue.run(letter);
  co_return Outcome{sent, std::move(dialogue).told()};
}

// HOST:PORT; a name is looked up by the system, as for any program of this machine.
net::Endpoint find_server(const std::string& text, std::string& host) {
  if (const auto at = net::Endpoint::parse(text)) {
    host = at->is_unix() ? "localhost" : at->address().text();
    return *at;
  }
  const auto colon = text.rfind(':');
  if (colon == std::string::npos)
    throw Failure{wrong_usage, fmt::format("--server: \"{}\" is not HOST:PORT", text)};
  host = text.substr(0, colon);
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (::getaddrinfo(host.c_str(), text.substr(colon + 1).c_str(), &hints, &found) != 0 || !found)
    throw Failure{failed, fmt::format("--server: \"{}\" is not known", text)};
  char address[64] = {}, port[8] = {};
  ::getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof address, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
  const bool six = found->ai_family == AF_INET6;
  ::freeaddrinfo(found);
  const auto at =
      net::Endpoint::parse(six ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port));
  if (!at) throw Failure{failed, fmt::format("--server: \"{}\" has no address that can be used", text)};
  return *at;
}

std::string read_message(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) throw Failure{failed, fmt::format("{}: cannot be read", path)};
  }
  std::istream& in = path == "-" ? std::cin : file;
  std::string text;
  for (std::string piece(64 * 1024, '\0');
       in.read(piece.data(), static_cast<std::streamsize>(piece.size())), in.gcount() > 0;) {
    text.append(piece, 0, static_cast<std::size_t>(in.gcount()));
    if (text.size() > largest)
      throw Failure{failed, fmt::format("{}: larger than {}", path, size_text(largest))};
  }
  return text;
}

// RFC 2047 §2, where it is needed.
std::string header_text(const std::string& text) {
  if (std::ranges::none_of(text, ascii::is_8bit)) return safe(text);
  return fmt::format("=?utf-8?B?{}?=", base64(text));
}

std::string compose(const Letter& letter, const Given& given) {
  std::string to;
  for (const auto& address : letter.to) to.append(to.empty() ? "" : ",\r\n ").append(address);
  const auto domain = letter.from.substr(letter.from.rfind('@') + 1);
  return fmt::format(
      "From: {}\r\nTo: {}\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: <{}@{}>\r\nMIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n",
      letter.from.empty() ? "postmaster@" + letter.helo : letter.from, to,
      header_text(given.find("--subject").value_or("A letter from postroad send")),
      rfc5322_date(SystemClock().now()), base32(system_random().u64()), domain.empty() ? letter.helo : domain,
      given.find("--text").value_or("It works."));
}

// Without --server: the first of our own doors that takes mail.
std::string own_server(Console& console) {
  for (const auto wanted : {config::Service::Submission, config::Service::Smtp})
    for (const auto& door : console.settings().listeners)
      if (door.service == wanted && door.tls != config::TlsMode::Implicit)
        for (const auto& bind : door.bind)
          if (!bind.is_unix()) {
            const auto& ip = bind.endpoint.address;
            return fmt::format("{}:{}",
                               ip.is_unspecified() ? "127.0.0.1"
                               : ip.is_v4()        ? ip.text()
                                                   : "[" + ip.text() + "]",
                               bind.endpoint.port);
          }
  throw Failure{wrong_usage, "say --server HOST:PORT: the configuration has no smtp or submission listener"};
}

int send(Console& console, const Given& given) {
  Letter letter{.server = {},
                .from = given.get("--from"),
                .to = given.all("--to"),
                .tls = given.find("--tls").value_or("none"),
                .login = given.get("--login")};
  if (letter.from == "<>") letter.from.clear();
  for (const auto& text : letter.to)
    if (const auto address = Address::parse(text); !address)
      throw Failure{wrong_usage,
                    fmt::format("--to: \"{}\" is no address: {}", safe(text), describe(address.error()))};
  if (const auto address = Address::parse(letter.from); !letter.from.empty() && !address)
    throw Failure{wrong_usage, fmt::format("--from: \"{}\" is no address: {}", safe(letter.from),
                                           describe(address.error()))};
  if (letter.to.empty() || !given.has("--from"))
    throw Failure{wrong_usage, "say --from ADDRESS and --to ADDRESS"};
  if (letter.tls != "none" && letter.tls != "starttls" && letter.tls != "implicit")
    throw Failure{wrong_usage, "--tls is none, starttls or implicit"};
  if (!letter.login.empty()) {
    if (!given.has("--password-stdin")) throw Failure{wrong_usage, "--login needs --password-stdin"};
    letter.password = read_secret();
  }
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  const auto own = Domain::parse(host);
  letter.helo = own ? own->text() : "localhost";
  letter.server =
      find_server(given.has("--server") ? given.get("--server") : own_server(console), letter.host);
  letter.text = given.has("--file") ? read_message(given.get("--file")) : compose(letter, given);

  net::Runtime runtime(1);
  runtime.start();
  const auto outcome = net::block_on(runtime.core(0), deliver(letter, console.wants_json()));
  runtime.stop();
  if (console.wants_json())
    fmt::print("{}\n",
               json::serialize(json::object{{"accepted", outcome.sent}, {"dialogue", outcome.dialogue}}));
  return outcome.sent ? done : failed;
}

}  // namespace

void add_send_command(Commands& commands) {
  commands.push_back({"send",
                      "Send a letter by SMTP and show the dialogue",
                      {},
                      {{"--from", "ADDRESS", "The reverse-path; \"<>\" for none"},
                       {"--to", "ADDRESS", "A recipient; repeatable", true},
                       {"--server", "HOST:PORT", "Where to; without it our own submission or smtp listener"},
                       {"--tls", "none|starttls|implicit", "Without it none"},
                       {"--login", "NAME", "Sign in by AUTH PLAIN"},
                       {"--password-stdin", "", "The password is the first line of standard input"},
                       {"--subject", "TEXT", "Of the letter"},
                       {"--text", "TEXT", "Of the letter"},
                       {"--file", "FILE", "A whole message instead, - for standard input"}},
                      send});
}

}  // namespace postroad::app
