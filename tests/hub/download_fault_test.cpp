// Downloads that are cut off at every place: no corrupt entry, and no byte is fetched twice.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/hub/client.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using testing::HubClientTest;
using testing::noise;
using testing::read_file;
using testing::write_file;
using Json = nlohmann::json;

constexpr std::size_t kStep = 65536;
constexpr std::size_t kSize = 3'000'000;

class DownloadFaultTest : public HubClientTest {
 protected:
  DownloadFaultTest() {
    write_file(dir_ / "net/config.json", "{}");
    write_file(dir_ / "net/model.safetensors", weights_);
    server_.add_repo("timm/net", dir_ / "net");
  }
  void cut_after(std::size_t at, int times) {
    server_.set_faults(fmt::format(R"([{{"path": "^/timm/net/resolve/.*safetensors",
        "method": "GET", "close_after": {}, "times": {}}}])",
                                   at, times));
  }
  void expect_downloaded(const Snapshot& snapshot) {
    EXPECT_TRUE(read_file(snapshot.folder / "model.safetensors") == weights_);
    EXPECT_EQ(read_file(snapshot.folder / "config.json"), "{}");
    expect_sound_cache();
    EXPECT_EQ(count_incomplete(), 0);
  }
  void start_afresh() {
    server_.clear_faults();
    server_.clear_log();
    std::filesystem::remove_all(dir_ / "hub");
  }
  /// The "Range" of each request for the weights since the start. Sums the bytes of the replies.
  std::vector<std::string> ranges() {
    std::vector<std::string> ranges;
    sent_ = 0;
    for (const Json& entry : server_.log()) {
      if (entry["method"] != "GET" || !entry["path"].get<std::string>().ends_with("safetensors")) {
        continue;
      }
      ranges.push_back(entry["headers"].value("range", ""));
      sent_ += entry["reply_bytes"].get<std::size_t>();
    }
    return ranges;
  }
  const std::string weights_ = noise(kSize);
  std::size_t sent_ = 0;
};

TEST_F(DownloadFaultTest, ResumesInTheSameRunAfterACutAnywhere) {
  for (std::size_t at = 0; at < kSize; at += kStep) {
    start_afresh();
    cut_after(at, 1);
    expect_downloaded(pull("timm/net"));
    EXPECT_THAT(ranges(), ::testing::ElementsAre("", at == 0 ? "" : fmt::format("bytes={}-", at)));
  }
}

TEST_F(DownloadFaultTest, ResumesInTheNextRunIfEveryTryIsCut) {
  for (std::size_t at = 0; at < kSize; at += kStep) {
    start_afresh();
    cut_after(at, 1);
    cut_after(0, -1);
    EXPECT_THAT(failed_pull("timm/net"), HasSubstr("model.safetensors"));
    expect_sound_cache();
    server_.clear_faults();
    server_.clear_log();
    expect_downloaded(pull("timm/net"));
    EXPECT_THAT(ranges(), ::testing::ElementsAre(at == 0 ? "" : fmt::format("bytes={}-", at)));
    EXPECT_EQ(sent_, kSize - at);
  }
}

TEST_F(DownloadFaultTest, FinishesOverAConnectionThatIsCutAgainAndAgain) {
  cut_after(4 * kStep, -1);
  expect_downloaded(pull("timm/net"));
  EXPECT_EQ(ranges().size(), 12U);
}

TEST_F(DownloadFaultTest, ResumesFromAnotherHostThroughTheHub) {
  server_.set_mode(R"({"lfs_download": "cdn", "expire_urls_after": 1})");
  for (std::size_t at = 0; at < kSize; at += 4 * kStep) {
    start_afresh();
    server_.set_faults(fmt::format(R"([{{"path": "^/_lfs/object/", "close_after": {}}}])", at));
    expect_downloaded(pull("timm/net"));
  }
}

TEST_F(DownloadFaultTest, RetriesALostReplyOfAnyStep) {
  for (const char* step : {"/revision/main", "/tree/", "/resolve/.*config", "/resolve/.*safet"}) {
    start_afresh();
    server_.set_faults(Json::array({{{"path", step}, {"close_after", 0}}}).dump());
    expect_downloaded(pull("timm/net"));
  }
}

TEST_F(DownloadFaultTest, DiscardsWrongBytesOfAnEarlierDownload) {
  // The first bytes are damaged and the size is right: only the digest detects it.
  server_.set_faults(R"([
      {"path": "/resolve/.*safetensors", "method": "GET", "corrupt": true, "close_after": 2000000},
      {"path": "/resolve/.*safetensors", "method": "GET", "close_after": 0, "times": -1}])");
  EXPECT_THAT(failed_pull("timm/net"), HasSubstr("model.safetensors"));
  server_.clear_faults();
  expect_downloaded(pull("timm/net"));
}

}  // namespace
}  // namespace weightlift
