// Sources, labels and processors by name, and publishing, against the stand-in Hub.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"
#include "tests/support/hub_server.h"
#include "weightlift/base/text.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using testing::count_errors;
using ::testing::ElementsAre;
using testing::files_of;
using ::testing::HasSubstr;
using testing::HubServer;
using ::testing::IsEmpty;
using testing::json_lines;
using testing::names_in;
using ::testing::Not;
using testing::Outcome;
using testing::read_file;
using testing::Room;
using testing::small_checkpoint;
using testing::write_file;

/// A Hub where timm/resnet18.a1_in1k is a small network, and an empty home.
class HubSourceTest : public ::testing::Test {
 protected:
  HubSourceTest() { commit = server.add_repo("timm/resnet18.a1_in1k", room.source()); }

  Outcome run(const std::vector<std::string>& arguments,
              const std::vector<std::string>& environment = {}) const {
    std::vector<std::string> command = {
        "/usr/bin/env", "HF_ENDPOINT=" + server.url(), "HF_HOME=" + (room.dir / "home").string(),
        "TORCH_HOME=" + (room.dir / "torch").string(), "HF_TOKEN=hf_alice_write"};
    command.insert(command.end(), environment.begin(), environment.end());
    command.emplace_back(WEIGHTLIFT_PROGRAM);
    command.insert(command.end(), arguments.begin(), arguments.end());
    return testing::run_program(command);
  }

  Outcome convert(std::vector<std::string> arguments,
                  const std::vector<std::string>& environment = {}) const {
    arguments.insert(arguments.begin(), {"convert", "-o", room.out()});
    return run(arguments, environment);
  }

  std::string card(const std::string& name) const {
    return read_file(room.dir / "out" / name / "README.md");
  }

  Room room;
  HubServer server;
  std::string commit;
};

TEST_F(HubSourceTest, AFolderThatIsUpToDateIsPublishedWithoutItsRecord) {
  ASSERT_EQ(convert({"resnet18", "--if-changed"}).exit_code, 0);
  const std::vector<std::string> again = {"resnet18", "--if-changed", "--push-to-hub", "--json"};
  nlohmann::json row = json_lines(convert(again).out)[0];
  EXPECT_EQ(row["status"], "already");
  EXPECT_EQ(row["published"]["repo_id"], "alice/resnet-18");
  EXPECT_EQ(row["published"]["committed"], 4);
  for (const auto& note : row["notes"]) EXPECT_NE(note["code"], "files-not-published");
  row = json_lines(convert(again).out)[0];
  EXPECT_EQ(row["published"]["nothing_changed"], true);
  // Another commit of the source is another source.
  server.add_repo("timm/resnet18.a1_in1k", room.source());
  EXPECT_EQ(json_lines(convert({"resnet18", "--if-changed", "--json"}).out)[0]["status"],
            "converted");
}

TEST_F(HubSourceTest, FetchesANamedModelOnce) {
  const Outcome first = convert({"resnet18"});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.err, HasSubstr("note: timm/resnet18.a1_in1k: from the Hub, commit " + commit));
  EXPECT_THAT(first.out, HasSubstr("resnet18 -> " + room.out() + "/resnet-18\n"));
  EXPECT_THAT(server.requests("resolve"), ::testing::SizeIs(2));
  server.clear_log();
  EXPECT_EQ(convert({"hf-hub:timm/resnet18.a1_in1k", "--force"}).exit_code, 0);
  EXPECT_THAT(server.requests("resolve"), IsEmpty());
}

TEST_F(HubSourceTest, ClassifiesAndEvaluatesWithARepository) {
  const testing::DigitsRoom digits;
  server.add_repo("alice/digits", digits.dir / "digits");
  const std::string image = digits.save("images/nine/1.png", "nine");
  const Outcome classified = run({"classify", "alice/digits", image, "--json"});
  EXPECT_EQ(classified.exit_code, 0) << classified.err;
  EXPECT_EQ(json_lines(classified.out)[0]["predictions"][0]["label"], "nine");
  const Outcome evaluated =
      run({"evaluate", "alice/digits", digits.dir / "images", "--json"}, {"HF_HUB_OFFLINE=1"});
  EXPECT_EQ(evaluated.exit_code, 0) << evaluated.err;
  EXPECT_EQ(json_lines(evaluated.out)[0]["top1"], 1.0);
  const Outcome checkpoint = run({"classify", "resnet18", image});
  EXPECT_EQ(checkpoint.exit_code, 3);
  EXPECT_THAT(checkpoint.err, HasSubstr("convert it first: weightlift convert resnet18 -o DIR"));
}

