#include "delivery/convert.h"

#include <algorithm>

#include "base/ascii.h"
#include "smtp/data_encoder.h"

namespace postroad::delivery {
namespace {

using mime::TransferEncoding;
constexpr std::size_t longest_line = smtp::DataEncoder::longest_line;
constexpr std::size_t most_header = 256 * 1024;  // mime::Limits::header

bool is_identity(TransferEncoding encoding) {
  return encoding == TransferEncoding::SevenBit || encoding == TransferEncoding::EightBit ||
         encoding == TransferEncoding::Binary;
}

std::string_view name_of(TransferEncoding encoding) {
  switch (encoding) {
    case TransferEncoding::QuotedPrintable: return "quoted-printable";
    case TransferEncoding::Base64: return "base64";
    case TransferEncoding::EightBit: return "8bit";
    default: return "7bit";
  }
}

// A line that is too long, cut before blanks that something follows (RFC 5322 §2.2.3).
bool fold(std::string_view line, std::string& out) {
  while (line.size() > longest_line) {
    std::size_t cut = line.find_last_of(" \t", longest_line);
    while (cut != std::string_view::npos && cut > 0 &&
           line.substr(0, cut).find_first_not_of(" \t") == std::string_view::npos)
      cut = std::string_view::npos;
    if (cut == std::string_view::npos || cut == 0 ||
        line.substr(cut).find_first_not_of(" \t") == std::string_view::npos)
      return false;
    out.append(line.substr(0, cut)).append("\r\n");
    line.remove_prefix(cut);
  }
  out.append(line);
  return true;
}

// The header section as `edit` wants it. False: a line of it cannot be folded.
bool rewrite(std::string_view header, const Edit& edit, std::string& out) {
  bool keeping = true;
  while (!header.empty()) {
    const std::size_t lf = std::min(header.find('\n'), header.size());
    std::string_view line = header.substr(0, lf);
    header.remove_prefix(std::min(lf + 1, header.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) break;
    if (!ascii::is_blank(line.front())) {
      const auto name = ascii::trim(line.substr(0, line.find(':')));
      keeping = edit.encoding_name.empty() || !ascii::iequals(name, "Content-Transfer-Encoding");
    }
    if (!keeping) continue;
    if (!fold(line, out)) return false;
    out += "\r\n";
  }
  if (edit.make_mime) out += "MIME-Version: 1.0\r\n";
  if (edit.make_type) out += "Content-Type: text/plain; charset=unknown-8bit\r\n";  // RFC 1428
  if (!edit.encoding_name.empty()) out += "Content-Transfer-Encoding: " + edit.encoding_name + "\r\n";
  out += "\r\n";
  return true;
}

// A line end of the encoding's own must not make a delimiter of what stood in the middle of a line.
std::string without_delimiters(std::string text) {
  if (text.starts_with("--")) text.replace(0, 1, "=2D");
  for (std::size_t at = 0; (at = text.find("\n--", at)) != std::string::npos; at += 4)
    text.replace(at + 1, 1, "=2D");
  return text;
}

}  // namespace

// --- Survey ------------------------------------------------------------------------------------------------

Survey::Survey(mime::Message message, Carries carries) : message_(std::move(message)), carries_(carries) {
  std::uint64_t at = 0;
  const auto add = [&](std::uint64_t end, std::size_t part, Region::Kind kind) {
    if (end > at || kind == Region::Kind::Header) regions_.push_back({at, end, part, kind});
    at = std::max(at, end);
  };
  const mime::Parts& parts = message_.parts();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    add(parts[i].header_start, i, Region::Kind::Filler);
    add(parts[i].body_start, i, Region::Kind::Header);
    if (parts[i].kind == mime::Kind::Leaf) add(parts[i].body_end, i, Region::Kind::Body);
  }
  add(message_.octets(), 0, Region::Kind::Filler);
}

void Survey::look(Region& region, std::string_view text) const {
  for (const char c : text) {
    if (region.cr && c != '\n') region.bare = true;
    if (c == '\n') {
      if (!region.cr) region.bare = true;
      region.longest = std::max(region.longest, region.line - (region.cr ? 1 : 0));
      region.line = 0;
    } else {
      ++region.line;
      if (ascii::is_8bit(c)) ++region.high;
      if (c == '\0') region.nul = true;
    }
    region.cr = c == '\r';
  }
}

void Survey::feed(std::string_view piece) {
  while (!piece.empty()) {
    while (at_region_ < regions_.size() && regions_[at_region_].end <= at_) ++at_region_;
    if (at_region_ == regions_.size()) return;
    Region& region = regions_[at_region_];
    const auto here = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), region.end - at_));
    look(region, piece.substr(0, here));
    piece.remove_prefix(here);
    at_ += here;
  }
}

