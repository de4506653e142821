// The memory of a transfer does not grow with the file.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/hub/client.h"
#include "tests/support/safetensors_builder.h"

namespace weightlift {
namespace {

using testing::HubClientTest;
using testing::Outcome;
using testing::run_program;

constexpr long kMaxPeakKib = 40L << 10;

class TransferMemoryTest : public HubClientTest {
 protected:
  /// Writes a sparse file of zeros: this process must also stay small (Outcome::peak_kib).
  void write_model(const std::filesystem::path& folder, std::size_t data_bytes) {
    const std::string entry = testing::raw_entry("\"U8\"", fmt::format("[{}]", data_bytes),
                                                 fmt::format("[0,{}]", data_bytes));
    const std::string head = testing::safetensors_with(testing::one_tensor(entry), 0);
    testing::write_file(folder / "model.safetensors", head);
    std::filesystem::resize_file(folder / "model.safetensors", head.size() + data_bytes);
    testing::write_file(folder / "config.json", R"({"model_type": "large"})");
  }
  long peak_kib(const std::vector<std::string>& arguments) {
    const Outcome outcome = run_program(program(arguments));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.peak_kib;
  }
};

TEST_F(TransferMemoryTest, DoesNotGrowWithTheFile) {
  write_model(dir_ / "net", std::size_t{250} << 20);
  EXPECT_LT(peak_kib({"push", dir_ / "net", "alice/parts"}), kMaxPeakKib);
  EXPECT_LT(peak_kib({"pull", "alice/parts"}), kMaxPeakKib);
  // In one piece, and of another size, so that the program sends it.
  server_.set_mode(R"({"multipart_over": 1000000000})");
  write_model(dir_ / "net", (std::size_t{250} << 20) + 1);
  EXPECT_LT(peak_kib({"push", dir_ / "net", "alice/whole"}), kMaxPeakKib);
}

TEST_F(TransferMemoryTest, EndsAListingThatNeverEnds) {
  write_model(dir_ / "net", 100);
  server_.add_repo("timm/net", dir_ / "net");
  server_.set_mode(R"({"endless_pages": 1000, "long_paths": true})");
  const Outcome outcome = run_program(program({"pull", "timm/net"}));
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_THAT(outcome.err, ::testing::HasSubstr("the list of files does not end"));
  // The listed paths have 96 MiB, and one page a few more.
  EXPECT_LT(outcome.peak_kib, 200L << 10);
}

}  // namespace
}  // namespace weightlift
