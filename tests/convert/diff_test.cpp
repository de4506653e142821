// Compares two checkpoints tensor by tensor, across formats and namings.

#include "weightlift/convert/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/convert/job.h"
#include "tests/support/notes.h"
#include "tests/support/refusal.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::request_for;
using testing::run;
using testing::small_checkpoint;
using testing::TempDir;
using testing::TimmCheckpoint;
using testing::with_element;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

CheckpointDiff diff(const fs::path& a, const fs::path& b, const SourceHints& of_b = {}) {
  ProgressSink silent;
  return diff_checkpoints(open_diff_side(a.string()), open_diff_side(b.string(), of_b), silent);
}

/// "only_in_a fc.weight", "values conv1.weight and resnet.embedder..."
std::vector<std::string> told(const CheckpointDiff& found) {
  std::vector<std::string> lines;
  for (const TensorDifference& difference : found.differences) {
    std::string line(to_string(difference.kind));
    if (difference.a) line += " " + difference.a->name;
    if (difference.b) line += (difference.a ? " and " : " ") + difference.b->name;
    lines.push_back(line);
  }
  return lines;
}

void write_weights(const fs::path& file, const StateDict& tensors) {
  fs::remove(file);
  write_safetensors(file, output_tensors(tensors), {});
}

class DiffTest : public ::testing::TestWithParam<LayerType> {
 protected:
  DiffTest() : checkpoint_(small_checkpoint(GetParam())) {
    checkpoint_.write_folder(dir_ / "small");
    run(request_for(dir_ / "small", dir_ / "out"));
  }
  fs::path source() const { return dir_ / "small"; }
  fs::path folder() const { return dir_ / "out/small"; }
  std::size_t size() const { return checkpoint_.tensors.size(); }

  /// Writes the converted folder's weights again, after `change`.
  template <class Change>
  void edit_folder(Change&& change) {
    std::map<std::string, Tensor> tensors;
    {
      const StateDict old = load_dict(open_checkpoint(folder() / "model.safetensors"), 0).tensors;
      tensors.insert(old.begin(), old.end());
      change(tensors);
      StateDict changed;
      for (const auto& [name, tensor] : tensors) changed.insert(name, tensor);
      write_weights(folder() / "new", changed);
    }
    fs::rename(folder() / "new", folder() / "model.safetensors");
  }
  void expect_equal(const fs::path& a, const fs::path& b) {
    const CheckpointDiff found = diff(a, b);
    EXPECT_THAT(told(found), IsEmpty()) << a << " and " << b;
    EXPECT_EQ(found.tensors, size());
    EXPECT_EQ(found.equal_count(), size());
  }
  TempDir dir_;
  TimmCheckpoint checkpoint_;
};

INSTANTIATE_TEST_SUITE_P(Layers, DiffTest,
                         ::testing::Values(LayerType::kBasic, LayerType::kBottleneck),
                         [](const auto& layers) { return std::string(to_string(layers.param)); });

TEST_P(DiffTest, AConversionHasEqualTensors) {
  expect_equal(source(), folder());
  expect_equal(folder(), source());
  expect_equal(folder(), folder());
}

TEST_P(DiffTest, IgnoresFormatsAndPrefixes) {
  StateDict prefixed;
  for (const auto& [name, tensor] : checkpoint_.tensors) prefixed.insert("module." + name, tensor);
  write_torch(dir_ / "best.pth", output_tensors(prefixed));
  expect_equal(dir_ / "best.pth", folder());
  expect_equal(source(), dir_ / "best.pth");
  expect_equal(folder() / "model.safetensors", source());  // transformers' names, no config
  ConversionRequest request = request_for(folder(), dir_ / "timm");
  request.to = Form::kTimm;
  request.weights_format = WeightsFormat::kBin;
  expect_equal(folder(), run(request).folder);
}

TEST_P(DiffTest, ReadsShardsAsOneCheckpoint) {
  std::array<StateDict, 2> shards;
  nlohmann::json index = {{"metadata", {{"total_size", 1}}}, {"weight_map", {}}};
  std::size_t i = 0;
  for (const auto& [name, tensor] : checkpoint_.tensors) {
    shards.at(i % 2).insert(name, tensor);
    index["weight_map"][name] = i++ % 2 == 0 ? "one.safetensors" : "two.safetensors";
  }
  fs::create_directory(dir_ / "shards");
  write_weights(dir_ / "shards/one.safetensors", shards[0]);
  write_weights(dir_ / "shards/two.safetensors", shards[1]);
  testing::write_file(dir_ / "shards/model.safetensors.index.json", index.dump());
  expect_equal(dir_ / "shards/model.safetensors.index.json", folder());
}

