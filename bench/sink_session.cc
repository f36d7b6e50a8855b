#include "sink_session.h"

#include <algorithm>
#include <charconv>

#include "base/ascii.h"

namespace postroad::bench {
namespace {

constexpr std::size_t kLongestLine = 65536;
constexpr std::size_t kLongestHeader = 16384;

std::string path_of(std::string_view line) {
  const auto open = line.find('<'), close = line.find('>');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return {};
  return std::string(line.substr(open + 1, close - open - 1));
}

}  // namespace

bool SinkSession::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (in_data_) {
      bytes.remove_prefix(body(bytes));
    } else if (chunk_left_ > 0) {
      bytes.remove_prefix(chunk(bytes));
    } else {
      const auto end = bytes.find('\n');
      if (line_.size() + std::min(bytes.size(), end) > kLongestLine) return false;
      if (end == std::string_view::npos) {
        line_ += bytes;
        return true;
      }
      std::string_view line = bytes.substr(0, end);
      if (!line_.empty()) line = (line_ += line);
      bytes.remove_prefix(end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      const bool on = command(line);
      line_.clear();
      if (!on) return false;
    }
  }
  return true;
}

bool SinkSession::command(std::string_view line) {
  const auto is = [line](std::string_view verb) {
    return line.size() >= verb.size() && ascii::iequals(line.substr(0, verb.size()), verb);
  };
  if (is("MAIL")) {
    sender_ = path_of(line);
    recipients_.clear();
    out_ += "250 2.1.0 ok\r\n";
  } else if (is("RCPT")) {
    recipients_.push_back(path_of(line));
    out_ += "250 2.1.5 ok\r\n";
  } else if (is("DATA")) {
    in_data_ = true;
    matched_ = 2;  // as after a CRLF: the first line may be the dot
    out_ += "354 go on\r\n";
  } else if (is("BDAT")) {
    const auto number = line.substr(std::min<std::size_t>(5, line.size()));
    std::from_chars(number.data(), number.data() + number.size(), chunk_left_);
    chunk_is_last_ = number.find(' ') != std::string_view::npos;
    if (chunk_left_ == 0 && chunk_is_last_) finish();
  } else if (is("EHLO") || is("LHLO")) {
    out_ += manners_.pipelining ? "250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-"
                                  "CHUNKING\r\n250 ENHANCEDSTATUSCODES\r\n"
                                : "250-sink.test\r\n250 8BITMIME\r\n";
  } else if (is("QUIT")) {
    out_ += "221 2.0.0 bye\r\n";
    return false;
  } else {
    out_ += "250 2.0.0 ok\r\n";
  }
  return true;
}

// Looks only at line ends: memchr finds them, the five octets CRLF.CRLF are matched one by one.
std::size_t SinkSession::body(std::string_view bytes) {
  static constexpr std::string_view end = "\r\n.\r\n";
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (matched_ == 0) {
      const auto found = bytes.find('\r', at);
      at = std::min(found, bytes.size());
      if (at == bytes.size()) break;
    }
    const char c = bytes[at++];
    if (c == end[matched_])
      ++matched_;
    else
      matched_ = c == '\r' ? 1 : 0;
    if (matched_ == end.size()) break;
  }
  if (manners_.keep_header && header_.size() < kLongestHeader) header_ += bytes.substr(0, at);
  octets_ += at;
  if (matched_ == end.size()) {
    in_data_ = false;
    finish();
  }
  return at;
}

std::size_t SinkSession::chunk(std::string_view bytes) {
  const std::size_t n = std::min<std::uint64_t>(bytes.size(), chunk_left_);
  if (manners_.keep_header && header_.size() < kLongestHeader) header_ += bytes.substr(0, n);
  chunk_left_ -= n;
  octets_ += n;
  if (chunk_left_ == 0) {
    if (chunk_is_last_)
      finish();
    else
      out_ += "250 2.0.0 chunk taken\r\n";
  }
  return n;
}

void SinkSession::finish() {
  taken_({.sender = sender_, .header = header_, .recipients = recipients_, .octets = octets_});
  const std::size_t answers = manners_.lmtp ? recipients_.size() : 1;
  for (std::size_t i = 0; i < answers; ++i) out_ += "250 2.0.0 taken\r\n";
  header_.clear();
  octets_ = 0;
}

}  // namespace postroad::bench
