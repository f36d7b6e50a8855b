// One IMAP conversation, from the greeting to LOGOUT. Read session.cc beside RFC 9051 §2.2 and §5; each
// command has its on(), in a file by subject:
//
//   login.cc       CAPABILITY ID STARTTLS LOGIN AUTHENTICATE ENABLE LOGOUT         §6.1, §6.2
//   mailboxes.cc   CREATE DELETE RENAME SUBSCRIBE STATUS NAMESPACE QUOTA           §6.3
//   list.cc        LIST LSUB                                                      §6.3.9
//   selected.cc    SELECT CLOSE EXPUNGE IDLE, and what is told unasked             §6.3.2, §6.4, §7
//   fetch.cc store.cc append.cc search.cc
//
// What is known is the state: mailboxes_ is empty until somebody has signed in, selected_ until a mailbox is
// selected. Most sessions idle most of the time, ten thousand at once: while one waits, nothing of its last
// command is left and it holds no buffers.
#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "imap/command.h"
#include "imap/command_reader.h"
#include "imap/render.h"
#include "imapd/answer.h"
#include "imapd/capabilities.h"
#include "imapd/server.h"
#include "mailbox/session.h"
#include "net/stream.h"

namespace postroad::imapd {

class Bodies;
class Incoming;
class Searcher;
enum class Truth : std::uint8_t;

template <class C, class... Of>
concept OneOf = (std::same_as<C, Of> || ...);
// Understood, and not offered.
template <class C>
concept NotOffered =
    OneOf<C, imap::SetAcl, imap::DeleteAcl, imap::GetAcl, imap::ListRights, imap::MyRights, imap::SetQuota,
          imap::GetMetadata, imap::SetMetadata, imap::Compress, imap::Unauthenticate, imap::Sort,
          imap::Thread, imap::GetQuota, imap::GetQuotaRoot>;

class Session {
 public:
  Session(net::Stream& stream, const Services& services, Seats& seats, const config::Settings& settings,
          config::TlsMode tls);
  ~Session();
  net::task<void> run();

 private:
  // --- the wire (session.cc) ---
  net::task<bool> step();  // one event of the reader; false: more input is needed
  net::task<void> wait_for_client(Instant deadline);
  net::task<void> obey(imap::TaggedCommand command);
  net::task<Answer> dispatch(const imap::Command& command);
  void answer(std::string_view tag, const Answer& answer);
  void say_goodbye(std::string_view code, std::string_view text);  // BYE; ends the session
  net::task<void> refuse_command(const imap::SyntaxError& error);
  imap::Renderer say() { return imap::Renderer(out_, dialect_.utf8_names); }
  net::task<void> send();  // hands out_ to the stream; waits while the client does not read
  net::task<void> send_if_much();
  std::string peer() const;

  // --- any state, and signing in (login.cc) ---
  net::task<Answer> on(const imap::Capability& command);
  net::task<Answer> on(const imap::Noop& command);
  net::task<Answer> on(const imap::Logout& command);
  net::task<Answer> on(const imap::Id& command);
  net::task<Answer> on(const imap::StartTls& command);
  net::task<Answer> on(const imap::Login& command);
  net::task<Answer> on(const imap::Authenticate& command);
  net::task<Answer> on(const imap::Enable& command);
  net::task<void> start_tls();
  bool may_sign_in() const { return stream_.is_tls() || settings_.auth.cleartext; }
  std::vector<std::string> capabilities_now() const;
  std::string capability_code() const;
  Answer signed_in(const directory::Identity& identity);
  Answer not_signed_in(Answer why);

  // --- mailboxes (mailboxes.cc, list.cc) ---
  net::task<Answer> on(const imap::Create& command);
  net::task<Answer> on(const imap::Delete& command);
  net::task<Answer> on(const imap::Rename& command);
  net::task<Answer> on(const imap::Subscribe& command);
  net::task<Answer> on(const imap::Unsubscribe& command);
  net::task<Answer> on(const imap::Status& command);
  net::task<Answer> on(const imap::Namespace& command);
  net::task<Answer> on(const imap::List& command);
  net::task<Answer> on(const imap::Lsub& command);
  void say_status(std::string_view name, const mailbox::Status& status, std::uint16_t items);
  char separator() const { return settings_.imap.separator.front(); }
  std::string inside(std::string_view name) const;   // as the engine calls it: "/" between levels
  std::string outside(std::string_view name) const;  // as clients call it

