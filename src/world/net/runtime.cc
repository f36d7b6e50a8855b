#include "net/runtime.h"

#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "net/epoll_core.h"

namespace postroad::net {

struct Runtime::State {
  std::vector<std::unique_ptr<EpollCore>> cores;
  std::vector<std::thread> threads;
};

Runtime::Runtime(unsigned cores) : state_(std::make_unique<State>()) {
  for (unsigned i = 0; i < std::max(1u, cores); ++i) state_->cores.push_back(std::make_unique<EpollCore>(i));
}

Runtime::~Runtime() { stop(); }

unsigned Runtime::cores() const { return static_cast<unsigned>(state_->cores.size()); }
Core& Runtime::core(unsigned index) { return *state_->cores.at(index); }

void Runtime::start() {
  std::signal(SIGPIPE, SIG_IGN);
  for (auto& core : state_->cores) state_->threads.emplace_back([&core] { core->loop(); });
}

void Runtime::stop() {
  if (state_->threads.empty()) return;
  if (Core::current()) throw std::logic_error("net: a core cannot stop its own runtime");
  for (auto& core : state_->cores) core->quit();
  for (auto& thread : state_->threads) thread.join();
  state_->threads.clear();
}

// --- Pool ---

struct Pool::State {
  explicit State(std::size_t waiting) : limit(waiting) {}
  const std::size_t limit;
  mutable std::mutex mutex;
  std::condition_variable more;
  std::deque<detail::Job*> jobs;
  bool ending = false;
  std::vector<std::thread> threads;

  void serve() {
    std::unique_lock lock(mutex);
    for (;;) {
      more.wait(lock, [&] { return ending || !jobs.empty(); });
      if (ending) return;
      detail::Job* job = jobs.front();
      jobs.pop_front();
      lock.unlock();
      job->work();
      lock.lock();
    }
  }
};

Pool::Pool(unsigned threads, std::size_t waiting) : state_(std::make_unique<State>(waiting)) {
  for (unsigned i = 0; i < threads; ++i) state_->threads.emplace_back([this] { state_->serve(); });
}

Pool::~Pool() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->ending = true;
  }
  state_->more.notify_all();
  for (auto& thread : state_->threads) thread.join();
  for (detail::Job* job : state_->jobs) job->drop();
}

std::size_t Pool::waiting() const {
  const std::lock_guard lock(state_->mutex);
  return state_->jobs.size();
}
bool Pool::full() const { return waiting() >= state_->limit; }

namespace {

struct Drop {
  void operator()(detail::Job* job) const { job->drop(); }
};

}  // namespace

void Pool::add(detail::Job& job) {
  if (state_->threads.empty()) {
    std::unique_ptr<detail::Job, Drop> own(&job);
    Core::here().post([own = std::move(own)]() mutable { own.release()->work(); });
    return;
  }
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->jobs.size() >= state_->limit) throw PoolFull();
    state_->jobs.push_back(&job);
  }
  state_->more.notify_one();
}

namespace detail {

void Job::work() noexcept {
  int expected = Waiting;
  if (phase_.compare_exchange_strong(expected, Running)) {
    error_ = attempt(body());
    phase_.store(Ran);
    phase_.notify_all();
    complete();
  }
  release();
}

void Job::drop() noexcept {
  if (take_back()) complete();
  release();
}

bool Job::take_back() {
  int expected = Waiting;
  return phase_.compare_exchange_strong(expected, TakenBack);
}

void Job::wait_while_running() {
  while (phase_.load() == Running) phase_.wait(Running);
}

BlockingWait::~BlockingWait() {
  if (!started_) job_->release();  // the pool's share
  job_->release();
}

bool BlockingWait::start(std::coroutine_handle<> h, Scope& scope) {
  if (scope.cancelled()) return interrupted_ = true, false;
  pool_.add(*job_);
  started_ = true;
  return LaterWaiter::start(h, scope, *job_);
}

void BlockingWait::forget() noexcept {
  if (!job_->take_back()) job_->wait_while_running();
  LaterWaiter::forget();
}

void BlockingWait::cancel() noexcept {
  interrupted_ = true;
  if (job_->take_back()) Waiter::cancel();
}

void BlockingWait::finish() {
  if (interrupted_) throw Cancelled();
  if (job_->phase_.load() != Job::Ran) throw Abandoned();
  if (job_->error_) std::rethrow_exception(job_->error_);
}

// --- run_on ---

// On its way to the other core; if that ends first, the task has never run.
struct Remote::Starting {
  struct Lost {
    void operator()(Remote* lost) const { lost->over(false); }
  };
  std::unique_ptr<Remote, Lost> remote;
  void operator()() { remote.release()->start(); }
};

void Remote::begin() { core_.post(Starting{std::unique_ptr<Remote, Starting::Lost>(this)}); }

void Remote::start() {
  if (unwanted_) return over(false);
  root_ = &run_root(core_, body()).frame.promise();
  root_->owner = this;
  core_.make_ready(*root_);
}

void Remote::ended(Root::promise_type& root) noexcept {
  error_ = std::move(root.error);
  root_ = nullptr;
  root.handle().destroy();
  over(true);
}

void Remote::over(bool ran) noexcept {
  ran_ = ran;
  over_.store(true);
  over_.notify_all();
  complete();
  release();
}

void Remote::wait_end() { over_.wait(false); }

void Remote::rethrow() {
  if (error_) std::rethrow_exception(error_);
  if (!ran_) throw Abandoned();
}

void Remote::give_up() noexcept {
  if (!core_.may_touch()) return wait_end();
  if (root_) {
    std::exchange(root_, nullptr)->destroy();
    over(false);
  } else {
    unwanted_ = true;
  }
}

void RemoteWait::forget() noexcept {
  LaterWaiter::forget();
  remote_.give_up();
}

}  // namespace detail
}  // namespace postroad::net
