// What is too large to be held: backups of the store, an account's partition out and in. The store blocks
// while it writes, so it runs on the pool, and a Passage joins the two.
#include <fmt/format.h>

#include "httpd/passage.h"
#include "httpd/routes.h"

namespace postroad::httpd {

namespace {

constexpr std::string_view octets_type = "application/octet-stream";

net::task<Answer> backup(const Services& s, Call&) {
  co_return http::Response{
      .type = std::string(octets_type),
      .content = outgoing(*s.blocking, [store = s.store](store::Sink& sink) { store->backup(sink); })};
}

Result<AccountId, http::Problem> account_of(const Services& s, const Call& call) {
  const auto& text = call.path("address");
  const auto address = Address::parse(text);
  if (!address)
    return refuse(invalid(fmt::format("\"{}\" is no address: {}.", text, describe(address.error()))));
  const auto account = s.directory->account(*address);
  if (!account)
    return refuse(
        not_found(fmt::format("There is no account {}; `postroad account list` shows what there is.", text)));
  return account->id;
}

net::task<Answer> export_account(const Services& s, Call& call) {
  const auto id = account_of(s, call);
  if (!id) co_return refuse(id.error());
  const store::Partition partition{store::Realm::Account, id->value()};
  co_return http::Response{.type = std::string(octets_type),
                           .content = outgoing(*s.blocking, [store = s.store, partition](store::Sink& sink) {
                             store->export_partition(partition, sink);
                           })};
}

}  // namespace

void add_stream_routes(Routes& routes, const Services& s) {
  routes.push_back({.method = Method::Post,
                    .path = "/api/v1/backup",
                    .scope = Scope::ServerWrite,
                    .name = "backup",
                    .summary = "A backup of everything, while mail goes on; `postroad restore` reads it.",
                    .answer_stream = octets_type,
                    .run = with(s, backup)});
  routes.push_back({.method = Method::Get,
                    .path = "/api/v1/accounts/{address}/export",
                    .scope = Scope::MailRead,
                    .name = "exportAccount",
                    .summary = "All that is kept of an account's mail.",
                    .answer_stream = octets_type,
                    .run = with(s, export_account)});
}

}  // namespace postroad::httpd
