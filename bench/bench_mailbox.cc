// The mailbox engine alone: deliveries, what FETCH, STORE, COPY, EXPUNGE and SELECT ask of it, on a real
// store.
//
//   bench_mailbox --place DIR [--messages 100000] [--octets 4096] [--deliveries 20000]
//
// Each line: wall time, CPU of the whole process (committer and readers included), both per message too. What
// a protocol adds (parsing commands, writing to a socket) is not in it; rendering into memory is.
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>

#include "directory/directory_testing.h"
#include "mailbox/engine.h"
#include "mailbox/session.h"
#include "mime/header.h"
#include "mime/parser.h"
#include "mime/stored.h"
#include "net/runtime.h"
#include "net/task_group.h"
#include "store/embedded.h"

namespace {

using namespace postroad;
using mailbox::Entry;

constexpr AccountId alice{1};

class Everybody final : public directory::testing::Nobody {
 public:
  using Nobody::account;
  std::optional<directory::Account> account(AccountId id) const override {
    return directory::Account{.id = id, .tenant = TenantId{1}, .address = *Address::parse("a@example.org")};
  }
};

double seconds_of(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

class Stopwatch {
 public:
  Stopwatch() : wall_(std::chrono::steady_clock::now()), cpu_(cpu()) {}
  void report(std::string_view what, std::size_t messages) const {
    const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_).count();
    const double used = cpu() - cpu_;
    const double n = static_cast<double>(messages);
    fmt::print(
        "{:<34} {:>8} messages  {:>8.4f} s  {:>8.4f} s CPU  {:>8.2f} us  {:>8.2f} us CPU  {:>9.0f}/s\n", what,
        messages, wall, used, wall / n * 1e6, used / n * 1e6, n / wall);
    std::fflush(stdout);
  }

 private:
  static double cpu() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  }
  std::chrono::steady_clock::time_point wall_;
  double cpu_;
};

std::string letter(std::size_t n, std::size_t octets) {
  std::string out = fmt::format(
      "Received: from mx{0}.example.com (mx{0}.example.com [192.0.2.{1}])\r\n\tby mail.example.org with "
      "ESMTPS id "
      "{0:013};\r\n\tMon, 7 Sep 2026 10:00:00 +0200\r\n"
      "From: Sender Number {0} <sender{0}@example.com>\r\nTo: \"The One\" <a@example.org>, Another "
      "<another{0}@example.net>\r\nSubject: Re: The subject of message number {0}, which is of usual "
      "length\r\n"
      "Date: Mon, 7 Sep 2026 10:00:00 +0200\r\nMessage-ID: <{0}.abcdef@example.com>\r\nIn-Reply-To: "
      "<{2}.abcdef@example.com>\r\nReferences: <1.abcdef@example.com> <{2}.abcdef@example.com>\r\n"
      "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; "
      "boundary=\"=_b\"\r\n\r\n--=_b\r\nContent-Type: "
      "text/plain; charset=utf-8\r\n\r\n",
      n, n % 250 + 1, n - 1);
  while (out.size() + 300 < octets)
    out += "The quick brown fox jumps over the lazy dog and goes on to the next line.\r\n";
  out += "\r\n--=_b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>The same</p>\r\n--=_b--\r\n";
  return out;
}

struct Place {
  std::unique_ptr<store::EmbeddedStore> store;
  std::unique_ptr<mailbox::Engine> engine;
};

Everybody everybody;
SystemClock system_clock_;

Place open(net::Runtime& runtime, const std::string& path) {
  auto opened = store::open_embedded({.data = path, .cores = runtime.cores()});
  if (!opened) throw std::runtime_error(opened.error().text);
  Place place{.store = std::move(*opened)};
  mailbox::Services services{.store = place.store.get(), .directory = &everybody, .clock = &system_clock_};
  for (unsigned n = 0; n < runtime.cores(); ++n) services.cores.push_back(&runtime.core(n));
  place.engine = std::make_unique<mailbox::Engine>(std::move(services));
  return place;
}

void close(net::Runtime& runtime, Place& place) {
  net::block_on(runtime.core(0), place.engine->stop());
  place.engine.reset();
  place.store.reset();
}

net::task<mailbox::NewMessage> make(store::Store& store, std::unique_ptr<store::BlobWriter>& writer,
                                    std::size_t n, std::size_t octets) {
  const std::string text = letter(n, octets);
  writer = store.new_blob(text.size());
  writer->append(text);
  const auto blob = co_await writer->finish();
  mailbox::NewMessage message;
  message.blob = blob.value();
  message.blob_octets = text.size();
  message.structure = mime::serialize(mime::parse(text));
  message.internal_date = system_clock_.now();
  co_return message;
}

