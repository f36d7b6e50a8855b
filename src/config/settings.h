// Settings: everything the configuration file says, checked. A Settings that load() answered is right in
// itself: code that holds one never checks it again.
#pragma once

#include "config/basics.h"
#include "config/limits.h"
#include "config/services.h"

namespace postroad::config {

struct Settings {
  Domain hostname = *Domain::parse("localhost");
  std::filesystem::path data = "/var/lib/postroad";
  std::vector<Listener> listeners;
  Tls tls;
  Dns dns;
  Auth auth;
  Directory directory;
  Limits limits;
  Overload overload;
  Smtp smtp;
  Submission submission;
  Imap imap;
  Pop3 pop3;
  Http http;
  Delivery delivery;
  Store store;
  Log log;
  Runtime runtime;
};

inline constexpr std::tuple top_table{
    Setting{"hostname", &Settings::hostname,
            "This server's name in greetings, EHLO, Received fields and certificates. It must resolve to the "
            "server's "
            "address, and back (RFC 5321 §4.1.1.1)."}
        .at_restart(),
    Setting{
        "data", &Settings::data,
        "Folder of all state, made by the first command. A relative path starts at the configuration file."}
        .at_restart(),
};

// A section of the file, "[name]", and the part of Settings it fills.
template <class S, class Table>
struct Section {
  std::string_view name;
  S Settings::* place;
  const Table& table;
  std::string_view help;
};
template <class S, class Table>
Section(const char*, S Settings::*, const Table&, const char*) -> Section<S, Table>;

inline constexpr std::tuple section_table{
    Section{"tls", &Settings::tls, tls_table, "Certificates for all listeners."},
    Section{"dns", &Settings::dns, dns_table, "How names are resolved."},
    Section{"auth", &Settings::auth, auth_table, "Who may sign in, and how often one may guess."},
    Section{"directory", &Settings::directory, directory_table, "How addresses are read."},
    Section{"limits", &Settings::limits, limits_table, "How much one peer and one message may use."},
    Section{"overload", &Settings::overload, overload_table,
            "What is given up first when the machine is full."},
    Section{"smtp", &Settings::smtp, smtp_table, "Receiving mail: port 25, submission and LMTP."},
    Section{"submission", &Settings::submission, submission_table, "Mail from our own users (RFC 6409)."},
    Section{"imap", &Settings::imap, imap_table, "Reading mail by IMAP."},
    Section{"pop3", &Settings::pop3, pop3_table, "Collecting mail by POP3."},
    Section{"http", &Settings::http, http_table, "Console and API."},
    Section{"delivery", &Settings::delivery, delivery_table, "Sending mail to other servers."},
    Section{"store", &Settings::store, store_table, "Where mail is kept."},
    Section{"log", &Settings::log, log_table, "What happened, for people and machines."},
    Section{"runtime", &Settings::runtime, runtime_table, "How the server uses the machine."},
};

}  // namespace postroad::config
