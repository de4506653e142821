#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using testing::count_errors;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::json_lines;
using testing::names_in;
using testing::Outcome;
using testing::read_file;
using testing::Room;
using testing::run_weightlift;
using testing::small_checkpoint;
using ::testing::StartsWith;
using Json = nlohmann::json;

/// Runs convert with the room's source and output.
Outcome convert(const Room& room, std::vector<std::string> flags = {}) {
  flags.insert(flags.begin(), {"convert", room.source(), "-o", room.out()});
  return run_weightlift(flags);
}

TEST(ConvertCommandTest, TellsWhatItDid) {
  const Room room;
  const Outcome outcome = convert(room);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(
      outcome.out,
      fmt::format("{} -> {}\n"
                  "  network: basic [2, 1, 1, 1], channels [64, 16, 24, 32], 3 in, 5 classes "
                  "out, 196,565 parameters, float32\n"
                  "  moved: 29 operations with parameters, 86 tensors\n"
                  "  labels: none known (LABEL_0, LABEL_1, ...)\n"
                  "  verified: 86 tensors bit-equal, 49 operations equal, logits bit-equal (1 "
                  "input [1, 3, 32, 32], seed 0)\n"
                  "  wrote config.json, model.safetensors, preprocessor_config.json, README.md\n",
                  room.source(), room.folder().string()));
  EXPECT_THAT(outcome.err, StartsWith("weightlift: square pictures are cropped as by timm"));
  EXPECT_EQ(names_in(room.folder()).size(), 4U);
}

TEST(ConvertCommandTest, QuietLeavesErrorsAlone) {
  const Room room;
  const Outcome good = convert(room, {"-q"});
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_EQ(good.err, "");
  const Outcome bad = convert(room, {"--quiet"});
  EXPECT_EQ(bad.exit_code, 3);
  EXPECT_EQ(count_errors(bad.err), 1);
  EXPECT_THAT(bad.err, HasSubstr("out/small: destination:"));
}

TEST(ConvertCommandTest, VerbosePrintsEachPair) {
  const Room room;
  const Outcome outcome = convert(room, {"-v"});
  EXPECT_THAT(
      outcome.err,
      AllOf(HasSubstr("conv1 -> resnet.embedder.embedder.convolution  Conv2d(3, 64, kernel_size=7"),
            HasSubstr("layer2.0.downsample.0 -> "
                      "resnet.encoder.stages.1.layers.0.shortcut.convolution  Conv2d("),
            HasSubstr("fc -> classifier.1  Linear(32, 5, bias=True)")));
}

TEST(ConvertCommandTest, JsonIsOneObjectPerSourceAndNothingElse) {
  const Room room;
  small_checkpoint(LayerType::kBottleneck).write_folder(room.dir / "in/other");
  const Outcome outcome =
      run_weightlift({"convert", room.source(), room.dir / "in/other", "-o", room.out(), "--json"});
  EXPECT_EQ(outcome.exit_code, 0);
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0]["folder"], room.out() + "/small");
  EXPECT_EQ(lines[1]["folder"], room.out() + "/other");
  for (const Json& line : lines) {
    EXPECT_EQ(line["written"], true);
    EXPECT_EQ(line["verification"]["verified"], true);
  }
}

TEST(ConvertCommandTest, ReportHoldsEveryOperation) {
  const Room room;
  const std::string file = room.dir / "report.json";
  EXPECT_EQ(convert(room, {"--report", file}).exit_code, 0);
  const Json report = Json::parse(read_file(file));
  EXPECT_EQ(report["operations"].size(), 29U);
  EXPECT_EQ(report["operations"][0]["src"], "conv1");
}

TEST(ConvertCommandTest, ReportOfSeveralSourcesIsAList) {
  const Room room;
  const std::string file = room.dir / "report.json";
  const Outcome outcome = run_weightlift(
      {"convert", room.source(), "missing.safetensors", "-o", room.out(), "--report", file});
  EXPECT_EQ(outcome.exit_code, 3);
  const Json report = Json::parse(read_file(file));
  ASSERT_TRUE(report.is_array());
  EXPECT_EQ(report.size(), 1U);
}

TEST(ConvertCommandTest, AReportMayBeANameAlone) {
  const Room room;
  const std::string command = "cd '" + room.dir.path().string() +
                              "' && '" WEIGHTLIFT_PROGRAM
                              "' convert in/small -o out --report report.json";
  const Outcome outcome = testing::run_program({"/bin/sh", "-c", command});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(names_in(room.dir.path()), ::testing::Contains("report.json"));
}

TEST(ConvertCommandTest, AReportThatCannotBeWrittenIsSaidBeforeTheWork) {
  const Room room;
  const Outcome outcome = convert(room, {"--report", room.dir / "no/such/report.json"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("no/such/report.json: "));
  EXPECT_THAT(names_in(room.out()), IsEmpty());
  const std::string weights = testing::read_file(room.dir / "in/small/model.safetensors");
  const Outcome own = convert(room, {"--report", room.dir / "in/small/model.safetensors"});
  EXPECT_EQ(own.exit_code, 3);
  EXPECT_THAT(own.err, HasSubstr("expected a place outside"));
  EXPECT_EQ(testing::read_file(room.dir / "in/small/model.safetensors"), weights);
}

TEST(ConvertCommandTest, OneFailureOfSeveralIsTheExitCodeAndTheOthersAreDone) {
  const Room room;
  small_checkpoint().write_folder(room.dir / "in/last");
  testing::write_file(room.dir / "in/broken/config.json", "{");
  const Outcome outcome = run_weightlift({"convert", room.source(), room.dir / "in/broken",
                                          "resnet51", room.dir / "in/last", "-o", room.out()});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(count_errors(outcome.err), 2);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("in/broken/config.json: expected JSON"),
                                 HasSubstr("resnet51: expected a file, a folder or a name")));
  EXPECT_THAT(names_in(room.out()), ElementsAre("last", "small"));
  EXPECT_THAT(outcome.err, HasSubstr("weightlift: " + room.source() + ": square pictures are"));
}

