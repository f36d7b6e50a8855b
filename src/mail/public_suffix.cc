#include "mail/public_suffix.h"

#include <libpsl.h>

#include <memory>
#include <stdexcept>

namespace postroad {
namespace {

const psl_ctx_t* list() {
  static const std::unique_ptr<psl_ctx_t, decltype(&psl_free)> loaded(psl_latest(nullptr), psl_free);
  if (!loaded) throw std::runtime_error("no Public Suffix List: install the package publicsuffix");
  return loaded.get();
}

}  // namespace

// The list's own rules are A-labels as well as U-labels to libpsl, so our A-labels can be asked as they are.
std::optional<Domain> organizational_domain(const Domain& domain) {
  if (domain.is_literal()) return std::nullopt;
  const char* registrable = psl_registrable_domain(list(), domain.text().c_str());
  if (!registrable) return std::nullopt;
  return Domain::parse(registrable).value();
}

bool is_public_suffix(const Domain& domain) {
  return !domain.is_literal() && psl_is_public_suffix(list(), domain.text().c_str()) != 0;
}

}  // namespace postroad
