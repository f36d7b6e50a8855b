#include "directory/signin.h"

#include "crypto/digest.h"
#include "crypto/password.h"
#include "net/sleep.h"

namespace postroad::directory {
namespace {

constexpr std::size_t most_cached = 100'000;
constexpr std::uint32_t iterations = 4096;  // RFC 7677 §4; what is hashed here has 120 random bits

bool allows(std::uint32_t scopes, Scope wanted) {
  return scopes == 0 || (scopes & static_cast<std::uint32_t>(wanted)) != 0;
}

crypto::Hash hash_of(ScramHash hash) {
  return hash == ScramHash::Sha1 ? crypto::Hash::Sha1 : crypto::Hash::Sha256;
}

}  // namespace

SignIn::SignIn(net::Pool& hashing, const Clock& clock, Random& random, const Options& options)
    : hashing_(hashing),
      clock_(clock),
      random_(random),
      options_(options),
      cache_secret_(random.bytes(32)),
      throttle_(options) {}

SignIn::Login SignIn::read(std::string_view login) const {
  Login out;
  const auto slash = login.rfind('/');
  if (slash != std::string_view::npos && login.find('@') != std::string_view::npos &&
      slash > login.find('@')) {
    out.app = std::string(login.substr(slash + 1));
    login = login.substr(0, slash);
  }
  std::string full(login);
  if (full.find('@') == std::string::npos && !options_.default_domain.empty())
    full += "@" + options_.default_domain;
  const auto address = Address::parse(full);
  if (address) out.address = address->text();
  return out;
}

SignIn::Found SignIn::find(const Tables& tables, const Login& login) const {
  const auto address = Address::parse(login.address);
  if (!address) return {};
  const std::shared_lock lock(tables.lock);
  const DomainEntry* domain = tables.home(address->domain());
  if (!domain) return {};
  Found found{.entry = tables.account_of(*address)};
  const auto tenant = tables.tenants.find(domain->tenant);
  found.may = found.entry && !found.entry->record.disabled() && !domain->record.disabled() &&
              tenant != tables.tenants.end() && !tenant->second.disabled();
  return found;
}

std::string SignIn::cache_key(const Login& login, std::string_view password, Scope scope) const {
  std::string text = login.address;
  text.append(1, '\0').append(login.app).append(1, '\0').append(1, static_cast<char>(scope)).append(password);
  return login.address + '\0' + crypto::hmac(crypto::Hash::Sha256, cache_secret_, text);
}

net::task<Result<Identity, AuthError>> SignIn::check(const Tables& tables, std::string_view login_text,
                                                     std::string_view password, Scope scope,
                                                     std::string_view client_text) {
  const std::string client(client_text);
  const Login login = read(login_text);
  const std::string name = login.address.empty() ? std::string(login_text.substr(0, 256)) : login.address;
  const Throttle::Advice advice = throttle_.before(name, client, clock_.instant());
  if (advice.refuse) co_return refuse(AuthError::Throttled);
  if (password.size() > crypto::longest_password) co_return refuse(AuthError::Failed);  // attack 89

  const std::string key = cache_key(login, password, scope);
  std::uint64_t changes = 0;
  {
    const std::scoped_lock lock(lock_);
    changes = changes_;
  }
  const Found found = find(tables, login);
  if (found.may) {
    const std::scoped_lock lock(lock_);
    const auto it = successes_.find(key);
    if (it != successes_.end() && it->second.until > clock_.instant()) {
      throttle_.count(name, client, true, clock_.instant());  // it may be the first time from this network
      co_return it->second.identity;
    }
  }
  if (hashing_.waiting() >= options_.hash_wait) co_return refuse(AuthError::TryLater);
  if (advice.wait.count() > 0) co_await net::sleep_for(advice.wait);

  // App passwords first: one cheap hash. Then one slow hash, whoever it is for.
  std::optional<std::string> credential;
  if (found.entry) {
    const std::string digest = crypto::digest(crypto::Hash::Sha256, password);
    for (const disk::AppPassword& app : found.entry->record.app_passwords()) {
      const bool live = app.expires_us() == 0 || app.expires_us() > micros(clock_.now());
      const bool named = login.app.empty() || login.app == app.name();
      if (crypto::equal(app.hash(), digest) && live && named && allows(app.scopes(), scope))
        credential = app.name();
    }
  }
  if (!credential) {
    const bool main = found.entry && login.app.empty() && !found.entry->record.password().empty();
    const std::string hash = main ? found.entry->record.password() : crypto::decoy_hash();
    const std::string tried(password);
    auto work = [&] { return crypto::verify_password(hash, tried); };
    bool matches = false;
    try {
      matches = co_await net::blocking(hashing_, std::move(work));
    } catch (const net::PoolFull&) {
      co_return refuse(AuthError::TryLater);
    }
    if (main && matches && allows(found.entry->record.scopes(), scope)) credential = std::string();
  }

  const bool success = credential && found.may;
  throttle_.count(name, client, success, clock_.instant());
  if (!success) co_return refuse(AuthError::Failed);
  Identity identity{.account = AccountId{found.entry->record.id()},
                    .tenant = found.entry->tenant,
                    .address = found.entry->address,
                    .credential = *credential};
  const std::scoped_lock lock(lock_);
  if (successes_.size() >= most_cached) successes_.clear();  // rare, and costs no more than hashes
  if (changes == changes_)
    successes_.insert_or_assign(key, Success{identity, clock_.instant() + options_.cache});
  co_return identity;
}

ScramKeys SignIn::scram_keys(const Tables& tables, std::string_view login_text, ScramHash hash,
                             Scope scope) const {
  const Login login = read(login_text);
  const Found found = find(tables, login);
  ScramKeys out;
  out.iterations = iterations;
  const disk::ScramKeys* keys = nullptr;
  std::string credential;
  if (found.may) {
    const disk::Account& record = found.entry->record;
    if (login.app.empty() && record.has_scram() && allows(record.scopes(), scope)) {
      keys = &record.scram();
    } else {
      const disk::AppPassword* newest = nullptr;
      for (const disk::AppPassword& app : record.app_passwords()) {
        const bool live = app.expires_us() == 0 || app.expires_us() > micros(clock_.now());
        if (!live || !allows(app.scopes(), scope) || (!login.app.empty() && login.app != app.name()))
          continue;
        if (!newest || app.created_us() > newest->created_us()) newest = &app;
      }
      if (newest) keys = &newest->scram(), credential = newest->name();
    }
  }
  if (!keys || keys->salt().empty()) {
    // The same salt for the same name each time, and keys that no password makes.
    const std::string seed = login.address.empty() ? std::string(login_text) : login.address;
    out.salt = crypto::hmac(crypto::Hash::Sha256, scram_secret_, "salt:" + seed).substr(0, 16);
    out.stored_key = crypto::hmac(hash_of(hash), scram_secret_, "stored:" + seed);
    out.server_key = crypto::hmac(hash_of(hash), scram_secret_, "server:" + seed);
    return out;
  }
  out.salt = keys->salt();
  out.iterations = keys->iterations();
  out.stored_key = hash == ScramHash::Sha1 ? keys->stored_sha1() : keys->stored_sha256();
  out.server_key = hash == ScramHash::Sha1 ? keys->server_sha1() : keys->server_sha256();
  out.identity =
      Identity{AccountId{found.entry->record.id()}, found.entry->tenant, found.entry->address, credential};
  return out;
}

void SignIn::count(std::string_view login, std::string_view client, bool success) {
  const Login read_login = read(login);
  throttle_.count(read_login.address.empty() ? login : std::string_view(read_login.address), client, success,
                  clock_.instant());
}

void SignIn::make_scram(std::string_view password, disk::ScramKeys& keys) const {
  keys.set_salt(random_.bytes(16));
  keys.set_iterations(iterations);
  auto one = crypto::make_scram_keys(crypto::Hash::Sha1, password, keys.salt(), iterations);
  keys.set_stored_sha1(std::move(one.stored_key));
  keys.set_server_sha1(std::move(one.server_key));
  auto two = crypto::make_scram_keys(crypto::Hash::Sha256, password, keys.salt(), iterations);
  keys.set_stored_sha256(std::move(two.stored_key));
  keys.set_server_sha256(std::move(two.server_key));
}

void SignIn::make_app_password(std::string_view secret, disk::AppPassword& record) const {
  record.set_hash(crypto::digest(crypto::Hash::Sha256, secret));
  make_scram(secret, *record.mutable_scram());
}

void SignIn::forget(std::string_view address) {
  const std::scoped_lock lock(lock_);
  ++changes_;
  const std::string prefix = std::string(address) + '\0';
  std::erase_if(successes_, [&](const auto& entry) { return entry.first.starts_with(prefix); });
}

void SignIn::forget_all() {
  const std::scoped_lock lock(lock_);
  ++changes_;
  successes_.clear();
}

}  // namespace postroad::directory
