// What the message reader makes of a message, as JSON: for comparing it with other readers.
//
//   mime_dump message FILE...        one line for each file: parts, header, ENVELOPE, BODYSTRUCTURE
//   mime_dump field KIND             one JSON string a line from stdin, one answer a line
//                                    KIND: addresses date type disposition text ids
#include <fmt/format.h>

#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>

#include "base/encoding.h"
#include "base/utf8.h"
#include "mime/address.h"
#include "mime/fields.h"
#include "mime/imap.h"
#include "mime/parser.h"
#include "mime/section.h"
#include "mime/summary.h"
#include "mime/text.h"
#include "mime/transfer.h"

namespace {

using namespace postroad;

std::string json(std::string_view octets) {
  const std::string text = mime::octets_to_utf8(octets);
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      out += fmt::format("\\{}", c);
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out + '"';
}

template <class List, class Each>
std::string array(const List& list, Each each) {
  std::string out = "[";
  for (const auto& item : list) out += (out.size() > 1 ? "," : "") + each(item);
  return out + "]";
}

std::string addresses(std::string_view value) {
  return array(mime::parse_addresses(value), [](const mime::AddressEntry& e) {
    const std::string_view kind = e.kind == mime::AddressEntry::Kind::Mailbox      ? "mailbox"
                                  : e.kind == mime::AddressEntry::Kind::GroupStart ? "group"
                                                                                   : "end";
    return fmt::format(R"({{"kind":"{}","name":{},"route":{},"local":{},"domain":{}}})", kind,
                       json(mime::shown_name(e)), json(e.route), json(e.local_part), json(e.domain));
  });
}

std::string date(std::string_view value) {
  const auto date = mime::parse_date(value);
  if (!date) return "null";
  return fmt::format(R"({{"utc":{},"zone":{}}})", seconds(date->utc), date->zone_minutes);
}

std::string parameters(const mime::Parameters& parameters) {
  return array(parameters.list, [](const mime::Parameter& p) {
    return fmt::format("[{},{}]", json(p.name), json(mime::decode_words(p.value)));
  });
}

std::string type(std::string_view value) {
  const auto type = mime::parse_media_type(value);
  if (!type) return "null";
  return fmt::format(R"({{"type":{},"subtype":{},"parameters":{}}})", json(type->type), json(type->subtype),
                     parameters(type->parameters));
}

std::string disposition(std::string_view value) {
  const auto disposition = mime::parse_disposition(value);
  if (!disposition) return "null";
  return fmt::format(R"({{"kind":{},"parameters":{}}})", json(disposition->kind),
                     parameters(disposition->parameters));
}

std::string ids(std::string_view value) {
  return array(mime::parse_message_ids(value), [](const std::string& id) { return json(id); });
}

// A leaf's body undone: as text if it is text, else base64.
std::string body(const mime::Message& message, std::string_view octets, std::size_t i) {
  const mime::Part& part = message.parts()[i];
  if (part.kind != mime::Kind::Leaf) return "null";
  const auto decoded =
      mime::transfer_decode(octets.substr(part.body_start, part.body_octets()), part.encoding).octets;
  if (part.reading == mime::Reading::None) return json(base64(decoded));
  const mime::Content content = message.content(i);
  const std::string* charset = content.type.parameters.find("charset");
  return json(charset ? mime::to_utf8(decoded, *charset) : mime::octets_to_utf8(decoded));
}

std::string message(std::string_view octets) {
  const mime::Message message = mime::parse(octets);
  std::string parts = "[";
  for (std::size_t i = 0; i < message.parts().size(); ++i) {
    const mime::Part& p = message.parts()[i];
    const mime::Content content = message.content(i);
    const auto name = mime::file_name(content);
    parts += fmt::format(
        R"({}{{"number":"{}","type":{},"kind":{},"header":{},"start":{},"end":{},"lines":{},"depth":{},"encoding":{},"name":{},"body":{}}})",
        i ? "," : "", mime::part_number(message.parts(), i),
        json(content.type.type + "/" + content.type.subtype), static_cast<int>(p.kind), p.header_start,
        p.body_start, p.body_end, p.lines, p.depth, json(content.encoding), name ? json(*name) : "null",
        body(message, octets, i));
  }
  const auto header = message.header();
  const auto field = [&](std::string_view name, const std::function<std::string(std::string_view)>& read) {
    const auto found = header.first(name);
    return found ? read(found->value) : "null";
  };
  std::string anomalies;
  for (unsigned a = 0; a <= static_cast<unsigned>(mime::Anomaly::MboxLine); ++a)
    if (message.anomalies().has(static_cast<mime::Anomaly>(a)))
      anomalies +=
          fmt::format("{}\"{}\"", anomalies.empty() ? "" : ",", name_of(static_cast<mime::Anomaly>(a)));
  const auto text = [](std::string_view value) { return json(mime::decode_text(value)); };
  return fmt::format(
      R"({{"parts":{}],"subject":{},"from":{},"to":{},"cc":{},"date":{},"message_id":{},"envelope":{},"bodystructure":{},"preview":{},"anomalies":[{}]}})",
      parts, field("subject", text), field("from", addresses), field("to", addresses), field("cc", addresses),
      field("date", date), field("message-id", ids), json(mime::render_envelope(message)),
      json(mime::render_bodystructure(message)), json(mime::summarize(message).preview), anomalies);
}

// "..." with the escapes Python's json.dumps makes.
std::string unquoted(std::string_view line) {
  std::string out;
  for (std::size_t i = 1; i + 1 < line.size(); ++i) {
    if (line[i] != '\\') {
      out.push_back(line[i]);
      continue;
    }
    switch (line[++i]) {
      case 'n': out.push_back('\n'); break;
      case 'r': out.push_back('\r'); break;
      case 't': out.push_back('\t'); break;
      case 'b': out.push_back('\b'); break;
      case 'f': out.push_back('\f'); break;
      case 'u': {
        // Latin-1 only: the caller hands over octets, not characters.
        out.push_back(static_cast<char>(std::stoul(std::string(line.substr(i + 1, 4)), nullptr, 16)));
        i += 4;
        break;
      }
      default: out.push_back(line[i]);
    }
  }
  return out;
}

int usage() {
  std::cerr
      << "usage: mime_dump message FILE... | mime_dump field addresses|date|type|disposition|text|ids\n";
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return usage();
  const std::string_view what = argv[1];
  if (what == "message") {
    for (int i = 2; i < argc; ++i) {
      std::ifstream in(argv[i], std::ios::binary);
      std::ostringstream octets;
      octets << in.rdbuf();
      std::cout << message(octets.str()) << "\n";
    }
    return 0;
  }
  if (what != "field") return usage();
  const std::string_view kind = argv[2];
  for (std::string line; std::getline(std::cin, line);) {
    const std::string value = unquoted(line);
    if (kind == "addresses")
      std::cout << addresses(value);
    else if (kind == "date")
      std::cout << date(value);
    else if (kind == "type")
      std::cout << type(value);
    else if (kind == "disposition")
      std::cout << disposition(value);
    else if (kind == "ids")
      std::cout << ids(value);
    else
      std::cout << json(mime::decode_text(value));
    std::cout << "\n";
  }
}
