// The other side of the queue: what delivery takes out of it, and what it says became of it.
//
// Everything here runs on the core that owns the shard; delivery runs one dispatcher per core. An entry that
// was taken and is not settled (the process died) is due again at the next start: what an entry asks for must
// bear repeating, and does: local delivery by its OpId (C7), remote delivery within the window of RFC 1047.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/later.h"
#include "queue/record.h"
#include "queue/retry.h"

namespace postroad::queue {

struct Job {
  std::shared_ptr<const Message> message;
  Entry entry;
  // Not to be tried: it waits behind a site that takes nothing, and its sender must hear of it, or have it
  // back. It is settled as if it had been tried and deferred.
  bool overdue = false;
};

// What became of one step.
struct Settled {
  enum class Fate : std::uint8_t { Delivered, Deferred, Failed, Cancelled };
  Fate fate{};
  Time due{};                           // Deferred: when to try again
  std::vector<ledger::Event> events{};  // written with it
};

// A message of our own that goes into the queue in the same commit (a report). Same shard as its cause.
struct NewMail {
  Message message;
  std::vector<Entry> entries;
  std::vector<ledger::Event> events{};
};

// What to say of an entry in `queue list`.
struct Listed {
  std::shared_ptr<const Message> message;
  Entry entry;
  std::string site;  // as far as it is known; else the domain
  bool out = false;  // being worked on now
};
using Want = std::function<bool(const Listed&)>;

// Which entries a command is meant for. With an id only that message is looked at, else all are.
struct Selection {
  std::optional<QueueId> id{};
  Want want{};                              // none: every entry
  std::function<bool(const Step&)> step{};  // cancel: which recipients of an entry; none: all
};

struct Counts {
  std::uint64_t entries = 0;
  std::uint64_t messages = 0;
  std::uint64_t lanes = 0;   // with anything due
  std::uint64_t loaded = 0;  // entries in memory
};

struct Done {
  std::uint64_t entries = 0;  // that were meant, and done with
  std::uint64_t messages = 0;
  std::uint64_t busy = 0;  // being delivered this moment: not touched
};

class Outgoing {
 public:
  virtual ~Outgoing() = default;

  // The next job that is due on this core, waiting for one. Only messages that can be read come out; a
  // damaged record is set aside (quarantined), told as an event, and does not stop the others.
  virtual net::task<Job> next() = 0;
  // Another one of the same site, if one is due: for a connection that is open already.
  virtual net::task<std::optional<Job>> next_for(std::string_view site) = 0;
  // The other entries of that job's message that wait for the same site, as many as make `steps` recipients
  // with it: they go in one transaction.
  virtual net::task<std::vector<Job>> siblings(const Job& job, std::string_view site, std::size_t steps) = 0;
  // Stops handing out jobs of a site, or goes on; "" is local delivery.
  virtual void close(std::string_view site) = 0;
  virtual void open(std::string_view site) = 0;
  // Hands out no more of it for a moment, whatever waits; closing lets go of what is in memory, this does
  // not.
  virtual void pause(std::string_view site, bool on) = 0;
  // Until somebody says so, a domain is a site of its own.
  virtual void regroup(std::string_view domain, std::string_view site) = 0;
  virtual std::string site_of(std::string_view domain) = 0;
  // Whether the site answered last time: those that did not may not take all the places.
  virtual void doubt(std::string_view site, bool doubtful) = 0;

  // One commit: what is done leaves the queue, the rest waits for its time, the report goes in. `fates` in
  // the order of the entry's steps. False: the store does not take it; delivery must pause (C8) and settle
  // again.
  virtual net::task<bool> settle(const Job& job, std::vector<Settled> fates, std::optional<NewMail> report,
                                 std::optional<std::string> last_reply, std::optional<std::string> last_host,
                                 bool delay_told) = 0;
  // Back into the queue as it was: nothing was tried.
  virtual void put_back(Job job) = 0;

  // A name for a message that shall lie in the same shard as `near`.
  virtual QueueId id_near(QueueId near) = 0;
};

// For administrators; any core.
class Inspection {
 public:
  virtual ~Inspection() = default;
  virtual net::task<Counts> counts() = 0;
  // In order of id, from behind `after`.
  virtual net::task<std::vector<Listed>> list(QueueId after, std::size_t limit, Want want) = 0;
  virtual net::task<std::vector<Listed>> show(QueueId id) = 0;
  virtual net::task<Done> count(Selection which) = 0;
  // Makes them due now.
  virtual net::task<Done> retry(Selection which) = 0;
  // Takes them out of the queue without a report.
  virtual net::task<Done> cancel(Selection which) = 0;
  // Nothing is handed out while held: the state after a restore, or by command.
  virtual void hold(bool held) = 0;
  virtual bool held() const = 0;
};

}  // namespace postroad::queue
