// Making a signature (RFC 6376 §5).
#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "dkim/signature.h"

namespace postroad::dkim {
namespace {

constexpr std::size_t columns = 76;

// "DKIM-Signature: v=1; ...": each piece stays on one line.
class Folder {
 public:
  void word(std::string_view piece) {
    if (column_ + 1 + piece.size() > columns) {
      out_ += "\r\n\t";
      column_ = 8;
    } else {
      out_ += ' ';
      ++column_;
    }
    add(piece);
  }
  // Goes on after what is there, on a new line if there is no room: h= and b= may be broken anywhere.
  void more(std::string_view piece) {
    if (column_ + piece.size() > columns) {
      out_ += "\r\n\t ";
      column_ = 9;
    }
    add(piece);
  }
  void begin(std::string_view name) {
    add(name);
    add(":");
  }
  std::string take() { return std::move(out_); }

 private:
  void add(std::string_view piece) {
    out_ += piece;
    column_ += piece.size();
  }
  std::string out_;
  std::size_t column_ = 0;
};

void add_base64(Folder& folder, std::string_view octets) {
  const std::string text = base64(octets);
  for (std::size_t at = 0; at < text.size(); at += 60) folder.more(std::string_view(text).substr(at, 60));
}

std::vector<std::string> names_to_sign(const mime::Header& header) {
  std::vector<std::string> names;
  for (const std::string& name : fields_to_sign()) names.insert(names.end(), header.count(name), name);
  for (const std::string& name : fields_to_oversign())
    names.insert(names.end(), header.count(name) + 1, name);
  return names;
}

}  // namespace

// What a reader is shown, and what decides how a body is read and where answers go, cannot be added later.
const std::vector<std::string>& fields_to_oversign() {
  static const std::vector<std::string> names{
      "From",     "To",         "Cc",           "Subject",      "Date",
      "Reply-To", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"};
  return names;
}

// RFC 6376 §5.4.1, and what RFC 8058 §4 wants covered.
const std::vector<std::string>& fields_to_sign() {
  static const std::vector<std::string> names{
      "Sender",     "In-Reply-To",  "References",       "Content-Disposition",  "Content-ID",
      "List-Id",    "List-Help",    "List-Unsubscribe", "List-Subscribe",       "List-Post",
      "List-Owner", "List-Archive", "Feedback-ID",      "List-Unsubscribe-Post"};
  return names;
}

std::string sign(const mime::Header& header, std::string_view body_digest, const Signing& how) {
  Signature signature{.key_type = how.key->type(), .header = how.header, .body = how.body};
  signature.fields = names_to_sign(header);

  Folder folder;
  folder.begin(field_name);
  folder.word("v=1;");
  folder.word(how.key->type() == crypto::KeyType::Rsa ? "a=rsa-sha256;" : "a=ed25519-sha256;");
  folder.word(fmt::format("c={}/{};", to_text(how.header), to_text(how.body)));
  folder.word(fmt::format("d={};", how.domain));
  folder.word(fmt::format("s={};", how.selector));
  folder.word(fmt::format("t={};", seconds(how.now)));
  if (how.valid.count() > 0) folder.word(fmt::format("x={};", seconds(how.now) + how.valid.count()));
  if (!how.identity.empty()) folder.word(fmt::format("i={};", how.identity));
  for (std::size_t i = 0; i < signature.fields.size(); ++i) {
    const bool last = i + 1 == signature.fields.size();
    const std::string piece = signature.fields[i] + (last ? ";" : ":");
    i == 0 ? folder.word("h=" + piece) : folder.more(piece);
  }
  folder.word("bh=");
  add_base64(folder, body_digest);
  folder.more(";");
  folder.word("b=");
  Folder whole = folder;  // what is signed ends here

  const std::string octets = signed_octets(header, signature, folder.take() + "\r\n");
  add_base64(whole, how.key->type() == crypto::KeyType::Rsa
                        ? how.key->sign(signature.hash, octets)
                        : how.key->sign(signature.hash, crypto::digest(signature.hash, octets)));
  return whole.take() + "\r\n";
}

}  // namespace postroad::dkim
