#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "tests/checkpoint/golden.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/safetensors.h"
#include "weightlift/checkpoint/sniff.h"
#include "weightlift/checkpoint/torch.h"
#include "weightlift/tensor/compare.h"

// Small files of every form, truncated at every length and with every single bit flipped.

namespace weightlift {
namespace {

/// Every tensor of the file after a check of its checksums; nothing where it is refused.
std::optional<StateDict> read(const std::string& bytes) {
  const auto owner = std::make_shared<const std::string>(bytes);
  const auto view = std::as_bytes(std::span(*owner));
  try {
    const CheckpointFormat format = detect_format(view, "memory");
    if (format == CheckpointFormat::kSafetensors) {
      return parse_safetensors(view, owner, "memory").tensors;
    }
    const TorchFile file = format == CheckpointFormat::kTorchZip
                               ? parse_torch_zip(view, owner, "memory")
                               : parse_torch_legacy(view, owner, "memory");
    require_checksums(file);
    return load_state_dict(file, file.pickle.root).tensors;
  } catch (const FormatError&) {
    return std::nullopt;
  } catch (const UnsupportedError&) {
    return std::nullopt;
  }
}

bool equal(const StateDict& a, const StateDict& b) {
  return std::ranges::equal(a, b, [](const auto& left, const auto& right) {
    return left.first == right.first && bit_equal(left.second, right.second);
  });
}

struct Whole {
  std::string name;
  std::string bytes;
  bool has_checksums;
};

void PrintTo(const Whole& whole, std::ostream* out) { *out << whole.name; }

std::string data_file(const char* name) {
  return testing::read_file(std::filesystem::path(WEIGHTLIFT_TEST_DATA) / name);
}

class DamageTest : public ::testing::TestWithParam<Whole> {};

TEST_P(DamageTest, RefusesEveryTruncation) {
  const std::string& whole = GetParam().bytes;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(read(whole.substr(0, size))) << size;
  }
}

TEST_P(DamageTest, RefusesEveryFlippedBitThatChangesAChecksummedTensor) {
  const std::string& whole = GetParam().bytes;
  const auto good = read(whole);
  ASSERT_TRUE(good);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    const auto tensors = read(bytes);
    EXPECT_TRUE(!tensors || !GetParam().has_checksums || equal(*tensors, *good)) << bit;
  }
}

INSTANTIATE_TEST_SUITE_P(All, DamageTest,
                         ::testing::ValuesIn(std::vector<Whole>{
                             {"Safetensors", data_file("safetensors/pt.safetensors"), false},
                             {"SafetensorsOfShapes", data_file("safetensors/shapes.safetensors"),
                              false},
                             {"Zip", testing::golden_zip(), true},
                             {"AlignedZip", testing::golden_aligned_zip(), true},
                             {"ZipOfTorch", data_file("torch/golden.pth"), true},
                             {"Legacy", testing::golden_legacy(), false},
                             {"LegacyOfTorch", data_file("torch/legacy_dtypes.pth"), false}}),
                         [](const auto& parameter) { return parameter.param.name; });

}  // namespace
}  // namespace weightlift
