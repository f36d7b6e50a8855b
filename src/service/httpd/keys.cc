#include "httpd/keys.h"

#include <fmt/format.h>

#include <mutex>
#include <stdexcept>

#include "base/bytes.h"
#include "base/encoding.h"
#include "base/random.h"
#include "crypto/digest.h"
#include "httpd/problems.h"

namespace postroad::httpd {

namespace {

// Beside the directory's (0) and the queue's (1).
constexpr store::Partition home{store::Realm::System, 2};
constexpr std::string_view prefix = "key/";
constexpr std::string_view mark = "postroad_";  // so that a key in the wrong place is known for what it is
constexpr std::uint8_t version = 1;

std::string digest_of(std::string_view key) { return crypto::digest(crypto::Hash::Sha256, key); }

http::Problem no_store(store::Outcome outcome) {
  if (outcome == store::Outcome::NoSpace) return full("The disk is nearly full: make room, then try again.");
  return unavailable("The store takes no changes now; see `postroad check`.");
}

}  // namespace

net::task<void> Keys::load() {
  auto range = store::Range::prefix(prefix);
  for (;;) {
    const auto page = co_await store_.scan(home, range);
    if (!page) throw std::runtime_error("the API keys cannot be read: run `postroad verify`");
    for (const auto& entry : *page) {
      Reader in(entry.value);
      Known known{.view = {.name = std::string(entry.key.substr(prefix.size()))}, .digest = {}};
      if (in.u8() != version) continue;  // of a later release: it opens nothing here
      known.digest = in.string();
      known.view.scopes = http::Scopes(in.u32());
      known.view.created = time_of_micros(in.i64());
      if (!in.ok()) continue;
      name_of_.insert_or_assign(known.digest, known.view.name);
      by_name_.insert_or_assign(known.view.name, std::move(known));
    }
    if (!page->more) co_return;
    range.from = std::string(page->back().key) + '\0';
  }
}

net::task<Result<std::string, http::Problem>> Keys::add(std::string name, http::Scopes scopes) {
  const std::string key = std::string(mark) + base64url(system_random().bytes(32));
  Known known{.view = {.name = name, .scopes = scopes, .created = clock_.now()}, .digest = digest_of(key)};
  std::string value;
  Writer(value).u8(version).string(known.digest).u32(scopes.bits()).i64(micros(known.view.created));

  const std::string place = std::string(prefix) + name;
  store::Batch batch(home);
  batch.expect_absent(place).put(place, value);
  const auto result = co_await store_.commit(std::move(batch));
  if (result.outcome == store::Outcome::Conflict)
    co_return refuse(
        exists(fmt::format("There is a key \"{}\" already; remove it or choose another name.", name)));
  if (!result) co_return refuse(no_store(result.outcome));
  const std::unique_lock lock(lock_);
  name_of_.insert_or_assign(known.digest, name);
  by_name_.insert_or_assign(name, std::move(known));
  co_return key;
}

net::task<Result<void, http::Problem>> Keys::remove(std::string name) {
  {
    const std::shared_lock lock(lock_);
    if (!by_name_.contains(name))
      co_return refuse(
          not_found(fmt::format("There is no key \"{}\"; `postroad key list` shows what there is.", name)));
  }
  store::Batch batch(home);
  batch.remove(std::string(prefix) + name);
  const auto result = co_await store_.commit(std::move(batch));
  if (!result) co_return refuse(no_store(result.outcome));
  const std::unique_lock lock(lock_);
  if (const auto known = by_name_.find(name); known != by_name_.end()) {
    name_of_.erase(known->second.digest);
    by_name_.erase(known);
  }
  co_return Result<void, http::Problem>{};
}

std::vector<KeyView> Keys::list() const {
  const std::shared_lock lock(lock_);
  std::vector<KeyView> out;
  for (const auto& [name, known] : by_name_) out.push_back(known.view);
  return out;
}

std::optional<http::Principal> Keys::find(std::string_view key) const {
  if (!key.starts_with(mark) || key.size() > 128) return std::nullopt;
  const std::string digest = digest_of(key);
  const std::shared_lock lock(lock_);
  const auto name = name_of_.find(digest);
  if (name == name_of_.end()) return std::nullopt;
  return http::Principal{name->second, by_name_.find(name->second)->second.view.scopes};
}

}  // namespace postroad::httpd