TEST_F(HubSourceTest, FetchesShardsWithTheirIndex) {
  small_checkpoint().write_sharded_folder(room.dir / "sharded");
  write_file(room.dir / "sharded/other.safetensors", "not wanted");
  server.add_repo("alice/sharded", room.dir / "sharded");
  EXPECT_THAT(convert({"alice/sharded", "--dry-run"}).out,
              AllOf(HasSubstr("model-00002-of-00002.safetensors"), Not(HasSubstr("other"))));
  const Outcome outcome = convert({"alice/sharded"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(server.requests("other.safetensors"), IsEmpty());
  ASSERT_EQ(convert({room.source()}).exit_code, 0);
  EXPECT_EQ(read_file(room.dir / "out/sharded/model.safetensors"),
            read_file(room.dir / "out/small/model.safetensors"));
}

/// The same Hub, where the repository has the shape that the registry knows.
class RealShapeTest : public HubSourceTest {
 protected:
  RealShapeTest() {
    testing::resnet18_checkpoint().write_folder(room.dir / "real");
    commit = server.add_repo(kId, room.dir / "real");
  }
  static constexpr const char* kId = "timm/resnet18.a1_in1k";
};

TEST_F(RealShapeTest, CardStatesFactsAndCommit) {
  ASSERT_EQ(convert({"resnet18"}).exit_code, 0);
  EXPECT_THAT(card("resnet-18"),
              AllOf(HasSubstr("license: \"apache-2.0\"\n"),
                    HasSubstr("base_model: \"timm/resnet18.a1_in1k\"\n"),
                    HasSubstr("datasets:\n- \"imagenet-1k\"\n"),
                    HasSubstr("repository `timm/resnet18.a1_in1k` of the Hub at commit `" + commit),
                    HasSubstr("known from their own repository")));
  // Everyone may open a pull request, and a commit does not show who made it.
  ASSERT_EQ(convert({std::string(kId) + "@" + commit, "--name", "pinned"}).exit_code, 0);
  EXPECT_THAT(card("pinned"), AllOf(HasSubstr(commit), Not(HasSubstr("base_model:"))));
}

TEST_F(RealShapeTest, DetectsADamagedCacheBeforeWriting) {
  ASSERT_EQ(run({"pull", kId}).exit_code, 0);
  const fs::path file =
      room.dir / "home/hub/models--timm--resnet18.a1_in1k/snapshots" / commit / "model.safetensors";
  const fs::path blob = fs::canonical(file);
  fs::permissions(blob, fs::perms::owner_write, fs::perm_options::add);
  std::string bytes = read_file(blob);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write_file(blob, bytes);
  const Outcome offline = convert({"resnet18"}, {"HF_HUB_OFFLINE=1"});
  EXPECT_EQ(offline.exit_code, 3);
  EXPECT_THAT(offline.err,
              HasSubstr("model.safetensors: the cached copy is damaged: its SHA-256 is not "));
  EXPECT_THAT(names_in(room.out()), IsEmpty());
  const Outcome online = convert({"resnet18", "--push-to-hub"});
  EXPECT_EQ(online.exit_code, 0);
  EXPECT_THAT(online.err, HasSubstr("the cached copy was damaged; downloaded again: model"));
}

TEST_F(HubSourceTest, CardOfAnotherShapeStatesNoFacts) {
  ASSERT_EQ(convert({"resnet18"}).exit_code, 0);
  EXPECT_THAT(card("resnet-18"), AllOf(HasSubstr(commit), Not(HasSubstr("\nbase_model:")),
                                       Not(HasSubstr("\nlicense:"))));
}

TEST_F(HubSourceTest, RefusesWrongRequestsBeforeTheDownload) {
  fs::create_directories(room.dir / "out/resnet-18");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"resnet18"},
        {"resnet18", "--name", ".b"},
        {"resnet18", "--name", "x", "--as", "resnet18"},
        {"resnet18", "--name", "x", "--id2label", "missing.json"},
        {"resnet18", "--name", "x", "--image-processor", "missing.json"},
        {"resnet18", "--name", "x", "--push-to-hub", "--revision", "a b"}}) {
    const Outcome outcome = convert(arguments);
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_EQ(count_errors(outcome.err), 1) << outcome.err;
  }
  EXPECT_EQ(run({"verify", "resnet18", room.dir / "no/such/folder"}).exit_code, 3);
  EXPECT_THAT(server.requests("resolve"), IsEmpty());
}