TEST_P(DiffTest, FindsOneChangedWeight) {
  Tensor& weight = checkpoint_.tensors.at("layer2.0.downsample.0.weight");
  const float before = weight.data<float>()[3];
  weight = with_element(weight, 3, before + 0.5F);
  const double after = static_cast<double>(weight.data<float>()[3]);
  checkpoint_.write_folder(source());
  const CheckpointDiff found = diff(source(), folder());
  EXPECT_THAT(told(found),
              ElementsAre("values layer2.0.downsample.0.weight and "
                          "resnet.encoder.stages.1.layers.0.shortcut.convolution.weight"));
  const double abs = std::fabs(after - static_cast<double>(before));
  EXPECT_EQ(found.differences[0].values->max_abs, abs);
  EXPECT_EQ(found.differences[0].values->max_rel, abs / std::fabs(static_cast<double>(before)));
  EXPECT_EQ(found.differences[0].values->different_count, 1);
  EXPECT_EQ(found.equal_count(), size() - 1);
}

TEST_P(DiffTest, SortsMissingTensorsAndLargeDifferencesFirst) {
  auto& tensors = checkpoint_.tensors;
  tensors.at("bn1.weight") = with_element(tensors.at("bn1.weight"), 0, 100.0F);
  tensors.at("bn1.bias") = with_element(tensors.at("bn1.bias"), 0, 200.0F);
  checkpoint_.write_folder(source());
  edit_folder([](auto& all) { all.erase("resnet.embedder.embedder.convolution.weight"); });
  EXPECT_THAT(told(diff(source(), folder())),
              ElementsAre("only_in_a conv1.weight",
                          "values bn1.bias and resnet.embedder.embedder.normalization.bias",
                          "values bn1.weight and resnet.embedder.embedder.normalization.weight"));
  EXPECT_THAT(told(diff(folder(), source())).front(), "only_in_b conv1.weight");
}

TEST_P(DiffTest, RecognizesRoundedTensors) {
  ConversionRequest request = request_for(source(), dir_ / "half");
  request.dtype = DType::F16;
  run(request);
  const CheckpointDiff found = diff(source(), dir_ / "half/small");
  std::size_t counters = 0;
  for (const auto& [name, tensor] : checkpoint_.tensors) counters += tensor.dtype() == DType::I64;
  EXPECT_EQ(found.equal_count(), counters);
  EXPECT_EQ(found.count(DifferenceKind::kDtype), size() - counters);
  for (const TensorDifference& difference : found.differences) {
    EXPECT_TRUE(difference.equal_rounded) << difference.a->name;
    EXPECT_EQ(difference.b->dtype, DType::F16);
    EXPECT_LT(difference.values->max_abs, 1e-2);
  }
  EXPECT_GT(found.differences.front().values->max_abs, 0.0);
}

TEST_P(DiffTest, DistinguishesOtherValuesFromRounding) {
  edit_folder([](auto& all) {
    Tensor& bias = all.at("classifier.1.bias");
    bias = to_dtype(with_element(bias, 0, 3.0F), DType::BF16);
  });
  const CheckpointDiff found = diff(source(), folder());
  EXPECT_THAT(told(found), ElementsAre("dtype fc.bias and classifier.1.bias"));
  EXPECT_FALSE(found.differences[0].equal_rounded);
}

TEST_P(DiffTest, TakesEqualNaNForEqual) {
  Tensor& bias = checkpoint_.tensors.at("fc.bias");
  bias = with_element(bias, 1, std::nanf(""));
  checkpoint_.write_folder(source());
  const CheckpointDiff found = diff(source(), folder());
  EXPECT_THAT(told(found), ElementsAre("values fc.bias and classifier.1.bias"));
  EXPECT_EQ(found.differences[0].values->max_abs, kInfinity);
  edit_folder([&](auto& all) { all.at("classifier.1.bias") = bias; });
  expect_equal(source(), folder());
}

TEST_P(DiffTest, PairsNetworksOfAnotherShapeByName) {
  ResNetConfig deeper = checkpoint_.network;
  deeper.depths[2] += 1;
  deeper.num_labels = 7;
  const char* name = GetParam() == LayerType::kBasic ? "resnet18" : "resnet50";
  const TimmCheckpoint other = testing::make_timm_checkpoint(deeper, name);
  other.write_folder(dir_ / "other");
  const CheckpointDiff found = diff(folder(), dir_ / "other");
  const std::size_t more = other.tensors.size() - size();
  EXPECT_EQ(found.tensors, other.tensors.size());
  EXPECT_EQ(found.count(DifferenceKind::kOnlyInB), more);
  EXPECT_EQ(found.count(DifferenceKind::kShape), 2U);
  EXPECT_EQ(found.differences.size(), more + 2);  // the same seed gives each name the same weights
  EXPECT_EQ(told(found).at(0).find("shape classifier.1."), 0U);
}

TEST_P(DiffTest, FindsTheMissingHeadOfABackbone) {
  ConversionRequest request = request_for(source(), dir_ / "backbone");
  request.head = Head::kNone;
  run(request);
  EXPECT_THAT(told(diff(source(), dir_ / "backbone/small")),
              ElementsAre("only_in_a fc.bias", "only_in_a fc.weight"));
}

