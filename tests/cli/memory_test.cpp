// The peak of the program does not grow with the checkpoint, whatever happens to the weights.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/resnets.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/file.h"
#include "weightlift/checkpoint.h"
#include "weightlift/checkpoint/output_elements.h"
#include "weightlift/models/resnet/resnet.h"
#include "weightlift/state_dict.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using testing::Outcome;
using testing::TempDir;

/// 80 MB: the arenas of two runs, the libraries and a few buffers. The weights alone have 241 MB.
constexpr long kMaxPeakKib = 80'000'000 / 1024;

/// timm's resnet152 with zeros that take no memory: this process must also stay small
/// (Outcome::peak_kib).
StateDict resnet152() {
  StateDict tensors;
  const auto network = make_timm_resnet(testing::resnet_config("resnet152"));
  for (const Module::Slot& slot : network->slots()) {
    const DType dtype = slot.role == SlotRole::kCounter ? DType::I64 : DType::F32;
    const std::size_t size_bytes = static_cast<std::size_t>(numel(slot.shape)) * item_bytes(dtype);
    const auto zeros = map_zeros(size_bytes);
    tensors.insert(slot.name,
                   Tensor::view(dtype, slot.shape, std::span(zeros.get(), size_bytes), zeros));
  }
  return tensors;
}

/// The program's output, after a check of its exit code and its peak. With two threads, as each has
/// its own buffers.
std::string run(std::vector<std::string> arguments, bool computes = true) {
  arguments.insert(arguments.begin(), WEIGHTLIFT_PROGRAM);
  if (computes) arguments.insert(arguments.end(), {"--threads", "2"});
  const Outcome outcome = testing::run_program(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_LT(outcome.peak_kib, kMaxPeakKib) << ::testing::PrintToString(arguments);
  return outcome.out;
}

struct Case {
  std::string name;
  std::vector<std::string> options;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class ConversionMemoryTest : public ::testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(
    Options, ConversionMemoryTest,
    ::testing::Values(Case{"Plain", {}}, Case{"Bin", {"--weights-format", "bin"}},
                      Case{"Float16", {"--dtype", "float16"}},
                      Case{"BFloat16", {"--dtype", "bfloat16"}},
                      Case{"Float16Bin", {"--dtype", "float16", "--weights-format", "bin"}},
                      Case{"BFloat16Bin", {"--dtype", "bfloat16", "--weights-format", "bin"}},
                      Case{"TimmFloat16", {"--to", "timm", "--dtype", "float16"}},
                      Case{"TorchvisionBFloat16", {"--to", "torchvision", "--dtype", "bfloat16"}},
                      Case{"BackboneFloat16", {"--head", "none", "--dtype", "float16"}}),
    [](const auto& one) { return one.param.name; });

TEST_P(ConversionMemoryTest, StaysSmall) {
  const TempDir dir;
  const std::string source = dir / "resnet152.safetensors";
  write_safetensors(source, output_tensors(resnet152()), {});
  std::vector<std::string> arguments = {"convert", source, "-o", dir / "out"};
  const auto& options = GetParam().options;
  arguments.insert(arguments.end(), options.begin(), options.end());
  run(arguments);
}

TEST(MemoryTest, StaysSmallForTorchFilesAndAfterAChangeOfDtype) {
  const TempDir dir;
  const std::string source = dir / "resnet152.pth";
  write_torch(source, output_tensors(resnet152()));
  run({"convert", source, "-o", dir / "half", "--name", "net", "--dtype", "float16"});
  const std::string half = dir / "half/net";
  run({"verify", source, half});
  run({"inspect", half, "--hash"}, false);
  run({"convert", half, "-o", dir / "whole", "--name", "net", "--to", "timm", "--dtype", "float32",
       "--weights-format", "bin"});
  run({"diff", source, dir / "whole/net"}, false);
}

TEST(MemoryTest, StaysSmallForShards) {
  const TempDir dir;
  std::vector<std::vector<OutputTensor>> shards(4);
  nlohmann::json index = {{"metadata", {{"total_size", 0}}}};
  std::uint64_t size_bytes = 0;
  for (OutputTensor& output : output_tensors(resnet152())) {
    const std::size_t shard = size_bytes * shards.size() / 300'000'000;
    size_bytes += stored_bytes(output);
    index["weight_map"][output.name] = "shard" + std::to_string(shard) + ".safetensors";
    shards.at(shard).push_back(std::move(output));
  }
  index["metadata"]["total_size"] = size_bytes;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    write_safetensors(dir / ("shard" + std::to_string(i) + ".safetensors"), shards[i], {});
  }
  const std::string source = dir / "model.safetensors.index.json";
  write_atomically(source, index.dump());
  run({"convert", source, "-o", dir / "out", "--name", "net", "--dtype", "bfloat16",
       "--weights-format", "bin"});
}

}  // namespace
}  // namespace weightlift