// Is the part inside a multipart/signed (not: is it one)?
bool Survey::is_signed(std::size_t part) const {
  while (part != 0) {
    part = message_.parts()[part].parent;
    if (message_.content(part).type.is("multipart", "signed")) return true;
  }
  return false;
}

Result<Plan, ConvertError> Survey::finish() {
  // A boundary of 8-bit octets stands in the body at every part, and cannot be written otherwise.
  for (std::size_t i = 0; carries_ == Carries::SevenBit && i < message_.parts().size(); ++i) {
    if (message_.parts()[i].kind != mime::Kind::Multipart) continue;
    const mime::Content content = message_.content(i);
    const std::string* boundary = content.type.parameters.find("boundary");
    if (boundary && std::ranges::any_of(*boundary, [](char c) { return ascii::is_8bit(c); }))
      return refuse(ConvertError::NotEncodable);
  }
  std::vector<std::string> encodings(message_.parts().size());
  Plan bodies;
  for (Region& region : regions_) {
    if (region.cr) region.bare = true;
    region.longest = std::max(region.longest, region.line);
    const bool high = region.high > 0 && carries_ == Carries::SevenBit;
    const bool misfit = high || region.longest > longest_line;
    if (region.kind == Region::Kind::Filler && misfit) {
      if (is_signed(region.part)) return refuse(ConvertError::Signed);
      bodies.push_back({.start = region.start, .end = region.end, .what = Edit::What::Filler});
    }
    if (region.kind != Region::Kind::Body) continue;
    const bool binary =
        region.nul || (region.bare && message_.parts()[region.part].encoding == TransferEncoding::Binary);
    if (!misfit && !binary) continue;
    auto edit = plan_body(region, encodings[region.part]);
    if (!edit) return refuse(edit.error());
    bodies.push_back(std::move(*edit));
  }
  Plan plan;
  for (const Region& region : regions_) {
    if (region.kind != Region::Kind::Header) continue;
    const mime::Part& part = message_.parts()[region.part];
    Edit edit{.start = region.start, .end = region.end, .what = Edit::What::Header};
    edit.encoding_name = encodings[region.part];
    // What holds parts cannot have a higher encoding than they have (RFC 2045 §6.4).
    const auto most = carries_ == Carries::SevenBit ? TransferEncoding::SevenBit : TransferEncoding::EightBit;
    if (part.kind != mime::Kind::Leaf && is_identity(part.encoding) && part.encoding > most &&
        !is_signed(region.part))
      edit.encoding_name = name_of(most);
    if (edit.encoding_name.empty() && region.longest <= longest_line) continue;
    if (auto planned = plan_header(plan, region, std::move(edit)); !planned) return refuse(planned.error());
  }
  plan.insert(plan.end(), std::make_move_iterator(bodies.begin()), std::make_move_iterator(bodies.end()));
  std::ranges::stable_sort(plan, {}, &Edit::start);
  return plan;
}

Result<void, ConvertError> Survey::plan_header(Plan& plan, const Region& region, Edit edit) const {
  if (is_signed(region.part)) return refuse(ConvertError::Signed);
  const mime::Header header = message_.header(region.part);
  if (region.end - region.start > most_header || message_.anomalies().has(mime::Anomaly::HeaderCut))
    return refuse(ConvertError::HeaderTooLong);
  if (region.part == 0 && !edit.encoding_name.empty() && !header.first("MIME-Version")) {
    edit.make_mime = true;
    edit.make_type = !header.first("Content-Type");
  }
  std::string tried;
  if (!rewrite(header.section(), edit, tried)) return refuse(ConvertError::HeaderTooLong);
  plan.push_back(std::move(edit));
  return {};
}

Result<Edit, ConvertError> Survey::plan_body(const Region& region, std::string& encoding_name) const {
  if (is_signed(region.part)) return refuse(ConvertError::Signed);
  const mime::Part& part = message_.parts()[region.part];
  const mime::Header header = message_.header(region.part);
  const auto declared = header.first("Content-Type");
  const auto type = declared ? mime::parse_media_type(mime::unfold(declared->value)) : std::nullopt;
  // RFC 2045 §6.4: no encoding on these, whether or not we could look inside.
  if (type && (type->type == "message" || type->type == "multipart"))
    return refuse(ConvertError::NotEncodable);
  if (!is_identity(part.encoding) && part.encoding != TransferEncoding::QuotedPrintable &&
      part.encoding != TransferEncoding::Base64)
    return refuse(ConvertError::NotEncodable);

  Edit edit{.start = region.start, .end = region.end, .what = Edit::What::Body, .from = part.encoding};
  const bool text = (!type || type->type == "text") && !region.nul;
  const bool lines = text && !(region.bare && part.encoding == TransferEncoding::Binary);
  edit.to = lines && region.high * 3 <= region.end - region.start ? TransferEncoding::QuotedPrintable
                                                                  : TransferEncoding::Base64;
  if (!is_identity(part.encoding)) edit.to = part.encoding;
  edit.text = lines;
  encoding_name = name_of(edit.to);
  return edit;
}