TEST_P(DiffTest, ComparesTheSecondNetworkInAFile) {
  StateDict both;
  for (const auto& [name, tensor] : checkpoint_.tensors) {
    both.insert("student." + name, tensor);
    both.insert("teacher." + name, name == "bn1.bias" ? with_element(tensor, 0, 9.0F) : tensor);
  }
  write_torch(dir_ / "both.pth", output_tensors(both));
  EXPECT_THAT(told(diff(source(), dir_ / "both.pth", {.weights_key = "student"})), IsEmpty());
  EXPECT_THAT(told(diff(source(), dir_ / "both.pth", {.weights_key = "teacher"})),
              ElementsAre("values bn1.bias and bn1.bias"));
}

TEST_P(DiffTest, TakesMissingCountersAsZero) {
  StateDict old;
  for (const auto& [name, tensor] : checkpoint_.tensors) {
    if (tensor.dtype() != DType::I64) old.insert(name, tensor);
  }
  write_weights(dir_ / "old.safetensors", old);
  const DiffSide side = open_diff_side(dir_ / "old.safetensors");
  EXPECT_EQ(side.counters_added, static_cast<std::int64_t>(size() - old.size()));
  EXPECT_THAT(testing::told(side.notes), ElementsAre(HasSubstr(": counters-added count=")));
  expect_equal(dir_ / "old.safetensors", folder());
}

TEST_P(DiffTest, PairsOtherNetworksByName) {
  const fs::path config = folder() / "config.json";
  testing::write_file(config, testing::merged(testing::read_file(config),
                                              R"({"downsample_in_first_stage": true})"));
  edit_folder([](auto& all) {
    all.at("classifier.1.bias") = with_element(all.at("classifier.1.bias"), 0, 5.0F);
  });
  EXPECT_THAT(told(diff(source(), folder())), ElementsAre("values fc.bias and classifier.1.bias"));
}

TEST(DiffOtherNetworksTest, ComparesByTheNamesInTheFile) {
  const TempDir dir;
  StateDict a;
  a.insert("patch_embed.w", Tensor::of<float>({2}, {1, 2}));
  a.insert("norm.w", Tensor::of<float>({2}, {0.0F, 3}));
  write_weights(dir / "a.safetensors", a);
  StateDict b;
  b.insert("norm.w", Tensor::of<float>({2}, {-0.0F, 3}));
  b.insert("head.w", Tensor::of<std::int64_t>({1}, {4}));
  write_torch(dir / "b.pth", output_tensors(b));
  const CheckpointDiff found = diff(dir / "a.safetensors", dir / "b.pth");
  EXPECT_THAT(told(found), ElementsAre("only_in_a patch_embed.w", "only_in_b head.w",
                                       "values norm.w and norm.w"));
  EXPECT_EQ(found.differences[2].values->different_count, 0);
  EXPECT_EQ(found.tensors, 3U);
  EXPECT_THAT(open_diff_side(dir / "a.safetensors").not_convertible,
              HasSubstr("a vision transformer"));
}

TEST(DiffOtherNetworksTest, ComparesOnlyTheBytesOfSomeDtypes) {
  const TempDir dir;
  const auto write = [&](const char* file, const std::string& bytes) {
    const std::string header =
        testing::one_tensor(testing::raw_entry("\"F8_E4M3\"", "[2]", "[0,2]"));
    testing::write_file(dir / file, testing::raw_safetensors(header.size(), header, bytes));
  };
  write("a.safetensors", "ab");
  write("b.safetensors", "ac");
  const CheckpointDiff found = diff(dir / "a.safetensors", dir / "b.safetensors");
  EXPECT_THAT(told(found), ElementsAre("values t and t"));
  EXPECT_FALSE(found.differences[0].values.has_value());
  EXPECT_THAT(told(diff(dir / "a.safetensors", dir / "a.safetensors")), IsEmpty());
}

TEST(DiffRefusalTest, RefusesMissingAndOtherFilesAndStops) {
  const TempDir dir;
  EXPECT_THAT(testing::refusal<NotFoundError>([&] { open_diff_side(dir / "none.pth"); }),
              HasSubstr("none.pth: no such file or folder"));
  testing::write_file(dir / "w.bin", "<html>");
  EXPECT_THAT(testing::refusal<FormatError>([&] { open_diff_side(dir / "w.bin"); }),
              HasSubstr("w.bin: not a checkpoint but an HTML page"));
  small_checkpoint().write_file(dir / "w.safetensors");
  const DiffSide side = open_diff_side(dir / "w.safetensors");
  testing::Stopper stopper(3);
  EXPECT_EQ(testing::refusal<Interrupted>([&] { diff_checkpoints(side, side, stopper); }),
            "interrupted");
}

TEST(DiffRefusalTest, RefusesAFileThatChanges) {
  const TempDir dir;
  small_checkpoint().write_file(dir / "w.safetensors");
  const DiffSide side = open_diff_side(dir / "w.safetensors");
  fs::last_write_time(dir / "w.safetensors",
                      fs::file_time_type::clock::now() - std::chrono::hours(1));
  ProgressSink silent;
  EXPECT_THAT(testing::refusal<FormatError>([&] { diff_checkpoints(side, side, silent); }),
              HasSubstr("w.safetensors"));
}

}  // namespace
}  // namespace weightlift
