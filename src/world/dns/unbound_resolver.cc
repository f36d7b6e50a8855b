#include "dns/unbound_resolver.h"

#include <poll.h>
#include <unbound.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <functional>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "base/encoding.h"
#include "dns/rdata.h"
#include "net/address.h"
#include "net/later.h"

namespace postroad::dns {
namespace {

enum Type : int { A = 1, Ptr = 12, MxType = 15, Txt = 16, Aaaa = 28, Tlsa = 52 };
constexpr std::size_t most_records = 50;  // attack 59

// An answer of any type: the octets of the records, read by who asked.
struct Raw {
  std::vector<std::string> records;
  bool secure = false;
  std::string canonical;
  std::chrono::seconds ttl{};
};
using RawAnswer = Result<std::shared_ptr<const Raw>, Error>;

bool names_a_server(const char* file) {
  std::ifstream in(file);
  for (std::string word; in >> word;)
    if (word == "nameserver") return true;
  return false;
}

}  // namespace

struct UnboundResolver::State {
  // One question under way. Those who ask the same meanwhile wait with the first.
  struct Question {
    State* state = nullptr;
    std::string key;
    int id = 0;
    Instant deadline{};
    std::vector<net::Completer<RawAnswer>> waiting;
  };
  struct Kept {
    RawAnswer answer = refuse(Error::TimedOut);
    Instant until{};
  };

  State(UnboundOptions o, const Clock& c) : options(std::move(o)), clock(c), context(ub_ctx_create()) {}
  ~State() {
    if (thread.joinable()) {
      stopping = true;
      thread.join();
    }
    if (context) ub_ctx_delete(context);  // drops what is under way; its callers see Abandoned
  }

  const UnboundOptions options;
  const Clock& clock;
  ub_ctx* context;
  std::atomic<bool> stopping{false};
  std::mutex lock;
  std::unordered_map<std::string, std::unique_ptr<Question>> questions;
  std::unordered_map<std::string, Kept> kept;
  std::deque<std::string> order;
  std::thread thread;

  void configure();
  void run();
  net::task<RawAnswer> ask(std::string name, Type type);
  void keep(const std::string& key, const RawAnswer& answer, std::chrono::seconds ttl);
  static void answered(void* data, int error, ub_result* result);
  void finish(Question& question, RawAnswer answer, std::chrono::seconds ttl);

