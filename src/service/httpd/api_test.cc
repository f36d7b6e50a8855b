#include "httpd/api.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "queue/service.h"
#include "store/embedded.h"

namespace postroad::httpd {
namespace {

namespace json = boost::json;
using http::Method;

struct Said {
  int status = 0;
  json::value body;
};

// The API over real engines in a folder of its own.
class ApiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/postroad-httpd-XXXXXX";
    folder_ = mkdtemp(name);
    runtime_.start();
    open();
  }
  void TearDown() override {
    close();
    runtime_.stop();
    std::filesystem::remove_all(folder_);
  }
  void open() {
    auto store = store::open_embedded({.data = folder_});
    ASSERT_TRUE(store) << store.error().text;
    store_ = std::move(*store);
    directory_ = run(directory::open(*store_, runtime_, pool_, clock_, system_random(), {}));
    ledger_ = run(ledger::Ledger::open(*store_, clock_, {}));
    std::vector<net::Core*> cores{&runtime_.core(0)};
    mailboxes_ = std::make_unique<mailbox::Engine>(mailbox::Services{
        .store = store_.get(), .directory = directory_.get(), .cores = cores, .clock = &clock_});
    queue_ = std::make_unique<queue::Service>(*store_, cores, *directory_, clock_);
    run(queue_->load());
    api_ = std::make_unique<Api>(Services{.administration = directory_.get(),
                                          .directory = directory_.get(),
                                          .queue = queue_.get(),
                                          .ledger = ledger_.get(),
                                          .mailboxes = mailboxes_.get(),
                                          .store = store_.get(),
                                          .blocking = &pool_,
                                          .clock = &clock_,
                                          .version = "test"});
    run(api_->load());
  }
  void close() {
    api_.reset();
    queue_.reset();
    if (mailboxes_) run(mailboxes_->stop());
    mailboxes_.reset(), ledger_.reset(), directory_.reset(), store_.reset();
  }
  template <class T>
  T run(net::task<T> task) {
    return net::block_on(runtime_.core(0), std::move(task));
  }
  static net::task<http::Response> answer(Api& api, http::Request& request) {
    co_return co_await api.handle(request);
  }
  Said say(Method method, std::string target, json::value body = nullptr, std::string key = {}) {
    http::TextBody text(json::serialize(body));
    const auto question = std::min(target.find('?'), target.size());
    http::Request request{.method = method,
                          .path = target.substr(0, question),
                          .query = question < target.size() ? target.substr(question + 1) : std::string(),
                          .body = body.is_null() ? nullptr : &text,
                          .origin = key.empty() ? http::Origin::Owner : http::Origin::Network,
                          .id = "r"};
    if (!key.empty() && key != "none") request.headers.add("Authorization", "Bearer " + key);
    auto response = run(answer(*api_, request));
    boost::system::error_code error;
    return {response.status,
            response.body.empty() ? json::value(nullptr) : json::parse(response.body, error)};
  }
  Said get(std::string target) { return say(Method::Get, std::move(target)); }
  void people() {
    ASSERT_EQ(say(Method::Post, "/api/v1/domains", {{"name", "demo.test"}}).status, 201);
    ASSERT_EQ(say(Method::Post, "/api/v1/accounts", {{"address", "alice@demo.test"}, {"password", "secret"}})
                  .status,
              201);
  }

  std::string folder_;
  net::Runtime runtime_{1};
  net::Pool pool_{1};
  SystemClock clock_;
  std::unique_ptr<store::EmbeddedStore> store_;
  std::unique_ptr<directory::DirectoryService> directory_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<mailbox::Engine> mailboxes_;
  std::unique_ptr<queue::Service> queue_;
  std::unique_ptr<Api> api_;
};

net::task<QueueId> accept_one(store::Store& store, queue::Queue& queue) {
  const std::string text = "Message-ID: <one@demo.test>\r\nSubject: one\r\n\r\nx\r\n";
  auto blob = store.new_blob();
  blob->append(text);
  const auto body = co_await blob->finish();
  if (!body) co_return QueueId{};
  queue::Submission submission{.id = queue.next_id()};
  submission.envelope.reverse_path = ReversePath(*Address::parse("alice@demo.test"));
  submission.envelope.recipients.push_back({.address = *Address::parse("x@elsewhere.test")});
  submission.content.blob = *body, submission.content.blob_octets = text.size();
  submission.origin.message_id = "<one@demo.test>", submission.origin.subject = "one";
  const QueueId id = submission.id;
  const auto verdicts = co_await queue.accept(std::move(submission), false);
  co_return verdicts ? id : QueueId{};
}

