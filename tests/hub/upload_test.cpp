#include "weightlift/hub/upload.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <exception>
#include <thread>

#include "tests/support/hub_server.h"
#include "tests/support/notes.h"
#include "tests/support/refusal.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::HubServer;
using ::testing::IsEmpty;
using testing::kAliceRead;
using testing::kAliceWrite;
using testing::kBobWrite;
using ::testing::Not;
using testing::refusal;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing::TempDir;
using testing::told;
using testing::write_file;

/// Pseudorandom bytes.
std::string noise(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint64_t state = size + 1;
  for (char& byte : bytes) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    byte = static_cast<char>(state >> 56U);
  }
  return bytes;
}

/// Keeps the progress of a push, and calls hooks.
struct Listener : ProgressSink {
  void step(std::string_view name, std::uint64_t total) override {
    steps.emplace_back(name);
    largest = total;
    if (on_step) on_step(name);
  }
  void advance(std::uint64_t done) override {
    EXPECT_LE(done, largest);
    if (on_advance) on_advance(done);
  }
  void note(const Note& note) override { notes.push_back(note); }

  std::vector<std::string> steps;
  Notes notes;
  std::uint64_t largest = 0;
  std::function<void(std::string_view)> on_step;
  std::function<void(std::uint64_t)> on_advance;
};