  template <class T>
  Lookup<T> look_up(std::string name, Type type, std::optional<T> (*read)(std::string_view)) {
    const RawAnswer raw = co_await ask(std::move(name), type);
    if (!raw) co_return refuse(raw.error());
    Answer<T> out{
        .records = {}, .secure = (*raw)->secure, .canonical = (*raw)->canonical, .ttl = (*raw)->ttl};
    for (const std::string& record : (*raw)->records)
      if (auto value = read(record)) out.records.push_back(std::move(*value));
    if (out.records.empty()) co_return refuse(Error::ServFail);  // there were some, and none can be read
    co_return out;
  }
};

void UnboundResolver::State::configure() {
  const auto must = [](int result, const std::string& what) {
    if (result != 0) throw ResolverUnavailable(what + ": " + ub_strerror(result));
  };
  if (!context) throw ResolverUnavailable("libunbound cannot start");
  must(ub_ctx_async(context, 1), "libunbound cannot start its thread");
  const std::string half = std::to_string(options.cache_octets / 2);
  must(ub_ctx_set_option(context, "do-not-query-localhost:", "no"), "libunbound");
  must(ub_ctx_set_option(context, "msg-cache-size:", half.c_str()), "dns.cache");
  must(ub_ctx_set_option(context, "rrset-cache-size:", half.c_str()), "dns.cache");
  for (const std::string& server : options.servers)
    must(ub_ctx_set_fwd(context, server.c_str()), "the name server " + server + " cannot be used");
  if (options.servers.empty()) {
    // Without a forwarder libunbound would ask the root servers itself: not what an administrator who named
    // none meant.
    if (names_a_server("/etc/resolv.conf"))
      must(ub_ctx_resolvconf(context, nullptr), "/etc/resolv.conf cannot be read");
    else
      must(ub_ctx_set_fwd(context, "127.0.0.1"), "no name server");
  }
  if (const std::string& anchor = options.trust_anchor_file; !anchor.empty()) {
    // libunbound would read it with the first question, and then answer none.
    if (access(anchor.c_str(), R_OK) != 0)
      throw ResolverUnavailable(
          "the file of dns.trust_anchor, " + anchor +
          ", cannot be read; install the package dns-root-data, or set it to \"\" to do "
          "without DNSSEC");
    must(ub_ctx_add_ta_file(context, anchor.c_str()), anchor);
  }
  // These end the configuration. Names that libunbound would deny by itself belong to somebody here, in
  // tests.
  for (const char* zone :
       {"test.", "invalid.", "10.in-addr.arpa.", "127.in-addr.arpa.", "168.192.in-addr.arpa."})
    ub_ctx_zone_add(context, zone, "nodefault");
}

void UnboundResolver::State::run() {
  pollfd ready{.fd = ub_fd(context), .events = POLLIN, .revents = 0};
  while (!stopping) {
    const int n = poll(&ready, 1, 50);
    if (n > 0) ub_process(context);
    std::vector<std::unique_ptr<Question>> late;
    {
      const std::scoped_lock guard(lock);
      const Instant now = clock.instant();
      for (auto it = questions.begin(); it != questions.end();) {
        if (it->second->deadline > now) {
          ++it;
          continue;
        }
        ub_cancel(context, it->second->id);
        late.push_back(std::move(it->second));
        it = questions.erase(it);
      }
    }
    for (auto& question : late)
      for (auto& waiting : question->waiting) waiting.complete(refuse(Error::TimedOut));
  }
}

void UnboundResolver::State::keep(const std::string& key, const RawAnswer& answer, std::chrono::seconds ttl) {
  while (kept.size() >= options.kept_answers && !order.empty()) {
    kept.erase(order.front());
    order.pop_front();
  }
  const auto [it, fresh] =
      kept.insert_or_assign(key, Kept{answer, clock.instant() + std::min(ttl, options.most_ttl)});
  if (fresh) order.push_back(it->first);
}

void UnboundResolver::State::answered(void* data, int error, ub_result* result) {
  auto& question = *static_cast<Question*>(data);
  State& state = *question.state;
  std::chrono::seconds ttl = state.options.failure_ttl;
  RawAnswer answer = refuse(error == UB_SYNTAX ? Error::BadName : Error::ServFail);
  if (error == 0 && result) {
    const std::chrono::seconds told(std::max(result->ttl, 0));
    if (result->bogus) {
      answer = refuse(Error::Bogus);
    } else if (result->nxdomain) {
      answer = refuse(Error::NoSuchDomain), ttl = told;
    } else if (result->rcode != 0) {
      answer = refuse(Error::ServFail);
    } else if (!result->havedata) {
      answer = refuse(Error::NoData), ttl = told;
    } else {
      Raw raw{.records = {},
              .secure = result->secure != 0,
              .canonical = result->canonname ? result->canonname : "",
              .ttl = told};
      for (std::size_t i = 0; result->data[i] && raw.records.size() < most_records; ++i)
        raw.records.emplace_back(result->data[i], static_cast<std::size_t>(result->len[i]));
      answer = std::make_shared<const Raw>(std::move(raw)), ttl = told;
    }
  }
  if (result) ub_resolve_free(result);
  std::unique_ptr<Question> done;
  {
    const std::scoped_lock guard(state.lock);
    const auto it = state.questions.find(question.key);
    if (it == state.questions.end() || it->second.get() != &question) return;  // too late
    done = std::move(it->second);
    state.questions.erase(it);
    state.keep(done->key, answer, ttl);
  }
  for (auto& waiting : done->waiting) waiting.complete(answer);
}

net::task<RawAnswer> UnboundResolver::State::ask(std::string name, Type type) {
  if (name.empty() || name.size() > 253) co_return refuse(Error::BadName);
  std::string key = std::to_string(static_cast<int>(type)) + " " + name;
  net::Later<RawAnswer> later;
  {
    const std::scoped_lock guard(lock);
    if (const auto it = kept.find(key); it != kept.end() && it->second.until > clock.instant())
      co_return it->second.answer;
    auto& question = questions[key];
    const bool first = !question;
    if (first) {
      question = std::make_unique<Question>();
      question->state = this;
      question->key = key;
      question->deadline = clock.instant() + options.answer_wait;
    }
    question->waiting.push_back(later.completer());
    if (first) {
      const int error = ub_resolve_async(context, (name + ".").c_str(), type, 1, question.get(),
                                         &State::answered, &question->id);
      if (error != 0) {
        questions.erase(key);
        co_return refuse(error == UB_SYNTAX ? Error::BadName : Error::ServFail);
      }
    }
  }
  co_return co_await later;
}

UnboundResolver::UnboundResolver(UnboundOptions options, const Clock& clock)
    : state_(std::make_unique<State>(std::move(options), clock)) {
  state_->configure();
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

UnboundResolver::~UnboundResolver() = default;

Lookup<Mx> UnboundResolver::mx(std::string name) {
  auto answer = co_await state_->look_up<Mx>(std::move(name), MxType, &read_mx);
  if (answer) std::ranges::stable_sort(answer->records, {}, &Mx::preference);
  co_return answer;
}
Lookup<IpAddress> UnboundResolver::a(std::string name) {
  return state_->look_up<IpAddress>(std::move(name), A, &read_address);
}
Lookup<IpAddress> UnboundResolver::aaaa(std::string name) {
  return state_->look_up<IpAddress>(std::move(name), Aaaa, &read_address);
}
Lookup<std::string> UnboundResolver::txt(std::string name) {
  return state_->look_up<std::string>(std::move(name), Txt, &read_txt);
}
Lookup<std::string> UnboundResolver::ptr(IpAddress address) {
  return state_->look_up<std::string>(net::reverse_name(address), Ptr, &read_ptr);
}
Lookup<TlsaRecord> UnboundResolver::tlsa(std::string name) {
  return state_->look_up<TlsaRecord>(std::move(name), Tlsa, &read_tlsa);
}

}  // namespace postroad::dns
