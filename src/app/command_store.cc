// verify, repair, restore, import: what is done to a store that no server has open. DATA/lock decides that.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "app/cli.h"
#include "app/console.h"
#include "disk/disk.h"
#include "store/archive.h"
#include "store/maintenance.h"

namespace postroad::app {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const store::OpenFault& fault) {
  const bool taken = fault.what == store::OpenError::InUse;
  throw Failure{taken ? no_server : failed,
                taken ? fault.text + ". This command works on a store that nobody has open" : fault.text};
}

json::object fields_of(const store::Report& report) {
  json::array wrong;
  for (const auto& line : report.wrong) wrong.emplace_back(safe(line));
  return {{"good", report.good()},       {"faults", report.faults},  {"partitions", report.partitions},
          {"keys", report.keys},         {"blobs", report.blobs},    {"blob_octets", report.blob_octets},
          {"segments", report.segments}, {"wrong", std::move(wrong)}};
}

// Without the counts: a person wants to know what is wrong.
void print(const store::Report& report, std::string_view none, std::string_view some) {
  for (const auto& line : report.wrong) fmt::print("{}\n", safe(line));
  if (report.faults > report.wrong.size()) fmt::print("and {} more\n", report.faults - report.wrong.size());
  fmt::print("{} accounts and queues, {} records, {} bodies with {} in {} segments: ", report.partitions,
             report.keys, report.blobs, size_text(report.blob_octets), report.segments);
  if (report.good())
    fmt::print("{}\n", none);
  else
    fmt::print("{} {}\n", report.faults, some);
}

int verify(Console& console, const Given&) {
  const auto report = store::verify(disk::real_disk(), console.settings().data.string());
  if (!report) fail(report.error());
  console.show(fields_of(*report), [&](const json::value&) {
    print(*report, "all is whole", "faults; `postroad repair DIR` saves what can be read");
  });
  return report->good() ? done : failed;
}

int repair(Console& console, const Given& given) {
  const SystemClock clock;
  const fs::path from = console.settings().data, to = given.get("DIR");
  const auto report = store::repair(disk::real_disk(), from.string(), to.string(), clock);
  if (!report) fail(report.error());
  auto fields = fields_of(*report);
  fields["directory"] = to.string();
  return console.show(fields, [&](const json::value&) {
    print(*report, "nothing is lost", "losses");
    fmt::print(
        "{} was not changed. To go on with what was saved:\n  mv {}/store {}/store.damaged\n  mv {}/store "
        "{}/\n"
        "The queue will be held until `postroad queue resume`; UIDVALIDITY of all mailboxes rises.\n",
        from.string(), from.string(), from.string(), to.string(), from.string());
  });
}

// A file of ours, as it is; "-" is standard input.
class FileSource final : public store::Source {
 public:
  explicit FileSource(std::string path) : path_(std::move(path)) {
    fd_ = path_ == "-" ? ::dup(STDIN_FILENO) : ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) fault("cannot be opened");
  }
  ~FileSource() override {
    if (fd_ >= 0) ::close(fd_);
  }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  std::size_t read(char* into, std::size_t octets) override {
    for (;;) {
      const auto n = ::read(fd_, into, octets);
      if (n >= 0) return static_cast<std::size_t>(n);
      if (errno != EINTR) fault("cannot be read");
    }
  }

 private:
  [[noreturn]] void fault(std::string_view what) const {
    throw Failure{failed, fmt::format("{}: {} ({})", path_, what, std::strerror(errno))};
  }
  const std::string path_;
  int fd_ = -1;
};

int restore(Console& console, const Given& given) {
  const SystemClock clock;
  const std::string data = console.settings().data.string(), file = given.get("FILE");
  FileSource source(file);
  try {
    const auto restored = store::restore(disk::real_disk(), source, data, clock);
    if (!restored) fail(restored.error());
  } catch (const store::BadArchive& bad) {
    throw Failure{failed, fmt::format("{}: {}; nothing was restored", file, bad.what())};
  }
  return console.show(json::object{{"directory", data}}, [&](const json::value&) {
    fmt::print(
        "{} holds what was backed up. The queue is held, for what it holds may have been sent since then: "
        "look at\n"
        "`postroad queue list`, then `postroad queue resume`. UIDVALIDITY of all mailboxes rises.\n",
        data);
  });
}

int import_account(Console& console, const Given& given) {
  const std::string address = given.get("ADDRESS"), file = given.get("FILE");
  FileSource source(file);
  try {
    console.import_account(address, source);
  } catch (const store::BadArchive& bad) {
    throw Failure{failed, fmt::format("{}: {}; nothing was imported", file, bad.what())};
  }
  return console.say(fmt::format("{} has the mail of {}", address, file));
}

}  // namespace

void add_store_commands(Commands& commands) {
  commands.push_back({"verify",
                      "Read all of a stopped server's store and tell what is damaged; changes nothing",
                      {},
                      {},
                      verify});
  commands.push_back({"repair",
                      "Save what can be read of a stopped server's damaged store; only reads there",
                      {{"DIR", "A new data directory for what is saved"}},
                      {},
                      repair});
  commands.push_back({"restore",
                      "Make the store of a backup; the data directory must have none",
                      {{"FILE", "What `postroad backup` wrote; - for standard input"}},
                      {},
                      restore});
  commands.push_back({"import",
                      "Take in an account's mail, with its UIDs, while no server runs",
                      {{"ADDRESS", "An account that was just made"},
                       {"FILE", "What `postroad export` wrote, here or elsewhere; - for standard input"}},
                      {},
                      import_account});
}

}  // namespace postroad::app
