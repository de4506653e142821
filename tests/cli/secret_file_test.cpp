// A file that is a link to a secret, as a hostile repository may have one: no message quotes it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/cli/program.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Outcome;
using testing::Room;
using testing::run_weightlift;
using testing::write_file;

/// The starts of secrets that a reader may take for its own format.
const std::vector<std::string> kStarts = {"",
                                          "{\"",
                                          "[",
                                          "I",
                                          "(I",
                                          "P1",
                                          "P6 3",
                                          "\"a\"b",
                                          "0,\"",
                                          "item {",
                                          "\x80\x02",
                                          "a,b\n",
                                          "{\"id2label\": "};

class SecretFileTest : public ::testing::TestWithParam<std::string> {
 protected:
  /// `path` becomes a link to the secret; then no output of the command shows the secret.
  void expect_hidden(const fs::path& path, const std::vector<std::string>& arguments) {
    for (const std::string& start : kStarts) {
      write_file(room_.dir / "secret",
                 start + "hf_SECRETsecretSECRETsecret0123456789\nroot:$y$SECRET\n");
      fs::remove(path);
      fs::create_symlink(room_.dir / "secret", path);
      const Outcome outcome = run_weightlift(arguments);
      EXPECT_THAT(outcome.err, Not(HasSubstr("SECRET"))) << start;
      EXPECT_THAT(outcome.out, Not(HasSubstr("SECRET"))) << start;
      EXPECT_NE(outcome.exit_code, 1) << outcome.err;
    }
  }
  Room room_;
};

TEST_P(SecretFileTest, OfASourceIsNotQuoted) {
  const fs::path source = room_.source();
  if (GetParam().find("index") != std::string::npos) fs::remove(source / "model.safetensors");
  expect_hidden(source / GetParam(), {"convert", source, "-o", room_.out(), "--force"});
  expect_hidden(source / GetParam(), {"inspect", source});
  expect_hidden(source / GetParam(), {"verify", source, room_.folder()});
  expect_hidden(source / GetParam(), {"inspect", source / GetParam()});
}

INSTANTIATE_TEST_SUITE_P(Files, SecretFileTest,
                         ::testing::Values("config.json", "model.safetensors",
                                           "model.safetensors.index.json",
                                           "preprocessor_config.json"));

using SecretArgumentTest = SecretFileTest;

TEST_P(SecretArgumentTest, IsNotQuoted) {
  const fs::path file = room_.dir / "file";
  expect_hidden(file, {"convert", room_.source(), "-o", room_.out(), "--force", GetParam(), file});
}

INSTANTIATE_TEST_SUITE_P(Options, SecretArgumentTest,
                         ::testing::Values("--image-processor", "--config", "--id2label"));

TEST_F(SecretFileTest, OfAnImageIsNotQuoted) {
  const testing::DigitsRoom digits;
  const fs::path file = room_.dir / "image";
  expect_hidden(file, {"classify", digits.dir / "digits", file});
  expect_hidden(file, {"evaluate", digits.dir / "digits", file});
}

}  // namespace
}  // namespace weightlift
