#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/cli/program.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using testing::count_errors;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::json_lines;
using testing::names_in;
using ::testing::Not;
using testing::Outcome;
using testing::read_file;
using testing::Room;
using testing::run_weightlift;
using testing::small_checkpoint;
using testing::TempDir;
using testing::write_file;
using Json = nlohmann::json;

/// Runs convert with the room's source and output.
Outcome convert(const Room& room, std::vector<std::string> flags = {}) {
  flags.insert(flags.begin(), {"convert", room.source(), "-o", room.out()});
  return run_weightlift(flags);
}

/// The one JSON object that the program printed.
Json one_object(const Outcome& outcome) {
  const std::vector<Json> lines = json_lines(outcome.out);
  EXPECT_EQ(lines.size(), 1U) << outcome.out;
  return lines.size() == 1 ? lines[0] : Json::object();
}

/// A member of each object: {"converted", "failed"}.
std::vector<std::string> each(const std::vector<Json>& objects, const char* member) {
  std::vector<std::string> values;
  for (const Json& object : objects) values.push_back(object.value(member, ""));
  return values;
}

TEST(ConvertCommandTest, PrintsWhatItDid) {
  const Room room;
  const Outcome outcome = convert(room);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out,
            fmt::format(
                "{} -> {}\n"
                "  network: basic blocks [2, 1, 1, 1], channels [64, 16, 24, 32], 3 in, 5 classes "
                "out, 196,565 parameters, float32\n"
                "  moved: 29 operations with parameters, 86 tensors\n"
                "  labels: unknown (LABEL_0, LABEL_1, ...)\n"
                "  verified: 86 tensors bit-equal, 49 operations equal, logits bit-equal (1 "
                "input [1, 3, 32, 32], seed 0)\n"
                "  wrote config.json, model.safetensors, preprocessor_config.json, README.md\n"
                "  incomplete: no labels; complete the folder with:\n"
                "    weightlift convert {} -o {} --force --id2label labels.txt\n"
                "    labels.txt: one label per line, in the order of the classes\n",
                room.source(), room.folder().string(), room.source(), room.out()));
  EXPECT_EQ(outcome.err,
            "weightlift: warning: no labels for the 5 classes; named LABEL_0, LABEL_1, ...; add "
            "--id2label FILE\n"
            "weightlift: note: crop matches timm for square images; other images may start one "
            "pixel earlier; nothing to do\n");
  EXPECT_EQ(names_in(room.folder()).size(), 4U);
}

TEST(ConvertCommandTest, QuietPrintsOnlyErrors) {
  const Room room;
  const Outcome good = convert(room, {"-q"});
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_EQ(good.err, "");
  const Outcome bad = convert(room, {"--quiet"});
  EXPECT_EQ(bad.exit_code, 3);
  EXPECT_EQ(count_errors(bad.err), 1);
  EXPECT_THAT(bad.err, HasSubstr("out/small: already exists"));
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
  EXPECT_THAT(each(lines, "source"), ElementsAre(room.source(), room.dir / "in/other"));
  for (const Json& line : lines) {
    EXPECT_EQ(line["schema"], "weightlift/1");
    EXPECT_EQ(line["type"], "convert");
    EXPECT_EQ(line["status"], "converted");
    EXPECT_EQ(line["verification"]["verified"], true);
  }
}

TEST(ConvertCommandTest, EachFailureIsAJsonObject) {
  const Room room;
  write_file(room.dir / "in/broken/config.json", "{");
  const Outcome outcome = run_weightlift({"convert", "missing.pth", room.source(),
                                          room.dir / "in/broken", "-o", room.out(), "--json"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(count_errors(outcome.err), 2);
  const auto lines = json_lines(outcome.out);
  EXPECT_THAT(each(lines, "status"), ElementsAre("failed", "converted", "failed"));
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0]["source"], "missing.pth");
  EXPECT_EQ(lines[0]["error"], (Json{{"kind", "not_found"},
                                     {"where", "missing.pth"},
                                     {"message", "no such file or folder"}}));
  EXPECT_EQ(lines[2]["error"]["kind"], "invalid_format");
  EXPECT_EQ(lines[2]["error"]["where"], (room.dir / "in/broken/config.json").string());
  for (const Json& line : lines) EXPECT_EQ(line["options"]["output"], room.out());
}

