// The routes that stand: those of the configuration, and those laid by command, which are kept in the store.
//
// Partition {System, 3}, key "route/" and the pattern. A route laid by command counts before one of the
// configuration with the same pattern.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "delivery/route_table.h"
#include "store/store.h"

namespace postroad::delivery {

enum class RouteError : std::uint8_t { NotFound, Unavailable, Full };

struct StandingRoute {
  RouteRule rule;
  bool configured = false;  // by the file: not to be removed by command
};

// Any core.
class RouteBook {
 public:
  using Publish = std::function<void(std::shared_ptr<const RouteTable>)>;
  // `publish` is told of each change, on the core that makes it.
  RouteBook(store::Store& store, Publish publish) : store_(store), publish_(std::move(publish)) {}

  // Throws std::runtime_error with a line for an administrator.
  net::task<void> load();
  void configure(std::vector<RouteRule> rules);
  net::task<Result<void, RouteError>> lay(RouteRule rule);
  net::task<Result<void, RouteError>> remove(std::string pattern);
  std::vector<StandingRoute> list() const;  // by pattern

 private:
  void publish();
  store::Store& store_;
  Publish publish_;
  mutable std::mutex lock_;
  RouteTable laid_;
  std::vector<RouteRule> configured_;
};

}  // namespace postroad::delivery