  // --- the selected mailbox (selected.cc) ---
  net::task<Answer> on(const imap::Select& command);
  net::task<Answer> on(const imap::Check& command);
  net::task<Answer> on(const imap::Close& command);
  net::task<Answer> on(const imap::Unselect& command);
  net::task<Answer> on(const imap::Expunge& command);
  net::task<Answer> on(const imap::Idle& command);
  net::task<Answer> on(const imap::Copy& command);
  net::task<Answer> on(const imap::Move& command);
  net::task<void> say_since(const imap::QResync& known);
  void say_change(std::uint32_t number, const mailbox::Entry& entry, const mailbox::Snapshot& snapshot);
  void unselect();
  void say_flags(const mailbox::Snapshot& snapshot);
  std::vector<std::string_view> keywords_of(const mailbox::Entry& entry,
                                            const mailbox::Snapshot& snapshot) const;
  void say_entry_flags(imap::Renderer& out, const mailbox::Entry& entry,
                       const mailbox::Snapshot& snapshot) const;
  // UIDs of the messages that a command names: BAD where it names a number that is none (RFC 9051 §9).
  Result<NumberSet, Answer> named(const imap::SequenceSet& set, bool uid) const;
  // What others, and we, have changed since the client was last told (RFC 9051 §7.4.1, §7.5.1). Expunges
  // renumber, so they wait while a command that speaks of numbers is under way.
  enum class Expunges : bool { Wait, May };
  net::task<void> tell_news(Expunges expunges);
  // Of our own change the command's own answer tells: it is no news later.
  void reveal(const NumberSet& uids);
  static Expunges expunges_after(const imap::Command& command);

  // --- messages (fetch.cc, store.cc, append.cc, search.cc) ---
  net::task<Answer> on(const imap::Fetch& command);
  net::task<std::optional<mailbox::Refusal>> fetch_batch(const imap::Fetch& command, const Bodies& bodies,
                                                         std::span<const std::uint32_t> batch);
  net::task<Answer> on(const imap::Store& command);
  net::task<Answer> on(const imap::Search& command);
  net::task<std::optional<mailbox::Refusal>> search_inside(const Searcher& searcher,
                                                           const std::vector<mailbox::Entry>& entries,
                                                           const std::vector<std::uint32_t>& numbers,
                                                           std::vector<Truth>& truths);
  struct SearchResult {
    struct Found {
      std::uint32_t number;
      Uid uid;
      ModSeq modseq;
    };
    std::vector<Found> found;
  };
  void say_found(const imap::Search& command, const SearchResult& result, bool mod_seq);
  net::task<void> message_begins(const imap::AppendTarget& target, const imap::AppendMessage& message);
  net::task<std::optional<Answer>> refuse_append(const imap::AppendTarget& target,
                                                 const imap::AppendMessage& message);
  net::task<void> message_octets(std::string_view octets);
  net::task<void> message_ends();
  net::task<void> append_ends(const imap::AppendTarget& target);

  net::task<Answer> on(const NotOffered auto&) { co_return Answer::bad(texts::not_offered); }

  net::Stream& stream_;
  const Services& services_;
  Seats& seats_;
  const config::Settings& settings_;
  const config::TlsMode tls_;
  imap::Dialect dialect_{};
  imap::CommandReader reader_{dialect_};
  std::string out_;
  std::shared_ptr<void> seat_;
  std::optional<mailbox::Session> mailboxes_;
  std::unique_ptr<mailbox::Selected> selected_;
  std::string selected_name_;
  std::string tag_;                     // of the command that is obeyed
  std::string idling_;                  // the tag of IDLE while it lasts
  std::unique_ptr<Incoming> incoming_;  // while APPEND lasts
  NumberSet saved_;                     // UIDs that "$" means (RFC 5182)
  bool condstore_ = false;              // the client knows of MODSEQ (RFC 7162 §3.1)
  bool qresync_ = false;
  bool over_ = false;
  Instant login_ends_{},
      half_ends_{};  // when waiting for the rest of half a command ends; unset: none has begun
  std::uint32_t errors_ = 0, failed_sign_ins_ = 0;
};

}  // namespace postroad::imapd
