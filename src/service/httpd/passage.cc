#include "httpd/passage.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <stdexcept>

#include "net/later.h"
#include "net/task_group.h"

namespace postroad::httpd {

namespace {

constexpr std::size_t most_waiting = 1 << 20;

class Passage final : public store::Sink {
 public:
  // The blocking side.
  void write(std::string_view octets) override {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return waiting_ < most_waiting || closed_; });
    if (closed_) throw std::runtime_error("nobody reads any more");
    waiting_ += octets.size();
    pieces_.emplace_back(octets);
    wake();
  }
  void finish() {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    wake();
  }

  // The coroutine's side. Empty at the end.
  net::task<std::string> next() {
    for (;;) {
      net::Later<void> later;
      {
        const std::lock_guard lock(mutex_);
        if (!pieces_.empty()) {
          std::string piece = std::move(pieces_.front());
          pieces_.pop_front();
          waiting_ -= piece.size();
          room_.notify_one();
          co_return piece;
        }
        if (finished_) co_return std::string();
        reader_ = later.completer();
      }
      co_await later;
    }
  }
  // Nobody reads any more: the writer shall not wait for ever.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    room_.notify_all();
  }

 private:
  void wake() {
    if (reader_) reader_.complete();
  }
  std::mutex mutex_;
  std::condition_variable room_;
  std::deque<std::string> pieces_;
  std::size_t waiting_ = 0;
  bool finished_ = false, closed_ = false;
  net::Completer<void> reader_;
};

class Outgoing final : public http::Content {
 public:
  Outgoing(net::Pool& pool, std::function<void(store::Sink&)> produce)
      : pool_(pool), produce_(std::move(produce)) {}

  net::task<void> write(http::Out& out) override {
    std::exception_ptr fault;
    net::TaskGroup group(net::Core::here(), [&fault](std::exception_ptr error) { fault = std::move(error); });
    group.spawn(run());
    // Also when this frame is destroyed where it waits: the group then waits for the pool's thread.
    const Close close{passage_};
    std::exception_ptr mine;
    try {
      for (;;) {
        const std::string piece = co_await passage_.next();
        if (piece.empty()) break;
        co_await out.write(piece);
      }
    } catch (const std::exception&) {
      mine = std::current_exception();
    }
    passage_.close();
    co_await group.join();
    if (mine) std::rethrow_exception(mine);
    if (fault) std::rethrow_exception(fault);
  }

 private:
  struct Close {
    Passage& passage;
    ~Close() { passage.close(); }
  };
  struct Finish {
    Passage& passage;
    ~Finish() { passage.finish(); }
  };
  net::task<void> run() {
    const Finish finish{passage_};
    co_await net::blocking(pool_, [this] { produce_(passage_); });
  }
  net::Pool& pool_;
  const std::function<void(store::Sink&)> produce_;
  Passage passage_;
};

}  // namespace

std::unique_ptr<http::Content> outgoing(net::Pool& pool, std::function<void(store::Sink&)> produce) {
  return std::make_unique<Outgoing>(pool, std::move(produce));
}

}  // namespace postroad::httpd
