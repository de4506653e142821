#include "weightlift/models/resnet/resnet_names.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/models/name_parts.h"

namespace weightlift {

namespace {

/// timm's name of a tensor of torchvision's children, or "".
std::string timm_name_of_child(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kChildren = {
      {{"0.", "conv1."},
       {"1.", "bn1."},
       {"4.", "layer1."},
       {"5.", "layer2."},
       {"6.", "layer3."},
       {"7.", "layer4."}}};
  for (const auto& [number, child] : kChildren) {
    if (name.starts_with(number)) return fmt::format("{}{}", child, name.substr(number.size()));
  }
  return "";
}

/// timm's name of a tensor of transformers' ResNet, or "".
std::string timm_name_of_hf_resnet(std::string_view name) {
  if (name.starts_with("classifier.1.")) return fmt::format("fc.{}", name.substr(13));
  if (name.starts_with("resnet.")) name.remove_prefix(7);
  std::vector<std::string> parts = name_parts(name);
  if (parts.size() < 4) return "";
  const std::string last = parts.back();
  parts.pop_back();
  const std::string kind = parts.back();
  parts.pop_back();
  const bool convolution = kind == "convolution";
  if (!convolution && kind != "normalization") return "";
  if (parts == std::vector<std::string>{"embedder", "embedder"}) {
    return fmt::format("{}1.{}", convolution ? "conv" : "bn", last);
  }
  // encoder.stages.S.layers.B, then `shortcut` or `layer.K`
  const bool in_block = parts.size() >= 6 && parts[0] == "encoder" && parts[1] == "stages" &&
                        parts[3] == "layers" && one_more(parts[2]) != 0 && one_more(parts[4]) != 0;
  if (!in_block) return "";
  const std::string block = fmt::format("layer{}.{}.", one_more(parts[2]), parts[4]);
  if (parts.size() == 6 && parts[5] == "shortcut") {
    return fmt::format("{}downsample.{}.{}", block, convolution ? 0 : 1, last);
  }
  if (parts.size() != 7 || parts[5] != "layer" || one_more(parts[6]) == 0) return "";
  return fmt::format("{}{}{}.{}", block, convolution ? "conv" : "bn", one_more(parts[6]), last);
}

constexpr auto kTimmNeeded =
    std::to_array<std::string_view>({"conv1.weight", "bn1.running_mean", "layer2.0.conv1.weight"});

constexpr auto kChildNeeded =
    std::to_array<std::string_view>({"0.weight", "1.running_mean", "5.0.conv1.weight"});

constexpr auto kHfNeeded = std::to_array<std::string_view>(
    {"embedder.embedder.convolution.weight", "embedder.embedder.normalization.running_mean",
     "encoder.stages.1.layers.0.layer.0.convolution.weight"});

constexpr auto kDialects = std::to_array<Dialect>(
    {{.name = "timm's and torchvision's",
      .form = Form::kTorchvision,
      .anchor = "layer1.0.conv1.weight",
      .needed = kTimmNeeded},
     {.name = "torchvision's children by number",
      .form = Form::kTorchvision,
      .anchor = "4.0.conv1.weight",
      .needed = kChildNeeded,
      .timm_name = timm_name_of_child},
     {.name = "transformers'",
      .form = Form::kTransformers,
      .anchor = "resnet.encoder.stages.0.layers.0.layer.0.convolution.weight",
      .bare_anchor = "encoder.stages.0.layers.0.layer.0.convolution.weight",
      .needed = kHfNeeded,
      .timm_name = timm_name_of_hf_resnet}});

}  // namespace

std::span<const Dialect> resnet_dialects() { return kDialects; }

bool is_resnet_backbone(std::string_view name) {
  constexpr std::string_view kLayer = "layer";
  const bool layer = name.starts_with(kLayer) &&
                     one_more(name.substr(kLayer.size(), name.find('.') - kLayer.size())) > 1;
  return name.starts_with("conv1.") || name.starts_with("bn1.") || layer;
}

}  // namespace weightlift