class UploadTest : public ::testing::Test {
 protected:
  UploadTest() {
    write_file(folder / "config.json", R"({"model_type": "resnet"})");
    write_file(folder / "README.md", "---\nlicense: mit\n---\n# net\n");
    write_file(folder / "model.safetensors", noise(300'000));
    request.folder = folder;
    request.files = {"README.md", "config.json", "model.safetensors"};
    request.commit_message = "Add model and image processor";
  }

  CommitInfo push(const std::string& token = kAliceWrite) {
    HubSettings settings;
    settings.endpoint = server.url();
    settings.token = token;
    settings.first_wait = std::chrono::milliseconds(1);
    HttpClient http(settings);
    return upload_folder(http, request, listener);
  }

  std::string failed_push(const std::string& token = kAliceWrite) {
    return refusal<HubError>([&] { push(token); });
  }

  /// The Hub's reply to alice.
  Json get(const std::string& path) {
    HubSettings settings;
    settings.endpoint = server.url();
    settings.token = kAliceWrite;
    HttpRequest question;
    question.url = server.url() + path;
    return Json::parse(HttpClient(settings).send(question).body);
  }

  std::size_t count(std::string_view part) { return server.requests(part).size(); }

  /// Uploads in 5 parts of 64 kB.
  void use_multipart() { server.set_mode(R"({"multipart_over": 1000, "chunk_size": 65536})"); }

  void expect_all_files(std::string_view revision = "main") {
    EXPECT_THAT(server.paths("alice/net", revision),
                ElementsAre(".gitattributes", "README.md", "config.json", "model.safetensors"));
    EXPECT_EQ(server.file("alice/net", "model.safetensors", revision), noise(300'000));
    EXPECT_EQ(server.file("alice/net", "config.json", revision), R"({"model_type": "resnet"})");
  }

  TempDir dir;
  fs::path folder = dir / "net";
  HubServer server;
  UploadRequest request = {
      .folder = {}, .files = {}, .repo = RepoId::parse("alice/net"), .commit_message = {}};
  Listener listener;
};

TEST_F(UploadTest, CreatesTheRepositoryAndOneCommitOfAllFiles) {
  const CommitInfo info = push();
  EXPECT_EQ(info.committed, 3U);
  EXPECT_EQ(info.uploaded, 3U);
  EXPECT_EQ(info.unchanged, 0U);
  EXPECT_FALSE(info.nothing_changed);
  EXPECT_EQ(info.url, fmt::format("{}/alice/net/commit/{}", server.url(), info.oid));
  EXPECT_THAT(info.oid, SizeIs(40));
  EXPECT_THAT(info.pull_request_url, IsEmpty());
  expect_all_files();
  EXPECT_THAT(server.commit_titles("alice/net"),
              ElementsAre("Add model and image processor", "initial commit"));
  EXPECT_THAT(told(listener.notes), IsEmpty());
}

TEST_F(UploadTest, MakesNoCommitIfNothingChanged) {
  const CommitInfo first = push();
  server.clear_log();
  const CommitInfo second = push();
  EXPECT_TRUE(second.nothing_changed);
  EXPECT_EQ(second.unchanged, 3U);
  EXPECT_EQ(second.committed, 0U);
  EXPECT_EQ(second.oid, first.oid);
  EXPECT_EQ(second.url, first.url);
  EXPECT_EQ(count("/commit/"), 0U);
  EXPECT_EQ(count("/lfs/"), 0U);
}

TEST_F(UploadTest, SendsOnlyChangedFiles) {
  push();
  write_file(folder / "config.json", R"({"model_type": "resnet", "x": 1})");
  server.clear_log();
  const CommitInfo info = push();
  EXPECT_EQ(info.committed, 1U);
  EXPECT_EQ(info.uploaded, 1U);
  EXPECT_EQ(info.unchanged, 2U);
  EXPECT_EQ(count("/lfs/"), 0U);
  EXPECT_THAT(server.commit_titles("alice/net"), SizeIs(3));
}

TEST_F(UploadTest, ReplacesTheCardOfTheFolder) {
  write_file(dir / "card", "# Another\n");
  request.card = dir / "card";
  EXPECT_EQ(push().committed, 3U);
  EXPECT_EQ(server.file("alice/net", "README.md"), "# Another\n");
  EXPECT_THAT(server.paths("alice/net"), Not(Contains("card")));
  EXPECT_TRUE(push().nothing_changed);
}

TEST_F(UploadTest, DoesNotSendContentThatTheHubHasUnderAnotherName) {
  push();
  fs::rename(folder / "model.safetensors", folder / "other.safetensors");
  request.files = {"other.safetensors"};
  server.clear_log();
  const CommitInfo info = push();
  EXPECT_EQ(info.committed, 1U);
  EXPECT_EQ(info.uploaded, 0U);
  EXPECT_EQ(count("PUT "), 0U);
  EXPECT_EQ(server.file("alice/net", "other.safetensors"), noise(300'000));
}

TEST_F(UploadTest, SendsEqualFilesOnce) {
  fs::create_directories(folder / "copy");
  fs::copy_file(folder / "model.safetensors", folder / "copy/model.safetensors");
  request.files.emplace_back("copy/model.safetensors");
  EXPECT_EQ(push().committed, 4U);
  EXPECT_EQ(count("PUT "), 1U);
  EXPECT_EQ(server.file("alice/net", "copy/model.safetensors"), noise(300'000));
}

TEST_F(UploadTest, CommitsAnEmptyFileInline) {
  write_file(folder / "empty.safetensors", "");
  request.files = {"empty.safetensors"};
  EXPECT_EQ(push().committed, 1U);
  EXPECT_EQ(count("/lfs/"), 0U);
  EXPECT_EQ(server.file("alice/net", "empty.safetensors"), "");
  EXPECT_TRUE(push().nothing_changed);
}

TEST_F(UploadTest, SendsPartsAndJoinsThem) {
  use_multipart();
  push();
  EXPECT_EQ(count("PUT /_lfs/part/"), 5U);
  EXPECT_EQ(count("POST /_lfs/complete/"), 1U);
  expect_all_files();
}

TEST_F(UploadTest, SendsNoTokenWithSignedUrls) {
  server.set_mode(R"({"lfs_upload": "cdn"})");
  for (const bool parts : {false, true}) {
    write_file(folder / "model.safetensors", noise(parts ? 400'000 : 300'000));
    if (parts) use_multipart();
    push();
  }
  int signed_requests = 0;
  for (const Json& entry : server.log()) {
    const bool is_signed =
        entry["path"].get<std::string>().find("X-Signature") != std::string::npos;
    signed_requests += is_signed ? 1 : 0;
    EXPECT_EQ(entry["headers"].contains("authorization"), !is_signed) << entry.dump();
  }
  EXPECT_EQ(signed_requests, 1 + 7 + 1);
}

TEST_F(UploadTest, RequestsNewUrlsForExpiredOnes) {
  server.set_faults(R"([{"path": "^/_lfs/object/", "status": 403}])");
  push();
  EXPECT_EQ(count("objects/batch"), 2U);
  expect_all_files();
}

TEST_F(UploadTest, KeepsUploadedPartsWhenUrlsExpire) {
  use_multipart();
  server.set_mode(R"({"expire_urls_after": 3})");
  push();
  expect_all_files();
  // 5 parts and the completion are 6 good requests; the server refused later ones unread.
  std::size_t taken = 0;
  for (const Json& entry : server.log()) {
    const std::string path = entry["path"];
    if (path.starts_with("/_lfs/part/") && entry["status"] == 200) ++taken;
  }
  EXPECT_EQ(taken, 5U);
}

TEST_F(UploadTest, GivesUpIfAllUrlsAreRefused) {
  server.set_faults(R"([{"path": "^/_lfs/object/", "status": 403, "times": -1}])");
  EXPECT_THAT(failed_push(), AllOf(HasSubstr("model.safetensors: the server refused 5 upload URLs"),
                                   Not(HasSubstr("X-Signature"))));
  EXPECT_THAT(server.commit_titles("alice/net"), ElementsAre("initial commit"));
}

TEST_F(UploadTest, RetriesPartsAfterALostConnection) {
  use_multipart();
  server.set_faults(R"([{"path": "^/_lfs/part/", "close_after_upload": 1000, "times": 3},
                        {"path": "^/_lfs/complete/", "close_after": 0}])");
  push();
  expect_all_files();
}

TEST_F(UploadTest, SendsOnlyMissingFilesInTheNextRun) {
  write_file(folder / "second.safetensors", noise(200'000));
  request.files.emplace_back("second.safetensors");
  server.set_faults(R"([{"path": "/commit/main", "status": 400}])");
  EXPECT_THAT(failed_push(), HasSubstr("/commit/main: the server answered POST with status 400"));
  server.clear_log();
  const CommitInfo info = push();
  EXPECT_EQ(count("PUT "), 0U);
  EXPECT_EQ(info.committed, 4U);
  EXPECT_EQ(info.uploaded, 2U);
}

TEST_F(UploadTest, RetriesALostRaceOnTheNewParent) {
  push();
  write_file(folder / "config.json", R"({"x": 2})");
  TempDir other;
  write_file(other / "notes.txt", "of another user");
  std::string theirs;
  listener.on_step = [&](std::string_view name) {
    if (name.starts_with("commit") && theirs.empty()) {
      theirs = server.add_repo("alice/net", other.path());
    }
  };
  const CommitInfo info = push();
  EXPECT_EQ(info.committed, 3U);  // the other commit had removed all files
  EXPECT_THAT(server.commit_titles("alice/net"), SizeIs(4));
  EXPECT_THAT(server.paths("alice/net"), Contains("notes.txt"));
  EXPECT_EQ(server.file("alice/net", "config.json"), R"({"x": 2})");
}

TEST_F(UploadTest, MakesOneCommitIfTheReplyIsLost) {
  server.set_faults(R"([{"path": "/commit/main", "close_after": 0}])");
  const CommitInfo info = push();
  EXPECT_EQ(count("/commit/main"), 1U);
  EXPECT_EQ(info.committed, 3U);
  EXPECT_FALSE(info.nothing_changed);
  EXPECT_THAT(server.commit_titles("alice/net"), SizeIs(2));
  EXPECT_EQ(info.url, fmt::format("{}/alice/net/commit/{}", server.url(), info.oid));
  EXPECT_EQ(get("/api/models/alice/net")["sha"], info.oid);
}

TEST_F(UploadTest, MakesOneCommitIfAGatewayLosesTheReply) {
  server.set_faults(R"([{"path": "/commit/main", "status": 502, "handled": true}])");
  push();
  EXPECT_EQ(count("/commit/main"), 1U);
  EXPECT_THAT(server.commit_titles("alice/net"), SizeIs(2));
}

TEST_F(UploadTest, RetriesACommitThatDidNotArrive) {
  server.set_faults(R"([{"path": "/commit/main", "close_after_upload": 10},
                        {"path": "/commit/main", "status": 503},
                        {"path": "/commit/main", "status": 429}])");
  push();
  EXPECT_EQ(count("/commit/main"), 4U);
  EXPECT_THAT(server.commit_titles("alice/net"), SizeIs(2));
  expect_all_files();
}

TEST_F(UploadTest, GivesUpIfEveryCommitIsRefused) {
  server.set_faults(R"([{"path": "/commit/main", "status": 412, "times": -1}])");
  EXPECT_THAT(failed_push(),
              HasSubstr("/alice/net: no commit after 10 tries (status 412); advice(try again"));
}

TEST_F(UploadTest, OpensAPullRequest) {
  push();
  write_file(folder / "config.json", "{}");
  request.create_pr = true;
  const CommitInfo info = push();
  EXPECT_EQ(info.pull_request_url, server.url() + "/alice/net/discussions/1");
  EXPECT_EQ(server.file("alice/net", "config.json", "refs/pr/1"), "{}");
  expect_all_files();
}

TEST_F(UploadTest, OpensOnePullRequestIfTheReplyIsLost) {
  push();
  write_file(folder / "config.json", "{}");
  request.create_pr = true;
  server.set_faults(R"([{"path": "/commit/main", "close_after": 0}])");
  const CommitInfo info = push();
  EXPECT_EQ(info.pull_request_url, server.url() + "/alice/net/discussions/1");
  EXPECT_THAT(get("/api/models/alice/net/refs?include_prs=1")["pullRequests"], SizeIs(1));
}

TEST_F(UploadTest, ReportsAServerWithoutPullRequests) {
  request.create_pr = true;
  server.set_faults(R"([{"path": "create_pr=1", "method": "POST", "skip": 1, "status": 501,
                         "body": "{\"error\": \"no pull requests here\"}"}])");
  EXPECT_THAT(failed_push(), HasSubstr("status 501: \"no pull requests here\""));
}

TEST_F(UploadTest, CreatesAMissingBranch) {
  push();
  write_file(folder / "config.json", "{}");
  request.revision = "dev/x";
  push();
  EXPECT_EQ(server.file("alice/net", "config.json", "dev%2Fx"), "{}");
  expect_all_files();
  EXPECT_EQ(count("POST /api/models/alice/net/branch/dev%2Fx"), 1U);
  write_file(folder / "config.json", "{ }");
  push();
  EXPECT_EQ(count("POST /api/models/alice/net/branch/dev%2Fx"), 1U);
}

TEST_F(UploadTest, RefusesRevisionsThatAreNotABranch) {
  request.revision = std::string(40, 'a');
  EXPECT_THAT(refusal<UsageError>([&] { push(); }),
              HasSubstr("revision: expected a branch, got the commit aaa"));
  request.revision = "refs/pr/7";
  EXPECT_THAT(failed_push(), HasSubstr("RevisionNotFound"));
}

TEST_F(UploadTest, CreatesAPrivateRepositoryOfAnOrganization) {
  request.repo = RepoId::parse("acme/net");
  request.private_repo = true;
  push();
  EXPECT_EQ(get("/api/models/acme/net")["private"], true);
  EXPECT_THAT(failed_push(kBobWrite), HasSubstr("status 403"));
}

TEST_F(UploadTest, PublishesNothingIfANewPrivateRepositoryIsPublic) {
  request.private_repo = true;
  server.set_faults(R"([{"path": "/revision/main", "body": "{\"sha\": null, \"private\": false}",
                         "status": 200, "times": -1}])");
  EXPECT_THAT(failed_push(),
              HasSubstr("/alice/net: the server created a public repository; sent no files; "
                        "allow-public()"));
  EXPECT_EQ(count("preupload"), 0U);
}

TEST_F(UploadTest, PublishesNothingPrivateInAPublicRepository) {
  push();
  write_file(folder / "config.json", "{}");
  request.private_repo = true;
  EXPECT_THAT(refusal<HubError>([&] { push(); }),
              HasSubstr("/alice/net: the repository already exists and is public; sent no files; "
                        "allow-public()"));
  EXPECT_NE(server.file("alice/net", "config.json"), "{}");
}

TEST_F(UploadTest, TreatsAConflictWithAnyBodyAsAnExistingRepository) {
  push();
  for (const char* body : {"", "<html>exists</html>", "{\"url\": 5}"}) {
    server.set_faults(
        Json::array({{{"path", "repos/create"}, {"status", 409}, {"body", body}}}).dump());
    EXPECT_TRUE(push().nothing_changed) << body;
  }
}

TEST_F(UploadTest, UsesARepositoryThatTheTokenMayNotCreate) {
  push();
  write_file(folder / "config.json", "{}");
  server.set_faults(R"([{"path": "repos/create", "status": 403}])");
  EXPECT_EQ(push().committed, 1U);
}

TEST_F(UploadTest, AdvisesOnMissingAndInvalidTokens) {
  EXPECT_THAT(failed_push(""), AllOf(HasSubstr("/api/repos/create: permission denied: the server "
                                               "answered POST with status 401"),
                                     HasSubstr("advice(set HF_TOKEN)")));
  EXPECT_THAT(failed_push("hf_wrong"),
              AllOf(HasSubstr("invalid token"), Not(HasSubstr("hf_wrong"))));
  EXPECT_THAT(failed_push(kAliceRead), AllOf(HasSubstr("you must use a write token"),
                                             HasSubstr("advice(check the rights of the token)")));
  EXPECT_EQ(count("preupload"), 0U);
}

TEST_F(UploadTest, ObeysTheRepositorysGitignore) {
  server.set_faults(
      R"([{"path": "/preupload/", "status": 200, "body":
    "{\"files\":[{\"path\":\"README.md\",\"uploadMode\":\"regular\",\"shouldIgnore\":true},)"
      R"({\"path\":\"config.json\",\"uploadMode\":\"regular\",\"shouldIgnore\":false},)"
      R"({\"path\":\"model.safetensors\",\"uploadMode\":\"lfs\",\"shouldIgnore\":true}]}"}])");
  const CommitInfo info = push();
  EXPECT_EQ(info.ignored, 2U);
  EXPECT_EQ(info.committed, 1U);
  EXPECT_THAT(told(listener.notes),
              ElementsAre("files-ignored-by-git files='README.md, model.safetensors'"));
  EXPECT_THAT(server.paths("alice/net"), ElementsAre(".gitattributes", "config.json"));
}

TEST_F(UploadTest, SendsFilesInlineThatTheServerWantsInline) {
  server.set_faults(R"([{"path": "/preupload/", "status": 200, "body":
    "{\"files\":[{\"path\":\"model.safetensors\",\"uploadMode\":\"regular\"}]}"}])");
  request.files = {"model.safetensors"};
  push();
  EXPECT_EQ(count("/lfs/"), 0U);
  EXPECT_EQ(server.file("alice/net", "model.safetensors"), noise(300'000));
}

TEST_F(UploadTest, StopsIfTheHubRefusesTheCard) {
  server.set_faults(R"([{"path": "validate-yaml", "status": 400, "body":
    "{\"errors\":[{\"message\":\"license must be one of\"}],\"warnings\":[]}"}])");
  EXPECT_THAT(failed_push(),
              HasSubstr("README.md: the Hub refused the metadata: license must be one of"));
  EXPECT_EQ(count("preupload"), 0U);
}

TEST_F(UploadTest, ReportsTheHubsWarnings) {
  server.set_faults(R"([{"path": "validate-yaml", "status": 200, "body":
    "{\"errors\":[],\"warnings\":[{\"message\":\"no pipeline_tag\"}]}"}])");
  push();
  EXPECT_THAT(told(listener.notes), ElementsAre("README.md: hub-warning text='no pipeline_tag'"));
}

