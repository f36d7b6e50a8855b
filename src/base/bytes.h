// Fixed layouts: how numbers and strings lie in keys and records.
//
// Keys are big-endian, so that RocksDB's byte order is the numbers' order. Records are little-endian;
// lengths are LEB128 varints. A Reader never reads past its end: after a short read ok() is false and
// every further value is empty.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace postroad {

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  Writer& u8(std::uint8_t v) { return out_.push_back(static_cast<char>(v)), *this; }
  Writer& u16(std::uint16_t v) { return little(v); }
  Writer& u32(std::uint32_t v) { return little(v); }
  Writer& u64(std::uint64_t v) { return little(v); }
  Writer& i64(std::int64_t v) { return little(static_cast<std::uint64_t>(v)); }
  Writer& u32_key(std::uint32_t v) { return big(v); }
  Writer& u64_key(std::uint64_t v) { return big(v); }
  Writer& varint(std::uint64_t v) {
    char octets[10];
    std::size_t size = 0;
    for (; v >= 0x80; v >>= 7) octets[size++] = static_cast<char>(v | 0x80);
    octets[size++] = static_cast<char>(v);
    return raw({octets, size});
  }
  Writer& raw(std::string_view bytes) { return out_.append(bytes), *this; }
  Writer& string(std::string_view bytes) { return varint(bytes.size()).raw(bytes); }

 private:
  template <class T>
  Writer& little(T v) {
    char octets[sizeof v];
    for (std::size_t i = 0; i < sizeof v; ++i) octets[i] = static_cast<char>(v >> (8 * i));
    return raw({octets, sizeof octets});
  }
  template <class T>
  Writer& big(T v) {
    char octets[sizeof v];
    for (std::size_t i = 0; i < sizeof v; ++i) octets[sizeof v - 1 - i] = static_cast<char>(v >> (8 * i));
    return raw({octets, sizeof octets});
  }
  std::string& out_;
};

class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}

  bool ok() const { return ok_; }
  bool at_end() const { return in_.empty(); }
  std::string_view rest() const { return in_; }

  std::uint8_t u8() { return little<std::uint8_t>(); }
  std::uint16_t u16() { return little<std::uint16_t>(); }
  std::uint32_t u32() { return little<std::uint32_t>(); }
  std::uint64_t u64() { return little<std::uint64_t>(); }
  std::int64_t i64() { return static_cast<std::int64_t>(u64()); }
  std::uint32_t u32_key() { return big<std::uint32_t>(); }
  std::uint64_t u64_key() { return big<std::uint64_t>(); }
  std::uint64_t varint() {
    std::uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::uint8_t byte = u8();
      v |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (!(byte & 0x80)) return v;
    }
    ok_ = false;
    return 0;
  }
  std::string_view raw(std::size_t n) {
    if (n > in_.size()) return fail(), std::string_view{};
    const auto taken = in_.substr(0, n);
    in_.remove_prefix(n);
    return taken;
  }
  std::string_view string() {
    const std::uint64_t n = varint();
    if (n > in_.size()) return fail(), std::string_view{};
    return raw(n);
  }

 private:
  void fail() { ok_ = false, in_ = {}; }
  template <class T>
  T little() {
    const auto bytes = raw(sizeof(T));
    T v = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
      v = static_cast<T>(v | static_cast<T>(static_cast<T>(static_cast<unsigned char>(bytes[i])) << (8 * i)));
    return v;
  }
  template <class T>
  T big() {
    T v = 0;
    for (char c : raw(sizeof(T))) v = static_cast<T>((v << 8) | static_cast<unsigned char>(c));
    return v;
  }
  std::string_view in_;
  bool ok_ = true;
};

}  // namespace postroad
