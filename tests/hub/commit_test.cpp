#include "weightlift/hub/commit.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::refusal;
using testing::TempDir;
using testing::write_file;

constexpr const char* kUrl = "http://hub.test/api/models/alice/net/preupload/main";

HttpResponse reply(std::string body, int status = 200, std::string type = "application/json") {
  HttpResponse response;
  response.status = status;
  response.headers = {{"Content-Type", std::move(type)}};
  response.body = std::move(body);
  response.url = std::string(kUrl) + "?signature=secret";
  return response;
}

std::string whole(const CommitBody& body) {
  std::string text(body.size_bytes(), '\0');
  body.read(0, std::as_writable_bytes(std::span(text)));
  return text;
}

const std::vector<PreuploadFile> kTwoFiles = {{"config.json", 2, "{}"},
                                              {"model.safetensors", 9, "\x01\x02"}};

TEST(PreuploadTest, SendsTheFirstBytesInBase64) {
  EXPECT_EQ(make_preupload_request(kTwoFiles),
            R"({"files":[{"path":"config.json","sample":"e30=","size":2},)"
            R"({"path":"model.safetensors","sample":"AQI=","size":9}]})");
}

TEST(PreuploadTest, ReturnsAnswersInTheOrderOfTheFiles) {
  const auto answers = parse_preupload_reply(
      reply(R"({"files":[{"path":"model.safetensors","uploadMode":"lfs","shouldIgnore":false,
             "oid":"ab"},{"path":"config.json","uploadMode":"regular","shouldIgnore":true,
             "oid":null}]})"),
      kTwoFiles);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_FALSE(answers[0].lfs);
  EXPECT_TRUE(answers[0].ignored);
  EXPECT_EQ(answers[0].oid, "");
  EXPECT_TRUE(answers[1].lfs);
  EXPECT_FALSE(answers[1].ignored);
  EXPECT_EQ(answers[1].oid, "ab");
}