TEST_F(HubSourceTest, CardOfAnotherOwnerStatesOnlyClaims) {
  server.add_repo("bob/resnet18.a1_in1k", room.source());
  ASSERT_EQ(convert({"bob/resnet18.a1_in1k"}).exit_code, 0);
  EXPECT_THAT(card("resnet-18"),
              AllOf(HasSubstr("repository `bob/resnet18.a1_in1k` of the Hub"),
                    Not(HasSubstr("\nbase_model:")), Not(HasSubstr("\nlicense:"))));
}

TEST_F(HubSourceTest, UsesTheGivenRevision) {
  write_file(fs::path(room.source()) / "note.txt", "a second commit");
  const std::string second = server.add_repo("timm/resnet18.a1_in1k", room.source());
  ASSERT_NE(second, commit);
  ASSERT_EQ(convert({"timm/resnet18.a1_in1k@" + commit}).exit_code, 0);
  EXPECT_THAT(card("resnet-18"), HasSubstr(commit));
  ASSERT_EQ(convert({"hf-hub:timm/resnet18.a1_in1k@main", "--name", "new"}).exit_code, 0);
  EXPECT_THAT(card("new"), HasSubstr(second));
}

TEST_F(HubSourceTest, JsonNamesRepositoryAndCommit) {
  const auto lines = json_lines(convert({"resnet18", "--json"}).out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["source"], "resnet18");
  EXPECT_EQ(lines[0]["source_repository"]["repo_id"], "timm/resnet18.a1_in1k");
  EXPECT_EQ(lines[0]["source_repository"]["commit"], commit);
  EXPECT_EQ(lines[0]["notes"][0]["code"], "fetched");
  EXPECT_EQ(lines[0]["notes"][0]["parameters"]["commit"], commit);
}

TEST_F(HubSourceTest, WorksOfflineFromTheCache) {
  ASSERT_EQ(convert({"resnet18"}).exit_code, 0);
  server.clear_log();
  const Outcome offline = convert({"resnet18", "--name", "again"}, {"HF_HUB_OFFLINE=1"});
  EXPECT_EQ(offline.exit_code, 0) << offline.err;
  EXPECT_THAT(server.requests(), IsEmpty());
  for (const char* command : {"inspect", "verify"}) {
    std::vector<std::string> arguments = {command, "timm/resnet18.a1_in1k"};
    if (arguments[0] == "verify") arguments.push_back(room.dir / "out/again");
    const Outcome outcome = run(arguments, {"HF_HUB_OFFLINE=1"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  }
}

TEST_F(HubSourceTest, ReportsSourcesThatAreNotCachedWhileOffline) {
  const Outcome outcome = convert({"resnet18"}, {"HF_HUB_OFFLINE=1"});
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_EQ(count_errors(outcome.err), 1);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("error: timm/resnet18.a1_in1k@main: "),
                                 HasSubstr("is not in the cache, and weightlift is offline; ")));
  EXPECT_THAT(names_in(room.out()), IsEmpty());
}

TEST_F(HubSourceTest, UsesWeightsThatTimmCachedWithoutConfig) {
  // timm.create_model(..., pretrained=True) fetches the weights alone.
  const fs::path cache = room.dir / "home/hub/models--timm--resnet18.tv_in1k";
  fs::create_directories(cache / "refs");
  write_file(cache / "refs/main", commit);
  testing::TimmCheckpoint checkpoint = testing::small_checkpoint();
  fs::create_directories(cache / "snapshots" / commit);
  checkpoint.write_file(cache / "snapshots" / commit / "model.safetensors");
  const Outcome outcome = convert({"resnet18.tv_in1k"}, {"HF_HUB_OFFLINE=1"});
  EXPECT_THAT(outcome.err, HasSubstr("config from weightlift's registry"));
  // The small network is not the tag's, so the comparison with the registry fails.
  EXPECT_THAT(outcome.err, HasSubstr("expected [2, 2, 2, 2], got"));
}

