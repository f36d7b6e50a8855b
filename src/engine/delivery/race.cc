#include "delivery/race.h"

#include <algorithm>

#include "net/task_group.h"
#include "net/wait_for.h"

namespace postroad::delivery {
namespace {

constexpr Duration head_start = 250ms;  // RFC 8305 §5: the connection attempt delay

struct Course {
  net::Connector& connector;
  const std::optional<IpAddress> source;
  const Duration patience;
  std::optional<Reached> winner{};
  std::vector<net::Endpoint> failed{};
  std::optional<net::ConnectError> error{};
  net::Signal news{};
};

net::task<void> run(Course& course, net::Endpoint at) {
  auto connected =
      co_await course.connector.connect({.peer = at, .source = course.source, .patience = course.patience});
  if (connected && !course.winner)
    course.winner.emplace(std::move(*connected), std::move(at));
  else if (!connected) {
    course.error = connected.error();
    course.failed.push_back(std::move(at));
  }
  course.news.notify();
}

}  // namespace

std::vector<IpAddress> interleaved(const std::vector<IpAddress>& addresses) {
  std::vector<IpAddress> first, second, out;
  for (const IpAddress& address : addresses)
    (address.is_v4() == addresses.front().is_v4() ? first : second).push_back(address);
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) out.push_back(first[i]);
    if (i < second.size()) out.push_back(second[i]);
  }
  return out;
}

net::task<Result<Reached, net::ConnectError>> race(net::Connector& connector, std::vector<net::Endpoint>& to,
                                                   std::optional<IpAddress> source, Duration patience) {
  Course course{connector, source, patience};
  if (to.size() == 1) {  // nobody to run against
    co_await run(course, to.front());
  } else {
    net::TaskGroup runners(net::Core::here(),
                           [](std::exception_ptr error) { std::rethrow_exception(error); });
    for (std::size_t started = 0; !course.winner && course.failed.size() < to.size();) {
      if (started < to.size()) runners.spawn(run(course, to[started++]));
      // The next runner starts when his time has come or one has failed.
      co_await net::wait_for(course.news, started < to.size() ? head_start : patience);
    }
    runners.cancel();
    co_await runners.join();
  }
  std::erase_if(to, [&](const net::Endpoint& one) {
    return (course.winner && course.winner->at == one) ||
           std::ranges::find(course.failed, one) != course.failed.end();
  });
  if (course.winner) co_return std::move(*course.winner);
  co_return refuse(course.error.value_or(net::ConnectError::TimedOut));
}

}  // namespace postroad::delivery
