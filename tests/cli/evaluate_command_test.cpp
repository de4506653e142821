#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/cli/program.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using testing::count_errors;
using ::testing::HasSubstr;
using testing::json_lines;
using testing::Outcome;
using testing::read_file;
using testing::run_weightlift;
using testing::TempDir;
using testing::write_file;

const fs::path kDigits = fs::path(WEIGHTLIFT_SOURCE_DIR) / "examples/digits";

struct Exam : testing::DigitsRoom {
  Outcome run(const std::vector<std::string>& arguments) const {
    return DigitsRoom::run("evaluate", arguments);
  }
};

TEST(EvaluateCommandTest, ClassFoldersByLabel) {
  const Exam exam;
  exam.save("test/one/a.png", "one");
  exam.save("test/one/b.png", "one");
  exam.save("test/two/a.png", "one");
  exam.save("test/two/b.png", "two");
  const Outcome outcome = exam.run({exam.dir / "test"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.out,
            " pictures     top-1     top-5  class\n"
            "        2  100.00 %  100.00 %  1 one\n"
            "        2   50.00 %  100.00 %  2 two\n"
            "        4   75.00 %  100.00 %  all\n");
}

TEST(EvaluateCommandTest, JsonOfACsvFileByClassId) {
  const Exam exam;
  exam.save("one.png", "one");
  exam.save("sub/two.png", "two");
  write_file(exam.dir / "list.csv", "one.png,1\r\nsub/two.png,2\r\nnone.png,2\r\n");
  const Outcome outcome = exam.run({exam.dir / "list.csv", "--json"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(count_errors(outcome.err), 1);
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["pictures"], 2);
  EXPECT_EQ(lines[0]["errors"], 1);
  EXPECT_EQ(lines[0]["top1"], 1.0);
  EXPECT_EQ(lines[0]["matched_by"], "id");
  EXPECT_EQ(
      lines[0]["classes"][1],
      (nlohmann::json{{"id", 2}, {"label", "two"}, {"pictures", 1}, {"top1", 1.0}, {"top5", 1.0}}));
}

TEST(EvaluateCommandTest, BrokenPicturesOfAFolderAreReported) {
  const Exam exam;
  exam.save("test/one/a.png", "one");
  write_file(exam.dir / "test/one/b.jpg", "no picture");
  write_file(exam.dir / "test/one/notes.txt", "ones");
  const Outcome outcome = exam.run({exam.dir / "test", "--json"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(count_errors(outcome.err), 1) << outcome.err;
  const auto lines = json_lines(outcome.out);
  EXPECT_EQ(lines.at(0)["pictures"], 1);
  EXPECT_EQ(lines.at(0)["errors"], 1);
  EXPECT_EQ(lines.at(0)["passed_over"], 1);
}

TEST(EvaluateCommandTest, OfNothingReadThereIsNoShare) {
  const Exam exam;
  write_file(exam.dir / "test/one/a.png", "no picture");
  const Outcome table = exam.run({exam.dir / "test"});
  EXPECT_EQ(table.exit_code, 3);
  EXPECT_EQ(table.out,
            " pictures     top-1     top-5  class\n"
            "        0         -         -  1 one\n"
            "        0         -         -  all\n"
            "        1 could not be classified and do not count\n");
  const auto lines = json_lines(exam.run({exam.dir / "test", "--json"}).out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(lines[0]["top1"].is_null());
  EXPECT_TRUE(lines[0]["top5"].is_null());
  EXPECT_EQ(lines[0]["classes"].at(0)["pictures"], 0);
  EXPECT_TRUE(lines[0]["classes"].at(0)["top1"].is_null());
}

TEST(EvaluateCommandTest, ByOrderIsSaid) {
  const Exam exam;
  nlohmann::json unnamed;
  for (int i = 0; i < 10; ++i) {
    exam.save("test/n" + std::to_string(i) + "/a.png", "three");
    unnamed["id2label"][std::to_string(i)] = "LABEL_" + std::to_string(i);
  }
  const fs::path config = exam.dir / "digits/config.json";
  write_file(config, testing::merged(read_file(config), unnamed.dump()));
  const Outcome outcome = exam.run({exam.dir / "test", "--json"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("none of the names is a label of the network: taken for its "
                                     "classes 0 to 9 in their sorted order, 'n0' for LABEL_0"));
  EXPECT_EQ(json_lines(outcome.out).at(0)["top1"], 0.1);
}

TEST(EvaluateCommandTest, ClassFoldersByLabelWhateverTheirCase) {
  const Exam exam;
  for (const char* digit :
       {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}) {
    std::string name = digit;
    name[0] = static_cast<char>(name[0] - 'a' + 'A');
    exam.save("test/" + name + "/a.png", digit);
  }
  const Outcome outcome = exam.run({exam.dir / "test", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(json_lines(outcome.out).at(0)["top1"], 1.0);
  EXPECT_EQ(json_lines(outcome.out).at(0)["matched_by"], "label");
}

TEST(EvaluateCommandTest, SaysWhatIsWrong) {
  const Exam exam;
  exam.save("test/dog/a.png", "one");
  const Outcome outcome = exam.run({exam.dir / "test"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err,
              HasSubstr("test: 'dog': expected a label of the network, such as 'zero'"));
}

}  // namespace
}  // namespace weightlift
