#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/cli/program.h"
#include "weightlift/checkpoint.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::json_lines;
using ::testing::MatchesRegex;
using ::testing::Not;
using testing::Outcome;
using testing::Room;
using testing::run_weightlift;
using testing::small_checkpoint;
using testing::TimmCheckpoint;
using testing::with_element;
using testing::with_flipped_bit;

class DiffCommandTest : public ::testing::Test {
 protected:
  DiffCommandTest() {
    EXPECT_EQ(
        run_weightlift({"convert", room_.source(), "-o", room_.out(), "--no-verify"}).exit_code, 0);
  }
  Outcome diff(std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), {"diff", room_.source(), room_.folder()});
    return run_weightlift(flags);
  }
  /// Writes the source again with element 0 of these tensors set to 64.
  void change(const std::vector<std::string>& names) {
    TimmCheckpoint checkpoint = small_checkpoint();
    for (const std::string& name : names) {
      checkpoint.tensors.at(name) = with_element(checkpoint.tensors.at(name), 0, 64.0F);
    }
    checkpoint.write_folder(room_.source());
  }
  Room room_;
};

TEST_F(DiffCommandTest, EqualIsExit0) {
  const Outcome outcome = diff();
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "86 tensors: 86 equal\nequal: every tensor has the same bits\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(DiffCommandTest, DifferentIsExit4AndEachTensorALine) {
  change({"conv1.weight"});
  const Outcome outcome = diff();
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(
      outcome.out,
      MatchesRegex("86 tensors: 85 equal, 1 differs\n"
                   "  conv1\\.weight and resnet\\.embedder\\.embedder\\.convolution\\.weight: "
                   "max \\|a - b\\| 6[0-9.]+, max \\|a - b\\| / \\|b\\| [0-9.e+]+, "
                   "1 of 9,408 values\n"
                   "different: 1 weight, 0 counters\n"));
}

TEST_F(DiffCommandTest, TheHeadOfABackboneIsOnlyInA) {
  ASSERT_EQ(run_weightlift({"convert", room_.source(), "-o", room_.dir / "bare", "--head", "none",
                            "--no-verify"})
                .exit_code,
            0);
  const Outcome outcome = run_weightlift({"diff", room_.source(), room_.dir / "bare/small"});
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_EQ(outcome.out,
            "86 tensors: 84 equal, 2 only in A\n"
            "  only in A: fc.bias F32 [5]\n"
            "  only in A: fc.weight F32 [5, 32]\n"
            "different: 2 weights, 0 counters\n");
}

TEST_F(DiffCommandTest, StatesThatTensorsAreEqualAfterRounding) {
  ASSERT_EQ(run_weightlift({"convert", room_.source(), "-o", room_.dir / "half", "--dtype",
                            "float16", "--no-verify"})
                .exit_code,
            0);
  const Outcome outcome = run_weightlift({"diff", room_.source(), room_.dir / "half/small"});
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("86 tensors: 14 equal, 72 of another dtype (72 equal after "
                              "rounding)\n"),
                    HasSubstr(": F32 and F16, equal after rounding, max |a - b| "),
                    EndsWith("  and 52 more; -v shows all\ndifferent: 72 weights, 0 counters\n")));
  const Outcome all =
      run_weightlift({"diff", room_.source(), room_.dir / "half/small", "--verbose"});
  EXPECT_EQ(std::ranges::count(all.out, '\n'), 74);
  EXPECT_THAT(all.out, Not(HasSubstr(" more")));
}

TEST_F(DiffCommandTest, ListsWeightsFirstAndCountersLast) {
  TimmCheckpoint checkpoint = small_checkpoint();
  constexpr std::size_t kLargerThanAnyWeight = 20;  // 2^20 batches
  Tensor& counter = checkpoint.tensors.at("bn1.num_batches_tracked");
  counter = with_flipped_bit(counter, kLargerThanAnyWeight);
  Tensor& weight = checkpoint.tensors.at("fc.bias");
  weight = with_element(weight, 0, 64.0F);
  checkpoint.write_folder(room_.source());
  const Outcome outcome = diff();
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.out, MatchesRegex("86 tensors: 84 equal, 2 differ\n"
                                        "  fc\\.bias and classifier\\.1\\.bias: .*\n"
                                        "  bn1\\.num_batches_tracked and .*\n"
                                        "different: 1 weight, 1 counter\n"));
}