struct Failure {
  std::vector<std::string> arguments;
  const char* type;
  const char* source;
  const char* kind;
  int exit_code;
};

TEST(ConvertCommandTest, AFailureOfAnyCommandIsOneJsonObject) {
  for (const auto& [arguments, type, source, kind, exit_code] : std::vector<Failure>{
           {{"convert", "--bogus"}, "convert", "", "usage", 2},
           {{"convert", "x"}, "convert", "", "usage", 2},
           {{"convert", "x", "-o", "y", "--dtype", "int8"}, "convert", "", "usage", 2},
           {{"convert", "x", "-o", "y", "--report", "-"}, "convert", "x", "usage", 2},
           {{"convert", "x", "-o", "y", "--id2label", "none"}, "convert", "x", "not_found", 3},
           {{"convret"}, "weightlift", "", "usage", 2},
           {{"verify", "a"}, "verify", "", "usage", 2},
           {{"verify", "a.pth", "none.pth"}, "verify", "a.pth", "not_found", 3},
           {{"diff", "none.pth", "b.pth"}, "diff", "none.pth", "not_found", 3},
           {{"inspect", "none.pth"}, "inspect", "none.pth", "not_found", 3},
           {{"preprocess", "none", "a.png", "-o", "p"}, "preprocess", "none", "not_found", 3},
           {{"evaluate", "none", "images"}, "evaluate", "none", "not_found", 3}}) {
    std::vector<std::string> command = arguments;
    command.emplace_back("--json");
    const Outcome outcome = run_weightlift(command);
    SCOPED_TRACE(outcome.out + outcome.err);
    EXPECT_EQ(outcome.exit_code, exit_code);
    const Json object = one_object(outcome);
    EXPECT_EQ(object.value("schema", ""), "weightlift/1");
    EXPECT_EQ(object.value("type", ""), type);
    EXPECT_EQ(object.value("source", ""), source);
    EXPECT_EQ(object.value("status", ""), "failed");
    ASSERT_TRUE(object.contains("error"));
    const Json& error = object["error"];
    EXPECT_EQ(error["kind"], kind);
    // The log has the same words.
    const std::string where = error["where"];
    EXPECT_EQ(outcome.err,
              fmt::format("weightlift: error: {}{}{}\n", where, where.empty() ? "" : ": ",
                          error["message"].get<std::string>()));
  }
}

TEST(ConvertCommandTest, ReportHoldsEveryOperation) {
  const Room room;
  const std::string file = room.dir / "report.json";
  EXPECT_EQ(convert(room, {"--report", file}).exit_code, 0);
  const Json report = Json::parse(read_file(file));
  ASSERT_EQ(report.size(), 1U);
  EXPECT_EQ(report[0]["status"], "converted");
  EXPECT_EQ(report[0]["operations"].size(), 29U);
  EXPECT_EQ(report[0]["operations"][0]["src"], "conv1");
}

TEST(ConvertCommandTest, ReportIsAnArrayWithTheFailures) {
  const Room room;
  const std::string file = room.dir / "report.json";
  const Outcome outcome = run_weightlift(
      {"convert", room.source(), "missing.safetensors", "-o", room.out(), "--report", file});
  EXPECT_EQ(outcome.exit_code, 3);
  const Json report = Json::parse(read_file(file));
  ASSERT_TRUE(report.is_array());
  EXPECT_THAT(each(report, "source"), ElementsAre(room.source(), "missing.safetensors"));
  EXPECT_THAT(each(report, "status"), ElementsAre("converted", "failed"));
  EXPECT_TRUE(report[0].contains("operations"));
  EXPECT_FALSE(report[1].contains("operations"));
  EXPECT_EQ(report[1]["error"]["kind"], "not_found");
}

