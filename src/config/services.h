// The doors: who listens where, and how each protocol behaves there.
#pragma once

#include <array>
#include <tuple>

#include "config/setting.h"

namespace postroad::config {

enum class Service : std::uint8_t { Smtp, Submission, Lmtp, Imap, Pop3, Sieve, Http };
constexpr std::array<std::string_view, 7> names(Service) {
  return {"smtp", "submission", "lmtp", "imap", "pop3", "sieve", "http"};
}

enum class TlsMode : std::uint8_t { None, Starttls, Implicit };
constexpr std::array<std::string_view, 3> names(TlsMode) { return {"none", "starttls", "implicit"}; }

struct Listener {
  Service service = Service::Smtp;
  std::vector<Bind> bind;
  TlsMode tls = TlsMode::None;
  std::vector<Network> proxy_from;
};

inline constexpr std::tuple listener_table{
    Setting{"service", &Listener::service, "What is spoken there."}.at_restart(),
    Setting{"bind", &Listener::bind,
            "Addresses to listen on: \"0.0.0.0:25\", \"[::]:25\", or \"unix:/path\" (lmtp and http only)."}
        .at_restart(),
    Setting{"tls", &Listener::tls,
            "starttls: offered in the session (smtp, submission, lmtp, imap, pop3, sieve); implicit: from "
            "the first "
            "octet (RFC 8314 §3; not smtp and sieve); none."}
        .at_restart(),
    Setting{
        "proxy_from", &Listener::proxy_from,
        "Networks of load balancers. A connection from one of them must begin with a PROXY protocol header, "
        "version 1 or 2; from anywhere else such a header is an error."}
        .at_restart(),
};

struct Smtp {
  Octets command_line = kib(4);
  Octets auth_line{12'288};
  std::chrono::seconds command_wait = std::chrono::minutes(5);
  std::chrono::seconds data_wait = std::chrono::minutes(5);
  std::chrono::milliseconds greeting_pause{0};
  std::uint32_t errors = 20;
  std::uint32_t idle_commands = 100;
  std::uint32_t unknown_recipients = 20;
  std::chrono::milliseconds tarpit{1'000};
  std::chrono::milliseconds tarpit_most{10'000};
  std::uint32_t messages = 1'000;
  bool vrfy = false;
  bool sender_domain_must_exist = true;
  bool strangers_as_own_domains = true;
};

inline constexpr std::tuple smtp_table{
    Setting{"command_line", &Smtp::command_line,
            "Longest command line, in octets with its CRLF; RFC 5321 §4.5.3.1.4 asks for 512 plus what "
            "extensions "
            "add.",
            Octets{512}, kib(64)},
    Setting{"auth_line", &Smtp::auth_line, "Longest line of an AUTH exchange; RFC 4954 §4 asks for 12,288.",
            Octets{12'288}, kib(64)},
    Setting{"command_wait", &Smtp::command_wait,
            "How long to wait for a command; RFC 5321 §4.5.3.2.7 asks for at least 5 min.",
            std::chrono::seconds(10), std::chrono::hours(1)},
    Setting{"data_wait", &Smtp::data_wait,
            "How long to wait for the next piece of a message; see also limits.data_rate.",
            std::chrono::seconds(10), std::chrono::hours(1)},
    Setting{
        "greeting_pause", &Smtp::greeting_pause,
        "How long to keep a stranger waiting for the 220. Who speaks during it is not a mail server and is "
        "refused; with 0 ms, only what has arrived already is seen.",
        std::chrono::milliseconds(0), std::chrono::seconds(30)},
    Setting{"errors", &Smtp::errors, "Wrong commands in one session before it is ended with 421.", 1u,
            10'000u},
    Setting{"idle_commands", &Smtp::idle_commands,
            "Commands that move no mail (NOOP, RSET, HELP, VRFY) in one session before it is ended with 421.",
            10u},
    Setting{"unknown_recipients", &Smtp::unknown_recipients,
            "Recipients that do not exist in one session before it is ended with 421.", 1u},
    Setting{"tarpit", &Smtp::tarpit,
            "How much longer each further refusal takes: guessing addresses becomes slow.",
            std::chrono::milliseconds(0), std::chrono::seconds(30)},
    Setting{"tarpit_most", &Smtp::tarpit_most, "The longest such delay.", std::chrono::milliseconds(0),
            std::chrono::minutes(2)},
    Setting{"messages", &Smtp::messages, "Messages in one session before it is ended with 421.", 1u},
    Setting{"vrfy", &Smtp::vrfy,
            "Whether VRFY tells signed-in users if a mailbox exists. Strangers always get 252 (RFC 5321 "
            "§3.5.3)."},
    Setting{"sender_domain_must_exist", &Smtp::sender_domain_must_exist,
            "Refuse MAIL FROM a domain without MX, A or AAAA, or with a null MX (RFC 7505 §4.2)."},
    Setting{"strangers_as_own_domains", &Smtp::strangers_as_own_domains,
            "Whether a stranger may use one of our own domains in MAIL FROM, as forwarders and lists do."},
};

struct Submission {
  bool own_senders_only = true;
  bool hide_client = false;
};

inline constexpr std::tuple submission_table{
    Setting{"own_senders_only", &Submission::own_senders_only,
            "A signed-in user may send only from addresses that lead to its account (RFC 6409 §6.1)."},
    Setting{"hide_client", &Submission::hide_client,
            "Leave the user's IP address and host name out of Received fields; the log keeps them."},
};

struct Imap {
  std::string separator = "/";
  std::chrono::seconds idle_wait = std::chrono::minutes(30);
  std::chrono::seconds login_wait = std::chrono::minutes(1);
  Octets preauth_literal = kib(8);
  Octets literal = kib(128);
  Octets command = mib(1);
  std::uint32_t literals = 1'000;
  std::uint32_t nesting = 50;
};

inline constexpr std::tuple imap_table{
    Setting{"separator", &Imap::separator, "Between the levels of a mailbox name: \"/\" or \".\"."}
        .at_restart(),
    Setting{"idle_wait", &Imap::idle_wait,
            "Silence after which a signed-in client is logged out; RFC 9051 §5.4 asks for at least 30 min.",
            std::chrono::minutes(30), std::chrono::hours(24)},
    Setting{"login_wait", &Imap::login_wait, "How long a client may take to sign in.",
            std::chrono::seconds(5), std::chrono::minutes(30)},
    Setting{"preauth_literal", &Imap::preauth_literal, "Largest literal before sign-in.", Octets{256},
            kib(64)},
    Setting{"literal", &Imap::literal, "Largest literal outside APPEND, whose limit is limits.message.",
            kib(1), mib(16)},
    Setting{"command", &Imap::command, "Largest command with its literals, APPEND's message aside.", kib(8),
            mib(64)},
    Setting{"literals", &Imap::literals, "Literals in one command.", 1u, 100'000u},
    Setting{"nesting", &Imap::nesting, "Depth of parentheses in one command.", 8u, 200u},
};

struct Pop3 {
  std::chrono::seconds idle_wait = std::chrono::minutes(10);
  std::chrono::seconds login_wait = std::chrono::minutes(1);
};

inline constexpr std::tuple pop3_table{
    Setting{"idle_wait", &Pop3::idle_wait,
            "Silence after which a session is ended without erasing; RFC 1939 §3 asks for at least 10 min.",
            std::chrono::minutes(10), std::chrono::hours(1)},
    Setting{"login_wait", &Pop3::login_wait, "How long a client may take to sign in.",
            std::chrono::seconds(5), std::chrono::minutes(10)},
};

struct Http {
  Octets body = mib(64);
  std::chrono::seconds request_wait = std::chrono::seconds(30);
  std::chrono::seconds idle_wait = std::chrono::minutes(2);
};

inline constexpr std::tuple http_table{
    Setting{"body", &Http::body, "Largest body of a request.", mib(1), gib(4)},
    Setting{"request_wait", &Http::request_wait, "How long a request's header section may take.",
            std::chrono::seconds(1), std::chrono::minutes(10)},
    Setting{"idle_wait", &Http::idle_wait, "How long an unused connection is kept.", std::chrono::seconds(1),
            std::chrono::hours(1)},
};

}  // namespace postroad::config
