// Sweep: the one look the parser takes at every octet, 64 at a time.
//
// It counts lines, notices what a policy or a relay wants to know, and stops where a delimiter could be: at a
// "-" that begins a line. That is all a body costs; nothing is done per line or per octet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postroad::mime {

class Sweep {
 public:
  // Looks at `in`, which follows what it saw before. With `stop` it ends before the first "-" at the
  // beginning of a line. Answers how many octets it looked at.
  std::size_t look(std::string_view in, bool stop);
  // The one octet it stopped at is no delimiter.
  void pass(char c) { look({&c, 1}, false); }

  std::uint64_t octets() const { return octets_; }
  std::uint64_t line_feeds() const { return line_feeds_; }
  // The longest line so far without its end, the last one included even if it has none.
  std::uint64_t longest_line() const;
  bool bare_cr() const { return bare_cr_; }  // call end() first
  bool bare_lf() const { return bare_lf_; }
  // Since the last forget(): an octet above 127, a NUL.
  bool eight_bit() const { return eight_bit_; }
  bool nul() const { return nul_; }
  void forget() { eight_bit_ = nul_ = false; }
  // How many octets the line end takes that was just seen: 2, 1, or 0 if the last octet was no LF.
  unsigned line_end() const { return last_lf_ ? (lf_after_cr_ ? 2 : 1) : 0; }
  void end() { bare_cr_ |= last_cr_; }

 private:
  void take(std::uint64_t lf, std::uint64_t cr, unsigned octets);

  std::uint64_t octets_ = 0;
  std::uint64_t line_feeds_ = 0;
  std::uint64_t line_start_ = 0;
  std::uint64_t longest_ = 0;
  bool last_cr_ = false;      // the last octet
  bool last_lf_ = true;       // the beginning is the beginning of a line
  bool lf_after_cr_ = false;  // the last LF had a CR before it
  bool bare_cr_ = false, bare_lf_ = false, eight_bit_ = false, nul_ = false;
};

}  // namespace postroad::mime