TEST_F(UploadTest, AcceptsServersThatDoNotCheckCards) {
  server.set_faults(R"([{"path": "validate-yaml", "status": 404, "body": "<html>"}])");
  push();
  expect_all_files();
}

TEST_F(UploadTest, ReportsAServerThatIsNotAHub) {
  server.set_faults(R"([{"path": "/preupload/", "status": 200, "body": "<html>Welcome</html>"}])");
  EXPECT_THAT(failed_push(), HasSubstr("/preupload/main: expected JSON, got an HTML page"));
}

TEST_F(UploadTest, SendsRequestsForAtMost256Files) {
  request.files.clear();
  for (int i = 0; i < 600; ++i) {
    request.files.push_back(fmt::format("f{:03}.{}", i, i % 2 == 0 ? "txt" : "safetensors"));
    write_file(folder / request.files.back(), fmt::format("content {}", i));
  }
  EXPECT_EQ(push().committed, 600U);
  EXPECT_EQ(count("/preupload/"), 3U);
  EXPECT_EQ(count("objects/batch"), 2U);
  EXPECT_THAT(server.paths("alice/net"), SizeIs(601));
}

TEST_F(UploadTest, RefusesAFileThatChangesAfterItWasHashed) {
  listener.on_step = [&](std::string_view name) {
    if (name.starts_with("upload")) write_file(folder / "model.safetensors", noise(300'001));
  };
  EXPECT_THAT(refusal<FormatError>([&] { push(); }),
              HasSubstr("model.safetensors: the file changed while weightlift read it"));
  EXPECT_THAT(server.commit_titles("alice/net"), ElementsAre("initial commit"));
}

TEST_F(UploadTest, RefusesAFileThatChangesAfterItWasSent) {
  listener.on_advance = [&](std::uint64_t done) {
    if (listener.steps.back().starts_with("upload") && done == 300'000) {
      write_file(folder / "config.json", "{}");
    }
  };
  EXPECT_THAT(refusal<FormatError>([&] { push(); }), HasSubstr("config.json: the file changed"));
  EXPECT_EQ(count("/commit/"), 0U);
}

TEST_F(UploadTest, StopsWhenInterruptedAndContinuesLater) {
  use_multipart();
  struct Interruption : Listener {
    void check() override {
      if (largest == 300'000 && done > 100'000) throw Interrupted(2);
    }
    void advance(std::uint64_t now) override { done = now; }
    std::uint64_t done = 0;
  } interruption;
  HubSettings settings;
  settings.endpoint = server.url();
  settings.token = kAliceWrite;
  HttpClient http(settings);
  EXPECT_EQ(refusal<Interrupted>([&] { upload_folder(http, request, interruption); }),
            "interrupted");
  EXPECT_THAT(server.commit_titles("alice/net"), ElementsAre("initial commit"));
  push();
  expect_all_files();
}

TEST_F(UploadTest, RefusesInvalidRequests) {
  const auto text = [&] { return refusal<UsageError>([&] { push(); }); };
  request.files = {"a\nb"};
  EXPECT_THAT(text(), HasSubstr("expected UTF-8 without control characters, got a\\x0ab"));
  request.files = {};
  EXPECT_THAT(text(), HasSubstr("net: no files to upload"));
  request.repo = RepoId::parse("net");
  EXPECT_THAT(text(),
              HasSubstr("net: the repository name has no owner; advice(write it as owner/name)"));
  EXPECT_EQ(server.log().size(), 0U);
}

TEST_F(UploadTest, KeepsTheCommitsOfConcurrentUploads) {
  push();
  constexpr int kWriters = 6;
  std::vector<std::thread> writers;
  std::vector<std::string> failures(kWriters);
  for (int i = 0; i < kWriters; ++i) {
    writers.emplace_back([&, i] {
      UploadRequest own = request;
      own.folder = dir / fmt::format("w{}", i);
      own.files = {fmt::format("w{}.txt", i)};
      write_file(own.folder / own.files.front(), fmt::format("{}", i));
      HubSettings settings;
      settings.endpoint = server.url();
      settings.token = kAliceWrite;
      settings.first_wait = std::chrono::milliseconds(20);
      HttpClient http(settings);
      ProgressSink silent;
      try {
        upload_folder(http, own, silent);
      } catch (const std::exception& error) {
        failures[static_cast<std::size_t>(i)] = error.what();
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_THAT(failures, ::testing::Each(""));
  EXPECT_THAT(server.commit_titles("alice/net"), SizeIs(2 + kWriters));
  EXPECT_THAT(server.paths("alice/net"), SizeIs(4 + kWriters));
}

TEST_F(UploadTest, GoesOnWithoutTheAdviceOfTheHub) {
  for (const char* fault : {R"("close_after": 0)", R"("close_after": 3)", R"("status": 500)",
                            R"("body": "{\"errors\": 7}")", R"("body": "<html>")",
                            R"("endless": "trailers")", R"("redirect": "file:///etc")"}) {
    write_file(folder / "config.json", std::string(R"({"fault": ")") + fault[1] + fault[8] + "\"}");
    server.clear_faults();
    server.set_faults(std::string(R"([{"path": "validate-yaml", "times": -1, )") + fault + "}]");
    EXPECT_NO_THROW(push()) << fault;
  }
}

TEST_F(UploadTest, FindsACommitWhoseReplyIsGarbage) {
  for (const char* fault : {R"("body": "")", R"("body": "<html>moved")",
                            R"("body": "{\"commitOid\": 5}")", R"("body": "[")"}) {
    write_file(folder / "turn.txt", fault);
    request.files = {"README.md", "config.json", "model.safetensors", "turn.txt"};
    server.clear_faults();
    server.set_faults(std::string(R"([{"path": "/commit/", "status": 200, "handled": true, )") +
                      fault + "}]");
    const std::size_t before = count("/commit/");
    EXPECT_THAT(push().oid, SizeIs(40)) << fault;
    EXPECT_EQ(count("/commit/"), before + 1);
    EXPECT_EQ(server.file("alice/net", "turn.txt"), fault);
  }
}

TEST_F(UploadTest, SaysThatTheCommitMayExist) {
  const auto hint = HasSubstr("; advice(the commit may exist: look at " + server.url() +
                              "/alice/net/commits/main)");
  server.set_faults(R"([{"path": "/commit/", "status": 200, "body": "no JSON"}])");
  EXPECT_THAT(failed_push(), AllOf(HasSubstr("/commit/main: invalid JSON"), hint));
  server.set_faults(R"([{"path": "/commit/", "status": 200, "times": 1,
                         "body": "{\"commitOid\": \"nonsense\", \"commitUrl\": \"x\"}"}])");
  EXPECT_THAT(failed_push(),
              AllOf(HasSubstr("commitOid: expected 40 hex digits, got nonsense"), hint));
  // The reply breaks off, and the Hub does not answer any more.
  server.clear_faults();
  server.set_faults(R"([{"path": "/commit/", "handled": true, "status": 200, "close_after": 0},
                        {"path": "/revision/", "skip": 1, "status": 403, "times": -1}])");
  EXPECT_THAT(failed_push(), AllOf(HasSubstr("status 403"), hint));
  server.clear_faults();
  server.set_faults(R"([{"path": "/preupload/", "status": 403}])");
  EXPECT_THAT(failed_push(), Not(hint));
}

TEST_F(UploadTest, RefusesLinksThatLeadOutOfTheFolder) {
  write_file(dir / "secret.txt", "secret");
  fs::create_symlink("../secret.txt", folder / "notes.txt");
  fs::create_symlink(dir / "secret.txt", folder / "more.txt");
  fs::create_symlink("config.json", folder / "same.json");
  fs::create_symlink("..", folder / "up");
  for (const char* name : {"notes.txt", "more.txt", "up/secret.txt"}) {
    request.files = {"config.json", name};
    EXPECT_THAT(refusal<UsageError>([&] { push(); }),
                HasSubstr(fmt::format("or to hidden files: {} -> {}", name,
                                      fs::canonical(dir / "secret.txt").string())));
  }
  write_file(folder / ".env", "secret");
  fs::create_symlink(".env", folder / "env.txt");
  request.files = {"config.json", "env.txt"};
  EXPECT_THAT(refusal<UsageError>([&] { push(); }), HasSubstr("or to hidden files: env.txt -> "));
  EXPECT_THAT(server.requests(), IsEmpty());
  request.files = {"config.json", "same.json"};
  push();
  EXPECT_EQ(server.file("alice/net", "same.json"), R"({"model_type": "resnet"})");
}

TEST_F(UploadTest, FollowsTheLinksOfASnapshotToItsBlobs) {
  const fs::path repo = dir / "hub/models--a--b";
  write_file(repo / "blobs/abc", "{}");
  write_file(repo / "blobs/deeper/abc", "{}");
  fs::create_directories(repo / "snapshots/c0/sub");
  fs::create_symlink("../../blobs/abc", repo / "snapshots/c0/config.json");
  fs::create_symlink("../../../blobs/abc", repo / "snapshots/c0/sub/x.json");
  fs::create_symlink("../../refs", repo / "snapshots/c0/refs");
  request.folder = repo / "snapshots/c0";
  request.files = {"config.json", "sub/x.json"};
  push();
  EXPECT_EQ(server.file("alice/net", "sub/x.json"), "{}");
  fs::create_symlink("../../blobs/deeper/abc", repo / "snapshots/c0/other.json");
  request.files = {"other.json"};
  EXPECT_THAT(refusal<UsageError>([&] { push(); }), HasSubstr("lead out of the folder"));
}

}  // namespace
}  // namespace weightlift
