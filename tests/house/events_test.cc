// docs/reference/events.md is what the program can log: no more, no less.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "observe/event.h"

namespace postroad {
namespace {

TEST(Events, TheReferencePageIsTheOneInDocs) {
  const char* source = std::getenv("POSTROAD_SOURCE");
  if (!source) GTEST_SKIP() << "POSTROAD_SOURCE is not set: run by ctest";
  const std::string path = std::string(source) + "/docs/reference/events.md";
  if (std::getenv("POSTROAD_WRITE_DOCS")) std::ofstream(path) << observe::reference_page();
  std::ostringstream page;
  page << std::ifstream(path).rdbuf();
  EXPECT_TRUE(page.str() == observe::reference_page())
      << path
      << " is not what the program logs; write it anew with POSTROAD_WRITE_DOCS=1 ctest -R house.events";
}

TEST(Events, AreNamedByTheirModule) {
  for (const observe::EventInfo& info : observe::known_events()) {
    EXPECT_NE(info.name.find('.'), std::string_view::npos) << info.name;
    EXPECT_TRUE(info.help.ends_with('.')) << info.name << ": help is a sentence";
  }
}

}  // namespace
}  // namespace postroad
