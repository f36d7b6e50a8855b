// Metrics: numbers that a monitoring system reads from /metrics (Prometheus text format 0.0.4).
//
// Declare them once, at namespace scope of a .cc file, and use them from any thread:
//
//   observe::Counter refused{"postroad_smtp_refused_total", "Recipients refused.", R"(reason="unknown")"};
//   observe::Histogram wait{"postroad_commit_seconds", "Time of a durable commit.", observe::durations};
//   refused.add();  wait.record(0.0042);
//
// A counter or histogram costs a few nanoseconds: each thread adds into cells of its own, without locks or
// shared cache lines, and a reader sums them. They belong to the process; every event has a counter besides,
// postroad_events_total{event="..."}.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace postroad::observe {

// `name` as Prometheus wants it: postroad_..., base units (seconds, octets), _total for counters. `labels` is
// empty or what stands between the braces. Several metrics of one name differ in labels and share help.
class Counter {
 public:
  Counter(std::string_view name, std::string_view help, std::string_view labels = {});
  Counter(const Counter&) = delete;
  void add(std::uint64_t n = 1) const;
  std::uint64_t value() const;

 private:
  std::size_t cell_;
};

class Gauge {
 public:
  Gauge(std::string_view name, std::string_view help, std::string_view labels = {});
  Gauge(const Gauge&) = delete;
  ~Gauge();
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// A number asked for when it is read; `ask` may be called from any thread until this object is gone.
class Probe {
 public:
  Probe(std::string_view name, std::string_view help, std::function<double()> ask,
        std::string_view labels = {});
  Probe(const Probe&) = delete;
  ~Probe();

 private:
  std::function<double()> ask_;
};

// Upper bounds of buckets, ascending; a bucket without bound is added.
inline constexpr std::array durations{0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                      0.25,   0.5,    1.0,   2.5,    5.0,   10.0, 30.0,  60.0};  // seconds
inline constexpr std::array sizes{1024.0,    4096.0,    16384.0,    65536.0,   262144.0,
                                  1048576.0, 4194304.0, 16777216.0, 67108864.0};  // octets

class Histogram {
 public:
  Histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
            std::string_view labels = {});
  Histogram(const Histogram&) = delete;
  void record(double value) const;
  std::uint64_t count() const;
  double sum() const;

 private:
  std::span<const double> bounds_;
  std::size_t cell_;  // one cell per bound, one beyond, one with the sum
};

// All metrics of the process, ready to be served.
std::string exposition();

}  // namespace postroad::observe
