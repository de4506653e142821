// Uploads to servers that answer in all the ways of other servers, mirrors and proxies.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "tests/hub/client.h"
#include "tests/support/refusal.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using testing::HubClientTest;
using testing::noise;
using testing::refusal;
using testing::write_file;
using Json = nlohmann::json;

class UploadServerTest : public HubClientTest {
 protected:
  void write_folder() {
    ++count_;
    write_file(dir_ / "net/README.md", "---\nlicense: mit\n---\n");
    write_file(dir_ / "net/config.json", fmt::format(R"({{"id": {}}})", count_));
    write_file(dir_ / "net/model.safetensors", noise(300'000, count_));
  }
  /// Expects a push to succeed with this fault at this step.
  void expect_survived(const std::string& step, Json fault) {
    fault["path"] = step;
    SCOPED_TRACE(fault.dump());
    server_.clear_faults();
    server_.set_faults(Json::array({fault}).dump());
    write_folder();
    push(dir_ / "net", "alice/net");
    EXPECT_EQ(server_.commit_titles("alice/net").size(), 1 + count_);
    EXPECT_EQ(server_.file("alice/net", "config.json"), fmt::format(R"({{"id": {}}})", count_));
    EXPECT_EQ(server_.file("alice/net", "model.safetensors"), noise(300'000, count_));
  }
  std::uint64_t count_ = 0;
};

constexpr std::array kSteps = {"/api/repos/create", "/validate-yaml", "/revision/main",
                               "/preupload/main",   "objects/batch",  "^/_lfs/object/",
                               "^/_lfs/verify",     "/commit/main"};

TEST_F(UploadServerTest, FollowsRedirectsThatKeepTheMethod) {
  for (const char* step : kSteps) {
    for (const int code : {307, 308}) {
      for (const char* where : {"relative", "same"}) {
        server_.clear_log();
        expect_survived(step, {{"redirect", where}, {"code", code}, {"times", -1}});
        EXPECT_FALSE(server_.requests(" /_moved/").empty());
      }
    }
  }
}

TEST_F(UploadServerTest, FollowsRedirectsOfAStorageOnAnotherHost) {
  server_.set_mode(R"({"lfs_upload": "cdn"})");
  expect_survived("^/_lfs/object/", {{"redirect", "relative"}, {"code", 307}, {"times", -1}});
  server_.set_mode(R"({"multipart_over": 1000, "chunk_size": 100000})");
  expect_survived("^/_lfs/part/", {{"redirect", "cdn"}, {"code", 307}, {"times", -1}});
}

TEST_F(UploadServerTest, AcceptsCompressedRepliesAndMissingLengths) {
  for (const char* step : kSteps) {
    expect_survived(step, {{"gzip", true}, {"times", -1}});
    expect_survived(step, {{"chunked", true}, {"times", -1}});
    expect_survived(step, {{"drop_headers", {"Content-Length"}}, {"times", -1}});
  }
}

TEST_F(UploadServerTest, RetriesTransientErrors) {
  for (const char* step : kSteps) {
    expect_survived(step, {{"status", 429}, {"times", 2}});
    expect_survived(step, {{"status", 503}, {"times", 2}});
    expect_survived(step, {{"close_after", 0}});
  }
}

TEST_F(UploadServerTest, RefusesPartsWithoutAnEtag) {
  server_.set_mode(R"({"multipart_over": 1000, "chunk_size": 100000})");
  server_.set_faults(R"([{"path": "^/_lfs/part/", "drop_headers": ["ETag"], "times": -1}])");
  write_folder();
  EXPECT_THAT(refusal<HubError>([&] { push(dir_ / "net", "alice/net"); }), HasSubstr("ETag"));
  EXPECT_EQ(server_.commit_titles("alice/net").size(), 1U);
}

TEST_F(UploadServerTest, DoesNotPublishAnObjectThatArrivedDamaged) {
  // The storage reports success, but the object is missing when the Hub verifies it.
  server_.set_faults(R"([{"path": "^/_lfs/object/", "status": 200, "times": -1}])");
  write_folder();
  EXPECT_THAT(refusal<HubError>([&] { push(dir_ / "net", "alice/net"); }),
              HasSubstr("Object was not uploaded"));
  EXPECT_EQ(server_.commit_titles("alice/net").size(), 1U);
}

TEST_F(UploadServerTest, RefusesHtmlPagesInPlaceOfJson) {
  for (const char* step : {"/revision/main", "/preupload/main", "objects/batch", "/commit/main"}) {
    server_.clear_faults();
    const Json rule = {{"path", step},
                       {"status", 200},
                       {"headers", {{"Content-Type", "text/html"}}},
                       {"body", "<html>Log in</html>"},
                       {"times", -1}};
    server_.set_faults(Json::array({rule}).dump());
    write_folder();
    EXPECT_THAT(refusal<HubError>([&] { push(dir_ / "net", "alice/net"); }),
                HasSubstr("expected JSON, got an HTML page"))
        << step;
  }
}

TEST_F(UploadServerTest, TreatsAnEmptyConflictAsAnExistingRepository) {
  expect_survived("", Json::object());  // creates it
  expect_survived("/api/repos/create", {{"status", 409}, {"body", ""}});
}

TEST_F(UploadServerTest, RetriesALostRaceOnTheNewParent) {
  expect_survived("/commit/main", {{"status", 412}, {"times", 2}});
}

}  // namespace
}  // namespace weightlift
