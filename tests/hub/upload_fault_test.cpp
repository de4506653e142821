// Uploads that are cut off at every place: no partial commit, and the next run finishes.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

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

constexpr std::size_t kStep = 65536;
constexpr std::size_t kSize = 3'000'000;

class UploadFaultTest : public HubClientTest {
 protected:
  /// A new folder with weights that the Hub does not have.
  std::filesystem::path make_folder() {
    const auto folder = dir_ / fmt::format("net{}", ++count_);
    write_file(folder / "config.json", fmt::format(R"({{"id": {}}})", count_));
    write_file(folder / "model.safetensors", noise(kSize, count_));
    return folder;
  }
  /// Cuts uploads to this path after `at` bytes.
  void set_fault(const std::string& path, std::size_t at, int times) {
    const Json rule = {
        {"path", path}, {"method", "PUT"}, {"close_after_upload", at}, {"times", times}};
    server_.set_faults(Json::array({rule}).dump());
  }
  /// The number of requests that were cut off since the last call.
  std::size_t take_cuts() {
    const std::vector<Json> log = server_.log();
    server_.clear_log();
    return static_cast<std::size_t>(
        std::ranges::count_if(log, [](const Json& entry) { return entry["status"].is_null(); }));
  }
  void expect_published(std::uint64_t id) {
    EXPECT_EQ(server_.commit_titles("alice/net").size(), 1 + id);
    EXPECT_EQ(server_.file("alice/net", "model.safetensors"), noise(kSize, id));
    EXPECT_EQ(server_.file("alice/net", "config.json"), fmt::format(R"({{"id": {}}})", id));
  }
  std::uint64_t count_ = 0;
};

TEST_F(UploadFaultTest, RetriesInTheSameRunAfterACutAnywhere) {
  for (std::size_t at = 0; at < kSize; at += kStep) {
    set_fault("^/_lfs/object/", at, 1);
    push(make_folder(), "alice/net");
    EXPECT_EQ(take_cuts(), 1U);
    expect_published(count_);
  }
}

TEST_F(UploadFaultTest, PublishesNothingIfEveryTryIsCutAndTheNextRunFinishes) {
  for (std::size_t at = 0; at < kSize; at += kStep) {
    const auto folder = make_folder();
    set_fault("^/_lfs/object/", at, -1);
    EXPECT_THAT(refusal<HubError>([&] { push(folder, "alice/net"); }),
                HasSubstr("no complete reply to PUT"));
    EXPECT_EQ(server_.commit_titles("alice/net").size(), count_);
    server_.clear_faults();
    push(folder, "alice/net");
    expect_published(count_);
  }
}

TEST_F(UploadFaultTest, RetriesInTheSameRunAfterACutAnywhereInAPart) {
  server_.set_mode(R"({"multipart_over": 1000, "chunk_size": 1000000, "lfs_upload": "cdn"})");
  for (std::size_t at = 0; at < kSize / 3; at += kStep) {
    for (const char* part : {"/1[?]", "/2[?]", "/3[?]"}) {
      set_fault(fmt::format("^/_lfs/part/.*{}", part), at, 1);
    }
    push(make_folder(), "alice/net");
    EXPECT_EQ(take_cuts(), 3U);
    expect_published(count_);
  }
}

TEST_F(UploadFaultTest, RetriesALostReplyOfAnyStep) {
  for (const char* step : {"/api/repos/create", "/revision/main", "/preupload/main",
                           "objects/batch", "^/_lfs/object/", "/_lfs/verify", "/commit/main"}) {
    server_.set_faults(Json::array({{{"path", step}, {"close_after", 0}}}).dump());
    push(make_folder(), "alice/net");
    expect_published(count_);
  }
}

TEST_F(UploadFaultTest, MakesNoPartialCommitAfterACut) {
  push(make_folder(), "alice/net");
  const auto folder = make_folder();
  write_file(folder / "notes.txt", std::string(1'000'000, 'n'));
  server_.set_mode(R"({"lfs_upload": "direct"})");
  std::size_t commits = 2;
  for (std::size_t at = 0; at < 1'300'000; at += 2 * kStep) {
    write_file(folder / "turn.txt", fmt::format("{}", at));
    write_file(folder / "notes.txt", std::string(1'000'000, 'n') + fmt::format("{}", at));
    server_.set_faults(
        fmt::format(R"([{{"path": "/commit/main", "close_after_upload": {}, "times": 1}}])", at));
    push(folder, "alice/net");
    EXPECT_EQ(server_.commit_titles("alice/net").size(), ++commits);
    EXPECT_EQ(server_.file("alice/net", "turn.txt"), fmt::format("{}", at));
  }
}

}  // namespace
}  // namespace weightlift
