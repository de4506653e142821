#include "weightlift/models/regnet/regnet_widths.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace weightlift {

namespace {

constexpr auto kRules = std::to_array<RegNetRuleOf>({
    {"regnetx_002", {13, 24, 36.44, 2.49, 8}},
    {"regnetx_004", {22, 24, 24.48, 2.54, 16}},
    {"regnetx_004_tv", {22, 24, 24.48, 2.54, 16, true}},
    {"regnetx_006", {16, 48, 36.97, 2.24, 24}},
    {"regnetx_008", {16, 56, 35.73, 2.28, 16}},
    {"regnetx_016", {18, 80, 34.01, 2.25, 24}},
    {"regnetx_032", {25, 88, 26.31, 2.25, 48}},
    {"regnetx_040", {23, 96, 38.65, 2.43, 40}},
    {"regnetx_064", {17, 184, 60.83, 2.07, 56}},
    {"regnetx_080", {23, 80, 49.56, 2.88, 120}},
    {"regnetx_120", {19, 168, 73.36, 2.37, 112}},
    {"regnetx_160", {22, 216, 55.59, 2.1, 128}},
    {"regnetx_320", {23, 320, 69.86, 2.0, 168}},
    {"regnety_002", {13, 24, 36.44, 2.49, 8}},
    {"regnety_004", {16, 48, 27.89, 2.09, 8}},
    {"regnety_006", {15, 48, 32.54, 2.32, 16}},
    {"regnety_008", {14, 56, 38.84, 2.4, 16}},
    {"regnety_008_tv", {14, 56, 38.84, 2.4, 16, true}},
    {"regnety_016", {27, 48, 20.71, 2.65, 24}},
    {"regnety_032", {21, 80, 42.63, 2.66, 24}},
    {"regnety_040", {22, 96, 31.41, 2.24, 64}},
    {"regnety_064", {25, 112, 33.22, 2.27, 72}},
    {"regnety_080", {17, 192, 76.82, 2.19, 56}},
    {"regnety_080_tv", {17, 192, 76.82, 2.19, 56, true}},
    {"regnety_120", {19, 168, 73.36, 2.37, 112}},
    {"regnety_160", {18, 200, 106.23, 2.48, 112}},
    {"regnety_320", {20, 232, 115.89, 2.53, 232}},
    {"regnety_640", {20, 352, 147.48, 2.4, 328}},
    {"regnety_1280", {27, 456, 160.83, 2.52, 264}},
    {"regnety_2560", {27, 640, 230.83, 2.53, 373}},
});

/// timm's generate_regnet: the channels of every block, before the groups count. In float32, as
/// torch computes them; nearbyint rounds half to even, as torch.round.
std::vector<std::int64_t> widths_of_blocks(const RegNetRule& rule) {
  constexpr float kQuantum = 8;
  const auto first = static_cast<float>(rule.w0);
  std::vector<std::int64_t> widths;
  for (std::int64_t i = 0; i < rule.depth; ++i) {
    const float linear = static_cast<float>(i) * static_cast<float>(rule.wa) + first;
    const float exponent =
        std::nearbyint(std::log(linear / first) / static_cast<float>(std::log(rule.wm)));
    const float width = first * std::pow(static_cast<float>(rule.wm), exponent);
    widths.push_back(static_cast<std::int64_t>(std::nearbyint(width / kQuantum) * kQuantum));
  }
  return widths;
}

/// timm's quantize_float: the nearest multiple, of two the even one.
std::int64_t nearest_multiple(std::int64_t value, std::int64_t divisor) {
  const double ratio = static_cast<double>(value) / static_cast<double>(divisor);
  return static_cast<std::int64_t>(std::nearbyint(ratio)) * divisor;
}

/// timm's and torchvision's make_divisible: the nearest multiple, of two the larger one, and not
/// below nine tenths.
std::int64_t divisible(std::int64_t value, std::int64_t divisor) {
  const std::int64_t rounded =
      std::max<std::int64_t>(divisor, (value + divisor / 2) / divisor * divisor);
  const bool too_small = static_cast<double>(rounded) < 0.9 * static_cast<double>(value);
  return too_small ? rounded + divisor : rounded;
}

}  // namespace

std::span<const RegNetRuleOf> regnet_rules() { return kRules; }

RegNetWidths regnet_widths(const RegNetRule& rule) {
  RegNetWidths widths;
  // Widths ascend, so equal ones are neighbours.
  for (const std::int64_t width : widths_of_blocks(rule)) {
    if (widths.hidden_sizes.empty() || widths.hidden_sizes.back() != width) {
      widths.hidden_sizes.push_back(width);
      widths.depths.push_back(0);
    }
    ++widths.depths.back();
  }
  // timm's adjust_widths_groups_comp
  for (std::int64_t& width : widths.hidden_sizes) {
    const std::int64_t group = std::min(rule.group_size, width);
    widths.group_sizes.push_back(group);
    width = rule.as_torchvision ? divisible(width, group) : nearest_multiple(width, group);
  }
  return widths;
}

}  // namespace weightlift
