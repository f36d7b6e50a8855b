// Charsets: what a name means, and its octets as UTF-8. ICU converts; the names are ours to choose.
#include <unicode/ucnv.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/ascii.h"
#include "base/utf8.h"
#include "mime/text.h"

namespace postroad::mime {
namespace {

constexpr std::size_t name_limit = 64;  // RFC 2978 §2.3: 40
constexpr std::string_view replacement = "\xef\xbf\xbd";

struct Alias {
  std::string_view name;  // lower case, letters and digits only
  std::string_view means;
};
// Names in use that ICU does not know, or that are used for a superset of what they name (Encoding Standard,
// §4.2).
constexpr std::array aliases{
    Alias{"ansix341968", "us-ascii"},
    Alias{"ascii", "us-ascii"},
    Alias{"big5", "big5-hkscs"},
    Alias{"big5eten", "big5-hkscs"},
    Alias{"chinese", "gb18030"},
    Alias{"cnbig5", "big5-hkscs"},
    Alias{"cp819", "windows-1252"},
    Alias{"cp932", "windows-31j"},
    Alias{"cp936", "gb18030"},
    Alias{"cp949", "windows-949"},
    Alias{"euccn", "gb18030"},
    Alias{"euckr", "windows-949"},
    Alias{"gb2312", "gb18030"},
    Alias{"gb231280", "gb18030"},
    Alias{"gbk", "gb18030"},
    Alias{"ibm819", "windows-1252"},
    Alias{"iso2022jpms", "iso-2022-jp"},
    Alias{"iso646us", "us-ascii"},
    Alias{"iso88591", "windows-1252"},
    Alias{"iso885911", "windows-874"},
    Alias{"iso88598e", "iso-8859-8"},
    Alias{"iso88598i", "iso-8859-8"},
    Alias{"iso88599", "windows-1254"},
    Alias{"iso8859i", "iso-8859-8"},
    Alias{"koi8ru", "koi8-u"},
    Alias{"korean", "windows-949"},
    Alias{"ksc5601", "windows-949"},
    Alias{"ksc56011987", "windows-949"},
    Alias{"ksc56011989", "windows-949"},
    Alias{"latin1", "windows-1252"},
    Alias{"latin5", "windows-1254"},
    Alias{"macroman", "macintosh"},
    Alias{"mskanji", "windows-31j"},
    Alias{"shiftjis", "windows-31j"},
    Alias{"sjis", "windows-31j"},
    Alias{"tis620", "windows-874"},
    Alias{"unicode11utf7", "utf-7"},
    Alias{"unicode11utf8", "utf-8"},
    Alias{"unicode20utf8", "utf-8"},
    Alias{"us", "us-ascii"},
    Alias{"usascii", "us-ascii"},
    Alias{"utf8mb4", "utf-8"},
    Alias{"visual", "iso-8859-8"},
    Alias{"xbig5", "big5-hkscs"},
    Alias{"xgbk", "gb18030"},
    Alias{"xmacroman", "macintosh"},
    Alias{"xsjis", "windows-31j"},
};
static_assert(std::ranges::is_sorted(aliases, {}, &Alias::name));

struct CloseConverter {
  void operator()(UConverter* c) const { ucnv_close(c); }
};
using Converter = std::unique_ptr<UConverter, CloseConverter>;

// The name as ICU should look for it; empty if it cannot be one. ICU reads a data file for a name it does not
// know, and options after a comma: neither must be reachable from a message.
std::string canonical(std::string_view charset) {
  std::string name, key;
  for (char c : charset) {
    if (!ascii::is_alnum(c) && std::string_view("-_.:+()").find(c) == std::string_view::npos) return {};
    name.push_back(ascii::lower(c));
    if (ascii::is_alnum(c)) key.push_back(ascii::lower(c));
  }
  if (name.empty() || key.empty() || name.size() > name_limit) return {};
  const auto alias = std::ranges::lower_bound(aliases, std::string_view(key), {}, &Alias::name);
  if (alias != aliases.end() && alias->name == key) return std::string(alias->means);
  return key == "utf8" ? "utf-8" : name;
}

Converter open(const std::string& name) {
  UErrorCode error = U_ZERO_ERROR;
  Converter converter(ucnv_open(name.c_str(), &error));
  if (U_FAILURE(error)) return nullptr;
  return converter;
}

std::string convert(UConverter* converter, std::string_view octets) {
  std::string out(octets.size() * 3 + 16, '\0');
  for (;;) {
    UErrorCode error = U_ZERO_ERROR;
    ucnv_reset(converter);
    const auto octets_needed =
        ucnv_toAlgorithmic(UCNV_UTF8, converter, out.data(), static_cast<int32_t>(out.size()), octets.data(),
                           static_cast<int32_t>(octets.size()), &error);
    if (error != U_BUFFER_OVERFLOW_ERROR && U_FAILURE(error)) return std::string(replacement);
    const bool fits = octets_needed <= static_cast<int32_t>(out.size());
    out.resize(static_cast<std::size_t>(octets_needed));
    if (fits) return out;
  }
}

// UTF-8 that is broken in places: each octet that fits nowhere becomes U+FFFD.
std::string mend_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto before = text;
    if (utf8::take(text)) {
      out += before.substr(0, before.size() - text.size());
    } else {
      out += replacement;
      text.remove_prefix(1);
      while (!text.empty() && (static_cast<unsigned char>(text.front()) & 0xc0) == 0x80)
        text.remove_prefix(1);
    }
  }
  return out;
}

// The code points of 0x80-0x9f in windows-1252 (Encoding Standard, index windows-1252).
constexpr std::array<char16_t, 32> windows_1252{
    0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};

std::string from_windows_1252(std::string_view octets) {
  std::string out;
  out.reserve(octets.size() + octets.size() / 4);
  for (char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    utf8::append(out,
                 octet >= 0x80 && octet < 0xa0 ? char32_t{windows_1252[octet - 0x80u]} : char32_t{octet});
  }
  return out;
}

constexpr std::size_t conversion_limit = 256u << 20;  // ICU counts in 32 bits, three octets out for one in

}  // namespace

bool known_charset(std::string_view charset) {
  const std::string name = canonical(charset);
  if (name == "utf-8" || name == "windows-1252" || name == "us-ascii") return true;
  return !name.empty() && open(name);
}

std::string octets_to_utf8(std::string_view octets) {
  return utf8::valid(octets) ? std::string(octets) : from_windows_1252(octets);
}

std::string to_utf8(std::string_view octets, std::string_view charset) {
  const std::string name = canonical(charset);
  if (name == "utf-8") return utf8::valid(octets) ? std::string(octets) : mend_utf8(octets);
  if (name == "windows-1252") return from_windows_1252(octets);
  if (name == "us-ascii") return octets_to_utf8(octets);  // it names nothing above 127
  octets = octets.substr(0, conversion_limit);
  const Converter converter = name.empty() ? nullptr : open(name);
  return converter ? convert(converter.get(), octets) : octets_to_utf8(octets);
}

}  // namespace postroad::mime
