#include "weightlift/export/model_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/folder.h"
#include "tests/support/network_of.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/checkpoint.h"
#include "weightlift/tensor/compare.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::names_in;
using testing::network_of;
using ::testing::Pair;
using testing::read_file;
using testing::refusal;
using testing::TempDir;
using ::testing::UnorderedElementsAre;
using testing::write_file;

StateDict two_tensors() {
  StateDict tensors;
  tensors.insert("w", Tensor::of({2}, std::vector<float>{1.0F, 1.0F / 3}));
  tensors.insert("n", Tensor::of({}, std::vector<std::int64_t>{7}));
  return tensors;
}

TEST(ModelFolderTest, WritesConfigWeightsAndProcessor) {
  const TempDir dir;
  write_model_folder(dir.path(), {.network = network_of(), .processor = ImageProcessor{}},
                     two_tensors());
  EXPECT_THAT(names_in(dir.path()),
              UnorderedElementsAre("config.json", "model.safetensors", "preprocessor_config.json"));
  EXPECT_EQ(read_file(dir / "config.json"), to_config_json({}));
  EXPECT_EQ(read_file(dir / "preprocessor_config.json"), to_preprocessor_json({}));
  const Checkpoint checkpoint = open_checkpoint(dir / "model.safetensors");
  EXPECT_THAT(checkpoint.metadata, ElementsAre(Pair("format", "pt")));
  const StateDict written = load_dict(checkpoint, 0).tensors;
  EXPECT_TRUE(bit_equal(written.at("w"), two_tensors().at("w")));
  EXPECT_TRUE(bit_equal(written.at("n"), two_tensors().at("n")));
}

TEST(ModelFolderTest, WritesNoProcessorWithoutOne) {
  const TempDir dir;
  write_model_folder(dir.path(), {.network = network_of()}, two_tensors());
  EXPECT_THAT(names_in(dir.path()), UnorderedElementsAre("config.json", "model.safetensors"));
}

TEST(ModelFolderTest, WritesWeightsInTheOutputDtypeAndCountersUnchanged) {
  const TempDir dir;
  ResNetConfig config;
  config.dtype = DType::BF16;
  write_model_folder(dir.path(), {.network = network_of(), .config = config}, two_tensors());
  const StateDict written = load_dict(open_checkpoint(dir / "model.safetensors"), 0).tensors;
  EXPECT_TRUE(bit_equal(written.at("w"), to_dtype(two_tensors().at("w"), DType::BF16)));
  EXPECT_EQ(written.at("n").dtype(), DType::I64);
}

TEST(ModelFolderTest, ReportsProgressAndStopsOnRequest) {
  const TempDir dir;
  std::uint64_t last = 0;
  std::uint64_t all = 0;
  write_model_folder(dir.path(), {.network = network_of()}, two_tensors(),
                     [&](std::uint64_t done, std::uint64_t total) {
                       last = done;
                       all = total;
                     });
  EXPECT_EQ(last, all);
  EXPECT_EQ(last, fs::file_size(dir / "model.safetensors"));
  const TempDir other;
  EXPECT_EQ(refusal<Interrupted>([&] {
              write_model_folder(other.path(), {.network = network_of()}, two_tensors(),
                                 [](std::uint64_t, std::uint64_t) { throw Interrupted(2); });
            }),
            "interrupted");
}

TEST(ModelFolderTest, RefusesAFolderWithWeights) {
  const TempDir dir;
  write_file(dir / "model.safetensors", "mine");
  EXPECT_THAT(refusal<ExistsError>([&] {
                write_model_folder(dir.path(), {.network = network_of()}, two_tensors());
              }),
              HasSubstr("model.safetensors"));
  EXPECT_EQ(read_file(dir / "model.safetensors"), "mine");
}

TEST(ModelFolderTest, RefusesATimmFolderWithoutItsConfig) {
  const TempDir dir;
  EXPECT_EQ(refusal<UsageError>(
                [&] { write_model_folder(dir.path(), {.form = Form::kTimm}, two_tensors()); }),
            "timm: expected a config for a timm folder");
  EXPECT_THAT(names_in(dir.path()), ::testing::IsEmpty());
}

}  // namespace
}  // namespace weightlift
