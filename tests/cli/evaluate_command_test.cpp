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
            "   images     top-1     top-5  class\n"
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
  EXPECT_EQ(lines[0]["images"], 2);
  EXPECT_EQ(lines[0]["errors"], 1);
  EXPECT_EQ(lines[0]["top1"], 1.0);
  EXPECT_EQ(lines[0]["matched_by"], "id");
  EXPECT_EQ(
      lines[0]["classes"][1],
      (nlohmann::json{{"id", 2}, {"label", "two"}, {"images", 1}, {"top1", 1.0}, {"top5", 1.0}}));
}

TEST(EvaluateCommandTest, BrokenImagesOfAFolderAreReported) {
  const Exam exam;
  exam.save("test/one/a.png", "one");
  write_file(exam.dir / "test/one/b.jpg", "no image");
  write_file(exam.dir / "test/one/notes.txt", "ones");
  const Outcome outcome = exam.run({exam.dir / "test", "--json"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(count_errors(outcome.err), 1) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("test: skipped 1 entry that is not an image of a class\n"));
  const auto lines = json_lines(outcome.out);
  EXPECT_EQ(lines.at(0)["status"], "failed");
  EXPECT_EQ(lines.at(0)["error"]["message"], "1 of 2 images failed");
  EXPECT_EQ(lines.at(0)["images"], 1);
  EXPECT_EQ(lines.at(0)["errors"], 1);
  EXPECT_EQ(lines.at(0)["skipped"], 1);
}

TEST(EvaluateCommandTest, WithoutImagesThereIsNoShare) {
  const Exam exam;
  write_file(exam.dir / "test/one/a.png", "no image");
  const Outcome table = exam.run({exam.dir / "test"});
  EXPECT_EQ(table.exit_code, 3);
  EXPECT_EQ(table.out,
            "   images     top-1     top-5  class\n"
            "        0         -         -  1 one\n"
            "        0         -         -  all\n"
            "        1 failed, not counted\n");
  const auto lines = json_lines(exam.run({exam.dir / "test", "--json"}).out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_FALSE(lines[0].contains("top1"));
  EXPECT_FALSE(lines[0].contains("top5"));
  EXPECT_EQ(lines[0]["classes"].at(0)["images"], 0);
  EXPECT_FALSE(lines[0]["classes"].at(0).contains("top1"));
}

TEST(EvaluateCommandTest, WarnsThatTheOrderDecides) {
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
  EXPECT_THAT(outcome.err,
              HasSubstr("weightlift: warning: " + (exam.dir / "test").string() +
                        ": no name is a label of the network; using the sorted names as classes "
                        "0 to 9, 'n0' as LABEL_0\n"));
  EXPECT_EQ(json_lines(outcome.out).at(0)["top1"], 0.1);
}

TEST(EvaluateCommandTest, ClassFoldersByLabelInAnyCase) {
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

TEST(EvaluateCommandTest, RefusesUnknownLabels) {
  const Exam exam;
  exam.save("test/dog/a.png", "one");
  const Outcome outcome = exam.run({exam.dir / "test"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err,
              HasSubstr("test: 'dog' is not a label of the network, such as 'zero'; rename"));
}

TEST(EvaluateCommandTest, NestedClassFolders) {
  const Exam exam;
  exam.save("test/one/images/a.png", "one");
  exam.save("test/one/b.png", "one");
  exam.save("test/two/2023/05/a.png", "one");
  const auto lines = json_lines(exam.run({exam.dir / "test", "--json"}).out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["images"], 3);
  EXPECT_EQ(lines[0]["confusion"], (nlohmann::json{{{"id", 1},
                                                    {"label", "one"},
                                                    {"predicted_id", 1},
                                                    {"predicted_label", "one"},
                                                    {"count", 2}},
                                                   {{"id", 2},
                                                    {"label", "two"},
                                                    {"predicted_id", 1},
                                                    {"predicted_label", "one"},
                                                    {"count", 1}}}));
}

TEST(EvaluateCommandTest, NamesTheFolderOfASplit) {
  const Exam exam;
  exam.save("data/train/one/a.png", "one");
  exam.save("data/val/one/a.png", "one");
  EXPECT_THAT(exam.run({exam.dir / "data"}).err,
              HasSubstr("'train' is not a label of the network, such as 'zero'; choose a folder "
                        "inside it, such as " +
                        (exam.dir / "data/train").string() + "\n"));
}

TEST(EvaluateCommandTest, PerImageResultsAsCsv) {
  const Exam exam;
  const std::string a = exam.save("test/one/a, b.png", "one");
  const std::string b = exam.save("test/two/b.png", "one");
  write_file(exam.dir / "test/two/c.png", "no image");
  const fs::path csv = exam.dir / "results.CSV";
  const Outcome outcome = exam.run({exam.dir / "test", "--per-image", csv, "--json"});
  EXPECT_EQ(outcome.exit_code, 3) << outcome.err;
  EXPECT_EQ(json_lines(outcome.out).at(0)["per_image"], csv.string());
  const std::string number = "[0-9.e-]+";
  EXPECT_THAT(read_file(csv),
              ::testing::MatchesRegex(
                  "file,id,label,predicted_id,predicted_label,score,label_score,rank,error\n\"" +
                  a + "\",1,one,1,one," + number + "," + number + ",1,\n" + b + ",2,two,1,one," +
                  number + "," + number + ",[2-9],\n[^,]*c\\.png,2,two,,,,,,[^\n]*c\\.png: .*\n"));
}

TEST(EvaluateCommandTest, PerImageResultsAsJsonLines) {
  const Exam exam;
  const std::string a = exam.save("test/one/a.png", "one");
  write_file(exam.dir / "test/one/b.png", "no image");
  const fs::path file = exam.dir / "results.jsonl";
  write_file(file, "old");
  EXPECT_EQ(exam.run({exam.dir / "test", "--per-image", file}).exit_code, 3);
  const auto rows = json_lines(read_file(file));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0]["file"], a);
  EXPECT_EQ(rows[0]["label"], "one");
  EXPECT_EQ(rows[0]["predicted_id"], 1);
  EXPECT_EQ(rows[0]["score"], rows[0]["label_score"]);
  EXPECT_EQ(rows[0]["rank"], 1);
  EXPECT_FALSE(rows[0].contains("error"));
  EXPECT_FALSE(rows[1].contains("rank"));
  EXPECT_THAT(rows[1]["error"].get<std::string>(), HasSubstr("b.png: "));
}

TEST(EvaluateCommandTest, PerImageFileReplacesNoInput) {
  const Exam exam;
  exam.save("one.png", "one");
  write_file(exam.dir / "list.csv", "one.png,1\n");
  const fs::path list = exam.dir / "list.csv";
  const Outcome same = exam.run({list, "--per-image", exam.dir / "./list.csv"});
  EXPECT_EQ(same.exit_code, 3);
  EXPECT_THAT(same.err, HasSubstr("list.csv: --per-image would overwrite what it describes\n"));
  EXPECT_EQ(read_file(list), "one.png,1\n");
  const Outcome ending = exam.run({list, "--per-image", exam.dir / "results.txt"});
  EXPECT_EQ(ending.exit_code, 2);
  EXPECT_THAT(ending.err,
              HasSubstr("--per-image: expected a name that ends in .csv or .jsonl, got "));
  const Outcome nowhere = exam.run({list, "--per-image", exam.dir / "none/results.csv"});
  EXPECT_EQ(nowhere.exit_code, 3);
  EXPECT_THAT(nowhere.err, HasSubstr("none/results.csv: "));
}

TEST(EvaluateCommandTest, AFailureIsOneJsonObject) {
  const Exam exam;
  const std::string images = exam.dir / "none";
  const Outcome outcome = exam.run({images, "--json"});
  EXPECT_EQ(outcome.exit_code, 3);
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["type"], "evaluate");
  EXPECT_EQ(lines[0]["status"], "failed");
  EXPECT_EQ(lines[0]["error"]["kind"], "not_found");
  EXPECT_EQ(lines[0]["error"]["where"], images);
}

}  // namespace
}  // namespace weightlift
