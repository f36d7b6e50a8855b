// check, status, backup, export, docs.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "app/cli.h"
#include "app/console.h"
#include "app/office.h"
#include "base/date.h"
#include "config/load.h"
#include "httpd/api.h"
#include "net/tls.h"
#include "observe/event.h"

namespace postroad::app {

namespace fs = std::filesystem;

namespace {

using http::Method;

// --- check ---

int check(Console& console, const Given&) {
  const auto& settings = console.settings();
  json::array findings;
  const auto find = [&findings](std::string_view level, std::string text) {
    findings.push_back(json::object{{"level", level}, {"text", std::move(text)}});
  };
  for (const auto& problem : config::findings(settings, console.config_file()))
    find("warning", problem.text());
  if (!settings.tls.certificate.empty()) {
    const auto loaded =
        net::TlsCertificate::load(settings.tls.certificate.string(), settings.tls.key.string());
    const auto now = seconds(SystemClock().now());
    if (!loaded)
      find("error", fmt::format("{}: {}; see tls.certificate and tls.key", loaded.error().file,
                                loaded.error().detail));
    else if ((*loaded)->not_after() < now)
      find("error", fmt::format("{}: the certificate has expired", settings.tls.certificate.string()));
    else if ((*loaded)->not_after() < now + 14 * 86'400)
      find("warning", fmt::format("{}: the certificate expires in less than 14 days",
                                  settings.tls.certificate.string()));
  }
  const auto status = console.ask(Method::Get, "/api/v1/status");
  const auto& store = status.at("store").as_object();
  if (store.at("health").as_string() != "good")
    find("error", fmt::format("the store: {}", plain(store.at("trouble"))));
  if (status.at("queue").at("suspended").as_bool())
    find("warning", "the queue is suspended: nothing leaves it until `postroad queue resume`");
  if (const auto damaged = status.at("ledger").at("damaged").to_number<std::uint64_t>(); damaged > 0)
    find("warning", fmt::format("{} events of the ledger cannot be read; run `postroad verify`", damaged));
  if (console.ask(Method::Get, "/api/v1/domains?limit=1").at("data").as_array().empty())
    find("warning", "no domain is hosted yet: `postroad domain add DOMAIN`");

  bool bad = false;
  for (const auto& finding : findings) bad = bad || finding.at("level").as_string() == "error";
  const json::object answer{{"configuration", console.config_file()},
                            {"server", status.at("serving").as_bool() ? "running" : "not running"},
                            {"findings", findings}};
  console.show(answer, [&](const json::value&) {
    fmt::print("{}: the configuration is right; the server is {}\n", console.config_file(),
               status.at("serving").as_bool() ? "running" : "not running");
    for (const auto& finding : findings)
      fmt::print("{}: {}\n", plain(finding.at("level")), plain(finding.at("text")));
  });
  return bad ? failed : done;
}

int status(Console& console, const Given&) {
  return console.show(console.ask(Method::Get, "/api/v1/status"), [](const json::value& s) {
    const auto octets = [&](std::string_view name) {
      return size_text(s.at("store").at(name).to_number<std::uint64_t>());
    };
    print_pairs({{"version", plain(s.at("version"))},
                 {"serving", plain(s.at("serving"))},
                 {"started", plain(s.at("started"))},
                 {"connections", plain(s.at("connections"))},
                 {"queue", fmt::format("{} messages, {} entries{}", plain(s.at("queue").at("messages")),
                                       plain(s.at("queue").at("entries")),
                                       s.at("queue").at("suspended").as_bool() ? ", suspended" : "")},
                 {"store", fmt::format("{}, {} of bodies, {} free", plain(s.at("store").at("health")),
                                       octets("blob_octets"), octets("free_octets"))},
                 {"trouble", plain(s.at("store").at("trouble"))}});
    for (const auto& door : s.at("listeners").as_array())
      fmt::print("{:<11}  {}, {} sessions\n", plain(door.at("service")), plain(door.at("address")),
                 plain(door.at("sessions")));
  });
}

// --- What comes as a stream, into a file of ours ---

// Written beside its name, synced, and renamed: a file of that name is whole.
class File final : public http::Out {
 public:
  explicit File(fs::path path) : path_(std::move(path)), partial_(path_.string() + ".partial") {
    fd_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd_ < 0) fail("cannot be made");
  }
  ~File() override {
    if (fd_ < 0) return;
    ::close(fd_);
    ::unlink(partial_.c_str());
  }
  net::task<void> write(std::string_view octets) override {
    while (!octets.empty()) {
      const auto n = ::write(fd_, octets.data(), octets.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail("cannot be written");
      octets.remove_prefix(static_cast<std::size_t>(n)), octets_ += static_cast<std::uint64_t>(n);
    }
    co_return;
  }
  std::uint64_t finish() {
    if (::fsync(fd_) != 0) fail("cannot be written");
    ::close(std::exchange(fd_, -1));
    if (::rename(partial_.c_str(), path_.c_str()) != 0) fail("cannot be renamed");
    const int folder = ::open(path_.has_parent_path() ? path_.parent_path().c_str() : ".",
                              O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) ::fsync(folder), ::close(folder);
    return octets_;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw Failure{failed, fmt::format("{}: {} ({})", partial_, what, std::strerror(errno))};
  }
  const fs::path path_;
  const std::string partial_;
  int fd_ = -1;
  std::uint64_t octets_ = 0;
};

int keep_stream(Console& console, Method method, const std::string& path, const fs::path& target) {
  if (std::error_code error; fs::exists(target, error))
    throw Failure{failed, fmt::format("{}: exists already; name another file", target.string())};
  File file(target);
  console.ask_stream(method, path, nullptr, &file);
  const auto octets = file.finish();
  return console.show(json::object{{"file", target.string()}, {"octets", octets}}, [&](const json::value&) {
    fmt::print("{}: {}\n", target.string(), size_text(octets));
  });
}

int backup(Console& console, const Given& given) {
  fs::path target = given.get("DIR");
  std::error_code error;
  fs::create_directories(target, error);
  if (error) throw Failure{failed, fmt::format("{}: cannot be made ({})", target.string(), error.message())};
  std::string name = rfc3339(SystemClock().now());
  std::erase(name, ':'), std::erase(name, '-');
  return keep_stream(console, Method::Post, "/api/v1/backup",
                     target / fmt::format("postroad-{}.backup", name));
}

int export_account(Console& console, const Given& given) {
  return keep_stream(console, Method::Get, "/api/v1/accounts/" + segment(given.get("ADDRESS")) + "/export",
                     given.get("FILE"));
}

// --- docs ---

int docs(Console&, const Given& given) {
  const std::string page = given.get("PAGE");
  std::string text;
  if (page == "config")
    text = config::reference_page();
  else if (page == "events")
    text = observe::reference_page();
  else if (page == "commands")
    text = commands_page();
  else if (page == "api")
    text = httpd::Api({}).reference_page();
  else
    throw Failure{wrong_usage,
                  fmt::format("\"{}\" is no page; there are config, commands, events and api", page)};
  fmt::print("{}", text);
  return done;
}

}  // namespace

void add_server_commands(Commands& commands) {
  commands.push_back({"check", "Check configuration, certificate and store; say what to fix", {}, {}, check});
  commands.push_back({"status", "The server at a glance", {}, {}, status});
  commands.push_back({"backup",
                      "Back everything up into a new file, while mail goes on",
                      {{"DIR", "The folder for it; made if it is not there"}},
                      {},
                      backup});
  commands.push_back({"export",
                      "All that is kept of an account's mail, as one file",
                      {{"ADDRESS", "The account"}, {"FILE", "Where to"}},
                      {},
                      export_account});
  commands.push_back(
      {"docs", "Print a page of the reference", {{"PAGE", "config, commands, events or api"}}, {}, docs});
}

}  // namespace postroad::app
