// weightlift push, against the stand-in Hub.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/cli/program.h"
#include "tests/support/hub_server.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using testing::count_errors;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::HubServer;
using testing::json_lines;
using ::testing::Not;
using testing::Outcome;
using testing::Room;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing::write_file;

class PushCommandTest : public ::testing::Test {
 protected:
  PushCommandTest() { write_file(folder / "README.md", "---\nlicense: mit\n---\n"); }

  std::vector<std::string> command(const std::vector<std::string>& arguments,
                                   const std::string& token) const {
    std::vector<std::string> command = {"/usr/bin/env",
                                        "HF_ENDPOINT=" + server.url(),
                                        "HF_HOME=" + (room.dir / "home").string(),
                                        "HF_TOKEN=" + token,
                                        WEIGHTLIFT_PROGRAM,
                                        "push"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
  }

  Outcome push(const std::vector<std::string>& arguments,
               const std::string& token = "hf_alice_write") {
    return testing::run_program(command(arguments, token));
  }

  Room room;
  fs::path folder = room.source();
  HubServer server;
};

TEST_F(PushCommandTest, PrintsTheCommitOfAFolderThatMatchesItsConfig) {
  const Outcome outcome = push({folder, "alice/net"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(
      outcome.err,
      HasSubstr("small: names and shapes in model.safetensors match config.json: 86 tensors\n"));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("-> alice/net\n  committed 3 files (3 sent)"),
                                 HasSubstr(server.url() + "/alice/net/commit/")));
  EXPECT_THAT(server.paths("alice/net"),
              ElementsAre(".gitattributes", "README.md", "config.json", "model.safetensors"));
  EXPECT_EQ(server.commit_titles("alice/net").front(), "Add model and image processor");
  const Outcome again = push({folder, "alice/net"});
  EXPECT_THAT(again.out, HasSubstr("nothing changed: the repository already has the 3 files\n"));
}

TEST_F(PushCommandTest, AServersWordsBeginNoLine) {
  server.set_faults(R"([{"path": "/commit/main", "method": "POST", "status": 200, "handled": true,
      "body": "{\"success\": true, \"commitOid\": \"0123456789012345678901234567890123456789\",)"
                    R"( \"commitUrl\": \"http://a/\\nweightlift: \\u001b[31mverified\"}"}])");
  const Outcome outcome = push({folder, "alice/net"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("http://a/\\x0aweightlift: \\x1b[31mverified\n"));
}

TEST_F(PushCommandTest, JsonIsOneObject) {
  const Outcome outcome = push({folder, "alice/net", "--json", "--create-pr"});
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 1U) << outcome.err;
  EXPECT_EQ(lines[0]["status"], "ok");
  EXPECT_EQ(lines[0]["source"], folder.string());
  EXPECT_EQ(lines[0]["checked"],
            "names and shapes in model.safetensors match config.json: 86 tensors");
  EXPECT_EQ(lines[0]["published"]["repo_id"], "alice/net");
  EXPECT_EQ(lines[0]["published"]["committed"], 3);
  EXPECT_EQ(lines[0]["published"]["pull_request_url"], server.url() + "/alice/net/discussions/1");
}

TEST_F(PushCommandTest, NamesTheRepositoryAfterAccountAndFolder) {
  EXPECT_THAT(push({folder}).out, HasSubstr("-> alice/small\n"));
  EXPECT_THAT(push({folder, "other"}).out, HasSubstr("-> alice/other\n"));
  EXPECT_THAT(push({folder, "--organization", "acme"}).out, HasSubstr("-> acme/small\n"));
  EXPECT_EQ(push({folder, "alice/x", "--organization", "acme"}).exit_code, 2);
}