TEST_F(DiffCommandTest, StatesThatOnlyCountersDiffer) {
  TimmCheckpoint checkpoint = small_checkpoint();
  Tensor& counter = checkpoint.tensors.at("bn1.num_batches_tracked");
  counter = with_flipped_bit(counter, 0);
  checkpoint.write_folder(room_.source());
  const Outcome outcome = diff();
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.out,
              EndsWith("\nthe weights are equal; only counters (num_batches_tracked) differ\n"));
}

TEST_F(DiffCommandTest, JsonIsOneObject) {
  EXPECT_EQ(json_lines(diff({"--json"}).out).at(0)["status"], "ok");
  change({"conv1.weight", "fc.bias"});
  const Outcome outcome = diff({"--json"});
  EXPECT_EQ(outcome.exit_code, 4);
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["schema"], "weightlift/1");
  EXPECT_EQ(lines[0]["type"], "diff");
  EXPECT_EQ(lines[0]["source"], room_.source());
  EXPECT_EQ(lines[0]["status"], "different");
  EXPECT_EQ(lines[0]["tensors"], 86);
  EXPECT_EQ(lines[0]["equal_tensors"], 84);
  EXPECT_EQ(lines[0]["a"]["tensors"], 86);
  EXPECT_FALSE(lines[0]["a"].contains("not_convertible"));
  ASSERT_EQ(lines[0]["differences"].size(), 2U);
  for (const auto& row : lines[0]["differences"]) {
    EXPECT_EQ(row["kind"], "values");
    EXPECT_EQ(row["different"], 1);
    EXPECT_GT(row["max_abs"], 60.0);
    EXPECT_EQ(row["a"]["shape"], row["b"]["shape"]);
  }
  EXPECT_GE(lines[0]["differences"][0]["max_abs"], lines[0]["differences"][1]["max_abs"]);
}

TEST_F(DiffCommandTest, TheFirstWeightsKeyIsForAAndTheSecondForB) {
  StateDict both;
  for (const auto& [name, tensor] : small_checkpoint().tensors) {
    both.insert("student." + name, tensor);
    both.insert("teacher." + name, name == "bn1.bias" ? with_element(tensor, 0, 9.0F) : tensor);
  }
  const std::string file = room_.dir / "both.pth";
  write_torch(file, output_tensors(both));
  const std::string folder = room_.folder();
  const auto exit_code = [](const std::vector<std::string>& arguments) {
    return run_weightlift(arguments).exit_code;
  };
  EXPECT_EQ(exit_code({"diff", "--weights-key", "student", file, folder}), 0);
  EXPECT_EQ(exit_code({"diff", file, folder, "--weights-key", "teacher"}), 4);
  EXPECT_EQ(exit_code({"diff", folder, file, "--weights-key", "", "--weights-key", "student"}), 0);
  const Outcome two =
      run_weightlift({"diff", file, file, "--weights-key", "student", "--weights-key", "teacher"});
  EXPECT_EQ(two.exit_code, 4);
  EXPECT_THAT(two.out, HasSubstr("86 tensors: 85 equal, 1 differs\n  bn1.bias: max"));
  const Outcome none = run_weightlift({"diff", file, folder});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_THAT(none.err, HasSubstr("expected one network, got 2"));
  const Outcome three = run_weightlift(
      {"diff", file, file, "--weights-key", "a", "--weights-key", "b", "--weights-key", "c"});
  EXPECT_EQ(three.exit_code, 2);
  EXPECT_THAT(three.err,
              HasSubstr("--weights-key: expected one (for A) or two (A, then B), got 3\n"));
}

TEST_F(DiffCommandTest, AMissingFileIsExit3AndAMissingArgumentIsExit2) {
  const Outcome outcome = run_weightlift({"diff", room_.source(), room_.dir / "none.pth"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("none.pth"));
  EXPECT_EQ(run_weightlift({"diff", room_.source()}).exit_code, 2);
}

}  // namespace
}  // namespace weightlift
