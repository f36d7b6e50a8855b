#include "observe/log.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "observe/line_queue.h"
#include "observe/metrics.h"

namespace postroad::observe {
namespace {

struct LogLinesLost {
  static constexpr std::string_view name = "log.lines.lost";
  static constexpr std::string_view help =
      "The log could not keep up or its disk was full; this many lines are missing here.";
  static constexpr Level level = Level::Error;
  std::uint64_t lines = 0;
  static constexpr std::tuple fields{Field{"lines", &LogLinesLost::lines}};
};

struct LogReopenFailed {
  static constexpr std::string_view name = "log.reopen.failed";
  static constexpr std::string_view help = "The log file could not be opened anew; the old one stays in use.";
  static constexpr Level level = Level::Error;
  std::string file;
  std::string reason;
  static constexpr std::tuple fields{Field{"file", &LogReopenFailed::file},
                                     Field{"reason", &LogReopenFailed::reason}};
};

const Counter lines_lost{"postroad_log_lines_lost_total", "Log lines dropped: disk full or too slow."};

std::string system_says(int error) { return std::error_code(error, std::system_category()).message(); }

// A descriptor for lines. Regular files answer at once; a pipe or terminal that nobody reads must not hold
// us.
class Sink {
 public:
  ~Sink() { close(); }
  // Empty: standard error.
  std::optional<std::string> open(const std::filesystem::path& file) {
    int fd = STDERR_FILENO;
    if (!file.empty()) fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
    if (fd < 0) return system_says(errno);
    close();
    struct stat status{};
    regular_ = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    fd_ = fd;
    return std::nullopt;
  }

  bool ready(std::chrono::milliseconds wait) const {
    if (regular_) return true;
    pollfd asked{.fd = fd_, .events = POLLOUT, .revents = 0};
    return ::poll(&asked, 1, static_cast<int>(wait.count())) != 0;
  }
  // How much was taken; nothing if it failed (disk full, nobody there). After ready() this does not block.
  std::optional<std::size_t> write(std::string_view octets) const {
    if (!regular_) octets = octets.substr(0, 4096);  // PIPE_BUF: what a writable pipe takes whole
    const ssize_t n = ::write(fd_, octets.data(), octets.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EINTR || errno == EAGAIN) return 0;
    return std::nullopt;
  }

