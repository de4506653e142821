// Runs the programs of examples/library, which tests of the installed library built.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/folder.h"
#include "tests/support/hub_server.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::HubServer;
using testing::names_in;
using testing::Outcome;
using testing::read_file;
using testing::small_checkpoint;
using testing::TempDir;

const fs::path kDigits = fs::path(WEIGHTLIFT_SOURCE_DIR) / "examples/digits";

Outcome run(const std::string& example, std::vector<std::string> arguments,
            std::vector<std::string> environment = {}) {
  std::vector<std::string> command = {"/usr/bin/env"};
  command.insert(command.end(), environment.begin(), environment.end());
  command.push_back(std::string(std::getenv("EXAMPLES")) + "/" + example);
  command.insert(command.end(), arguments.begin(), arguments.end());
  return testing::run_program(command);
}

TEST(ExamplesTest, AreThoseOfTheDocumentation) {
  const fs::path root = WEIGHTLIFT_SOURCE_DIR;
  const std::string page = read_file(root / "docs/library.md");
  for (const auto& entry : fs::directory_iterator(root / "examples/library")) {
    if (entry.path().extension() != ".cpp") continue;
    EXPECT_NE(page.find("```cpp\n" + read_file(entry.path()) + "```"), page.npos) << entry.path();
  }
}

TEST(ExamplesTest, ConvertsByNameAndPublishes) {
  const TempDir dir;
  HubServer server;
  small_checkpoint().write_folder(dir / "source");
  server.add_repo("timm/resnet18.a1_in1k", dir / "source");
  const Outcome outcome = run("convert_and_publish", {"resnet18", dir / "out", "alice/resnet-18"},
                              {"HF_ENDPOINT=" + server.url(), "HF_HOME=" + (dir / "home").string(),
                               "HF_TOKEN=hf_alice_write"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr((dir / "out/resnet-18").string() + "\n"),
                                 HasSubstr("/alice/resnet-18/commit/")));
  EXPECT_EQ(server.file("alice/resnet-18", "model.safetensors"),
            read_file(dir / "out/resnet-18/model.safetensors"));
  const Outcome refused = run("convert_and_publish", {"resnet19", dir / "out", "alice/x"},
                              {"HF_ENDPOINT=" + server.url(), "HF_TOKEN=hf_alice_write"});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.err, HasSubstr("not_found: resnet19: "));
}

TEST(ExamplesTest, ListsTensors) {
  const Outcome outcome = run("list_tensors", {fs::path(WEIGHTLIFT_SOURCE_DIR) /
                                               "examples/checkpoints/model_best.pth.tar"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("[state_dict]\n"), HasSubstr("fc.weight F32 [")));
}

TEST(ExamplesTest, VerifiesAndRunsAConvertedModel) {
  const TempDir dir;
  const Outcome converted = run("progress", {kDigits, dir.path()});
  EXPECT_EQ(converted.exit_code, 0) << converted.err;
  EXPECT_THAT(converted.err, AllOf(HasSubstr("read\n"), HasSubstr("write ...\nverify\n")));

  const Outcome verified = run("verify", {kDigits, dir / "digits"});
  EXPECT_EQ(verified.exit_code, 0) << verified.err;
  EXPECT_THAT(verified.out, HasSubstr("logits: bit-equal\n"));

  const Outcome forward = run("forward", {dir / "digits", kDigits / "images/three.png"});
  EXPECT_EQ(forward.exit_code, 0) << forward.err;
  EXPECT_THAT(forward.out, EndsWith("\nthree\n"));
}

TEST(ExamplesTest, StopsOnASignalAndLeavesNothing) {
  const TempDir dir;
  testing::resnet18_checkpoint().write_folder(dir / "source");
  testing::Process process(
      {std::string(std::getenv("EXAMPLES")) + "/progress", dir / "source", dir / "out"});
  while (names_in(dir / "out").empty() && process.is_running()) continue;
  process.signal(SIGINT);
  EXPECT_EQ(process.wait().exit_code, 128 + SIGINT);
  EXPECT_THAT(names_in(dir / "out"), ElementsAre());
}

}  // namespace
}  // namespace weightlift