TEST_F(PushCommandTest, WritesNothingInADryRun) {
  const Outcome outcome = push({folder, "net", "--dry-run"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("-> alice/net, main (dry run)\n"),
                    HasSubstr("\n  as alice: would create the repository and commit 3 files, 0 "
                              "unchanged\n"),
                    HasSubstr("  README.md\n")));
  EXPECT_THAT(server.requests(), ElementsAre("GET /api/whoami-v2", "GET /api/models/alice/net",
                                             "POST /api/validate-yaml"));
  ASSERT_EQ(push({folder, "alice/net"}).exit_code, 0);
  write_file(folder / "notes.txt", "text");
  server.clear_log();
  EXPECT_THAT(push({folder, "alice/net", "--dry-run"}).out,
              AllOf(HasSubstr("would commit 1 files, 3 unchanged\n"),
                    HasSubstr("  config.json  (unchanged)\n"), HasSubstr("  notes.txt\n")));
  EXPECT_THAT(server.requests("POST "),
              ElementsAre("POST /api/validate-yaml", "POST /api/models/alice/net/preupload/main"));
  fs::remove(folder / "notes.txt");
  const auto lines = json_lines(push({folder, "alice/net", "--dry-run", "--json"}).out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["account"], "alice");
  EXPECT_EQ(lines[0]["creates_repository"], false);
  EXPECT_EQ(lines[0]["files"][0]["action"], "keep");
}

TEST_F(PushCommandTest, DryRunRefusesWhatAPushRefuses) {
  const auto refused = [&](std::vector<std::string> arguments, const std::string& token) {
    arguments.insert(arguments.begin(), folder.string());
    arguments.emplace_back("--dry-run");
    const Outcome outcome = push(arguments, token);
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_EQ(count_errors(outcome.err), 1) << outcome.err;
    return outcome.err;
  };
  const std::string alice = "hf_alice_write";
  EXPECT_THAT(refused({"alice/net"}, ""), HasSubstr("HF_TOKEN: publishing needs a token"));
  EXPECT_THAT(refused({"alice/net"}, "hf_wrong"), HasSubstr("invalid token"));
  EXPECT_THAT(refused({"alice/net"}, "hf_alice_read"),
              HasSubstr("the token of alice can only read; use a token that can write"));
  EXPECT_THAT(refused({"bob/net"}, alice), HasSubstr("bob/net: the token's account alice cannot"));
  EXPECT_THAT(refused({"bob/net", "--create-pr"}, alice), HasSubstr("cannot publish as bob"));
  EXPECT_THAT(refused({"acme/net"}, "hf_carol_write"), HasSubstr("carol can only read in the"));
  EXPECT_THAT(refused({"a--b"}, alice), HasSubstr("a--b"));
  EXPECT_THAT(refused({"alice/net", "--revision", "a..b"}, alice), HasSubstr("a..b"));
  server.add_repo("alice/net", folder);
  EXPECT_THAT(refused({"alice/net", "--private"}, alice), HasSubstr("exists and is public"));
  write_file(folder / "config.json", "{");
  EXPECT_THAT(refused({"alice/net"}, alice), HasSubstr("config.json"));
}

/// Pushes of a folder that convert wrote.
class PushedCardTest : public PushCommandTest {
 protected:
  PushedCardTest() {
    testing::run_weightlift({"convert", room.source(), "-o", room.out(), "-q"});
    folder = room.folder();
    here = testing::read_file(folder / "README.md");
  }
  std::string here;
};