// The whole table: what is not in this list needs a key.
TEST_F(ApiTest, WithoutAKeyNothingButHealthAndTheDocumentAnswers) {
  const std::set<std::string> open{"GET /healthz", "GET /api/v1/openapi.json"};
  std::set<std::string> names;
  for (const auto& route : api_->routes()) {
    std::string path(route.path);
    for (auto at = path.find('{'); at != std::string::npos; at = path.find('{'))
      path.replace(at, path.find('}') - at + 1, "x");
    const std::string line = std::string(to_text(route.method)) + " " + path;
    for (const std::string_view key : {"none", "postroad_wrong", "x"})
      EXPECT_EQ(say(route.method, path, nullptr, std::string(key)).status, open.contains(line) ? 200 : 401)
          << line;
    EXPECT_TRUE(names.insert(std::string(route.name)).second) << route.name << " names two routes";
  }
}

TEST_F(ApiTest, AKeyOpensItsScopesUntilItIsRemovedAlsoAfterARestart) {
  const auto made = say(Method::Post, "/api/v1/keys", {{"name", "reader"}, {"scopes", {"directory.read"}}});
  ASSERT_EQ(made.status, 201);
  const std::string key(made.body.at("key").as_string());
  EXPECT_EQ(say(Method::Get, "/api/v1/domains", nullptr, key).status, 200);
  EXPECT_EQ(say(Method::Post, "/api/v1/domains", {{"name", "x.test"}}, key).status, 403);
  EXPECT_EQ(say(Method::Get, "/api/v1/queue", nullptr, key).status, 403);
  EXPECT_EQ(say(Method::Post, "/api/v1/keys", {{"name", "reader"}}).status, 409);
  EXPECT_EQ(say(Method::Post, "/api/v1/keys", {{"name", "a b"}}).status, 422);
  EXPECT_EQ(say(Method::Post, "/api/v1/keys", {{"name", "b"}, {"scopes", {"everything"}}}).status, 422);
  close(), open();
  EXPECT_EQ(say(Method::Get, "/api/v1/domains", nullptr, key).status, 200);
  EXPECT_EQ(get("/api/v1/keys").body.at("data").as_array().size(), 1u);
  EXPECT_EQ(say(Method::Delete, "/api/v1/keys/reader").status, 204);
  EXPECT_EQ(say(Method::Get, "/api/v1/domains", nullptr, key).status, 401);
  EXPECT_EQ(say(Method::Delete, "/api/v1/keys/reader").status, 404);
}

TEST_F(ApiTest, NobodyMakesAKeyThatMayMoreThanHeMay) {
  const auto made = say(Method::Post, "/api/v1/keys", {{"name", "ops"}, {"scopes", {"server.write"}}});
  const std::string key(made.body.at("key").as_string());
  EXPECT_EQ(say(Method::Post, "/api/v1/keys", {{"name", "more"}}, key).status, 403);
  EXPECT_EQ(say(Method::Post, "/api/v1/keys", {{"name", "same"}, {"scopes", {"server.read"}}}, key).status,
            201);
}

TEST_F(ApiTest, TenantsAndDomainsAreMadeChangedAndRemoved) {
  EXPECT_EQ(say(Method::Post, "/api/v1/tenants", {{"name", "acme"}, {"quota_octets", 1000}})
                .body.at("quota_octets")
                .as_int64(),
            1000);
  EXPECT_EQ(say(Method::Post, "/api/v1/tenants", {{"name", "acme"}}).status, 409);
  EXPECT_EQ(say(Method::Post, "/api/v1/domains", {{"name", "BÜCHER.test"}, {"tenant", "acme"}})
                .body.at("name")
                .as_string(),
            "xn--bcher-kva.test");
  EXPECT_EQ(get("/api/v1/domains/b%C3%BCcher.test").body.at("tenant").as_string(), "acme");
  EXPECT_EQ(say(Method::Delete, "/api/v1/tenants/acme").status, 409) << "it has a domain";
  EXPECT_EQ(say(Method::Patch, "/api/v1/domains/xn--bcher-kva.test", {{"enabled", false}})
                .body.at("enabled")
                .as_bool(),
            false);
  EXPECT_EQ(say(Method::Delete, "/api/v1/domains/xn--bcher-kva.test").status, 204);
  EXPECT_EQ(say(Method::Delete, "/api/v1/tenants/acme").status, 204);
  EXPECT_EQ(get("/api/v1/tenants/acme").status, 404);
  EXPECT_EQ(say(Method::Post, "/api/v1/domains", {{"name", "no domain"}}).status, 422);
}

