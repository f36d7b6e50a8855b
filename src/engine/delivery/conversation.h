// Conversation: what we say and what is answered, on one connection. Commands are collected and leave in one
// write when an answer is waited for: a pipelined group (RFC 2920 §3.1) is one segment.
#pragma once

#include <chrono>
#include <exception>
#include <string>
#include <string_view>

#include "mail/enhanced_status.h"
#include "net/stream.h"
#include "smtp/body_sink.h"
#include "smtp/reply.h"

namespace postroad::delivery {

// RFC 5321 §4.5.3.2, the minimums.
struct Patience {
  std::chrono::seconds greeting{300}, mail{300}, rcpt{300}, data{120}, block{180}, final_dot{600}, quit{10};
};

// What the other side says is no SMTP reply, or none that can come here: nothing can follow (attack 29).
class NotSmtp final : public std::exception {
 public:
  const char* what() const noexcept override { return "what the server says is not SMTP"; }
};

class Conversation final : private smtp::BodySink {
 public:
  explicit Conversation(net::Stream stream) : stream_(std::move(stream)) {}

  void say(std::string_view line) { wire_.append(line).append("\r\n"); }
  smtp::BodySink& body() { return *this; }  // octets of a message, as they are
  std::size_t unsent() const { return wire_.size(); }

  // Throws ConnectionEnded.
  net::task<void> send();
  // Sends what was said; the next reply, within `patience`. Throws ConnectionEnded, NotSmtp.
  net::task<Reply> reply(std::chrono::seconds patience);
  // The server has spoken while it is our turn: what it says is a refusal, or goodbye.
  bool interrupted() { return stream_.early_bytes(); }

  net::Stream& stream() { return stream_; }

 private:
  void write(std::string_view octets) override { wire_.append(octets); }
  net::Stream stream_;
  smtp::ReplyParser parser_;
  std::string wire_;
};

}  // namespace postroad::delivery