TEST(ConvertCommandTest, ReportReplacesTheTextOnStandardOutput) {
  const Room room;
  const Outcome outcome = run_weightlift(
      {"convert", room.source(), "missing.safetensors", "-o", room.out(), "--report", "-"});
  EXPECT_EQ(outcome.exit_code, 3);
  const Json report = Json::parse(outcome.out, nullptr, false);
  ASSERT_TRUE(report.is_array()) << outcome.out;
  EXPECT_THAT(each(report, "status"), ElementsAre("converted", "failed"));
  EXPECT_EQ(report[0]["operations"].size(), 29U);
  EXPECT_THAT(names_in(room.dir.path()), ElementsAre("in", "out"));
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

TEST(ConvertCommandTest, ChecksThePlaceOfTheReportBeforeTheWork) {
  const Room room;
  const Outcome outcome = convert(room, {"--report", room.dir / "no/such/report.json"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("no/such/report.json: "));
  EXPECT_THAT(names_in(room.out()), IsEmpty());
  const std::string weights = testing::read_file(room.dir / "in/small/model.safetensors");
  const Outcome own = convert(room, {"--report", room.dir / "in/small/model.safetensors"});
  EXPECT_EQ(own.exit_code, 3);
  EXPECT_THAT(own.err,
              HasSubstr("in/small/model.safetensors: would change " + room.source() + "\n"));
  EXPECT_EQ(testing::read_file(room.dir / "in/small/model.safetensors"), weights);
}

TEST(ConvertCommandTest, ConvertsTheOtherSourcesAfterAFailure) {
  const Room room;
  small_checkpoint().write_folder(room.dir / "in/last");
  testing::write_file(room.dir / "in/broken/config.json", "{");
  const Outcome outcome = run_weightlift({"convert", room.source(), room.dir / "in/broken",
                                          "resnet51", room.dir / "in/last", "-o", room.out()});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(count_errors(outcome.err), 2);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("in/broken/config.json: invalid JSON"),
                                 HasSubstr("resnet51: no such file, folder or timm model; did you "
                                           "mean resnet50, "),
                                 HasSubstr("weightlift: note: " + room.source() +
                                           ": crop matches timm for square images"),
                                 ContainsRegex("\nweightlift: note: 2 converted, 2 failed in "
                                               "[0-9]+\\.[0-9] s\n$")));
  EXPECT_THAT(names_in(room.out()), ElementsAre("last", "small"));
}

TEST(ConvertCommandTest, TheLargestExitCodeOfSeveralSourcesWins) {
  const Room room;
  const std::string url = "https://example.com/net";  // 2, a missing file 3, a difference 4
  const auto exit_code = [&](std::vector<std::string> sources) {
    sources.insert(sources.begin(), "convert");
    sources.insert(sources.end(), {"-o", room.out(), "--dtype", "bfloat16", "--rtol", "1e-9",
                                   "--atol", "0", "--json"});
    const Outcome outcome = run_weightlift(sources);
    EXPECT_EQ(json_lines(outcome.out).size(), sources.size() - 10) << outcome.out;
    return outcome.exit_code;
  };
  EXPECT_EQ(exit_code({url}), 2);
  EXPECT_EQ(exit_code({url, "missing.pth"}), 3);
  EXPECT_EQ(exit_code({"missing.pth", url}), 3);
  EXPECT_EQ(exit_code({"missing.pth", room.source()}), 4);
  EXPECT_EQ(exit_code({room.source(), "missing.pth", url}), 4);
  EXPECT_THAT(names_in(room.out()), IsEmpty());
}

