#include "imap/append.h"

#include "imap/command.h"
#include "imap/parser.h"

namespace postroad::imap {
namespace {

// [SP flag-list] [SP date-time] SP, the last blank being the one before append-data.
void options(Parser& in, AppendMessage& message) {
  in.sp();
  if (in.peek() == '(') {
    message.flags = in.flag_list();
    in.sp();
  }
  if (in.peek() == '"') {
    message.date = in.date_time();
    in.sp();
  }
}

}  // namespace

Result<AppendParser::Next, SyntaxError> AppendParser::piece(std::string_view text, bool literal_follows) {
  Parser in(text, dialect_, literal_follows);
  const auto refused = [&](SyntaxError error) {
    error.tag = target_.tag;
    return refuse(std::move(error));
  };

  if (messages_ == 0) {
    target_.tag = std::string(in.tag());
    in.sp();
    const CommandRule* rule = in.command_rule();
    target_.uid = in.uid();
    target_.replaces.reset();
    if (in.ok() && rule->name != "APPEND") {  // REPLACE SP seq-number
      in.sp();
      target_.replaces = in.seq_number();
    }
    in.sp();
    target_.mailbox = in.mailbox();
    if (in.wants_literal()) return Next::Hold;
  } else {
    if (message_.utf8) in.expect(')', "a closing parenthesis");
    if (in.ok() && in.at_end()) return Next::End;
    if (target_.replaces) in.fail("the end of the command");  // RFC 8508: one message for one
  }

  AppendMessage message{.index = messages_};
  options(in, message);
  if (in.take_word("UTF8")) {  // RFC 6855 §4
    message.utf8 = true;
    in.sp();
    in.open();
    if (in.peek() != '~') in.fail("a literal8");
  }
  // What is left is the header of the literal, or there is none.
  const auto header = in.ok() && literal_follows ? literal_header(in.rest()) : std::nullopt;
  if (!header || in.rest().front() != (header->literal8 ? '~' : '{')) in.fail("a literal with the message");
  if (!in.ok()) return refused(*in.error());
  // RFC 3502: a message of no octets takes the whole command back. Nothing else can be meant by one.
  if (header->size == 0) return refused({.fault = Fault::ClientGaveUp, .position = in.position()});
  message.size = header->size;
  message.literal8 = header->literal8;
  message.synchronizing = header->synchronizing;
  message_ = std::move(message);
  ++messages_;
  return Next::Stream;
}

}  // namespace postroad::imap
