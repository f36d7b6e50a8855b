// What all services stand on: keys, names, passwords, storage, the way out, the log.
#pragma once

#include <array>
#include <tuple>

#include "config/setting.h"

namespace postroad::config {

enum class TlsVersion : std::uint8_t { Tls12, Tls13 };
constexpr std::array<std::string_view, 2> names(TlsVersion) { return {"1.2", "1.3"}; }

struct Tls {
  std::filesystem::path certificate;
  std::filesystem::path key;
  TlsVersion minimum = TlsVersion::Tls12;
  std::chrono::seconds handshake_wait{30};
};

inline constexpr std::tuple tls_table{
    Setting{
        "certificate", &Tls::certificate,
        "Certificate chain, PEM, own certificate first. Absent: self-signed for hostname, kept in data/tls."},
    Setting{"key", &Tls::key, "Its private key, PEM, without a password."},
    Setting{"minimum", &Tls::minimum, "Oldest version offered (RFC 8996 forbids 1.0 and 1.1)."}.at_restart(),
    Setting{"handshake_wait", &Tls::handshake_wait, "How long a handshake may take.", std::chrono::seconds(1),
            std::chrono::minutes(2)},
};

struct Dns {
  std::vector<Endpoint> servers;
  std::filesystem::path trust_anchor = "/usr/share/dns/root.key";
  std::chrono::milliseconds answer_wait{5'000};
  Octets cache = mib(16);
};

inline constexpr std::tuple dns_table{
    Setting{"servers", &Dns::servers, "Recursive name servers; absent: those of /etc/resolv.conf."}
        .at_restart(),
    Setting{"trust_anchor", &Dns::trust_anchor,
            "The root's key for DNSSEC. Empty switches validation off, and DANE with it."}
        .at_restart(),
    Setting{"answer_wait", &Dns::answer_wait, "How long an answer may take; then 451 4.4.3.",
            std::chrono::milliseconds(100), std::chrono::minutes(1)}
        .at_restart(),
    Setting{"cache", &Dns::cache, "Memory for answers.", mib(1), gib(16)}.at_restart(),
};

enum class Scram : std::uint8_t { Off, On, Plus };
constexpr std::array<std::string_view, 3> names(Scram) { return {"off", "on", "plus"}; }

struct Auth {
  bool cleartext = false;
  Scram scram = Scram::Off;
  std::optional<Domain> default_domain;
  Rate failures_per_prefix{20, std::chrono::minutes(10)};
  Rate failures_per_account{10, std::chrono::minutes(10)};
  std::chrono::seconds cache = std::chrono::minutes(5);
  std::uint32_t hash_threads = 0;
  std::uint32_t hash_waiting = 256;
};

inline constexpr std::tuple auth_table{
    Setting{"cleartext", &Auth::cleartext,
            "Permit passwords on connections without TLS. Anybody on the way can read them."},
    Setting{"scram", &Auth::scram,
            "Offer SCRAM-SHA-256 and SCRAM-SHA-1: \"on\"; with their forms bound to the TLS connection: "
            "\"plus\". Keys for "
            "it are kept of app passwords, and of main passwords in domains that ask for it (`postroad "
            "domain set "
            "--scram yes`). Many programs choose SCRAM where it is offered and try nothing else when it "
            "fails; some "
            "choose the bound forms without being able to (mutt 2.2 with TLS 1.3)."},
    Setting{"default_domain", &Auth::default_domain, "Completes login names without a domain. Empty: none."},
    Setting{"failures_per_prefix", &Auth::failures_per_prefix,
            "Failed logins from one neighbourhood before it must wait."},
    Setting{"failures_per_account", &Auth::failures_per_account,
            "Failed logins for one account from places it has not signed in from before."},
    Setting{
        "cache", &Auth::cache,
        "How long a right password is remembered as a keyed hash, so that polling clients cost no argon2id.",
        std::chrono::seconds(0), std::chrono::hours(1)},
    Setting{"hash_threads", &Auth::hash_threads, "Threads that compute password hashes; 0: one per core.", 0u,
            256u}
        .at_restart(),
    Setting{"hash_waiting", &Auth::hash_waiting, "Logins that may wait for them; above it 454 4.7.0.", 1u,
            100'000u},
};

struct Directory {
  std::string subaddress_separators = "+";
};

inline constexpr std::tuple directory_table{
    Setting{
        "subaddress_separators", &Directory::subaddress_separators,
        "Characters that part a mailbox from its detail (RFC 5233): alice+lists@ is alice@. Empty: none."},
};

struct Delivery {
  std::uint16_t port = 25;
  bool allow_private_networks = false;
  std::vector<std::chrono::seconds> retry = {
      std::chrono::minutes(1), std::chrono::minutes(5), std::chrono::minutes(15), std::chrono::minutes(30),
      std::chrono::hours(1),   std::chrono::hours(2),   std::chrono::hours(4)};
  std::chrono::seconds give_up_after = std::chrono::hours(5 * 24);
  std::chrono::seconds delay_notice_after = std::chrono::hours(4);
  std::uint32_t connections = 1'000;
  std::uint32_t connections_per_site = 20;
  std::chrono::seconds connect_wait{30};
  std::chrono::seconds greeting_wait = std::chrono::minutes(5);
  std::chrono::seconds command_wait = std::chrono::minutes(5);
  std::chrono::seconds data_wait = std::chrono::minutes(3);
  std::chrono::seconds final_dot_wait = std::chrono::minutes(10);
  Octets bounce_body{50'000};
  std::vector<std::string> routes;
};

inline constexpr std::tuple delivery_table{
    Setting{"port", &Delivery::port, "Port of remote mail exchangers; tests use another.", std::uint16_t{1}},
    Setting{"allow_private_networks", &Delivery::allow_private_networks,
            "Permit a mail exchanger at a loopback, private or reserved address (tests, intranets)."},
    Setting{
        "retry", &Delivery::retry,
        "Waits between attempts; the last one repeats. RFC 5321 §4.5.4.1 asks for at least 30 min after the "
        "first few."},
    Setting{"give_up_after", &Delivery::give_up_after,
            "Age at which an undelivered message is returned; RFC 5321 §4.5.4.1 asks for 4-5 days.",
            std::chrono::minutes(1), std::chrono::hours(24 * 30)},
    Setting{"delay_notice_after", &Delivery::delay_notice_after,
            "Age at which the sender is told of a delay, once; \"0 s\": only if asked for (RFC 3461).",
            std::chrono::seconds(0)},
    Setting{"connections", &Delivery::connections, "Outgoing connections at once.", 1u, 1'000'000u},
    Setting{"connections_per_site", &Delivery::connections_per_site,
            "Of these, to one site (a set of MX hosts).", 1u, 10'000u},
    Setting{"connect_wait", &Delivery::connect_wait, "How long a TCP connection may take.",
            std::chrono::seconds(1), std::chrono::minutes(5)},
    Setting{"greeting_wait", &Delivery::greeting_wait, "RFC 5321 §4.5.3.2.1 asks for 5 min.",
            std::chrono::seconds(1), std::chrono::hours(1)},
    Setting{"command_wait", &Delivery::command_wait, "EHLO, MAIL, RCPT: RFC 5321 §4.5.3.2.2-3 ask for 5 min.",
            std::chrono::seconds(1), std::chrono::hours(1)},
    Setting{"data_wait", &Delivery::data_wait,
            "DATA's 354 and each block: RFC 5321 §4.5.3.2.4-5 ask for 2 and 3 min.", std::chrono::seconds(1),
            std::chrono::hours(1)},
    Setting{
        "final_dot_wait", &Delivery::final_dot_wait,
        "The reply to the final dot: RFC 5321 §4.5.3.2.6 asks for 10 min; less makes duplicates (RFC 1047).",
        std::chrono::seconds(1), std::chrono::hours(1)},
    Setting{"bounce_body", &Delivery::bounce_body, "Octets of the message returned in a report.", Octets{0},
            mib(10)},
    Setting{
        "routes", &Delivery::routes,
        "Mail that does not follow the MX records, one route in each text: a domain (\"example.org\", "
        "\".example.org\" for all below it, \"*\" for all others) and a target (\"smtp:HOST,HOST:587\", "
        "\"smtps:HOST\", \"lmtp:HOST:24\", \"lmtp:/path\", \"mx\", \"mx:DOMAIN\"), then perhaps "
        "\"tls=never\", \"opportunistic\", \"encrypted\" or \"verified\", and \"login=NAME password=TEXT\"."},
};

enum class Engine : std::uint8_t { Embedded };
constexpr std::array<std::string_view, 1> names(Engine) { return {"embedded"}; }

struct Store {
  Engine engine = Engine::Embedded;
  Octets segment = mib(256);
  Octets cache = mib(64);
  Percent reserve{10};
  Octets reserve_most = gib(10);
  std::chrono::seconds erase_within = std::chrono::hours(7 * 24);
  std::chrono::seconds keep_events = std::chrono::hours(90 * 24);
};

inline constexpr std::tuple store_table{
    Setting{"engine", &Store::engine, "Where mail is kept: in data, by RocksDB and segment files."}
        .at_restart(),
    Setting{"segment", &Store::segment, "Size at which a segment file of bodies is closed.", mib(1), gib(4)}
        .at_restart(),
    Setting{"cache", &Store::cache, "Memory for blocks read from disk.", mib(8), gib(256)}.at_restart(),
    Setting{"reserve", &Store::reserve,
            "Share of the disk kept free: below it new mail gets 452 4.3.1, while deleting, delivering and "
            "logging go "
            "on.",
            Percent{0}, Percent{50}},
    Setting{"reserve_most", &Store::reserve_most, "The reserve is never more than this.", mib(16)},
    Setting{"erase_within", &Store::erase_within, "How soon an erased body has left the disk.",
            std::chrono::minutes(1), std::chrono::hours(30 * 24)},
    Setting{"keep_events", &Store::keep_events, "How long the history of messages is kept.",
            std::chrono::hours(24), std::chrono::hours(24 * 3650)},
};

enum class LogLevel : std::uint8_t { Debug, Info, Warning, Error };
constexpr std::array<std::string_view, 4> names(LogLevel) { return {"debug", "info", "warning", "error"}; }

struct Log {
  std::filesystem::path file;
  LogLevel level = LogLevel::Info;
  std::uint32_t waiting = 16'384;
};

inline constexpr std::tuple log_table{
    Setting{
        "file", &Log::file,
        "One JSON object a line (reference/events.md). Empty: standard error. SIGHUP opens it anew, after "
        "rotation."},
    Setting{"level", &Log::level, "The least that is written."},
    Setting{"waiting", &Log::waiting,
            "Lines that may wait for a slow disk; what comes above is dropped and counted, mail goes on.",
            256u, 1'048'576u}
        .at_restart(),
};

struct Runtime {
  std::uint32_t cores = 0;
  std::chrono::seconds drain_wait{30};
  bool sandbox = true;
};

inline constexpr std::tuple runtime_table{
    Setting{"cores", &Runtime::cores,
            "Threads that serve connections; 0: one per core but one, which is left to commits.", 0u, 1024u}
        .at_restart(),
    Setting{"drain_wait", &Runtime::drain_wait, "How long SIGTERM lets sessions finish what they are doing.",
            std::chrono::seconds(0), std::chrono::minutes(30)},
    Setting{"sandbox", &Runtime::sandbox,
            "Confine the process to its files (Landlock) and to the system calls of a mail server (seccomp). "
            "Switch it "
            "off only to debug."}
        .at_restart(),
};

}  // namespace postroad::config
