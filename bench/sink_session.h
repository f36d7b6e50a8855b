// The server side of an SMTP or LMTP conversation that takes everything and keeps nothing.
//
// Sans-IO and as cheap as can be, for it is the yardstick of the load generator and the destination of
// relay tests. Not a model of a good server: it checks no order of commands and no syntax.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace postroad::bench {

// How the sink behaves; what a farm of unhelpful servers needs is added here as fields.
struct SinkManners {
  bool lmtp = false;
  bool pipelining = true;
  bool keep_header = false;  // remember the octets up to the first empty line, for the log
};

class SinkSession {
 public:
  struct Taken {
    std::string_view sender, header;
    const std::vector<std::string>& recipients;
    std::uint64_t octets;
  };
  SinkSession(const SinkManners& manners, std::function<void(const Taken&)> taken)
      : manners_(manners), taken_(std::move(taken)) {
    out_ = "220 sink.test ready\r\n";
  }

  // False when the conversation is over once output() is sent.
  bool feed(std::string_view bytes);
  std::string& output() { return out_; }

 private:
  bool command(std::string_view line);
  std::size_t body(std::string_view bytes);
  std::size_t chunk(std::string_view bytes);
  void finish();

  const SinkManners& manners_;
  std::function<void(const Taken&)> taken_;
  std::string line_, out_, sender_, header_;
  std::vector<std::string> recipients_;
  bool in_data_ = false, chunk_is_last_ = false;
  std::uint64_t chunk_left_ = 0, octets_ = 0;
  unsigned matched_ = 0;  // of CRLF.CRLF
};

}  // namespace postroad::bench
