// Downloads from servers that answer in every way that foreign servers, mirrors and proxies do.

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
  /// All files, equal, in the cache's own form.
  void expect_pulled(const Snapshot& snapshot) {
    EXPECT_EQ(snapshot.commit, commit_);
    for (const auto& [name, bytes] : testing::tree_of(dir_ / "net")) {
      EXPECT_TRUE(read_file(snapshot.folder / name) == bytes) << name;
    }
    expect_sound_cache();
    EXPECT_EQ(count_incomplete(), 0);
  }
  /// One pull with these faults, into a fresh cache, is as good as without.
  void expect_survived(const Json& faults) {
    std::filesystem::remove_all(dir_ / "hub");
    server_.clear_faults();
    server_.set_faults(faults.dump());
    SCOPED_TRACE(faults.dump());
    expect_pulled(pull("timm/net"));
  }
  /// What a pull is refused with under these faults; nothing is left under a blob's name.
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

TEST_F(DownloadServerTest, RedirectsOfAnyKindAndForm) {
  for (const int code : {301, 302, 303, 307, 308}) {
    for (const char* where : {"relative", "same", "cdn"}) {
      for (const char* path : {kRevision, kTree, "/resolve/"}) {
        expect_survived(one(path, {{"redirect", where}, {"code", code}}, -1));
      }
    }
  }
}

TEST_F(DownloadServerTest, WeightsOnAnotherHostAndTheRestByWayOfRelativeRedirects) {
  server_.set_mode(R"({"lfs_download": "cdn", "regular_download": "relative307"})");
  expect_survived(Json::array());
  EXPECT_EQ(server_.requests("GET /_lfs/object/").size(), 1U);
}

TEST_F(DownloadServerTest, ARenamedRepository) {
  // The cache keeps the name that was asked for.
  expect_pulled(pull("old/net"));
  EXPECT_THAT(names_in(dir_ / "hub"), ::testing::Contains("models--old--net"));
}

TEST_F(DownloadServerTest, NoEndOfRedirects) {
  const Json again = {{"status", 302}, {"headers", {{"Location", "?again"}}}};
  for (const char* path : {kRevision, kTree, kWeights}) {
    EXPECT_THAT(refused(one(path, again, -1)), HasSubstr("expected at most 20 redirects, got more"))
        << path;
  }
}

TEST_F(DownloadServerTest, MissingLengths) {
  expect_survived(one("/", {{"drop_headers", {"Content-Length"}}}, -1));
  expect_survived(one("/", {{"chunked", true}}, -1));
  expect_survived(
      one("/",
          {{"drop_headers",
            {"Content-Length", "X-Linked-Size", "ETag", "X-Linked-Etag", "Accept-Ranges"}}},
          -1));
}

TEST_F(DownloadServerTest, PackedReplies) { expect_survived(one("/", {{"gzip", true}}, -1)); }

TEST_F(DownloadServerTest, WhatPasses) {
  for (const char* path : {kRevision, kTree, kWeights}) {
    for (const int status : {408, 429, 500, 502, 503, 504}) {
      expect_survived(one(path, {{"status", status}}, 2));
    }
    expect_survived(one(path, {{"close_after", 0}}, 2));
  }
}