TEST_F(ApiTest, AnAccountIsMadeChangedAndRemovedWithItsMail) {
  people();
  EXPECT_EQ(say(Method::Post, "/api/v1/accounts", {{"address", "alice@demo.test"}}).status, 409);
  EXPECT_EQ(say(Method::Post, "/api/v1/accounts", {{"address", "x@elsewhere.test"}}).status / 100, 4);
  const auto changed = say(Method::Patch, "/api/v1/accounts/alice%40demo.test",
                           {{"pop3_erase", "after-days"}, {"pop3_erase_days", 30}, {"quota_octets", 5000}});
  EXPECT_EQ(changed.body.at("pop3_erase").as_string(), "after-days");
  EXPECT_EQ(changed.body.at("pop3_erase_days").as_int64(), 30);
  EXPECT_EQ(say(Method::Patch, "/api/v1/accounts/alice@demo.test", {{"pop3_erase", "sometimes"}}).status,
            422);
  EXPECT_EQ(get("/api/v1/accounts/alice@demo.test").body.at("messages").as_int64(), 0);
  EXPECT_EQ(say(Method::Put, "/api/v1/accounts/alice@demo.test/password", {{"password", "another"}}).status,
            204);
  EXPECT_EQ(say(Method::Put, "/api/v1/accounts/alice@demo.test/password", json::object{}).status, 422);
  const auto app = say(Method::Post, "/api/v1/accounts/alice@demo.test/app-passwords",
                       {{"name", "phone"}, {"scopes", {"imap", "smtp"}}});
  EXPECT_EQ(app.status, 201);
  EXPECT_FALSE(app.body.at("password").as_string().empty());
  const auto apps = get("/api/v1/accounts/alice@demo.test/app-passwords").body;
  EXPECT_EQ(apps.at("data").at(0).at("name").as_string(), "phone");
  EXPECT_FALSE(apps.at("data").at(0).as_object().contains("password"));
  EXPECT_EQ(say(Method::Delete, "/api/v1/accounts/alice@demo.test/app-passwords/phone").status, 204);
  EXPECT_EQ(say(Method::Delete, "/api/v1/accounts/alice@demo.test").status, 204);
  EXPECT_EQ(get("/api/v1/accounts/alice@demo.test").status, 404);
}

TEST_F(ApiTest, AliasesAndGroupsLeadWhereTheyAreToldTo) {
  people();
  EXPECT_EQ(
      say(Method::Post, "/api/v1/aliases", {{"address", "sales@demo.test"}, {"targets", {"alice@demo.test"}}})
          .status,
      201);
  EXPECT_EQ(say(Method::Post, "/api/v1/aliases",
                {{"address", "all@demo.test"},
                 {"targets", {"alice@demo.test", "x@elsewhere.test"}},
                 {"group", true}})
                .status,
            201);
  EXPECT_EQ(get("/api/v1/aliases?group=true").body.at("data").as_array().size(), 1u);
  EXPECT_EQ(get("/api/v1/aliases/SALES@demo.test").body.at("targets").at(0).as_string(), "alice@demo.test");
  EXPECT_EQ(say(Method::Patch, "/api/v1/aliases/sales@demo.test", {{"targets", json::array{}}}).status, 200);
  EXPECT_EQ(say(Method::Delete, "/api/v1/aliases/sales@demo.test").status, 204);
  EXPECT_EQ(get("/api/v1/aliases/sales@demo.test").status, 404);
}

TEST_F(ApiTest, AListIsReadPageByPage) {
  for (int i = 0; i < 5; ++i)
    ASSERT_EQ(say(Method::Post, "/api/v1/domains", {{"name", "d" + std::to_string(i) + ".test"}}).status,
              201);
  std::vector<std::string> seen;
  std::string after;
  do {
    const auto page = get("/api/v1/domains?limit=2" + (after.empty() ? "" : "&after=" + after)).body;
    EXPECT_LE(page.at("data").as_array().size(), 2u);
    for (const auto& item : page.at("data").as_array()) seen.emplace_back(item.at("name").as_string());
    EXPECT_EQ(page.at("has_more").as_bool(), page.at("next").is_string());
    after = page.at("next").is_string() ? std::string(page.at("next").as_string()) : "";
  } while (!after.empty());
  EXPECT_EQ(seen, (std::vector<std::string>{"d0.test", "d1.test", "d2.test", "d3.test", "d4.test"}));
}

