// Downloads from servers that answer in all the ways of other servers, mirrors and proxies.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/hub/client.h"
#include "tests/support/folder.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::HubClientTest;
using testing::names_in;
using testing::noise;
using ::testing::Not;
using testing::read_file;
using testing::write_file;
using Json = nlohmann::json;

class DownloadServerTest : public HubClientTest {
 protected:
  DownloadServerTest() {
    write_file(dir_ / "net/config.json", R"({"a": 1})");
    write_file(dir_ / "net/empty.bin", "");
    write_file(dir_ / "net/sub/a b#c%20?+.txt", "text");
    write_file(dir_ / "net/model.safetensors", noise(300'000));
    commit_ = server_.add_repo("timm/net", dir_ / "net", {{"aliases", {"old/net"}}});
  }
  /// Expects all files, equal, in the form of the cache.
  void expect_pulled(const Snapshot& snapshot) {
    EXPECT_EQ(snapshot.commit, commit_);
    for (const auto& [name, bytes] : testing::tree_of(dir_ / "net")) {
      EXPECT_TRUE(read_file(snapshot.folder / name) == bytes) << name;
    }
    expect_sound_cache();
    EXPECT_EQ(count_incomplete(), 0);
  }
  /// Expects a pull into an empty cache to succeed with these faults.
  void expect_survived(const Json& faults) {
    std::filesystem::remove_all(dir_ / "hub");
    server_.clear_faults();
    server_.set_faults(faults.dump());
    SCOPED_TRACE(faults.dump());
    expect_pulled(pull("timm/net"));
  }
  /// The error of a pull with these faults. It must leave no wrong blob.
  std::string refused(const Json& faults) {
    std::filesystem::remove_all(dir_ / "hub");
    server_.clear_faults();
    server_.set_faults(faults.dump());
    const std::string text = failed_pull("timm/net");
    expect_sound_cache();
    return text;
  }
  static Json rule(const std::string& path, Json more, int times = 1) {
    more["path"] = path;
    more["times"] = times;
    return more;
  }
  static Json one(const std::string& path, const Json& more, int times = 1) {
    return Json::array({rule(path, more, times)});
  }
  std::string commit_;
};

constexpr const char* kRevision = "^/api/models/timm/net/revision/";
constexpr const char* kTree = "^/api/models/timm/net/tree/";
constexpr const char* kWeights = "resolve/.*safetensors";

TEST_F(DownloadServerTest, FollowsRedirectsOfAnyKindAndForm) {
  for (const int code : {301, 302, 303, 307, 308}) {
    for (const char* where : {"relative", "same", "cdn"}) {
      for (const char* path : {kRevision, kTree, "/resolve/"}) {
        expect_survived(one(path, {{"redirect", where}, {"code", code}}, -1));
      }
    }
  }
}

TEST_F(DownloadServerTest, FollowsRelativeRedirectsAndWeightsOnAnotherHost) {
  server_.set_mode(R"({"lfs_download": "cdn", "regular_download": "relative307"})");
  expect_survived(Json::array());
  EXPECT_EQ(server_.requests("GET /_lfs/object/").size(), 1U);
}

TEST_F(DownloadServerTest, FollowsARenamedRepository) {
  // The cache uses the name of the request.
  expect_pulled(pull("old/net"));
  EXPECT_THAT(names_in(dir_ / "hub"), ::testing::Contains("models--old--net"));
}

TEST_F(DownloadServerTest, RefusesEndlessRedirects) {
  const Json again = {{"status", 302}, {"headers", {{"Location", "?again"}}}};
  for (const char* path : {kRevision, kTree, kWeights}) {
    EXPECT_THAT(refused(one(path, again, -1)), HasSubstr("expected at most 20 redirects, got more"))
        << path;
  }
}

TEST_F(DownloadServerTest, AcceptsMissingLengths) {
  expect_survived(one("/", {{"drop_headers", {"Content-Length"}}}, -1));
  expect_survived(one("/", {{"chunked", true}}, -1));
  expect_survived(
      one("/",
          {{"drop_headers",
            {"Content-Length", "X-Linked-Size", "ETag", "X-Linked-Etag", "Accept-Ranges"}}},
          -1));
}

TEST_F(DownloadServerTest, AcceptsCompressedReplies) {
  expect_survived(one("/", {{"gzip", true}}, -1));
}

TEST_F(DownloadServerTest, RetriesTransientErrors) {
  for (const char* path : {kRevision, kTree, kWeights}) {
    for (const int status : {408, 429, 500, 502, 503, 504}) {
      expect_survived(one(path, {{"status", status}}, 2));
    }
    expect_survived(one(path, {{"close_after", 0}}, 2));
  }
}

TEST_F(DownloadServerTest, WaitsAsLongAsTheServerAsks) {
  const auto start = std::chrono::steady_clock::now();
  expect_survived(one(kWeights, {{"status", 429}, {"headers", {{"Retry-After", "1"}}}}));
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

TEST_F(DownloadServerTest, ReportsErrorsThatStay) {
  EXPECT_THAT(refused(one(kWeights, {{"status", 503}}, -1)),
              AllOf(HasSubstr("model.safetensors"), HasSubstr("status 503")));
  EXPECT_THAT(refused(one(kTree, {{"status", 400}, {"body", R"({"error": "no such way"})"}}, -1)),
              HasSubstr("status 400: \"no such way\""));
}

TEST_F(DownloadServerTest, ReadsPagesOfTwoEntries) {
  server_.set_mode(R"({"page": 2})");
  expect_survived(Json::array());
  server_.set_mode(R"({"page": 2, "relative_links": true})");
  expect_survived(Json::array());
  EXPECT_GT(server_.requests("cursor=4").size(), 1U);
}

TEST_F(DownloadServerTest, RefusesEndlessPages) {
  const Json headers = {{"Link", "<?cursor=0>; rel=\"next\""}};
  EXPECT_THAT(refused(one(kTree, {{"headers", headers}}, -1)), HasSubstr("tree"));
}

TEST_F(DownloadServerTest, SendsNoTokenToANextPageOnAnotherHost) {
  const Json headers = {{"Link", "<" + server_.cdn_url() + "/_moved/api/models/timm/net/tree/" +
                                     commit_ + "?recursive=true&moved=1>; rel=\"next\""}};
  refused(one(kTree, {{"headers", headers}}));
  for (const Json& entry : server_.log()) {
    EXPECT_EQ(entry["headers"].contains("authorization"), entry["origin"] == "hub");
  }
}

TEST_F(DownloadServerTest, RefusesHtmlPagesInPlaceOfJson) {
  const Json page = {{"status", 200},
                     {"headers", {{"Content-Type", "text/html"}}},
                     {"body", "<!doctype html><html>Log in</html>"}};
  for (const char* path : {kRevision, kTree}) {
    EXPECT_THAT(refused(one(path, page, -1)), HasSubstr("expected JSON, got an HTML page")) << path;
  }
  EXPECT_THAT(refused(one(kWeights, page, -1)), HasSubstr("model.safetensors"));
}

TEST_F(DownloadServerTest, RefusesInvalidJson) {
  for (const char* body : {"", "{", "[]", "null", "5", "{}", R"({"sha": 5})", R"({"sha": "main"})",
                           R"({"sha": "../../../../../../../../../../../tmp"})"}) {
    EXPECT_THAT(refused(one(kRevision, {{"status", 200}, {"body", body}}, -1)),
                HasSubstr("/revision/main"))
        << body;
  }
  for (const char* body : {"", "{", "{}", "null", "[5]", "[{}]", R"([{"type": "file"}])",
                           R"([{"type": "file", "path": "a", "size": -1, "oid": "aa"}])",
                           R"([{"type": "file", "path": "a", "size": 1e99, "oid": "aa"}])",
                           R"([{"type": "file", "path": "a", "size": 1, "oid": "../../x"}])"}) {
    EXPECT_THAT(refused(one(kTree, {{"status", 200}, {"body", body}}, -1)), HasSubstr("/tree/"))
        << body;
  }
}

TEST_F(DownloadServerTest, RefusesNamesThatLeadOutOfTheSnapshot) {
  for (const char* path : {"../x", "a/../../x", "/etc/x", "..", "", R"(x\u0000y)"}) {
    const std::string body =
        fmt::format(R"([{{"type": "file", "path": "{}", "size": 4, "oid": "{}"}}])", path,
                    std::string(40, 'a'));
    EXPECT_THAT(refused(one(kTree, {{"status", 200}, {"body", body}}, -1)), HasSubstr("/tree/"))
        << path;
  }
  EXPECT_TRUE(server_.requests("GET /timm/net/resolve").empty());
  EXPECT_THAT(names_in(dir_.path()), ::testing::IsSubsetOf({"hub", "net"}));
}

TEST_F(DownloadServerTest, RefusesBodiesOfAnotherLength) {
  for (const bool keep : {false, true}) {
    const Json shorter = {{"truncate", 100}, {"keep_length", keep}, {"method", "GET"}};
    const Json longer = {{"extend", 100}, {"keep_length", keep}, {"method", "GET"}};
    expect_survived(one(kWeights, shorter));
    EXPECT_THAT(refused(one(kWeights, shorter, -1)), HasSubstr("model.safetensors"));
    // No client reads past the Content-Length.
    if (keep) continue;
    EXPECT_THAT(refused(one(kWeights, longer, -1)), HasSubstr("model.safetensors"));
  }
}

TEST_F(DownloadServerTest, RefusesWrongBytesOfTheRightLength) {
  for (const char* file : {"model.safetensors", "config.json"}) {
    EXPECT_THAT(
        refused(one(fmt::format("resolve/.*{}", file), {{"corrupt", true}, {"method", "GET"}}, -1)),
        AllOf(HasSubstr(file), HasSubstr("sha")));
    server_.clear_faults();
    expect_pulled(pull("timm/net"));
  }
}

TEST_F(DownloadServerTest, AcceptsServersWithoutRanges) {
  expect_survived(Json::array({rule(kWeights, {{"close_after", 100'000}, {"method", "GET"}}),
                               rule(kWeights, {{"ignore_range", true}, {"method", "GET"}}, -1)}));
}

TEST_F(DownloadServerTest, ReportsWhatIsMissingOrForbidden) {
  server_.add_repo("bob/secret", dir_ / "net", {{"private", true}});
  server_.add_repo("timm/gated", dir_ / "net", {{"gated", "manual"}});
  EXPECT_THAT(failed_pull("timm/none"), AllOf(HasSubstr("timm/none"), HasSubstr("RepoNotFound")));
  EXPECT_THAT(failed_pull("bob/secret"), HasSubstr("RepoNotFound"));
  EXPECT_THAT(failed_pull("timm/net@v9"), HasSubstr("RevisionNotFound"));
  EXPECT_THAT(failed_pull("timm/gated"), AllOf(HasSubstr("GatedRepo"), HasSubstr("restricted")));
  EXPECT_THAT(failed_pull("timm/gated", ""), HasSubstr("GatedRepo"));
  EXPECT_THAT(failed_pull("timm/net", "hf_wrong"),
              AllOf(HasSubstr("invalid token"), Not(HasSubstr("hf_wrong"))));
  server_.set_mode(R"({"anonymous_missing": 401})");
  EXPECT_THAT(failed_pull("bob/secret", ""), HasSubstr("status 401"));
  expect_sound_cache();
}

}  // namespace
}  // namespace weightlift
