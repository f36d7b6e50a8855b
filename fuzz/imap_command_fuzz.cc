// What is understood can be written again and is understood as the same; what is not gets one line of answer
// that points into the command; and neither costs more memory than a fixed share of the input.
#include <sanitizer/allocator_interface.h>

#include <cstdlib>
#include <string>

#include "imap/command.h"
#include "imap/render.h"

namespace {

using namespace postroad;

std::size_t allocated = 0;
void count(const volatile void*, std::size_t octets) { allocated += octets; }
void ignore(const volatile void*) {}
[[maybe_unused]] const int hooks = __sanitizer_install_malloc_and_free_hooks(count, ignore);

void same_again(const imap::SequenceSet& set) {
  if (imap::SequenceSet::parse(set.text()) != set) std::abort();
}

void same_again(const imap::SearchProgram& program) {
  std::string keys;
  imap::append_search_keys(keys, program);
  const imap::Dialect roomy{.state = imap::State::Selected, .limits = imap::after_login};
  const auto again = imap::parse("t SEARCH " + keys, roomy);
  if (!again) std::abort();
  auto expected = program;
  expected.charset.clear();
  if (std::get<imap::Search>(again->command).program != expected) std::abort();
}

void same_again(imap::BodyAttribute attribute, const imap::Dialect& dialect) {
  attribute.partial.reset();  // an answer names its first octet only
  std::string text = "t FETCH 1 ";
  imap::append_item_name(text, attribute);
  const auto again = imap::parse(text, dialect);
  if (!again) std::abort();
  const auto& bodies = std::get<imap::Fetch>(again->command).bodies;
  if (bodies.size() != 1 || bodies[0].section != attribute.section || bodies[0].kind != attribute.kind)
    std::abort();
}

void same_again(const imap::MailboxName& name) {
  std::string encoded;
  imap::append_modified_utf7(encoded, name.text());
  const auto again = imap::MailboxName::from_modified_utf7(encoded);
  if (!again || *again != name) std::abort();
}

struct Check {
  const imap::Dialect& dialect;
  void operator()(const imap::Fetch& c) const {
    same_again(c.set);
    for (const auto& body : c.bodies) same_again(body, dialect);
  }
  void operator()(const imap::Store& c) const {
    same_again(c.set);
    std::string flags = "t STORE 1 FLAGS ";
    imap::Renderer(flags).flags(c.flags);
    const auto again = imap::parse(flags, dialect);
    if (!again || std::get<imap::Store>(again->command).flags != c.flags) std::abort();
  }
  void operator()(const imap::Search& c) const { same_again(c.program); }
  void operator()(const imap::Sort& c) const { same_again(c.program); }
  void operator()(const imap::Thread& c) const { same_again(c.program); }
  void operator()(const imap::Copy& c) const { same_again(c.set), same_again(c.mailbox); }
  void operator()(const imap::Move& c) const { same_again(c.set), same_again(c.mailbox); }
  void operator()(const imap::Select& c) const { same_again(c.mailbox); }
  void operator()(const imap::Rename& c) const { same_again(c.from), same_again(c.to); }
  void operator()(const auto&) const {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  imap::Dialect dialect{.state = imap::State::Selected, .limits = imap::after_login};
  if (data[0] & 1) dialect.state = imap::State::NotAuthenticated;
  dialect.utf8_names = data[0] & 2;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);

  allocated = 0;
  const auto result = imap::parse(text, dialect);
  // durability.md, R6: 64 times the input; the rest is what an empty command costs.
  if (allocated > 4'096 + 64 * text.size()) std::abort();

  if (result) {
    if (!(result->rule->states & static_cast<std::uint8_t>(dialect.state))) std::abort();
    std::visit(Check{dialect}, result->command);
  } else {
    const auto& error = result.error();
    const std::string line = imap::answer(error);
    if (error.position > text.size() || line.find('\n') != line.size() - 1) std::abort();
    if (!error.tag.empty() && !text.starts_with(error.tag)) std::abort();
  }
  return 0;
}