TEST(ConvertCommandTest, ASignalSkipsTheOtherSources) {
  const Room room;
  for (const char* name : {"in/second", "in/third"})
    small_checkpoint().write_folder(room.dir / name);
  const std::string file = room.dir / "report.json";
  testing::Process process(testing::weightlift(
      {"convert", room.source(), room.dir / "in/second", room.dir / "in/third", "-o", room.out(),
       "--samples", "1000", "--threads", "1", "--json", "--report", file}));
  while (process.is_running() && names_in(room.out()).empty()) std::this_thread::yield();
  process.signal(SIGINT);
  const Outcome outcome = process.wait();
  EXPECT_EQ(outcome.exit_code, 130);
  EXPECT_EQ(count_errors(outcome.err), 1) << outcome.err;
  EXPECT_THAT(outcome.err, ContainsRegex("0 converted, 1 failed, 2 skipped in [0-9.]+ s\n$"));
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_THAT(each(lines, "status"), ElementsAre("interrupted", "skipped", "skipped"));
  EXPECT_EQ(lines[0]["error"]["kind"], "interrupted");
  EXPECT_FALSE(lines[1].contains("error"));
  EXPECT_THAT(each(Json::parse(read_file(file)), "status"),
              ElementsAre("interrupted", "skipped", "skipped"));
}

TEST(ConvertCommandTest, RefusesTwoSourcesForOneFolder) {
  const Room room;
  small_checkpoint().write_folder(room.dir / "a/resnet18");
  small_checkpoint().write_file(room.dir / "b/resnet18.a1_in1k.safetensors");
  const Outcome outcome =
      run_weightlift({"convert", room.source(), room.dir / "a/resnet18",
                      room.dir / "b/resnet18.a1_in1k.safetensors", "-o", room.out()});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.err,
            fmt::format("weightlift: error: {0}/a/resnet18 and {0}/b/resnet18.a1_in1k.safetensors: "
                        "both would become the folder {0}/out/resnet-18; convert them one by one "
                        "with --name, or with weightlift batch and --name-template\n",
                        room.dir.path().string()));
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
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("not verified"), HasSubstr("features out"),
                                 HasSubstr("float16"), Not(HasSubstr("incomplete"))));
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