TEST_F(HubSourceTest, UsesTorchsCache) {
  // Its sha256 begins with 394f9c45, the digits in its name.
  const fs::path file = room.dir / "torch/hub/checkpoints/resnet152-394f9c45.pth";
  fs::create_directories(file.parent_path());
  write_file(file, "no checkpoint: 97883337\n");
  const Outcome found = convert({"tv_resnet152"}, {"HF_HUB_OFFLINE=1"});
  EXPECT_EQ(found.exit_code, 3);
  EXPECT_THAT(found.err,
              AllOf(HasSubstr("tv_resnet152: using resnet152-394f9c45.pth from torch's cache\n"),
                    HasSubstr(file.string() + ": not a checkpoint")));
  // That cache knows of no revisions.
  const Outcome pinned = convert({"timm/resnet152.tv_in1k@v7"}, {"HF_HUB_OFFLINE=1"});
  EXPECT_EQ(pinned.exit_code, 5);
  EXPECT_THAT(pinned.err, Not(HasSubstr("torch")));
  write_file(file, "no checkpoint: 97883338\n");
  const Outcome other = convert({"tv_resnet152"}, {"HF_HUB_OFFLINE=1"});
  EXPECT_EQ(other.exit_code, 5);
  EXPECT_THAT(other.err, AllOf(HasSubstr("is not in the cache, and weightlift is offline"),
                               HasSubstr(", but the file's name states 394f9c45"),
                               HasSubstr("; download the file again\n")));
}

