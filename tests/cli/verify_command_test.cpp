#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::json_lines;
using testing::merged;
using testing::Outcome;
using testing::read_file;
using testing::Room;
using testing::run_weightlift;
using testing::write_file;

class VerifyCommandTest : public ::testing::Test {
 protected:
  VerifyCommandTest() {
    EXPECT_EQ(run_weightlift({"convert", room_.source(), "-o", room_.out()}).exit_code, 0);
  }
  Outcome verify(std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), {"verify", room_.source(), room_.folder()});
    return run_weightlift(flags);
  }
  void edit_config(const char* patch) {
    const auto file = room_.folder() / "config.json";
    write_file(file, merged(read_file(file), patch));
  }
  Room room_;
};

TEST_F(VerifyCommandTest, EqualFoldersEndWith0) {
  const Outcome outcome = verify();
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out,
              HasSubstr("  verified: 86 tensors bit-equal, 49 operations equal, logits "
                        "bit-equal (1 input [1, 3, 32, 32], seed 0)\n"
                        "  labels: not compared (the source has none)\n"
                        "  image processor: equal\n"));
}

TEST_F(VerifyCommandTest, ReportsSettingsThatDiffer) {
  const std::filesystem::path source = room_.dir / "in/small/config.json";
  write_file(source, merged(read_file(source), R"({"label_names": ["a", "b", "c", "d", "e"]})"));
  edit_config(R"({"id2label": {"0": "\u001b[1mdog"}})");
  write_file(room_.folder() / "preprocessor_config.json",
             merged(read_file(room_.folder() / "preprocessor_config.json"),
                    R"({"crop_pct": 0.5, "image_mean": [0.5, 0.5, 0.5]})"));
  const Outcome outcome = verify();
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("  labels: 5 of 5 differ, the first 0: 'a' and '"),
                                 HasSubstr("' and '\\x1b[1mdog'\n"),
                                 HasSubstr("  image processor: differs: crop_pct "),
                                 HasSubstr(" and 0.5, image_mean [")));
}

TEST_F(VerifyCommandTest, DifferencesEndWith4AndNameTheFirstOperation) {
  edit_config(R"({"hidden_act": "silu"})");
  const Outcome outcome = verify();
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("DIFFERENT:"), HasSubstr("operations differ, the first at 3:"),
                    HasSubstr("first operation whose output differs, at 3:"),
                    HasSubstr("act1: activation(relu)"),
                    HasSubstr("resnet.embedder.embedder.activation: activation(silu)"),
                    HasSubstr("max |a - b|")));
}

TEST_F(VerifyCommandTest, JsonIsOneObject) {
  const auto equal = json_lines(verify({"--json"}).out).at(0);
  EXPECT_EQ(equal["schema"], "weightlift/1");
  EXPECT_EQ(equal["type"], "verify");
  EXPECT_EQ(equal["source"], room_.source());
  EXPECT_EQ(equal["status"], "ok");
  EXPECT_EQ(equal["verification"]["verified"], true);
  edit_config(R"({"hidden_act": "gelu"})");
  const Outcome outcome = verify({"--json"});
  EXPECT_EQ(outcome.exit_code, 4);
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["status"], "different");
  EXPECT_FALSE(lines[0].contains("error"));
  const auto& verification = lines[0]["verification"];
  EXPECT_EQ(verification["verified"], false);
  EXPECT_EQ(verification["different_tensors"].size(), 0U);
  EXPECT_EQ(verification["first_difference"]["position"], 3);
  EXPECT_GT(verification["first_difference"]["difference"]["max_abs"], 0.0);
}

TEST_F(VerifyCommandTest, UnreadableFoldersEndWith3) {
  write_file(room_.folder() / "config.json", "{");
  const Outcome outcome = verify();
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("out/small/config.json: invalid JSON"));
  const auto lines = json_lines(verify({"--json"}).out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["status"], "failed");
  EXPECT_EQ(lines[0]["error"]["kind"], "invalid_format");
}

}  // namespace
}  // namespace weightlift
