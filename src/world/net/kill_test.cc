// A whole conversation, stopped at every step there is: destroyed where it stands as by a kill, or cancelled.
// Under ASan nothing may leak and nothing freed may be touched; and what is cancelled has to end without more
// input.
#include <gtest/gtest.h>

#include "net/manual_core.h"
#include "net/runtime.h"
#include "net/sleep.h"
#include "net/tls_testing.h"
#include "net/turns.h"
#include "net/wait_for.h"

namespace postroad::net {
namespace {

struct World {
  explicit World(const Certificates& files, const std::shared_ptr<const TlsCertificate>& certificate)
      : tls(certificate), client(files.file("mail.test")) {}
  ManualCore core{0};
  ManualCore other{1, core.manual_clock()};
  Pool pool{0};
  Signal news;
  Turns turns;
  TlsServer tls;
  TlsClient client;
  TlsService service{.name = "test", .alpn = {}};
  MemoryPair pair = memory_pair(core, {.capacity = 20, .piece = 20});
  std::string got;
  int errors = 0;
  TaskGroup group{core, [this](std::exception_ptr) { ++errors; }};

  bool step() { return core.step() || other.step(); }
};

task<int> far_away(int n) {
  co_await sleep_for(1ms);
  co_return n + 1;
}
task<void> helper(World& w, int& done) {
  const auto turn = co_await w.turns.take();
  co_await sleep_for(1ms);
  w.news.notify();
  ++done;
}
// Helpers in a group of its own, joined.
task<int> with_helpers(World& w) {
  int done = 0;
  TaskGroup helpers(w.core, [](std::exception_ptr) {});
  for (int i = 0; i < 3; ++i) helpers.spawn(helper(w, done));
  co_await wait_for(w.news, 10ms);
  co_await helpers.join();
  co_return done;
}
task<void> serve(World& w) {
  Stream& s = w.pair.first;
  co_await s.write("220 ready\r\n");
  co_await s.read_line(100);
  co_await s.write("220 go\r\n");
  co_await s.start_tls(w.tls, w.service);
  for (;;) {
    const auto line = co_await s.read_line(100);
    if (!line || *line == "QUIT") break;
    const std::string word(*line);
    const int far = co_await run_on(w.other, far_away(1));
    const int blocked = co_await blocking(w.pool, [far] { return far + 1; });
    const int helped = co_await with_helpers(w);
    const std::string reply = word + " " + std::to_string(blocked + helped) + "\r\n";
    co_await s.write(reply);
    co_await s.write_view(std::string_view(word).substr(0, 1));
    co_await s.write("\r\n");
  }
  co_await s.wait(&w.news, w.core.now() + 1s);
  co_await s.close();
}
task<void> visit(World& w) {
  Stream& s = w.pair.second;
  co_await s.read_line(100);
  co_await s.write("STARTTLS\r\n");
  co_await s.read_line(100);
  TlsPeer peer{.name = "mail.test"};
  if (!co_await s.start_tls_client(w.client, std::move(peer))) throw std::runtime_error("TLS");
  co_await s.write("one\r\ntwo\r\n");
  for (int i = 0; i < 4; ++i) w.got += std::string(*co_await s.read_line(100)) + ";";
  co_await s.write("QUIT\r\n");
  co_await s.flush();
  co_await sleep_for(2s);
  co_await s.close();
}

// Runs until `steps` steps are done, moving time where nothing else moves; false if it ended before.
bool run(World& w, std::size_t steps) {
  w.group.spawn(serve(w));
  w.group.spawn(visit(w));
  for (std::size_t done = 0; done < steps;) {
    if (w.step()) {
      ++done;
      continue;
    }
    const Instant next = std::min(w.core.next_due(), w.other.next_due());
    if (next == Instant::max()) return false;
    if (next > w.core.now()) w.core.manual_clock().advance(next - w.core.now());
  }
  return true;
}

struct Kill : testing::Test {
  Certificates files;
  std::shared_ptr<const TlsCertificate> certificate = files.make("mail.test");
};

TEST_F(Kill, TheConversationEndsWellWhenNobodyStopsIt) {
  World w(files, certificate);
  EXPECT_FALSE(run(w, 100'000));
  EXPECT_EQ(w.got, "one 6;o;two 6;t;");
  EXPECT_TRUE(w.group.empty());
  EXPECT_EQ(w.errors, 0);
}

TEST_F(Kill, AtAnyStepItCanBeDestroyedWhereItStands) {
  std::size_t steps = 0;
  for (;; ++steps) {
    World w(files, certificate);
    if (!run(w, steps)) break;
  }
  EXPECT_GT(steps, 100);
}

TEST_F(Kill, AtAnyStepItCanBeCancelledAndEndsByItself) {
  std::size_t steps = 0;
  for (;; ++steps) {
    World w(files, certificate);
    if (!run(w, steps)) break;
    w.group.cancel();
    // What runs on another core is not stopped halfway: it needs its millisecond.
    for (int i = 0; i < 10 && !w.group.empty(); ++i) {
      while (w.step()) {
      }
      w.core.manual_clock().advance(1ms);
    }
    ASSERT_TRUE(w.group.empty()) << steps;
    ASSERT_EQ(w.errors, 0) << steps;
  }
  EXPECT_GT(steps, 100);
}

}  // namespace
}  // namespace postroad::net