TEST_F(PushedCardTest, NamesTheRepositoryAndKeepsTheFoldersCard) {
  const Outcome outcome = push({folder, "alice/net"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err,
              HasSubstr("README.md: the published copy names alice/net in its title and code\n"));
  EXPECT_THAT(server.file("alice/net", "README.md"),
              AllOf(HasSubstr("\n# alice/net\n"), HasSubstr("from_pretrained(\"alice/net\")\n"),
                    Not(HasSubstr("\"small\""))));
  EXPECT_EQ(testing::read_file(folder / "README.md"), here);
  EXPECT_THAT(here, HasSubstr("from_pretrained(\"small\")"));
  EXPECT_THAT(push({folder, "alice/net"}).out,
              HasSubstr("nothing changed: the repository already has the 4 files\n"));
  EXPECT_THAT(push({folder, "alice/net", "--include", "*.json"}).err,
              Not(HasSubstr("the published copy names")));
  ASSERT_EQ(push({folder, "other"}).exit_code, 0);
  EXPECT_THAT(server.file("alice/other", "README.md"), HasSubstr("\n# alice/other\n"));
}

TEST_F(PushedCardTest, NamesABranchAndNoPullRequest) {
  ASSERT_EQ(push({folder, "alice/net", "--revision", "v2"}).exit_code, 0);
  EXPECT_THAT(server.file("alice/net", "README.md", "v2"),
              HasSubstr("from_pretrained(\"alice/net\", revision=\"v2\")\n"));
  ASSERT_EQ(push({folder, "alice/net", "--create-pr"}).exit_code, 0);
  EXPECT_THAT(server.file("alice/net", "README.md", "refs/pr/1"),
              HasSubstr("from_pretrained(\"alice/net\")\n"));
}

TEST_F(PushedCardTest, DryRunHashesThePublishedCard) {
  const auto dry = json_lines(push({folder, "alice/net", "--dry-run", "--json"}).out);
  ASSERT_EQ(push({folder, "alice/net"}).exit_code, 0);
  const std::string there = server.file("alice/net", "README.md");
  ASSERT_EQ(dry.size(), 1U);
  for (const auto& file : dry[0]["files"]) {
    EXPECT_TRUE(file["path"] != "README.md" || file["size"] == there.size()) << file;
  }
}

TEST_F(PushedCardTest, KeepsACardThatTheUserWrote) {
  write_file(folder / "README.md", "# small\n\nfrom_pretrained(\"small\")\n");
  const Outcome outcome = push({folder, "alice/net"});
  EXPECT_THAT(outcome.err, Not(HasSubstr("the published copy names")));
  EXPECT_EQ(server.file("alice/net", "README.md"), "# small\n\nfrom_pretrained(\"small\")\n");
  fs::remove(folder / "README.md");
  EXPECT_EQ(push({folder, "alice/none"}).exit_code, 0);
  EXPECT_THAT(server.paths("alice/none"), Not(Contains("README.md")));
}

TEST_F(PushCommandTest, RefusesWeightsThatDoNotMatch) {
  write_file(folder / "config.json",
             testing::merged(testing::read_file(folder / "config.json"), R"({"num_classes": 6})"));
  const Outcome outcome = push({folder, "alice/net"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(count_errors(outcome.err), 1);
  EXPECT_TRUE(server.log().empty());
}

TEST_F(PushCommandTest, RefusesTruncatedWeights) {
  const fs::path weights = folder / "model.safetensors";
  fs::resize_file(weights, fs::file_size(weights) - 1);
  EXPECT_EQ(push({folder, "alice/net"}).exit_code, 3);
  write_file(folder / "config.json", R"({"model_type": "vit"})");
  EXPECT_EQ(push({folder, "alice/net"}).exit_code, 3);
  EXPECT_TRUE(server.log().empty());
}

TEST_F(PushCommandTest, ChecksFilesOfOtherNetworks) {
  write_file(folder / "config.json", R"({"model_type": "vit"})");
  const Outcome outcome = push({folder, "alice/net"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("weights not compared with the config: weightlift does not "
                                     "support the network; whole safetensors files: 1, unchecked "
                                     "weights files: 0\n"));
  write_file(folder / "config.json", "{");
  EXPECT_EQ(push({folder, "alice/net"}).exit_code, 3);
}

TEST_F(PushCommandTest, NeedsEveryShardOfAnIndex) {
  fs::rename(folder / "model.safetensors", folder / "model-00001-of-00002.safetensors");
  write_file(
      folder / "model.safetensors.index.json",
      R"({"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "lost.safetensors"}})");
  write_file(folder / "config.json", R"({"model_type": "vit"})");
  EXPECT_THAT(push({folder, "alice/net"}).err,
              HasSubstr("index.json: weight_map: file not found: lost.safetensors\n"));
}

TEST_F(PushCommandTest, SkipsHiddenFilesAndLinksToFolders) {
  write_file(folder / ".env", "secret");
  write_file(folder / ".git/config", "secret");
  fs::create_directory(folder / "empty");
  fs::create_directory_symlink("empty", folder / "link");
  fs::create_symlink("README.md", folder / "notes.txt");
  EXPECT_THAT(
      push({folder, "alice/net"}).err,
      HasSubstr("note: not published: hidden files (2), files that are not part of a model (1)\n"));
  EXPECT_THAT(server.paths("alice/net"), ElementsAre(".gitattributes", "README.md", "config.json",
                                                     "model.safetensors", "notes.txt"));
}

/// A Trainer's checkpoint-500: the folder's model, and what resumes the run.
class TrainingStateTest : public PushCommandTest {
 protected:
  TrainingStateTest() {
    for (const char* name :
         {"optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state.pth", "rng_state_0.pth",
          "training_args.bin", "trainer_state.json", "zero_to_fp32.py",
          "global_step500/mp_rank_00_model_states.pt",
          "global_step500/zero_pp_rank_0_mp_rank_00_optim_states.pt",
          "pytorch_model_fsdp_0/__0_0.distcp", "pytorch_model_fsdp_0/.metadata",
          "checkpoint-400/model.safetensors", "last.pth.tar", "random_states_0.pkl"}) {
      write_file(folder / name, "state");
    }
    write_file(folder / "latest", "global_step500");
    write_file(folder / "runs/events.out.tfevents.1.host.2.0", "log");
    write_file(folder / "summary.csv", "epoch\n");
    write_file(folder / "scheduler/scheduler_config.json", "{}");
  }
};

TEST_F(TrainingStateTest, IsSkippedAndListed) {
  const Outcome outcome = push({folder, "alice/net", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(server.paths("alice/net"),
              ElementsAre(".gitattributes", "README.md", "config.json", "model.safetensors",
                          "runs/events.out.tfevents.1.host.2.0", "scheduler/scheduler_config.json",
                          "summary.csv"));
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["training_state"],
            (nlohmann::json{"checkpoint-400/", "global_step500/", "last.pth.tar", "latest",
                            "optimizer.pt", "pytorch_model_fsdp_0/", "random_states_0.pkl",
                            "rng_state.pth", "rng_state_0.pth", "scaler.pt", "scheduler.pt",
                            "trainer_state.json", "training_args.bin", "zero_to_fp32.py"}));
  EXPECT_EQ(lines[0]["notes"][0]["code"], "training-state-skipped");
  EXPECT_THAT(outcome.err,
              HasSubstr("note: skipped training state: checkpoint-400/, global_step500/, "
                        "last.pth.tar, latest, optimizer.pt, pytorch_model_fsdp_0/, "
                        "random_states_0.pkl, rng_state.pth and 6 more; --all-files publishes "
                        "it\n"));
}

TEST_F(TrainingStateTest, IsPublishedWithAllFiles) {
  write_file(folder / ".env", "secret");
  const Outcome outcome = push({folder, "alice/net", "--all-files", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(server.paths("alice/net"),
              AllOf(SizeIs(23), Contains("training_args.bin"), Contains("latest"),
                    Contains("pytorch_model_fsdp_0/.metadata"),
                    Contains("checkpoint-400/model.safetensors"), Not(Contains(".env"))));
  EXPECT_EQ(json_lines(outcome.out).at(0)["training_state"], nlohmann::json::array());
}

TEST_F(TrainingStateTest, IsNotTheOnlyWeightsFile) {
  fs::remove_all(folder);
  write_file(folder / "config.json", R"({"model_type": "vit"})");
  write_file(folder / "last.pth.tar", "weights");
  EXPECT_EQ(push({folder, "alice/net"}).exit_code, 0);
  EXPECT_THAT(server.paths("alice/net"), Contains("last.pth.tar"));
  fs::rename(folder / "last.pth.tar", folder / "optimizer.pt");
  const Outcome outcome = push({folder, "alice/net"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("no weights file found\n"));
}

TEST_F(PushCommandTest, KeepsAFileNamedLatestThatNamesNoFolder) {
  write_file(folder / "latest", "v2");
  ASSERT_EQ(push({folder, "alice/net"}).exit_code, 0);
  EXPECT_THAT(server.paths("alice/net"), Contains("latest"));
}

TEST_F(PushCommandTest, PublishesWhatIsIncludedAndNotExcluded) {
  write_file(folder / "onnx/model.onnx", "x");
  write_file(folder / "onnx/old/model.onnx", "x");
  write_file(folder / "optimizer.pt", "state");
  ASSERT_EQ(
      push({folder, "alice/a", "--include", "onnx/", "--include", "*.json", "--exclude", "*/old/*"})
          .exit_code,
      0);
  EXPECT_THAT(server.paths("alice/a"),
              ElementsAre(".gitattributes", "config.json", "onnx/model.onnx"));
  ASSERT_EQ(push({folder, "alice/b", "--include", "*.pt", "--include", "README.md"}).exit_code, 0);
  EXPECT_THAT(server.paths("alice/b"), ElementsAre(".gitattributes", "README.md"));
  ASSERT_EQ(push({folder, "alice/c", "--include", "*.pt", "--all-files"}).exit_code, 0);
  EXPECT_THAT(server.paths("alice/c"), ElementsAre(".gitattributes", "optimizer.pt"));
  const Outcome none = push({folder, "alice/d", "--exclude", "*"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("small: no file matches include and exclude\n"));
}

TEST_F(PushCommandTest, PublishesUnderANoncommercialLicenseOnlyWhereItIsAccepted) {
  write_file(folder / "README.md",
             "---\nlicense: other\nlicense_name: seer-license\nlicense_link: x\n---\n");
  const Outcome refused = push({folder, "alice/seer"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("license is seer-license (https://"),
                                 HasSubstr("--accept-license seer-license publishes")));
  EXPECT_EQ(push({folder, "alice/seer", "--accept-license", "mit"}).exit_code, 2);
  EXPECT_EQ(push({folder, "alice/seer", "--dry-run"}).exit_code, 2);
  write_file(folder / "README.md",
             "---\ntags:\n- x\n---\n- license: unknown; the source's config "
             "claims `cc-by-nc-4.0`\n");
  EXPECT_EQ(push({folder, "alice/seer"}).exit_code, 2);
  write_file(folder / "README.md", "---\nlicense_name: SEER-License\n---\n");
  EXPECT_EQ(push({folder, "alice/seer"}).exit_code, 2);
  write_file(folder / "README.md", "---\nlicense: seer-license\n---\n");
  EXPECT_EQ(push({folder, "alice/seer", "--accept-license", "seer-license"}).exit_code, 0);
}

TEST_F(PushCommandTest, WarnsOfNoncommercialLicenses) {
  write_file(folder / "README.md", "---\ntags:\n- x\nlicense: cc-by-nc-4.0\n---\n");
  EXPECT_THAT(
      push({folder, "alice/a"}).err,
      HasSubstr("warning: alice/a: the weights' license is cc-by-nc-4.0: no commercial use"));
  write_file(folder / "README.md", "---\nlicense:\n- mit\n- \"cc-by-nc-sa-4.0\"\n---\n");
  EXPECT_THAT(push({folder, "alice/a"}).err, HasSubstr("license is mit, cc-by-nc-sa-4.0: no"));
  write_file(folder / "README.md", "---\nlicense: mit\n---\nlicense: cc-by-nc-4.0\n");
  EXPECT_THAT(push({folder, "alice/a"}).err, Not(HasSubstr("no commercial use")));
  write_file(folder / "config.json",
             testing::merged(testing::read_file(folder / "config.json"),
                             R"({"pretrained_cfg": {"license": "cc-by-nc-4.0"}})"));
  EXPECT_THAT(push({folder, "alice/a"}).err, HasSubstr("license is cc-by-nc-4.0: no commercial"));
}

TEST_F(PushCommandTest, ExitCodeIsFiveWhereTheHubRefuses) {
  const Outcome outcome = push({folder, "alice/net"}, "hf_alice_read");
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("the token of alice can only read"),
                                 Not(HasSubstr("hf_alice_read"))));
  EXPECT_EQ(push({folder}, "").exit_code, 5);
}

TEST_F(PushCommandTest, JsonOfARefusalStatesHttpStatusAndRequestId) {
  const Outcome outcome = push({folder, "alice/net", "--json"}, "hf_unknown");
  EXPECT_EQ(outcome.exit_code, 5);
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 1U) << outcome.err;
  EXPECT_EQ(lines[0]["type"], "push");
  EXPECT_EQ(lines[0]["status"], "failed");
  EXPECT_EQ(lines[0]["error"]["kind"], "auth");
  EXPECT_EQ(lines[0]["error"]["http_status"], 401);
  EXPECT_THAT(lines[0]["error"]["request_id"].get<std::string>(), StartsWith("Root=1-"));
  EXPECT_FALSE(lines[0].contains("published"));
}

TEST_F(PushCommandTest, JsonOfAFailureStatesTheReply) {
  server.set_faults(R"([{"path": "/commit/main", "status": 400, "body": "no"}])");
  const Outcome outcome = push({folder, "alice/net", "--json"});
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_EQ(count_errors(outcome.err), 1) << outcome.err;
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 1U) << outcome.err;
  EXPECT_EQ(lines[0]["error"]["kind"], "network");
  EXPECT_EQ(lines[0]["error"]["http_status"], 400);
  EXPECT_THAT(lines[0]["error"]["request_id"].get<std::string>(), StartsWith("Root=1-"));
  EXPECT_THAT(lines[0]["error"]["where"].get<std::string>(), HasSubstr("/commit/main"));
}

TEST_F(PushCommandTest, CanBeInterruptedAndRunAgain) {
  server.set_faults(R"([{"path": "^/_lfs/object/", "rate": 20000, "times": -1}])");
  testing::Process process(command({folder, "alice/net"}, "hf_alice_write"));
  while (process.is_running() && server.requests("PUT ").empty()) std::this_thread::yield();
  process.signal(SIGINT);
  const Outcome outcome = process.wait();
  EXPECT_EQ(outcome.exit_code, 130);
  EXPECT_THAT(outcome.err, HasSubstr("weightlift: error: interrupted\n"));
  EXPECT_EQ(server.commit_titles("alice/net").size(), 1U);
  server.clear_faults();
  EXPECT_THAT(push({folder, "alice/net"}).out, HasSubstr("committed 3 files"));
}

TEST_F(PushCommandTest, ExitCodeIsThreeWithoutAModel) {
  const Outcome none = push({room.dir / "nothing", "alice/net"});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_THAT(none.err, HasSubstr("nothing: no such folder\n"));
  write_file(room.dir / "text/notes.txt", "x");
  EXPECT_THAT(push({room.dir / "text", "alice/net"}).err,
              HasSubstr("text: not a model folder: config.json not found\n"));
  write_file(room.dir / "text/config.json", R"({"model_type": "vit"})");
  EXPECT_THAT(push({room.dir / "text", "alice/net"}).err,
              HasSubstr("text: no weights file found\n"));
}

TEST_F(PushCommandTest, RefusesLinksOutOfTheFolder) {
  write_file(room.dir / "secret.txt", "the secret");
  fs::create_symlink("../../secret.txt", folder / "notes.txt");
  fs::create_symlink("/etc/passwd", folder / "users.txt");
  for (const char* option : {"--dry-run", "--json"}) {
    const Outcome outcome = push({folder, "alice/net", option});
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_THAT(outcome.out + outcome.err,
                AllOf(HasSubstr("symbolic links lead out of the folder, or to hidden files: notes"),
                      HasSubstr("users.txt -> /etc/passwd"), Not(HasSubstr("the secret"))));
  }
  EXPECT_THAT(server.requests("/commit/"), SizeIs(0));
  EXPECT_EQ(push({folder, "alice/net", "--exclude", "*.txt"}).exit_code, 0);
  fs::create_directory_symlink("..", folder / "up");
  EXPECT_THAT(push({folder, "alice/net", "--exclude", "*.txt"}).err,
              HasSubstr("hidden files: up -> "));
}

}  // namespace
}  // namespace weightlift