TEST_F(HubSourceTest, RefusesOtherNetworksBeforeTheWeightsDownload) {
  write_file(room.source() + "/config.json", R"({"architecture": "resnet50d"})");
  server.add_repo("timm/resnet50d.ra2_in1k", room.source());
  const Outcome outcome = convert({"timm/resnet50d.ra2_in1k"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("config.json: unsupported architecture 'resnet50d': "));
  EXPECT_THAT(server.requests("model.safetensors"), IsEmpty());
}

TEST_F(HubSourceTest, FetchesTorchsFileWithoutSafetensors) {
  fs::rename(room.source() + "/model.safetensors", room.source() + "/pytorch_model.bin");
  server.add_repo("alice/old", room.source());
  // The content decides the format: these are safetensors, under another name.
  const Outcome outcome = convert({"alice/old"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(server.requests("resolve"), Contains(HasSubstr("pytorch_model.bin")));
}

TEST_F(HubSourceTest, RefusesRepositoriesWithoutWeights) {
  fs::rename(room.source() + "/model.safetensors", room.source() + "/tf_model.h5");
  server.add_repo("alice/old", room.source());
  const Outcome outcome = convert({"alice/old"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(
      outcome.err,
      HasSubstr("alice/old@main: the repository has no model.safetensors, pytorch_model.bin or "
                "index of their shards\n"));
}

TEST_F(HubSourceTest, ReportsAConfigAloneInTheCacheAsNotCached) {
  const fs::path cache = room.dir / "home/hub/models--alice--net";
  fs::create_directories(cache / "refs");
  fs::create_directories(cache / "snapshots" / commit);
  write_file(cache / "refs/main", commit);
  fs::copy(room.source() + "/config.json", cache / "snapshots" / commit / "config.json");
  const Outcome outcome = convert({"alice/net"}, {"HF_HUB_OFFLINE=1"});
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_THAT(
      outcome.err,
      HasSubstr("alice/net@main: the weights are not in the cache, and weightlift is offline; "));
}

TEST_F(HubSourceTest, SuggestsTheNearestTag) {
  const Outcome outcome = convert({"timm/resnet18.a9_in1k"});
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("404"), HasSubstr("did you mean timm/resnet18.a")));
  EXPECT_THAT(convert({"timm/resnet18.a1_in1k@mian"}).err, HasSubstr("did you mean main?"));
}

TEST_F(HubSourceTest, ConvertsTheSixWithoutNames) {
  const Outcome outcome = convert({}, {});
  EXPECT_EQ(outcome.exit_code, 5);  // this Hub has the first only
  EXPECT_EQ(count_errors(outcome.err), 5);
  EXPECT_THAT(names_in(room.out()), ElementsAre("resnet-18"));
  for (const char* id : {"resnet26.bt_in1k", "resnet34.a1_in1k", "resnet50.a1_in1k",
                         "resnet101.a1h_in1k", "resnet152.a1h_in1k"}) {
    EXPECT_THAT(outcome.err, HasSubstr(id));
  }
}

TEST_F(HubSourceTest, DryRunFetchesNothing) {
  const Outcome outcome = convert({"resnet18", "--dry-run", "--push-to-hub"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("would fetch from timm/resnet18.a1_in1k: config.json, model.s"),
                    HasSubstr("license: apache-2.0"),
                    HasSubstr("would publish to resnet-18 in the token's account")));
  EXPECT_THAT(server.requests("resolve"), IsEmpty());
  EXPECT_FALSE(fs::exists(room.dir / "home"));
  ASSERT_EQ(run({"pull", "timm/resnet18.a1_in1k"}).exit_code, 0);
  EXPECT_THAT(convert({"resnet18", "--dry-run"}).out, HasSubstr("would write config.json"));
}

TEST_F(HubSourceTest, DryRunRefusesRepositoriesWithoutWeights) {
  fs::remove(room.source() + "/model.safetensors");
  server.add_repo("alice/empty", room.source());
  EXPECT_EQ(convert({"alice/empty", "--dry-run"}).exit_code, 3);
}

TEST_F(HubSourceTest, ReadsLabelsFromADataset) {
  const fs::path folder = room.dir / "label-files";
  fs::create_directories(folder);
  write_file(folder / "five.json", R"({"0": "a", "1": "b", "2": "c", "3": "d", "4": "e"})");
  server.add_repo("acme/label-files", folder, {{"type", "dataset"}});
  const std::string address = "hf://datasets/acme/label-files/five.json";
  const Outcome outcome = convert({"resnet18", "--id2label", address});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              HasSubstr("labels: from five.json of acme/label-files, chosen by the user"));
  EXPECT_THAT(outcome.err, HasSubstr("five.json of acme/label-files: labels: JSON, {id: label}; "
                                     "first 'a', last 'e'\n"));
  EXPECT_THAT(read_file(room.dir / "out/resnet-18/config.json"), HasSubstr("\"4\": \"e\""));
  EXPECT_THAT(names_in(room.dir / "home/hub"), Contains("datasets--acme--label-files"));
  EXPECT_THAT(convert({"resnet18", "--id2label", "hf://datasets/acme/label-files/fiv.json"}).err,
              HasSubstr("acme/label-files@main: fiv.json not found in the repository; did you mean "
                        "five.json?\n"));
}

TEST_F(HubSourceTest, ReadsTheProcessorFromAnyRepository) {
  const fs::path folder = room.dir / "processor";
  fs::create_directories(folder);
  write_file(folder / "preprocessor_config.json",
             R"({"crop_pct": 0.5, "do_normalize": true, "do_rescale": true, "do_resize": true,
                 "image_mean": [0.5, 0.5, 0.5], "image_processor_type": "ConvNextImageProcessor",
                 "image_std": [0.5, 0.5, 0.5], "resample": 2, "rescale_factor": 0.00392156862745098,
                 "size": {"shortest_edge": 99}})");
  server.add_repo("facebook/convnext", folder);
  const Outcome outcome = convert({"resnet18", "--image-processor", "facebook/convnext"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(read_file(room.dir / "out/resnet-18/preprocessor_config.json"),
              HasSubstr("\"shortest_edge\": 99"));
  EXPECT_THAT(card("resnet-18"), HasSubstr("from preprocessor_config.json of facebook/convnext"));
  EXPECT_EQ(convert({"resnet18", "--image-processor", folder, "--name", "here"}).exit_code, 0);
}

TEST_F(HubSourceTest, PublishesTheVerifiedFolder) {
  const Outcome outcome = convert({"resnet18", "--push-to-hub"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("-> alice/resnet-18\n  committed 4 files (4 sent)"));
  EXPECT_EQ(server.commit_titles("alice/resnet-18").front(), "Add model and image processor");
  for (const auto& [path, content] : files_of(room.dir / "out/resnet-18")) {
    EXPECT_TRUE(path == "README.md" || server.file("alice/resnet-18", path) == content) << path;
  }
}

TEST_F(HubSourceTest, PublishedCardNamesTheRepository) {
  const Outcome outcome = convert({"resnet18", "--push-to-hub"});
  EXPECT_THAT(
      outcome.err,
      HasSubstr("README.md: the published copy names alice/resnet-18 in its title and code\n"));
  const std::string here = card("resnet-18");
  EXPECT_THAT(here, AllOf(HasSubstr("\n# resnet-18\n"), HasSubstr("pretrained(\"resnet-18\")")));
  std::string there = here;
  replace_all(there, "# resnet-18\n", "# alice/resnet-18\n");
  replace_all(there, "\"resnet-18\"", "\"alice/resnet-18\"");
  EXPECT_EQ(server.file("alice/resnet-18", "README.md"), there);
}

TEST_F(HubSourceTest, PublishedTimmCardNamesTheBranch) {
  ASSERT_EQ(convert({"resnet18", "--to", "timm", "--name", "back", "--dtype", "float16",
                     "--push-to-hub", "--repo-id", "acme/back", "--revision", "half"})
                .exit_code,
            0);
  EXPECT_THAT(server.file("acme/back", "README.md", "half"),
              AllOf(HasSubstr("\n# acme/back\n"), HasSubstr("(\"hf-hub:acme/back@half\", ")));
}

TEST_F(HubSourceTest, VerifiesAndPullsPublishedModels) {
  ASSERT_EQ(convert({"resnet18", "--push-to-hub"}).exit_code, 0);
  const Outcome outcome = run({"verify", "resnet18", "alice/resnet-18"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("verified: "));
  EXPECT_THAT(run({"pull", "resnet18"}).out, HasSubstr("models--timm--resnet18.a1_in1k/snapshots"));
}

TEST_F(HubSourceTest, PublishesToTheGivenRepository) {
  ASSERT_EQ(convert({"resnet18", "--push_to_hub=True", "--repo-id", "acme/r18", "--private",
                     "--commit-message", "First"})
                .exit_code,
            0);
  EXPECT_EQ(server.commit_titles("acme/r18").front(), "First");
  const auto lines = json_lines(
      convert({"resnet18", "--push-to-hub", "--organization", "acme", "--json", "--force"}).out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["status"], "converted");
  EXPECT_EQ(lines[0]["published"]["repo_id"], "acme/resnet-18");
}

TEST_F(HubSourceTest, PublishesNothingByDefault) {
  ASSERT_EQ(convert({"resnet18", "--push_to_hub=False"}).exit_code, 0);
  EXPECT_THAT(server.requests("POST"), IsEmpty());
}

TEST_F(HubSourceTest, DetectsABadTokenBeforeTheDownload) {
  const Outcome outcome = convert({"resnet18", "--push-to-hub"}, {"HF_TOKEN=hf_unknown"});
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_THAT(server.requests("resolve"), IsEmpty());
  EXPECT_THAT(names_in(room.out()), IsEmpty());
}

TEST_F(HubSourceTest, KeepsAFolderThatCannotBePublished) {
  server.set_faults(R"([{"path": "/commit/main", "status": 403, "body": "no"}])");
  const Outcome outcome = convert({"resnet18", "--push-to-hub", "--repo-id", "alice/r18"});
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_THAT(outcome.err, HasSubstr("warning: " + room.out() +
                                     "/resnet-18: verified, but not published; publish it later "
                                     "with: weightlift push " +
                                     room.out() + "/resnet-18 alice/r18\n"));
  EXPECT_THAT(names_in(room.out()), ElementsAre("resnet-18"));
}

TEST_F(HubSourceTest, JsonOfAFailureStatesHttpStatusAndRequestId) {
  server.set_faults(R"([{"path": "/commit/main", "status": 403, "body": "no"}])");
  const Outcome outcome =
      convert({"resnet18", "--push-to-hub", "--repo-id", "alice/r18", "--json"});
  EXPECT_EQ(outcome.exit_code, 5);
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 1U) << outcome.err;
  EXPECT_EQ(lines[0]["status"], "failed");
  EXPECT_EQ(lines[0]["error"]["kind"], "auth");
  EXPECT_EQ(lines[0]["error"]["http_status"], 403);
  EXPECT_THAT(lines[0]["error"]["request_id"].get<std::string>(), ::testing::StartsWith("Root=1-"));
  EXPECT_EQ(lines[0]["verification"]["verified"], true);
  EXPECT_FALSE(lines[0].contains("published"));
}

TEST_F(HubSourceTest, HintRepeatsTheOptions) {
  const Outcome outcome = convert({"resnet18", "--push-to-hub", "--repo-id", "bob/r18", "--private",
                                   "--create-pr", "--revision", "dev"});
  EXPECT_THAT(outcome.err, HasSubstr("resnet-18 bob/r18 --private --create-pr --revision dev\n"));
}

TEST_F(HubSourceTest, RefusesToReplaceTheSourcesRepository) {
  server.add_repo("alice/flowers", room.source());
  const Outcome outcome = convert({"alice/flowers", "--push-to-hub"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err,
              HasSubstr("alice/flowers: publishing would replace the source's own repository; "));
  EXPECT_THAT(server.requests("resolve"), IsEmpty());
  EXPECT_EQ(convert({"alice/flowers", "--push-to-hub", "--repo-id", "alice/flowers"}).exit_code, 0);
}

TEST_F(HubSourceTest, RefusesPublicRepositoriesForPrivateModels) {
  server.add_repo("alice/open", room.source());
  const std::vector<std::string> to = {"resnet18", "--push-to-hub", "--private", "--force"};
  std::vector<std::string> arguments = to;
  arguments.insert(arguments.end(), {"--repo-id", "alice/open"});
  const Outcome outcome = convert(arguments);
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_THAT(outcome.err,
              HasSubstr("alice/open: the repository already exists and is public; sent no files"));
  EXPECT_THAT(server.requests("/commit/"), IsEmpty());
  EXPECT_EQ(convert(to).exit_code, 0);
  EXPECT_EQ(convert(to).exit_code, 0);  // the repository is private now
}

TEST_F(HubSourceTest, PublishingOptionsNeedPushToHub) {
  const Outcome outcome = convert({"resnet18", "--repo-id", "alice/x"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("and other publishing options need --push-to-hub\n"));
}

TEST_F(HubSourceTest, InspectsAnyNetwork) {
  write_file(room.source() + "/config.json", R"({"architecture": "resnet50d"})");
  server.add_repo("timm/resnet50d.ra2_in1k", room.source());
  const Outcome outcome = run({"inspect", "timm/resnet50d.ra2_in1k"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("network: not convertible: "));
}

TEST_F(HubSourceTest, RefusesFilesTooLargeToRead) {
  const fs::path folder = room.dir / "labels";
  fs::create_directories(folder);
  write_file(folder / "large.json", std::string(17 << 20, ' '));
  server.add_repo("acme/labels", folder, {{"type", "dataset"}});
  const Outcome outcome =
      convert({"resnet18", "--id2label", "hf://datasets/acme/labels/large.json"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("large.json: expected at most 16777216 bytes, got 17825792"));
  EXPECT_THAT(server.requests("resolve"), IsEmpty());
}

TEST_F(HubSourceTest, HintsAtMissingPathsAndUnsupportedNetworks) {
  EXPECT_THAT(convert({"out/resnet-19"}).err,
              HasSubstr("; no local file or folder has that name either\n"));
  EXPECT_THAT(convert({"timm/resnet50d"}).err,
              HasSubstr("; resnet50d is known to timm, not supported: deep stem"));
}

TEST_F(HubSourceTest, TakesAPathWithATypingErrorForAPath) {
  const fs::path before = fs::current_path();
  fs::current_path(room.dir.path());
  const Outcome refused = convert({"in/smal"});
  EXPECT_EQ(refused.exit_code, 5);
  EXPECT_THAT(refused.err, HasSubstr("no local file or folder has that name either; did you mean "
                                     "in/small?\n"));
  const Outcome alone = convert({"in/smal", "--json"}, {"HF_ENDPOINT=http://127.0.0.1:9"});
  fs::current_path(before);
  EXPECT_EQ(alone.exit_code, 3);
  EXPECT_THAT(alone.err, HasSubstr("in/smal: no such file or folder, and the Hub cannot be asked "
                                   "for a repository of that name; did you mean in/small?\n"));
  EXPECT_EQ(json_lines(alone.out).at(0).at("error").at("kind"), "not_found");
}

TEST_F(HubSourceTest, ChecksTheRightsToPublishBeforeTheConversion) {
  const auto refused = [&](const std::vector<std::string>& more, const std::string& token) {
    std::vector<std::string> arguments = {room.source(), "--push-to-hub"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = convert(arguments, {"HF_TOKEN=" + token});
    EXPECT_EQ(outcome.exit_code, 5) << outcome.err;
    EXPECT_FALSE(fs::exists(room.out())) << outcome.err;
    return outcome.err;
  };
  EXPECT_THAT(refused({}, "hf_alice_read"), HasSubstr("the token of alice can only read"));
  EXPECT_THAT(refused({"--repo-id", "bob/small"}, "hf_alice_write"),
              HasSubstr("cannot publish as bob"));
  EXPECT_THAT(refused({"--dry-run"}, ""), HasSubstr("publishing needs a token"));
}

TEST_F(HubSourceTest, PublishesUnderANoncommercialLicenseOnlyWhereItIsAccepted) {
  server.add_repo("timm/resnet18.fb_ssl_yfcc100m_ft_in1k", room.source());
  const std::string license = "cc-by-nc-4.0";
  const Outcome refused = convert({"ssl_resnet18", "--push-to-hub"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("ssl_resnet18: the weights' license is cc-by-nc-4.0 "
                                     "(https://creativecommons.org/licenses/by-nc/4.0/): no "
                                     "commercial use"));
  EXPECT_THAT(refused.err, HasSubstr("--accept-license cc-by-nc-4.0 publishes under it"));
  EXPECT_FALSE(fs::exists(room.out())) << "refused before any work";
  EXPECT_EQ(convert({"ssl_resnet18", "--push-to-hub", "--license", "mit"}).exit_code, 2);
  const Outcome outcome = convert({"ssl_resnet18", "--push-to-hub", "--accept-license", license});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("the weights' license is cc-by-nc-4.0: no commercial use"));
  const Outcome flagged = convert({"ssl_resnet18", "--push-to-hub", "--license", "mit", "--name",
                                   "mine", "--accept-license", license});
  EXPECT_THAT(flagged.err, HasSubstr("the weights' license is cc-by-nc-4.0: no commercial use"));
}

TEST_F(HubSourceTest, ReportsOrRepairsADamagedCache) {
  ASSERT_EQ(run({"pull", "resnet18"}).exit_code, 0);
  ASSERT_EQ(convert({"resnet18"}).exit_code, 0);
  const std::string cache = room.dir / "home/hub/models--timm--resnet18.a1_in1k";
  const std::string snapshot = cache + "/snapshots/" + commit;
  for (const char* name : {"config.json", "model.safetensors"}) {
    const fs::path blob = fs::canonical(fs::path(snapshot) / name);
    const std::string bytes = read_file(blob);
    std::string damaged = bytes;
    damaged[damaged.find_last_not_of(" \n}") - 1] ^= 1;
    const std::string repository = "timm/resnet18.a1_in1k";
    const std::vector<std::vector<std::string>> commands = {
        {"pull", repository},
        {"verify", repository, room.out() + "/resnet-18"},
        {"convert", "-o", room.out(), "--force", repository}};
    for (const std::vector<std::string>& command : commands) {
      write_file(blob, damaged);
      const Outcome offline = run(command, {"HF_HUB_OFFLINE=1"});
      EXPECT_NE(offline.exit_code, 0) << command[0];
      EXPECT_THAT(offline.err, AllOf(HasSubstr(std::string(name) + ": the cached copy is damaged"),
                                     HasSubstr("run again to download it again")));
      const Outcome online = run(command);
      EXPECT_EQ(online.exit_code, 0) << command[0] << online.err;
      EXPECT_THAT(online.err,
                  HasSubstr("the cached copy was damaged; downloaded again: " + std::string(name)));
      EXPECT_EQ(read_file(blob), bytes);
    }
    write_file(blob, damaged);
    for (const std::string& source : {cache, snapshot, snapshot + "/"}) {
      EXPECT_THAT(convert({source, "--name", "other"}).err,
                  HasSubstr(std::string(name) + ": the cached copy is damaged"));
    }
    write_file(blob, bytes);
  }
}

}  // namespace
}  // namespace weightlift
