// One SMTP or LMTP client conversation without IO: fed what the server says, it tells what to send.
//
// It counts honestly. A message is acknowledged only by the 2yz reply to its own final dot (for LMTP:
// one for each accepted recipient), refused by a 4yz or 5yz reply to any of its commands, and unknown
// when the connection ends between its final dot and the answer (RFC 1047). Every message that was
// begun ends in exactly one of these, or in `dropped`: the connection ended before its final dot.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postroad::bench {

struct SmtpPlan {
  bool lmtp = false;
  bool starttls = false;
  bool pipelining = false;  // RFC 2920: MAIL, RCPT, DATA in one segment; else each waits for its answer
  bool chunking = false;    // RFC 3030: one BDAT LAST instead of DATA
  std::uint32_t messages_per_connection = 1;
  std::string auth_plain;  // base64 of a whole SASL PLAIN response; empty: no AUTH
  std::string sender = "load@example.com";
  std::vector<std::string> recipients;  // each message goes to the next `recipients_per_message` of them
  std::size_t recipients_per_message = 1;
  std::size_t octets = 4096;
  std::string run = "0";  // makes Message-IDs of several runs distinct
};

enum class Fate { Acknowledged, Refused, Unknown, Dropped };

class SmtpClient {
 public:
  using Clock = std::chrono::steady_clock;
  struct Ended {
    std::uint64_t message;
    Fate fate;
    int code;                // of the reply that decided; 0 where there was none
    Clock::duration waited;  // from the final dot's departure to the answer; zero if it was not sent
    std::size_t delivered;   // recipients acknowledged
  };
  // `next` gives the number of the next message to send, or nothing when there is none (now).
  SmtpClient(const SmtpPlan& plan, std::function<std::optional<std::uint64_t>()> next,
             std::function<void(const Ended&)> ended)
      : plan_(plan), next_(std::move(next)), ended_(std::move(ended)) {}

  enum class State { Talking, StartTls, Idle, Finished, Confused };

  void connected();                    // a new connection: waits for the greeting
  void tls_started();                  // after State::StartTls: says EHLO again
  State feed(std::string_view bytes);  // what the server said
  State begin_next();                  // from Idle: there may be a message now
  void connection_lost();              // gives its fate to the message under way

  std::string_view output() const { return std::string_view(out_).substr(sent_); }
  void sent(std::size_t octets, Clock::time_point now);

 private:
  enum class Expect { Greeting, Hello, StartTls, Auth, Mail, Rcpt, Data, Final, Rset, Quit };

  State on_reply(int code, std::string_view text);
  void on_final(int code);
  State begin_message();
  void say(Expect expect, std::string_view line);
  void send_body();
  void send_more_body();
  void advance();
  State after_message();
  void end_message(Fate fate, int code);

  const SmtpPlan& plan_;
  std::function<std::optional<std::uint64_t>()> next_;
  std::function<void(const Ended&)> ended_;

  std::string in_, out_;
  std::size_t sent_ = 0;
  std::deque<Expect> expected_;
  bool secured_ = false;
  std::uint32_t begun_here_ = 0;  // messages begun on this connection

  // The message under way.
  std::optional<std::uint64_t> message_;
  std::size_t next_recipient_ = 0, recipients_said_ = 0, accepted_ = 0, answered_ = 0, delivered_ = 0;
  bool mail_said_ = false, mail_refused_ = false, data_said_ = false, data_refused_ = false,
       dot_said_ = false;
  std::size_t body_left_ = 0;    // octets not in out_ yet: a body is made as it is sent, never held
  int refusal_ = 0;              // first refusing code
  std::size_t dot_ends_at_ = 0;  // in out_
  std::optional<Clock::time_point> dot_sent_;
};

}  // namespace postroad::bench