TEST_F(ApiTest, TheQueueIsSuspendedAndResumed) {
  EXPECT_TRUE(get("/api/v1/queue").body.at("data").as_array().empty());
  EXPECT_EQ(say(Method::Post, "/api/v1/queue/suspend").status, 200);
  EXPECT_TRUE(queue_->held());
  EXPECT_EQ(get("/api/v1/status").body.at("queue").at("suspended").as_bool(), true);
  EXPECT_EQ(say(Method::Post, "/api/v1/queue/resume").status, 200);
  EXPECT_FALSE(queue_->held());
  EXPECT_EQ(get("/api/v1/queue/nonsense").status, 422);
  EXPECT_EQ(say(Method::Delete, "/api/v1/queue/0000000000001").status, 404);
}

// A message goes into the queue and is told of from its id and its Message-ID.
TEST_F(ApiTest, AMessageThatWaitsIsListedExplainedRetriedAndCancelled) {
  people();
  queue_->hold(true);
  const auto accepted = run(accept_one(*store_, *queue_));
  ASSERT_TRUE(accepted.number());
  const std::string id = accepted.text();
  const auto list = get("/api/v1/queue?domain=elsewhere.test").body;
  ASSERT_EQ(list.at("data").as_array().size(), 1u) << json::serialize(list);
  EXPECT_EQ(list.at("data").at(0).at("id").as_string(), id);
  EXPECT_TRUE(get("/api/v1/queue?recipient=nobody@elsewhere.test").body.at("data").as_array().empty());
  EXPECT_EQ(get("/api/v1/queue/" + id).body.at("entries").at(0).at("recipients").at(0).as_string(),
            "x@elsewhere.test");
  for (const std::string& name : {id, std::string("one%40demo.test"), std::string("%3Cone%40demo.test%3E")}) {
    const auto why = get("/api/v1/messages/" + name);
    ASSERT_EQ(why.status, 200) << name << json::serialize(why.body);
    EXPECT_EQ(why.body.at("messages").at(0).at("events").at(0).at("event").as_string(), "accepted");
    EXPECT_EQ(why.body.at("messages").at(0).at("queue").as_array().size(), 1u);
  }
  EXPECT_FALSE(get("/api/v1/messages?recipient=x@elsewhere.test").body.at("data").as_array().empty());
  EXPECT_EQ(get("/api/v1/messages").status, 422);
  EXPECT_EQ(get("/api/v1/messages/unknown%40demo.test").status, 404);
  EXPECT_EQ(say(Method::Post, "/api/v1/queue/" + id + "/retry").body.at("retried").as_int64(), 1);
  EXPECT_EQ(say(Method::Post, "/api/v1/queue/retry", {{"domain", "elsewhere.test"}}).status, 200);
  // Many at once: counted first, and everything only when that is said.
  EXPECT_EQ(say(Method::Post, "/api/v1/queue/cancel", json::object{}).status, 422);
  EXPECT_EQ(say(Method::Post, "/api/v1/queue/cancel", {{"tenant", "nobody"}}).status, 404);
  const auto counted =
      say(Method::Post, "/api/v1/queue/cancel", {{"domain", "elsewhere.test"}, {"count_only", true}});
  EXPECT_EQ(counted.body.at("cancelled").as_int64(), 1);
  EXPECT_EQ(
      say(Method::Post, "/api/v1/queue/cancel", {{"domain", "another.test"}}).body.at("cancelled").as_int64(),
      0);
  EXPECT_EQ(say(Method::Post, "/api/v1/queue/cancel", {{"older_than", 3600}}).body.at("cancelled").as_int64(),
            0);
  EXPECT_EQ(get("/api/v1/queue?site=elsewhere.test").body.at("data").as_array().size(), 1u);
  EXPECT_TRUE(get("/api/v1/queue?site=mx.test").body.at("data").as_array().empty());
  EXPECT_EQ(say(Method::Delete, "/api/v1/queue/" + id).status, 204);
  EXPECT_EQ(get("/api/v1/queue/" + id).status, 404);
}

TEST_F(ApiTest, HealthAndMetricsAnswer) {
  EXPECT_EQ(get("/healthz").body.at("status").as_string(), "ok");
  EXPECT_EQ(get("/metrics").status, 200);
}

// docs/reference/api.md is what the routes say. POSTROAD_WRITE_DOCS=1 writes it.
TEST(ApiReference, ThePageIsWhatTheRoutesSay) {
  const char* source = std::getenv("POSTROAD_SOURCE");
  if (!source) GTEST_SKIP() << "POSTROAD_SOURCE is not set";
  const auto file = std::filesystem::path(source) / "docs/reference/api.md";
  const std::string page = Api({}).reference_page();
  if (std::getenv("POSTROAD_WRITE_DOCS")) std::ofstream(file) << page;
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), page) << "run `make docs`";
}

}  // namespace
}  // namespace postroad::httpd
