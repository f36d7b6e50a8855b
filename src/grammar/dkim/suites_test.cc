// Other people's signed messages, read where they lie (POSTROAD_SUITES) and skipped where they do not.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "dkim/key.h"
#include "dkim/signature.h"

namespace postroad::dkim {
namespace {

struct Sample {
  std::map<std::string, std::string> records;  // TXT, by name
  std::string message;
};

// Lines "name TXT-record", an empty line, the message.
Sample read_sample(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  Sample out;
  for (std::string line; std::getline(in, line) && !line.empty();) {
    const auto blank = line.find(' ');
    out.records[line.substr(0, blank)] = line.substr(blank + 1);
  }
  for (std::string line; std::getline(in, line);) out.message += line + "\r\n";
  return out;
}

TEST(Suites, EverySignatureHolds) {
  const char* suites = std::getenv("POSTROAD_SUITES");
  const auto folder = std::filesystem::path(suites ? suites : "") / "dkim";
  if (!suites || !std::filesystem::is_directory(folder))
    GTEST_SKIP() << "SKIPPED: POSTROAD_SUITES has no signed messages";
  int held = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("00")) continue;
    SCOPED_TRACE(name);
    const Sample sample = read_sample(entry.path());
    const mime::Header header(sample.message);
    const std::string_view body =
        std::string_view(sample.message).substr(mime::header_octets(sample.message));
    for (const mime::Field& field : header) {
      if (!field.is(field_name)) continue;
      const auto signature = parse_signature(field.value);
      ASSERT_TRUE(signature) << describe(signature.error());
      const auto record = sample.records.find(key_name(*signature));
      ASSERT_NE(record, sample.records.end()) << key_name(*signature);
      const auto key = parse_key(record->second);
      ASSERT_TRUE(key) << describe(key.error());
      const auto usable = key_for(*key, *signature);
      ASSERT_TRUE(usable) << describe(usable.error());
      BodyHash hash(signature->body, signature->hash, signature->length);
      hash.update(body);
      // Long ago: some of them have expired since.
      const auto holds = check(*signature, header, field.raw, hash.finish(), *usable, Time{});
      EXPECT_TRUE(holds) << describe(holds.error());
      ++held;
    }
  }
  EXPECT_GT(held, 3);
}

}  // namespace
}  // namespace postroad::dkim
