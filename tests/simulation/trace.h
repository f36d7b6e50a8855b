// Trace: what happened in a history, as lines and as a hash of all lines. The same seed gives the same hash.
#pragma once

#include <fmt/core.h>

#include <cstdio>
#include <deque>
#include <string>

#include "base/clock.h"

namespace postroad::simulation {

class Trace {
 public:
  Trace(const Clock& clock, bool print) : clock_(clock), print_(print) {}

  template <class... Args>
  void operator()(fmt::format_string<Args...> form, Args&&... args) {
    line_.clear();
    const auto since = clock_.instant().time_since_epoch().count();
    fmt::format_to(std::back_inserter(line_), "{:9.3f} ", static_cast<double>(since) / 1e6);
    fmt::format_to(std::back_inserter(line_), form, std::forward<Args>(args)...);
    for (const char c : line_) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 1099511628211u;
    if (print_) std::puts(line_.c_str());
    if (last_.size() < most_kept)
      last_.push_back(line_);
    else
      last_[next_++ % most_kept] = line_;
  }
  std::uint64_t hash() const { return hash_; }
  // The last lines, oldest first.
  std::string last() const {
    std::string out;
    for (std::size_t i = 0; i < last_.size(); ++i) out += "  " + last_[(next_ + i) % last_.size()] + "\n";
    return out;
  }

 private:
  static constexpr std::size_t most_kept = 40;
  const Clock& clock_;
  const bool print_;
  std::string line_;
  std::deque<std::string> last_;
  std::size_t next_ = 0;
  std::uint64_t hash_ = 14695981039346656037u;
};

}  // namespace postroad::simulation