TEST(PreuploadTest, RefusesInvalidReplies) {
  const auto text = [](std::string body, std::string type = "application/json") {
    return refusal<HubError>(
        [&] { parse_preupload_reply(reply(std::move(body), 200, std::move(type)), kTwoFiles); });
  };
  EXPECT_EQ(
      text("<!DOCTYPE html><html>", "text/html"),
      std::string(kUrl) +
          ": expected JSON, got an HTML page; advice(check HF_ENDPOINT, and whether a proxy or a "
          "login page answers)");
  EXPECT_THAT(text(" \n<html>"), HasSubstr("expected JSON, got an HTML page"));
  EXPECT_THAT(text(""), HasSubstr(std::string(kUrl) + ": invalid JSON: the file is empty"));
  EXPECT_THAT(text("{"), HasSubstr("invalid JSON at byte 2"));
  EXPECT_THAT(text("[]"), HasSubstr("expected a JSON object, got []"));
  EXPECT_THAT(text("{}"), HasSubstr("files: expected a list, got {}"));
  EXPECT_THAT(text(R"({"files":[]})"), HasSubstr("files: entry for config.json is missing"));
  EXPECT_THAT(text(R"({"files":[7]})"), HasSubstr("'path' is missing"));
  EXPECT_THAT(text(R"({"files":[{"path":"config.json"}]})"), HasSubstr("'uploadMode' is missing"));
  EXPECT_THAT(text(R"({"files":[{"path":"config.json","uploadMode":"xet"}]})"),
              HasSubstr("files: config.json: expected uploadMode lfs or regular, got xet"));
  EXPECT_THAT(text(R"({"files":[{"path":"config.json","uploadMode":"lfs","shouldIgnore":"no"}]})"),
              HasSubstr("expected shouldIgnore true or false, got \"no\""));
  EXPECT_THAT(text(R"({"files":[{"path":"config.json","uploadMode":"lfs","oid":5}]})"),
              HasSubstr("oid: expected a string, got 5"));
  EXPECT_THAT(text(std::string(100'000, '[')), HasSubstr("nested deeper than 64 levels"));
}

TEST(ModelApiUrlTest, EncodesTheRevisionAsOnePart) {
  HubSettings settings;
  settings.endpoint = "http://hub.test:8080/hf";
  EXPECT_EQ(repo_api_url(settings, RepoId::parse("alice/net"), "commit", "refs/pr/2"),
            "http://hub.test:8080/hf/api/models/alice/net/commit/refs%2Fpr%2F2");
}

TEST(CreateRepoTest, SendsTheOwnerAsOrganization) {
  EXPECT_EQ(make_create_repo_request(RepoId::parse("acme/net"), false),
            R"({"name":"net","organization":"acme"})");
  EXPECT_EQ(make_create_repo_request(RepoId::parse("acme/net"), true),
            R"({"name":"net","organization":"acme","visibility":"private"})");
}

TEST(ValidateYamlTest, SendsTheWholeText) {
  EXPECT_EQ(make_validate_yaml_request("---\nlicense: mit\n---\n"),
            R"({"content":"---\nlicense: mit\n---\n","repoType":"model"})");
}

TEST(ValidateYamlTest, ReadsErrorsAndWarnings) {
  const YamlVerdict verdict = parse_validate_yaml_reply(reply(
      R"({"errors":[{"message":"bad license"},"other"],"warnings":[{"message":"no tag"}]})", 400));
  EXPECT_THAT(verdict.errors, ElementsAre("bad license", "other"));
  EXPECT_THAT(verdict.warnings, ElementsAre("no tag"));
}

TEST(ValidateYamlTest, IgnoresServersThatDoNotSupportTheCall) {
  for (const HttpResponse& response :
       {reply(R"({"error":"unknown"})", 404), reply(R"({"errors":["x"]})", 501),
        reply("<html>", 200, "text/html"), reply("[]"), reply("{}"), reply("", 200)}) {
    EXPECT_THAT(parse_validate_yaml_reply(response).errors, IsEmpty());
  }
}

TEST(CommitBodyTest, WritesOneLineForEachFile) {
  const TempDir dir;
  write_file(dir / "config.json", "{}");
  write_file(dir / "model.safetensors", "weights");
  write_file(dir / "empty", "");
  const LocalFile config(dir / "config.json");
  const LocalFile weights(dir / "model.safetensors");
  const LocalFile empty(dir / "empty");
  const std::vector<CommitFile> files = {{"config.json", &config, false, "x"},
                                         {"a \"b\".safetensors", &weights, true, "0a1b"},
                                         {"empty", &empty, false, "y"}};
  const CommitBody body("Add model", "c0ffee", files);
  EXPECT_EQ(
      whole(body),
      R"({"key":"header","value":{"summary":"Add model","description":"","parentCommit":"c0ffee"}})"
      "\n"
      R"({"key":"file","value":{"path":"config.json","encoding":"base64","content":"e30="}})"
      "\n"
      R"({"key":"lfsFile","value":{"path":"a \"b\".safetensors","algo":"sha256","oid":"0a1b",)"
      R"("size":7}})"
      "\n"
      R"({"key":"file","value":{"path":"empty","encoding":"base64","content":""}})"
      "\n");
  EXPECT_THAT(whole(CommitBody("Add", "", {})), HasSubstr(R"({"summary":"Add","description":""})"));
}

TEST(CommitBodyTest, ReadsTheSameBytesInPiecesOfAnySize) {
  const TempDir dir;
  std::string content(200'001, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 % 251);
  write_file(dir / "large", content);
  write_file(dir / "small", "abcd");
  const LocalFile large(dir / "large");
  const LocalFile small(dir / "small");
  const std::vector<CommitFile> files = {{"large", &large, false, "x"},
                                         {"small", &small, false, "y"}};
  const CommitBody body("m", "", files);
  const std::string expected = whole(body);
  for (const std::size_t step :
       {std::size_t{1}, std::size_t{3}, std::size_t{1000}, std::size_t{65'536}}) {
    // Each piece opens the file: for small pieces, test only the beginning and the end.
    const std::size_t limit = step < 1000 ? 300 : expected.size();
    for (const std::size_t begin : {std::size_t{0}, expected.size() - limit}) {
      for (std::size_t at = begin; at < begin + limit; at += step) {
        std::string piece(std::min(step, begin + limit - at), '\0');
        body.read(at, std::as_writable_bytes(std::span(piece)));
        ASSERT_EQ(piece, expected.substr(at, piece.size())) << at;
      }
    }
  }
}

TEST(CommitBodyTest, RefusesAFileThatHasChanged) {
  const TempDir dir;
  write_file(dir / "config.json", "{}");
  const LocalFile config(dir / "config.json");
  const std::vector<CommitFile> files = {{"config.json", &config, false, "x"}};
  const CommitBody body("m", "", files);
  write_file(dir / "config.json", "{ }");
  EXPECT_THAT(refusal<FormatError>([&] { whole(body); }),
              HasSubstr("config.json: the file changed while weightlift read it"));
}

TEST(CommitReplyTest, ReadsThePullRequest) {
  const CommitReply commit = parse_commit_reply(reply(
      R"({"success":true,"commitOid":"0123456789012345678901234567890123456789","commitUrl":"http://hub.test/a/b/commit/c0",
             "hookOutput":"","pullRequestUrl":"http://hub.test/a/b/discussions/3"})"));
  EXPECT_EQ(commit.oid, "0123456789012345678901234567890123456789");
  EXPECT_EQ(commit.url, "http://hub.test/a/b/commit/c0");
  EXPECT_EQ(commit.pull_request_url, "http://hub.test/a/b/discussions/3");
}

TEST(CommitReplyTest, RefusesInvalidReplies) {
  const auto text = [](std::string body) {
    return refusal<HubError>([&] { parse_commit_reply(reply(std::move(body))); });
  };
  EXPECT_THAT(text("{}"), HasSubstr("'commitOid' is missing"));
  EXPECT_THAT(text(R"({"commitOid":5,"commitUrl":"u"})"),
              HasSubstr("commitOid: expected a string, got 5"));
  EXPECT_THAT(text(R"({"commitOid":"c0","commitUrl":"u"})"),
              HasSubstr("commitOid: expected 40 hex digits, got c0"));
  EXPECT_THAT(text(R"({"commitOid":"c","commitUrl":"u","pullRequestUrl":[]})"),
              HasSubstr("pullRequestUrl: expected a string, got []"));
}

TEST(PullRequestsTest, ListsTheNewestFirst) {
  const auto pulls = parse_pull_requests(reply(
      R"({"branches":[],"pullRequests":[{"ref":"refs/pr/2","targetCommit":"c2"},)"
      R"({"ref":"refs/pr/10","targetCommit":"c10"},{"ref":"refs/heads/x","targetCommit":"x"},)"
      R"({"ref":"refs/pr/","targetCommit":"x"},{"ref":"refs/pr/1x","targetCommit":"x"}]})"));
  ASSERT_EQ(pulls.size(), 2U);
  EXPECT_EQ(pulls[0].number, 10U);
  EXPECT_EQ(pulls[0].oid, "c10");
  EXPECT_EQ(pulls[1].number, 2U);
  EXPECT_THAT(parse_pull_requests(reply("{}")), IsEmpty());
}

TEST(PathsInfoTest, SendsAForm) {
  const std::vector<CommitFile> files = {{"a/b c.txt", nullptr, false, "1"},
                                         {"m.safetensors", nullptr, true, "2"}};
  EXPECT_EQ(make_paths_info_request(files), "paths=a%2Fb%20c.txt&paths=m.safetensors&expand=false");
}

TEST(PathsInfoTest, ComparesTheDigestOfEachMode) {
  const std::vector<CommitFile> files = {{"a.txt", nullptr, false, "1"},
                                         {"m.safetensors", nullptr, true, "2"}};
  const std::string regular = R"({"type":"file","path":"a.txt","oid":"1","size":3})";
  const auto large = [](const char* oid) {
    return fmt::format(R"({{"path":"m.safetensors","oid":"9","lfs":{{"oid":"{}"}}}})", oid);
  };
  EXPECT_TRUE(holds_files(reply("[" + large("2") + "," + regular + "]"), files));
  EXPECT_FALSE(holds_files(reply("[" + large("3") + "," + regular + "]"), files));
  EXPECT_FALSE(holds_files(reply("[" + regular + "]"), files));
  EXPECT_THAT(refusal<HubError>([&] { holds_files(reply("{}"), files); }),
              HasSubstr("entries: expected a list, got {}"));
}

}  // namespace
}  // namespace weightlift