TEST(ConvertCommandTest, TheFirstFailureIsTheExitCode) {
  const Room room;
  const Outcome outcome =
      run_weightlift({"convert", "resnet51", "missing.pth", room.source(), "-o", room.out()});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(names_in(room.out()), ElementsAre("small"));
}

TEST(ConvertCommandTest, SourcesThatMeetAreRefusedBeforeAnything) {
  const Room room;
  small_checkpoint().write_folder(room.dir / "a/resnet18");
  small_checkpoint().write_file(room.dir / "b/resnet18.a1_in1k.safetensors");
  const Outcome outcome =
      run_weightlift({"convert", room.source(), room.dir / "a/resnet18",
                      room.dir / "b/resnet18.a1_in1k.safetensors", "-o", room.out()});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("expected each source to become a folder of its own"),
                                 HasSubstr("out/resnet-18 for both")));
  EXPECT_THAT(names_in(room.out()), IsEmpty());
}

TEST(ConvertCommandTest, ADifferenceIsExit4) {
  const Room room;
  const Outcome outcome = convert(room, {"--dtype", "bfloat16", "--rtol", "1e-9", "--atol", "0"});
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("DIFFERENT:"),
                                 HasSubstr("first operation whose output differs, at 1:"),
                                 HasSubstr("conv1: Conv2d(3, 64"), HasSubstr("max |a - b|"),
                                 HasSubstr("NOT written: config.json")));
  EXPECT_THAT(names_in(room.out()), IsEmpty());
}

TEST(ConvertCommandTest, ForceIsNeededToReplace) {
  const Room room;
  EXPECT_EQ(convert(room).exit_code, 0);
  EXPECT_EQ(convert(room).exit_code, 3);
  EXPECT_EQ(convert(room, {"--force"}).exit_code, 0);
}

TEST(ConvertCommandTest, FlagsReachTheJob) {
  const Room room;
  testing::write_file(room.dir / "labels", "a\nb\nc\nd\ne\n");
  const Outcome outcome = convert(room, {"--name",
                                         "mine",
                                         "--dtype",
                                         "float16",
                                         "--no-verify",
                                         "--id2label",
                                         room.dir / "labels",
                                         "--image-processor",
                                         "convnext-base-224-22k-1k",
                                         "--license",
                                         "mit",
                                         "--base-model",
                                         "me/base",
                                         "--dataset",
                                         "one",
                                         "--dataset",
                                         "two",
                                         "--head",
                                         "none",
                                         "--fsync"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("not verified"), HasSubstr("features out"), HasSubstr("float16")));
  const Json config = Json::parse(read_file(room.dir / "out/mine/config.json"));
  EXPECT_EQ(config["architectures"][0], "ResNetModel");
  EXPECT_EQ(config["dtype"], "float16");
  EXPECT_EQ(config["id2label"]["4"], "e");
  const Json processor = Json::parse(read_file(room.dir / "out/mine/preprocessor_config.json"));
  EXPECT_EQ(processor["size"]["shortest_edge"], 224);
  EXPECT_THAT(read_file(room.dir / "out/mine/README.md"),
              AllOf(HasSubstr("license: \"mit\""), HasSubstr("base_model: \"me/base\""),
                    HasSubstr("- \"one\"\n- \"two\"\n"), HasSubstr("was not verified")));
}

TEST(ConvertCommandTest, VerificationFlagsReachTheJob) {
  const Room room;
  const Outcome outcome = convert(room, {"--samples", "2", "--seed", "9", "--threads", "1"});
  EXPECT_THAT(outcome.out, HasSubstr("logits bit-equal (2 inputs [1, 3, 32, 32], seed 9)"));
}

TEST(ConvertCommandTest, ADryRunWritesNothing) {
  const Room room;
  const Outcome outcome = convert(room, {"--dry-run"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("would move: 29 operations with parameters, 86 tensors"),
                                 HasSubstr("would write config.json, model.safetensors")));
  EXPECT_THAT(names_in(room.dir.path()), ElementsAre("in"));
}

TEST(ConvertCommandTest, OutputThatNobodyTakesIsAnError) {
  const Room room;
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  const Outcome outcome =
      testing::Process(testing::weightlift({"convert", room.source(), "-o", room.out(), "-q"}),
                       full)
          .wait();
  ::close(full);
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.err,
            "weightlift: error: standard output: cannot be written: No space left on device\n");
}

/// What the program says on a terminal.
std::string terminal_output(const std::vector<std::string>& arguments) {
  int master = -1;
  int slave = -1;
  EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  EXPECT_EQ(testing::Process(testing::weightlift(arguments), -1, slave).wait().exit_code, 0);
  ::close(slave);
  std::string text;
  std::array<char, 4096> piece{};
  for (ssize_t got = 0; (got = ::read(master, piece.data(), piece.size())) > 0;) {
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  ::close(master);
  return text;
}

TEST(ConvertCommandTest, ProgressIsForTerminalsThatWantIt) {
  const Room room;
  EXPECT_THAT(terminal_output({"convert", room.source(), "-o", room.out()}),
              AllOf(HasSubstr("\r\x1b[Kwrite "), HasSubstr("\r\x1b[Kverify")));
  EXPECT_EQ(terminal_output({"convert", room.source(), "-o", room.out(), "--force", "-q"}), "");
}

}  // namespace
}  // namespace weightlift