net::task<void> deliver_some(Place& place, std::size_t& next, std::size_t count, std::size_t octets,
                             std::size_t accounts) {
  while (next < count) {
    const std::size_t n = next++;
    std::unique_ptr<store::BlobWriter> writer;
    auto message = co_await make(*place.store, writer, n, octets);
    const auto stored = co_await place.engine->deliver(AccountId{100 + n % accounts}, std::move(message),
                                                       std::nullopt, false, {});
    if (!stored) throw std::runtime_error("delivery refused");
  }
}

net::task<void> deliver_all(Place& place, std::size_t count, std::size_t octets, std::size_t accounts,
                            std::size_t at_once) {
  std::size_t next = 0;
  net::TaskGroup group(net::Core::here(), [](std::exception_ptr e) { std::rethrow_exception(e); });
  for (std::size_t n = 0; n < at_once; ++n) group.spawn(deliver_some(place, next, count, octets, accounts));
  co_await group.join();
}

net::task<void> fill(Place& place, std::size_t messages, std::size_t octets) {
  mailbox::Session session(*place.engine, alice);
  for (std::size_t n = 0; n < messages;) {
    std::vector<mailbox::NewMessage> some;
    std::vector<std::unique_ptr<store::BlobWriter>> writers;
    for (; some.size() < 500 && n < messages; ++n) {
      writers.emplace_back();
      some.push_back(co_await make(*place.store, writers.back(), n, octets));
    }
    const auto stored = co_await session.append("INBOX", std::move(some));
    if (!stored) throw std::runtime_error("append refused");
  }
}

net::task<void> fetch_flags(const mailbox::Snapshot& snapshot, std::size_t& octets) {
  std::string out;
  snapshot.index.each([&](std::uint32_t sequence, const Entry& e) {
    fmt::format_to(std::back_inserter(out), "* {} FETCH (UID {} FLAGS ({}))\r\n", sequence, e.uid.value(),
                   e.flags & mailbox::flag::seen ? "\\Seen" : "");
  });
  octets += out.size();
  co_return;
}

net::task<void> fetch_records(mailbox::Selected& in, mailbox::Kept kind, std::size_t& octets) {
  static constexpr std::string_view wanted[] = {
      "From", "To", "Cc", "Subject", "Date", "Message-ID", "References", "In-Reply-To", "Content-Type"};
  std::string out;
  for (const auto& slot : in.shown()->index.slots()) {
    const auto records = co_await in.read(kind, slot.page->entries);
    for (std::size_t i = 0; i < records->size(); ++i) {
      fmt::format_to(std::back_inserter(out), "* {} FETCH (", slot.before + i + 1);
      if (kind == mailbox::Kept::Structure) {
        out += mime::Stored::read((*records)[i])->envelope();
      } else {
        const auto fields = mailbox::HeaderFields::decode((*records)[i]);
        out += mime::pick_fields(mime::Header(**fields), wanted, mime::Pick::Named);
      }
      out += ")\r\n";
    }
    octets += out.size();
    out.clear();
  }
}

net::task<void> fetch_bodies(mailbox::Selected& in, std::size_t count, std::size_t& octets) {
  std::size_t n = 0;
  for (const auto& slot : in.shown()->index.slots()) {
    const auto records = co_await in.read(mailbox::Kept::Locator, slot.page->entries);
    for (std::size_t i = 0; i < records->size() && n < count; ++i, ++n) {
      const auto content = co_await in.open((*records)[i]);
      for (std::uint64_t at = 0; at < (*content)->octets();) {
        const auto piece = co_await (*content)->read(at);
        at += piece->size();
        octets += piece->size();
      }
    }
    if (n == count) co_return;
  }
}

NumberSet first(const mailbox::Selected& in, std::size_t count) {
  return in.latest()->index.uids_of(NumberSet::of({{1, static_cast<std::uint32_t>(count)}}));
}

net::task<std::unique_ptr<mailbox::Selected>> select(Place& place, std::string name) {
  mailbox::Session session(*place.engine, alice);
  auto selected = co_await session.select(std::move(name), mailbox::Access::ReadWrite);
  co_return std::move(selected.value());
}