TEST(ConvertCommandTest, ADryRunConvertsNoSource) {
  const Room room;
  small_checkpoint().write_folder(room.dir / "in/other");
  const Outcome outcome = run_weightlift(
      {"convert", room.source(), room.dir / "in/other", "-o", room.out(), "--dry-run", "--json"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(each(json_lines(outcome.out), "status"), ElementsAre("skipped", "skipped"));
  EXPECT_THAT(outcome.err, HasSubstr("note: 0 converted, 0 failed, 2 skipped in "));
}

TEST(ConvertCommandTest, SuggestsTheNearestName) {
  const Outcome outcome = run_weightlift({"convert", "resnet50.a2", "-o", "out"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.err,
            "weightlift: error: resnet50.a2: no such file, folder or timm model; did you mean "
            "resnet50.a2_in1k?\n");
}

/// The command that completes the folder, from the output of convert; empty where there is none.
std::string suggested_command(const std::string& out) {
  constexpr std::string_view kBefore = "; complete the folder with:\n    ";
  const std::size_t at = out.find(kBefore);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + kBefore.size();
  return out.substr(begin, out.find('\n', begin) - begin);
}

/// Runs a line as if typed into a shell in `folder`, with the program in its path.
Outcome type_into_shell(const fs::path& folder, const std::string& line) {
  return testing::run_program({"/usr/bin/env",
                               "PATH=" + fs::path(WEIGHTLIFT_PROGRAM).parent_path().string(),
                               "/bin/sh", "-c", "cd '" + folder.string() + "' && " + line});
}

constexpr const char* kFiveLabels = "a\nb\nc\nd\ne\n";

TEST(GuidanceTest, TheCommandCompletesAFolder) {
  const Room room;
  const std::string command = suggested_command(convert(room).out);
  write_file(room.dir / "labels.txt", kFiveLabels);
  const Outcome outcome = type_into_shell(room.dir.path(), command);
  EXPECT_EQ(outcome.exit_code, 0) << command << outcome.err;
  EXPECT_THAT(outcome.out, Not(HasSubstr("incomplete")));
  EXPECT_EQ(Json::parse(read_file(room.folder() / "config.json"))["id2label"]["4"], "e");
}

TEST(GuidanceTest, TheCommandRepeatsTheOptionsAndQuotesForAShell) {
  const TempDir dir;
  small_checkpoint().write_file(dir / "my nets/it's $best.safetensors");
  write_file(dir / "labels.txt", kFiveLabels);
  const Outcome first = run_weightlift(
      {"convert", dir / "my nets/it's $best.safetensors", "-o", dir / "o u t", "--name", "a b",
       "--dtype", "float16", "--weights-format", "bin", "--license", "mit", "--base-model",
       "me/base", "--dataset", "one", "--dataset", "t w o", "--no-verify"});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("  incomplete: no labels, no image processor; complete"));
  const std::string command = suggested_command(first.out);
  EXPECT_THAT(command, HasSubstr("my nets/it'\\''s $best.safetensors' -o '"));
  const Outcome second = type_into_shell(dir.path(), command);
  EXPECT_EQ(second.exit_code, 0) << command << second.err;
  EXPECT_THAT(second.out, AllOf(HasSubstr("not verified"), Not(HasSubstr("incomplete"))));
  EXPECT_THAT(names_in(dir / "o u t"), ElementsAre("a b"));
  EXPECT_THAT(
      names_in(dir / "o u t/a b"),
      ElementsAre("README.md", "config.json", "preprocessor_config.json", "pytorch_model.bin"));
  const Json config = Json::parse(read_file(dir / "o u t/a b/config.json"));
  EXPECT_EQ(config["id2label"]["4"], "e");
  EXPECT_EQ(config["dtype"], "float16");
  EXPECT_THAT(read_file(dir / "o u t/a b/README.md"),
              AllOf(HasSubstr("license: \"mit\""), HasSubstr("base_model: \"me/base\""),
                    HasSubstr("- \"one\"\n- \"t w o\"\n")));
}

TEST(GuidanceTest, AThousandClassesGetImageNetsLabels) {
  const TempDir dir;
  ResNetConfig network = small_checkpoint().network;
  network.num_labels = 1000;
  testing::make_timm_checkpoint(network, "resnet18").write_file(dir / "best.safetensors");
  const Outcome first =
      run_weightlift({"convert", dir / "best.safetensors", "-o", dir / "out", "--no-verify"});
  const std::string command = suggested_command(first.out);
  EXPECT_THAT(command, HasSubstr(" --id2label imagenet-1k --image-processor resnet18.a1_in1k"));
  EXPECT_THAT(first.out, Not(HasSubstr("labels.txt")));
  const Outcome second = type_into_shell(dir.path(), command);
  EXPECT_EQ(second.exit_code, 0) << command << second.err;
  EXPECT_THAT(second.out, Not(HasSubstr("incomplete")));
  EXPECT_TRUE(fs::exists(dir / "out/best/preprocessor_config.json"));
}

TEST(GuidanceTest, ControlCharactersDoNotReachTheTerminal) {
  const TempDir dir;
  small_checkpoint().write_folder(dir / "evil\033[2J\n");
  const Outcome outcome =
      run_weightlift({"convert", dir / "evil\033[2J\n", "-o", dir / "out", "--no-verify"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(Not(HasSubstr("\033")), HasSubstr("evil\\033[2J\\012' -o ")));
}

/// What the program prints on a terminal.
std::string terminal_output(const std::vector<std::string>& arguments) {
  const Outcome outcome = testing::run_with_terminal(testing::weightlift(arguments));
  EXPECT_EQ(outcome.exit_code, 0);
  return outcome.err;
}

TEST(ConvertCommandTest, ProgressIsForTerminalsThatWantIt) {
  const Room room;
  EXPECT_THAT(terminal_output({"convert", room.source(), "-o", room.out()}),
              AllOf(HasSubstr("\r\x1b[Kwrite "), HasSubstr("\r\x1b[Kverify")));
  EXPECT_EQ(terminal_output({"convert", room.source(), "-o", room.out(), "--force", "-q"}), "");
}

}  // namespace
}  // namespace weightlift
