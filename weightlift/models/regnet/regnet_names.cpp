#include "weightlift/models/regnet/regnet_names.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/models/name_parts.h"

namespace weightlift {

namespace {

using RegNetPair = std::pair<std::string_view, std::string_view>;

/// The name with the first of the pairs' beginnings replaced, or "".
template <std::size_t size>
std::string with_other_start(const std::array<RegNetPair, size>& pairs, std::string_view name) {
  for (const auto& [start, other] : pairs) {
    if (name.starts_with(start)) return fmt::format("{}{}", other, name.substr(start.size()));
  }
  return "";
}

/// timm's name of a tensor of torchvision's RegNet, or "".
std::string timm_name_of_torchvision(std::string_view name) {
  constexpr std::array<RegNetPair, 3> kOutside = {
      {{"stem.0.", "stem.conv."}, {"stem.1.", "stem.bn."}, {"fc.", "head.fc."}}};
  constexpr std::array<RegNetPair, 9> kInBlock = {{{"f.a.0.", "conv1.conv."},
                                                   {"f.a.1.", "conv1.bn."},
                                                   {"f.b.0.", "conv2.conv."},
                                                   {"f.b.1.", "conv2.bn."},
                                                   {"f.se.", "se."},
                                                   {"f.c.0.", "conv3.conv."},
                                                   {"f.c.1.", "conv3.bn."},
                                                   {"proj.0.", "downsample.conv."},
                                                   {"proj.1.", "downsample.bn."}}};
  constexpr std::string_view kTrunk = "trunk_output.block";
  if (!name.starts_with(kTrunk)) return with_other_start(kOutside, name);
  // blockS.blockS-B.
  name.remove_prefix(kTrunk.size());
  const std::string_view stage = name.substr(0, name.find('.'));
  const std::string block = fmt::format("{0}.block{0}-", stage);
  if (one_more(stage) < 2 || !name.starts_with(block)) return "";
  name.remove_prefix(block.size());
  const std::size_t dot = name.find('.');
  const int number = one_more(name.substr(0, dot));
  if (number == 0 || dot == std::string_view::npos) return "";
  const std::string inside = with_other_start(kInBlock, name.substr(dot + 1));
  return inside.empty() ? "" : fmt::format("s{}.b{}.{}", stage, number, inside);
}

/// timm's name of a module of transformers' `layer`, or "": three convolutions, in layer type y
/// with squeeze-and-excitation before the last one.
std::string timm_name_in_layer(const std::vector<std::string>& parts, std::string_view kind) {
  const bool attention = parts.size() == 2 && parts[0] == "2" && parts[1] == "attention";
  if (attention) return kind == "0" ? "se.fc1" : kind == "2" ? "se.fc2" : "";
  const bool convolution = kind == "convolution";
  if (parts.size() != 1 || (!convolution && kind != "normalization")) return "";
  const int number = one_more(parts[0]);
  if (number < 1 || number > 4) return "";
  return fmt::format("conv{}.{}", number == 4 ? 3 : number, convolution ? "conv" : "bn");
}

/// timm's name of a tensor of transformers' RegNet, or "".
std::string timm_name_of_hf_regnet(std::string_view name) {
  constexpr std::array<RegNetPair, 2> kStem = {{{"embedder.embedder.convolution.", "stem.conv."},
                                                {"embedder.embedder.normalization.", "stem.bn."}}};
  if (name.starts_with("classifier.1.")) return fmt::format("head.fc.{}", name.substr(13));
  if (name.starts_with("regnet.")) name.remove_prefix(7);
  if (std::string stem = with_other_start(kStem, name); !stem.empty()) return stem;
  // encoder.stages.S.layers.B, then `shortcut` or `layer.K`, a module and its tensor
  const std::vector<std::string> parts = name_parts(name);
  const bool in_block = parts.size() >= 8 && parts[0] == "encoder" && parts[1] == "stages" &&
                        parts[3] == "layers" && one_more(parts[2]) != 0 && one_more(parts[4]) != 0;
  if (!in_block) return "";
  const std::string& kind = parts[parts.size() - 2];
  std::string inside;
  if (parts.size() == 8 && parts[5] == "shortcut") {
    inside = kind == "convolution"     ? "downsample.conv"
             : kind == "normalization" ? "downsample.bn"
                                       : "";
  } else if (parts[5] == "layer") {
    inside = timm_name_in_layer({parts.begin() + 6, parts.end() - 2}, kind);
  }
  if (inside.empty()) return "";
  return fmt::format("s{}.b{}.{}.{}", one_more(parts[2]), one_more(parts[4]), inside, parts.back());
}

constexpr auto kTimmRegNetNeeded = std::to_array<std::string_view>(
    {"stem.conv.weight", "stem.bn.running_mean", "s2.b1.conv1.conv.weight"});

constexpr auto kTorchvisionRegNetNeeded = std::to_array<std::string_view>(
    {"stem.0.weight", "stem.1.running_mean", "trunk_output.block2.block2-0.f.a.0.weight"});

constexpr auto kHfRegNetNeeded = std::to_array<std::string_view>(
    {"embedder.embedder.convolution.weight", "embedder.embedder.normalization.running_mean",
     "encoder.stages.1.layers.0.layer.0.convolution.weight"});

constexpr auto kRegNetDialects = std::to_array<Dialect>(
    {{.name = "timm's",
      .form = Form::kTimm,
      .anchor = "s1.b1.conv1.conv.weight",
      .needed = kTimmRegNetNeeded},
     {.name = "torchvision's",
      .form = Form::kTorchvision,
      .anchor = "trunk_output.block1.block1-0.f.a.0.weight",
      .needed = kTorchvisionRegNetNeeded,
      .timm_name = timm_name_of_torchvision},
     {.name = "transformers'",
      .form = Form::kTransformers,
      .anchor = "regnet.encoder.stages.0.layers.0.layer.0.convolution.weight",
      .bare_anchor = "encoder.stages.0.layers.0.layer.0.convolution.weight",
      .needed = kHfRegNetNeeded,
      .timm_name = timm_name_of_hf_regnet}});

}  // namespace

std::span<const Dialect> regnet_dialects() { return kRegNetDialects; }

bool is_regnet_backbone(std::string_view name) {
  const bool stage = name.starts_with("s") && one_more(name.substr(1, name.find('.') - 1)) > 1;
  return name.starts_with("stem.") || stage;
}

}  // namespace weightlift