net::task<void> work(Place& place, std::size_t messages) {
  std::size_t octets = 0;
  const std::size_t some = std::min<std::size_t>(10'000, messages);
  auto inbox = co_await select(place, "INBOX");
  {
    const Stopwatch watch;
    co_await fetch_flags(*inbox->shown(), octets);
    watch.report("FETCH 1:* (UID FLAGS)", messages);
  }
  for (const char* which : {"first", "again"}) {
    const Stopwatch watch;
    co_await fetch_records(*inbox, mailbox::Kept::Structure, octets);
    watch.report(fmt::format("FETCH 1:* ENVELOPE, {}", which), messages);
  }
  for (const char* which : {"first", "again"}) {
    const Stopwatch watch;
    co_await fetch_records(*inbox, mailbox::Kept::Fields, octets);
    watch.report(fmt::format("FETCH 1:* HEADER.FIELDS, {}", which), messages);
  }
  for (const char* which : {"first", "again"}) {
    const Stopwatch watch;
    co_await fetch_bodies(*inbox, some, octets);
    watch.report(fmt::format("BODY.PEEK[], {}", which), some);
  }
  const NumberSet all = NumberSet::of({{1, UINT32_MAX}});
  for (const bool add : {true, false}) {
    const Stopwatch watch;
    mailbox::FlagChange flagged{.how = add ? mailbox::FlagChange::How::Add : mailbox::FlagChange::How::Remove,
                                .system = mailbox::flag::flagged};
    const auto stored = co_await inbox->store(all, std::move(flagged));
    const auto changes = compare(*inbox->shown(), *inbox->latest());
    inbox->show(inbox->latest());
    watch.report(add ? "STORE 1:* +FLAGS \\Flagged" : "STORE 1:* -FLAGS \\Flagged", changes.changed.size());
  }
  {
    const NumberSet uids = first(*inbox, some);
    const Stopwatch watch;
    const auto copied = co_await inbox->copy(uids, "Archive");
    watch.report("COPY", copied->source.size());
  }
  {
    auto archive = co_await select(place, "Archive");
    const Stopwatch watch;
    const auto moved = co_await archive->move(all, "Trash");
    watch.report("MOVE", moved->source.size());
  }
  {
    auto trash = co_await select(place, "Trash");
    const Stopwatch watch;
    const auto gone = co_await trash->expunge(all, mailbox::Which::All);
    watch.report("EXPUNGE of copies", gone->size());
  }
  {
    const NumberSet uids = first(*inbox, some);
    const Stopwatch watch;
    const auto gone = co_await inbox->expunge(uids, mailbox::Which::All, mailbox::Fate::Erased);
    watch.report("EXPUNGE, erased", gone->size());
    co_await place.engine->sweep();
    watch.report("... and purged", gone->size());
  }
  fmt::print("{} octets rendered\n", octets);
}

net::task<void> login_and_select(Place& place, std::size_t times) {
  for (std::size_t n = 0; n < times; ++n) {
    mailbox::Session session(*place.engine, AccountId{100 + n});
    const auto tree = co_await session.tree();
    const auto inbox = co_await session.select("INBOX", mailbox::Access::ReadWrite);
    if (!inbox || !tree) throw std::runtime_error("cannot select");
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The mailbox engine alone");
  std::string place_path;
  std::size_t messages = 100'000, octets = 4'096, deliveries = 20'000;
  app.add_option("--place", place_path, "an empty directory on the disk to measure")->required();
  app.add_option("--messages", messages, "in the mailbox of the FETCH and STORE tests");
  app.add_option("--octets", octets, "of a message");
  app.add_option("--deliveries", deliveries, "0: none");
  CLI11_PARSE(app, argc, argv);
  std::filesystem::create_directories(place_path);

  net::Runtime runtime(2);
  runtime.start();
  net::Core& core = runtime.core(0);
  Place place = open(runtime, place_path);
  if (deliveries > 0) {
    for (const auto& [accounts, at_once] :
         std::vector<std::pair<std::size_t, std::size_t>>{{1, 1}, {1, 50}, {1000, 50}}) {
      const std::size_t n = at_once == 1 ? deliveries / 10 : deliveries;
      const Stopwatch watch;
      net::block_on(core, deliver_all(place, n, octets, accounts, at_once));
      watch.report(fmt::format("deliver, {} at once to {}", at_once, accounts), n);
    }
    close(runtime, place);
    place = open(runtime, place_path);
    const Stopwatch watch;
    net::block_on(core, login_and_select(place, 1000));
    watch.report("LIST and SELECT, cold, sessions", 1000);
  }
  {
    const Stopwatch watch;
    net::block_on(core, fill(place, messages, octets));
    watch.report("APPEND, 500 in a commit", messages);
  }
  close(runtime, place);
  place = open(runtime, place_path);
  {
    const Stopwatch watch;
    const auto inbox = net::block_on(core, select(place, "INBOX"));
    watch.report("SELECT, cold", inbox->shown()->index.size());
  }
  net::block_on(core, work(place, messages));
  close(runtime, place);
  runtime.stop();
  return 0;
}