// --- Converter ---------------------------------------------------------------------------------------------

void Converter::feed(std::string_view piece, smtp::BodySink& sink) {
  for (;;) {
    if (next_ == plan_.size()) {
      if (!piece.empty()) sink.write(piece);
      return;
    }
    const Edit& edit = plan_[next_];
    if (!inside_ && at_ < edit.start) {
      const auto here = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), edit.start - at_));
      if (here > 0) sink.write(piece.substr(0, here));
      piece.remove_prefix(here);
      at_ += here;
      if (at_ < edit.start) return;
    }
    if (!std::exchange(inside_, true)) begin(edit);
    const auto here = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), edit.end - at_));
    if (here > 0) this->edit(edit, piece.substr(0, here), sink);
    piece.remove_prefix(here);
    at_ += here;
    if (at_ < edit.end) return;
    end(edit, sink);
    inside_ = false;
    ++next_;
  }
}

void Converter::finish(smtp::BodySink& sink) {
  if (inside_) end(plan_[next_], sink);  // the message was shorter than it was
}

void Converter::begin(const Edit& edit) {
  held_.clear();
  owed_.clear();
  column_ = 0;
  decoder_ = mime::TransferDecoder(edit.from);
}

void Converter::edit(const Edit& edit, std::string_view text, smtp::BodySink& sink) {
  switch (edit.what) {
    case Edit::What::Header: held_ += text; return;
    case Edit::What::Body:
      decoder_.feed(text, held_);
      encode(edit, false, sink);
      return;
    case Edit::What::Filler: break;
  }
  // Nobody reads it (RFC 2046 §5.1.1), but the delimiters in it count.
  std::string out;
  for (const char c : text) {
    column_ = c == '\n' ? 0 : column_ + 1;
    // Nothing after a line end of ours may look like a delimiter.
    if (column_ > longest_line && c != '\r') out += c == '-' ? "\r\n " : "\r\n", column_ = 2;
    out.push_back(ascii::is_8bit(c) ? '?' : c);
  }
  sink.write(out);
}

void Converter::end(const Edit& edit, smtp::BodySink& sink) {
  if (edit.what == Edit::What::Body) {
    decoder_.finish(held_);
    encode(edit, true, sink);
  } else if (edit.what == Edit::What::Header) {
    std::string out;
    rewrite(held_, edit, out);
    sink.write(out);
  }
  held_.clear();
}

// Writes what of held_ can be written by itself.
void Converter::encode(const Edit& edit, bool all, smtp::BodySink& sink) {
  constexpr std::size_t much = 57 * 512;
  const auto put = [&](std::string text) {
    if (text.empty()) return;
    if (!owed_.empty()) sink.write(owed_);
    owed_.clear();
    sink.write(text);
  };
  while (!held_.empty() && (all || held_.size() > much)) {
    if (edit.to == TransferEncoding::Base64) {
      const std::size_t now = all ? held_.size() : held_.size() / 57 * 57;
      std::string text = mime::encode_base64(std::string_view(held_).substr(0, now));
      // The line end behind the last line belongs to the delimiter.
      if (text.ends_with("\r\n")) text.resize(text.size() - 2);
      put(std::move(text));
      owed_ = "\r\n";
      held_.erase(0, now);
      continue;
    }
    const auto breaks = edit.text ? mime::LineBreaks::Text : mime::LineBreaks::Binary;
    std::size_t now = held_.size();
    bool soft = false;
    if (!all) {
      const std::size_t lf = edit.text ? held_.rfind('\n') : std::string::npos;
      soft = lf == std::string::npos;
      now = soft ? held_.size() - 1 : lf + 1;  // a CR at the end may be half a line end
    }
    std::string text = mime::encode_quoted_printable(std::string_view(held_).substr(0, now), breaks);
    put(without_delimiters(std::move(text)) + (soft ? "=\r\n" : ""));
    held_.erase(0, now);
  }
}

}  // namespace postroad::delivery
