#include "weightlift/hub/upload_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/hub_server.h"
#include "tests/support/refusal.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::HubServer;
using testing::kAliceWrite;
using ::testing::MatchesRegex;
using testing::refusal;
using testing::TempDir;
using testing::write_file;

class UploadPlanTest : public ::testing::Test {
 protected:
  UploadPlanTest() {
    write_file(folder / "config.json", "{}");
    write_file(folder / "README.md", "---\nlicense: mit\n---\n");
    write_file(folder / "model.safetensors", std::string(100'000, 'w'));
    write_file(folder / "empty.txt", "");
    request.folder = folder;
    request.files = {"README.md", "config.json", "empty.txt", "model.safetensors"};
  }

  UploadPlan plan(const std::string& token = kAliceWrite) {
    HubSettings settings;
    settings.endpoint = server.url();
    settings.token = token;
    settings.first_wait = std::chrono::milliseconds(1);
    HttpClient http(settings);
    ProgressSink silent;
    server.clear_log();
    UploadPlan made = plan_upload(http, request, silent);
    // Whatever the answer, no request writes.
    EXPECT_THAT(server.requests(),
                Each(MatchesRegex("GET .*|POST /api/validate-yaml|POST .*/preupload/.*")));
    return made;
  }

  std::string failed_plan() {
    return refusal<Error>([&] { plan(); });
  }

  std::vector<std::string> actions(const UploadPlan& made) {
    std::vector<std::string> found;
    for (const PlannedFile& file : made.files) {
      found.push_back(file.path + " " + std::string(to_string(file.action)));
    }
    return found;
  }

  TempDir dir;
  fs::path folder = dir / "net";
  HubServer server;
  UploadRequest request{
      .folder = {}, .files = {}, .repo = RepoId::parse("alice/net"), .commit_message = "Add"};
};

TEST_F(UploadPlanTest, OfAMissingRepositoryCreatesIt) {
  const UploadPlan made = plan();
  EXPECT_TRUE(made.creates_repository);
  EXPECT_FALSE(made.creates_branch);
  EXPECT_THAT(actions(made), ElementsAre("README.md commit", "config.json commit",
                                         "empty.txt commit", "model.safetensors commit"));
  EXPECT_EQ(made.files[1].size_bytes, 2U);
  EXPECT_EQ(made.files[1].sha256,
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
}

TEST_F(UploadPlanTest, KeepsEqualFiles) {
  server.add_repo("alice/net", folder);
  EXPECT_THAT(actions(plan()), ElementsAre("README.md keep", "config.json keep", "empty.txt keep",
                                           "model.safetensors keep"));
  write_file(folder / "config.json", "{ }");
  const UploadPlan made = plan();
  EXPECT_FALSE(made.creates_repository);
  EXPECT_THAT(actions(made), ElementsAre("README.md keep", "config.json commit", "empty.txt keep",
                                         "model.safetensors keep"));
}

TEST_F(UploadPlanTest, OfANewBranchComparesWithMain) {
  server.add_repo("alice/net", folder);
  write_file(folder / "config.json", "{ }");
  request.revision = "v2";
  const UploadPlan made = plan();
  EXPECT_TRUE(made.creates_branch);
  EXPECT_THAT(actions(made), ElementsAre("README.md keep", "config.json commit", "empty.txt keep",
                                         "model.safetensors keep"));
  request.create_pr = true;
  EXPECT_THAT(failed_plan(), HasSubstr("revision not found"));
  request.create_pr = false;
  request.revision = "refs/pr/7";
  EXPECT_THAT(failed_plan(), HasSubstr("revision not found"));
  request.repo = RepoId::parse("alice/none");
  EXPECT_THAT(failed_plan(), HasSubstr("repository not found"));
}

TEST_F(UploadPlanTest, MakesUploadsChecks) {
  server.add_repo("alice/net", folder);
  request.private_repo = true;
  EXPECT_THAT(failed_plan(), HasSubstr("the repository already exists and is public; sent no"));
  request.private_repo = false;
  server.set_faults(
      R"([{"path": "validate-yaml", "status": 400, "body": "{\"errors\": [{\"message\": \"no such license\"}]}"}])");
  EXPECT_THAT(failed_plan(), HasSubstr("the Hub refused the metadata: no such license"));
  server.clear_faults();
  request.repo = RepoId::parse("bob/net");
  server.add_repo("bob/net", folder);
  EXPECT_THAT(failed_plan(), HasSubstr("permission denied"));
  request.revision = "a..b";
  EXPECT_THAT(failed_plan(), HasSubstr("a..b"));
}

TEST_F(UploadPlanTest, RefusesFilesThatAreAllIgnored) {
  server.add_repo("alice/net", folder);
  request.files = {"config.json", "README.md"};
  const char* ignored =
      R"([{"path": "preupload", "status": 200, "body": "{\"files\": [{\"path\": \"config.json\", \"uploadMode\": \"regular\", \"shouldIgnore\": true}, {\"path\": \"README.md\", \"uploadMode\": \"regular\", \"shouldIgnore\": %s}]}"}])";
  std::string faults = ignored;
  faults.replace(faults.find("%s"), 2, "true");
  server.set_faults(faults);
  EXPECT_THAT(failed_plan(), HasSubstr("no files to commit: the repository's .gitignore"));
  faults = ignored;
  faults.replace(faults.find("%s"), 2, "false");
  server.set_faults(faults);
  EXPECT_THAT(actions(plan()), ElementsAre("config.json ignore", "README.md commit"));
}

}  // namespace
}  // namespace weightlift
