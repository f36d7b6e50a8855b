// Search keys, written out again.
#include "imap/search.h"

#include "imap/render.h"

namespace postroad::imap {
namespace {

std::string_view flag_name(SystemFlag flag) {
  switch (flag) {
    case SystemFlag::Answered: return "ANSWERED";
    case SystemFlag::Flagged: return "FLAGGED";
    case SystemFlag::Deleted: return "DELETED";
    case SystemFlag::Seen: return "SEEN";
    case SystemFlag::Draft: return "DRAFT";
    case SystemFlag::Recent: return "RECENT";
  }
  return {};
}

// The name that stands before the argument; empty for what is no word.
std::string_view op_name(SearchOp op) {
  switch (op) {
    case SearchOp::And:
    case SearchOp::Sequence:
    case SearchOp::Flag:
    case SearchOp::NotFlag: return {};
    case SearchOp::Or: return "OR";
    case SearchOp::Not: return "NOT";
    case SearchOp::Fuzzy: return "FUZZY";
    case SearchOp::All: return "ALL";
    case SearchOp::Uid: return "UID";
    case SearchOp::Keyword: return "KEYWORD";
    case SearchOp::NotKeyword: return "UNKEYWORD";
    case SearchOp::New: return "NEW";
    case SearchOp::Old: return "OLD";
    case SearchOp::Recent: return "RECENT";
    case SearchOp::Header: return "HEADER";
    case SearchOp::Bcc: return "BCC";
    case SearchOp::Cc: return "CC";
    case SearchOp::From: return "FROM";
    case SearchOp::To: return "TO";
    case SearchOp::Subject: return "SUBJECT";
    case SearchOp::Body: return "BODY";
    case SearchOp::Text: return "TEXT";
    case SearchOp::Before: return "BEFORE";
    case SearchOp::On: return "ON";
    case SearchOp::Since: return "SINCE";
    case SearchOp::SentBefore: return "SENTBEFORE";
    case SearchOp::SentOn: return "SENTON";
    case SearchOp::SentSince: return "SENTSINCE";
    case SearchOp::SavedBefore: return "SAVEDBEFORE";
    case SearchOp::SavedOn: return "SAVEDON";
    case SearchOp::SavedSince: return "SAVEDSINCE";
    case SearchOp::SaveDateSupported: return "SAVEDATESUPPORTED";
    case SearchOp::Larger: return "LARGER";
    case SearchOp::Smaller: return "SMALLER";
    case SearchOp::Older: return "OLDER";
    case SearchOp::Younger: return "YOUNGER";
    case SearchOp::ModSeq: return "MODSEQ";
    case SearchOp::EmailId: return "EMAILID";
    case SearchOp::ThreadId: return "THREADID";
  }
  return {};
}

// Recursion is bounded: parse() lets no program be deeper than Limits::depth.
class Printer {
 public:
  Printer(std::string& out, const SearchProgram& program)
      : out_(out), render_(out, true), program_(program), keys_(program.keys) {}

  void operands(std::size_t place) {
    std::size_t at = place + 1;
    for (std::uint32_t i = 0; i < keys_[place].operands; ++i) {
      // "OR a OR b c": each but the last two alternatives needs a word of its own.
      const bool chained = keys_[place].op == SearchOp::Or && i > 0 && i + 1 < keys_[place].operands;
      if (i > 0) out_.push_back(' ');
      if (chained) out_.append("OR ");
      key(at);
      at += keys_[at].extent;
    }
  }

 private:
  void key(std::size_t place) {
    const SearchKey& key = keys_[place];
    out_.append(op_name(key.op));
    switch (key.op) {
      case SearchOp::And:
        out_.push_back('(');
        operands(place);
        out_.push_back(')');
        break;
      case SearchOp::Or:
      case SearchOp::Not:
      case SearchOp::Fuzzy:
        out_.push_back(' ');
        operands(place);
        break;
      case SearchOp::Sequence: program_.set(key).print(out_); break;
      case SearchOp::Uid:
        out_.push_back(' ');
        program_.set(key).print(out_);
        break;
      case SearchOp::NotFlag: out_.append("UN"); [[fallthrough]];
      case SearchOp::Flag: out_.append(flag_name(key.flag)); break;
      case SearchOp::Keyword:
      case SearchOp::NotKeyword:
        out_.push_back(' ');
        out_.append(program_.text(key));
        break;
      case SearchOp::Header: astring(program_.name(key)); [[fallthrough]];
      case SearchOp::Bcc:
      case SearchOp::Cc:
      case SearchOp::From:
      case SearchOp::To:
      case SearchOp::Subject:
      case SearchOp::Body:
      case SearchOp::Text:
      case SearchOp::EmailId:
      case SearchOp::ThreadId: astring(program_.text(key)); break;
      case SearchOp::Before:
      case SearchOp::On:
      case SearchOp::Since:
      case SearchOp::SentBefore:
      case SearchOp::SentOn:
      case SearchOp::SentSince:
      case SearchOp::SavedBefore:
      case SearchOp::SavedOn:
      case SearchOp::SavedSince:
        out_.push_back(' ');
        append_date(out_, key.date);
        break;
      case SearchOp::ModSeq:
        if (!program_.text(key).empty()) {
          out_.push_back(' ');
          render_.string(program_.name(key));
          out_.push_back(' ');
          out_.append(program_.text(key));
        }
        [[fallthrough]];
      case SearchOp::Larger:
      case SearchOp::Smaller:
      case SearchOp::Older:
      case SearchOp::Younger:
        out_.push_back(' ');
        render_.number(key.number);
        break;
      case SearchOp::All:
      case SearchOp::New:
      case SearchOp::Old:
      case SearchOp::Recent:
      case SearchOp::SaveDateSupported: break;
    }
  }

  void astring(std::string_view text) {
    out_.push_back(' ');
    render_.astring(text);
  }

  std::string& out_;
  Renderer render_;
  const SearchProgram& program_;
  const std::vector<SearchKey>& keys_;
};

}  // namespace

void append_search_keys(std::string& out, const SearchProgram& program) {
  if (!program.keys.empty()) Printer(out, program).operands(0);
}

}  // namespace postroad::imap
