// BodySink: where a decoder or encoder puts the octets of a message.
#pragma once

#include <string>
#include <string_view>

namespace postroad::smtp {

class BodySink {
 public:
  virtual ~BodySink() = default;
  // A view into the caller's buffer, gone when the feeding call returns. Never empty.
  virtual void write(std::string_view octets) = 0;
};

class StringSink final : public BodySink {
 public:
  void write(std::string_view octets) override { text.append(octets); }
  std::string text;
};

}  // namespace postroad::smtp