 private:
  void close() {
    if (fd_ > STDERR_FILENO) ::close(fd_);
  }
  int fd_ = -1;
  bool regular_ = false;
};

}  // namespace

class Log::Writer {
 public:
  Writer(const LogSettings& settings, const Clock& clock)
      : clock_(clock),
        file_(settings.file),
        queue_(std::bit_ceil(std::max<std::size_t>(settings.waiting, 2))) {
    if (const auto problem = sink_.open(file_))
      throw LogUnavailable("cannot open the log file " + file_.string() + ": " + *problem);
    // Signals are for the threads that serve; SIGPIPE and SIGXFSZ become errors of write().
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  ~Writer() {
    give_up_at_ = clock_now() + std::chrono::seconds(2);
    stopping_.store(true);
    wake();
    thread_.join();
  }

  void push(std::string line) {
    if (!queue_.push(std::move(line))) {
      lost_in_queue_.fetch_add(1, std::memory_order_relaxed);
      lines_lost.add();
    }
    if (asleep_.load() != 0) wake();
  }

  void reopen(std::optional<std::filesystem::path> file) {
    {
      const std::lock_guard lock(reopen_mutex_);
      if (file) file_ = std::move(*file);
      reopen_asked_.fetch_add(1);
    }
    wake();
  }

  bool flush(Duration most) {
    const std::size_t all = queue_.pushed();
    const std::uint64_t reopens = reopen_asked_.load();
    const auto until = clock_now() + most;
    const auto done = [&] { return settled_.load() >= all && reopen_done_.load() >= reopens; };
    while (!done() && clock_now() < until) {
      wake();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return done();
  }

  std::uint64_t lost() const { return lost_in_queue_.load() + lost_in_sink_.load(); }

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  static SteadyTime clock_now() { return std::chrono::steady_clock::now(); }

  void wake() {
    asleep_.store(0);
    asleep_.notify_one();
  }

  // Writes what waits, then rests: a short nap while lines keep coming, so that a busy server is not woken
  // for each of them, and then a sleep until somebody has something to say.
  void run() {
    ::pthread_setname_np(::pthread_self(), "log");
    while (true) {
      const bool stop = stopping_.load();
      reopen_if_asked();
      if (write_waiting()) {
        if (!stop) std::this_thread::sleep_for(std::chrono::milliseconds(2));
        continue;
      }
      if (stop) return;
      asleep_.store(1);
      if (queue_.empty() && !stopping_.load() && reopen_done_.load() == reopen_asked_.load()) asleep_.wait(1);
      asleep_.store(0);
    }
  }

  void reopen_if_asked() {
    if (reopen_done_.load() == reopen_asked_.load()) return;
    std::filesystem::path file;
    std::uint64_t asked = 0;
    {
      const std::lock_guard lock(reopen_mutex_);
      file = file_;
      asked = reopen_asked_.load();
    }
    const auto problem = sink_.open(file);
    broken_line_ = !problem ? false : broken_line_;
    if (problem) say(LogReopenFailed{.file = file.string(), .reason = *problem});
    reopen_done_.store(asked);
  }

  template <Event E>
  void say(const E& event) {
    detail::count(detail::counter_of<E>);
    write(render(event, clock_.now()), 1);
  }

  // One batch; false if there was nothing to do.
  bool write_waiting() {
    std::string batch;
    std::size_t lines = 0;
    while (batch.size() < 256 * 1024) {
      auto line = queue_.pop();
      if (!line) break;
      batch += *line;
      ++lines;
    }
    if (lines == 0) return false;
    const bool written = write(batch, lines);
    settled_.fetch_add(lines);
    if (const std::uint64_t missing = lost() - told_; written && missing > 0) {
      told_ += missing;
      say(LogLinesLost{.lines = missing});
    }
    return true;
  }

  // What cannot be written is counted, never waited for: a log line is worth less than the mail.
  bool write(std::string_view text, std::size_t lines) {
    std::string with_end;
    if (broken_line_) text = with_end = "\n" + std::string(text);
    const std::size_t size = text.size();
    while (!text.empty()) {
      if (!sink_.ready(std::chrono::milliseconds(100))) {
        if (stopping_.load() && clock_now() > give_up_at_.load()) break;
        continue;
      }
      const auto taken = sink_.write(text);
      if (!taken) break;
      text.remove_prefix(*taken);
    }
    if (text.empty()) {
      broken_line_ = false;
      return true;
    }
    if (text.size() < size) broken_line_ = true;
    const auto missing =
        std::min<std::size_t>(lines, static_cast<std::size_t>(std::ranges::count(text, '\n')));
    lost_in_sink_.fetch_add(missing);
    lines_lost.add(missing);
    return false;
  }

  const Clock& clock_;
  std::mutex reopen_mutex_;
  std::filesystem::path file_;  // under reopen_mutex_ once the thread runs
  std::atomic<std::uint64_t> reopen_asked_{0}, reopen_done_{0};

  LineQueue queue_;
  std::atomic<std::uint32_t> asleep_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<SteadyTime> give_up_at_{SteadyTime::max()};
  std::atomic<std::uint64_t> settled_{0}, lost_in_queue_{0}, lost_in_sink_{0};

  // The thread's own.
  Sink sink_;
  bool broken_line_ = false;  // the last write ended inside a line
  std::uint64_t told_ = 0;
  std::thread thread_;
};

Log::Log(LogSettings settings, const Clock& clock)
    : level_(settings.level), clock_(clock), writer_(std::make_unique<Writer>(settings, clock)) {}
Log::~Log() = default;

void Log::push(std::string line) { writer_->push(std::move(line)); }
void Log::reopen(std::filesystem::path file) { writer_->reopen(std::move(file)); }
void Log::reopen() { writer_->reopen(std::nullopt); }
bool Log::flush(Duration most) { return writer_->flush(most); }
std::uint64_t Log::lost() const { return writer_->lost(); }

const Clock& Log::system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace postroad::observe