TEST_F(DownloadServerTest, WaitsAsLongAsItIsAsked) {
  const auto start = std::chrono::steady_clock::now();
  expect_survived(one(kWeights, {{"status", 429}, {"headers", {{"Retry-After", "1"}}}}));
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

TEST_F(DownloadServerTest, WhatDoesNotPassIsSaid) {
  EXPECT_THAT(refused(one(kWeights, {{"status", 503}}, -1)),
              AllOf(HasSubstr("model.safetensors"), HasSubstr("status 503")));
  EXPECT_THAT(refused(one(kTree, {{"status", 400}, {"body", R"({"error": "no such way"})"}}, -1)),
              HasSubstr("status 400: \"no such way\""));
}

TEST_F(DownloadServerTest, PagesOfTwoEntries) {
  server_.set_mode(R"({"page": 2})");
  expect_survived(Json::array());
  server_.set_mode(R"({"page": 2, "relative_links": true})");
  expect_survived(Json::array());
  EXPECT_GT(server_.requests("cursor=4").size(), 1U);
}

TEST_F(DownloadServerTest, PagesWithoutEnd) {
  const Json headers = {{"Link", "<?cursor=0>; rel=\"next\""}};
  EXPECT_THAT(refused(one(kTree, {{"headers", headers}}, -1)), HasSubstr("tree"));
}

TEST_F(DownloadServerTest, NextPagesOnAnotherHostGetNoToken) {
  const Json headers = {{"Link", "<" + server_.cdn_url() + "/_moved/api/models/timm/net/tree/" +
                                     commit_ + "?recursive=true&moved=1>; rel=\"next\""}};
  refused(one(kTree, {{"headers", headers}}));
  for (const Json& entry : server_.log()) {
    EXPECT_EQ(entry["headers"].contains("authorization"), entry["origin"] == "hub");
  }
}

TEST_F(DownloadServerTest, PagesForBrowsersInPlaceOfJson) {
  const Json page = {{"status", 200},
                     {"headers", {{"Content-Type", "text/html"}}},
                     {"body", "<!doctype html><html>Log in</html>"}};
  for (const char* path : {kRevision, kTree}) {
    EXPECT_THAT(refused(one(path, page, -1)), HasSubstr("expected JSON, got an HTML page")) << path;
  }
  EXPECT_THAT(refused(one(kWeights, page, -1)), HasSubstr("model.safetensors"));
}

TEST_F(DownloadServerTest, JsonThatIsNoneOrOfAnotherForm) {
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

TEST_F(DownloadServerTest, NamesThatLeadOutOfTheSnapshot) {
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

TEST_F(DownloadServerTest, BodiesLongerOrShorterThanPromised) {
  for (const bool keep : {false, true}) {
    const Json shorter = {{"truncate", 100}, {"keep_length", keep}, {"method", "GET"}};
    const Json longer = {{"extend", 100}, {"keep_length", keep}, {"method", "GET"}};
    expect_survived(one(kWeights, shorter));
    EXPECT_THAT(refused(one(kWeights, shorter, -1)), HasSubstr("model.safetensors"));
    // Behind the length that HTTP promises nobody looks.
    if (keep) continue;
    EXPECT_THAT(refused(one(kWeights, longer, -1)), HasSubstr("model.safetensors"));
  }
}

TEST_F(DownloadServerTest, WrongBytesOfTheRightNumber) {
  for (const char* file : {"model.safetensors", "config.json"}) {
    EXPECT_THAT(
        refused(one(fmt::format("resolve/.*{}", file), {{"corrupt", true}, {"method", "GET"}}, -1)),
        AllOf(HasSubstr(file), HasSubstr("sha")));
    server_.clear_faults();
    expect_pulled(pull("timm/net"));
  }
}

TEST_F(DownloadServerTest, ServersWithoutRanges) {
  expect_survived(Json::array({rule(kWeights, {{"close_after", 100'000}, {"method", "GET"}}),
                               rule(kWeights, {{"ignore_range", true}, {"method", "GET"}}, -1)}));
}

TEST_F(DownloadServerTest, WhatIsMissingOrForbiddenIsSaid) {
  server_.add_repo("bob/secret", dir_ / "net", {{"private", true}});
  server_.add_repo("timm/gated", dir_ / "net", {{"gated", "manual"}});
  EXPECT_THAT(failed_pull("timm/none"), AllOf(HasSubstr("timm/none"), HasSubstr("RepoNotFound")));
  EXPECT_THAT(failed_pull("bob/secret"), HasSubstr("RepoNotFound"));
  EXPECT_THAT(failed_pull("timm/net@v9"), HasSubstr("RevisionNotFound"));
  EXPECT_THAT(failed_pull("timm/gated"), AllOf(HasSubstr("GatedRepo"), HasSubstr("restricted")));
  EXPECT_THAT(failed_pull("timm/gated", ""), HasSubstr("GatedRepo"));
  EXPECT_THAT(failed_pull("timm/net", "hf_wrong"),
              AllOf(HasSubstr("the token is not accepted"), Not(HasSubstr("hf_wrong"))));
  server_.set_mode(R"({"anonymous_missing": 401})");
  EXPECT_THAT(failed_pull("bob/secret", ""), HasSubstr("status 401"));
  expect_sound_cache();
}

}  // namespace
}  // namespace weightlift
