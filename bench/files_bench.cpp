// Times the work on the bytes of a checkpoint, without arithmetic: hashing and writing them.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "weightlift/base/digest.h"
#include "weightlift/checkpoint.h"

namespace weightlift {
namespace {

constexpr std::int64_t kElements = 1 << 20;  // 4 MiB of F32, a large tensor of a ResNet
constexpr int kTensors = 25;                 // together as large as resnet50

/// A folder in TMPDIR; removed after each benchmark.
class Folder {
 public:
  Folder() : path_((std::filesystem::temp_directory_path() / "files_bench.XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error(path_ + ": cannot be made");
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path operator/(const char* name) const {
    return std::filesystem::path(path_) / name;
  }

 private:
  std::string path_;
};

void sha256_of_100_mib(benchmark::State& state) {
  const std::vector<std::byte> bytes(std::size_t{kTensors} * kElements * sizeof(float));
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(sha256(bytes));
  state.SetBytesProcessed(state.iterations() * std::ssize(bytes));
}

void write_of_100_mib(benchmark::State& state, DType dtype) {
  const Tensor tensor = Tensor::of({kElements}, std::vector<float>(std::size_t{kElements}, 0.5F));
  std::vector<OutputTensor> entries;
  for (int i = 0; i < kTensors; ++i) entries.push_back({std::to_string(i), tensor, dtype});
  const Folder folder;
  for ([[maybe_unused]] auto _ : state) {
    write_safetensors(folder / "model.safetensors", entries, {{"format", "pt"}});
    state.PauseTiming();
    std::filesystem::remove(folder / "model.safetensors");
    state.ResumeTiming();
  }
  state.SetBytesProcessed(state.iterations() * kTensors * std::ssize(tensor.bytes()));
}

BENCHMARK(sha256_of_100_mib)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(write_of_100_mib, as_float32, DType::F32)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(write_of_100_mib, to_float16, DType::F16)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(write_of_100_mib, to_bfloat16, DType::BF16)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace weightlift
