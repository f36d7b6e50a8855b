// TestServer: two cores, a listener on a loopback port, and a way to run a client. For tests, here and above.
#pragma once

#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "net/listener.h"
#include "net/runtime.h"

namespace postroad::net {

class TestServer {
 public:
  explicit TestServer(Listener::Session session, Listener::Options options = {},
                      Connections::Limits limits = {}, unsigned cores = 2)
      : runtime_(cores), connections_(std::move(limits)) {
    if (options.addresses.empty()) options.addresses.push_back(loopback(0));
    auto listener = Listener::bind(runtime_, connections_, std::move(options));
    if (!listener) throw std::runtime_error("bind: " + listener.error().detail);
    listener_ = std::move(*listener);
    runtime_.start();
    listener_->start(std::move(session), [this](std::exception_ptr error) { note(std::move(error)); });
  }
  ~TestServer() {
    block_on(runtime_.core(0), shut_down(*listener_));
    runtime_.stop();
  }

  Endpoint address(std::size_t n = 0) const { return listener_->addresses().at(n); }
  Runtime& runtime() { return runtime_; }
  Listener& listener() { return *listener_; }
  Connections& connections() { return connections_; }

  // Runs a client on the last core, and waits for its end.
  template <class T>
  T client(task<T> task) {
    return block_on(runtime_.core(runtime_.cores() - 1), std::move(task));
  }
  // Ends all sessions, and listening.
  void stop() { block_on(runtime_.core(0), shut_down(*listener_)); }
  // What ended sessions so far: the messages of their exceptions. take_errors() forgets them.
  std::vector<std::string> errors() {
    const std::lock_guard lock(mutex_);
    return errors_;
  }
  std::vector<std::string> take_errors() {
    const std::lock_guard lock(mutex_);
    return std::exchange(errors_, {});
  }

 private:
  static task<void> shut_down(Listener& listener) {
    listener.stop_accepting();
    co_await listener.end_sessions();
  }
  void note(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    try {
      std::rethrow_exception(std::move(error));
    } catch (const std::exception& e) {
      errors_.emplace_back(e.what());
    }
  }

  Runtime runtime_;
  Connections connections_;
  std::unique_ptr<Listener> listener_;
  std::mutex mutex_;
  std::vector<std::string> errors_;
};

}  // namespace postroad::net
