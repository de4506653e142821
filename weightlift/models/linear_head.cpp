#include "weightlift/models/linear_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

namespace weightlift {

namespace {

/// Parts of names of layers that are no classifiers although they have a classifier's shape:
/// projections of contrastive training, embeddings, and layers of cosines (ArcFace and others).
constexpr std::array<std::string_view, 16> kDoubtful = {
    "proj", "embed",  "queue",      "bank", "memory", "center", "proto", "arc",
    "cos",  "margin", "bottleneck", "hash", "whiten", "metric", "loss",  "query"};

/// Names of classifiers, where a layer without bias counts as one.
constexpr std::array<std::string_view, 5> kHeadNames = {"fc", "classifier", "head", "last_linear",
                                                        "linear"};

constexpr std::string_view kWeight = ".weight";

std::string in_lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

std::string doubt_about(const std::string& module, bool has_bias, const WeightsChoice& choice) {
  if (choice.projection && module.starts_with(choice.prefix)) {
    return "it is a projection for contrastive training";
  }
  const std::string name = in_lower_case(module);
  const auto* const part = std::ranges::find_if(
      kDoubtful, [&](std::string_view word) { return name.find(word) != std::string::npos; });
  if (part != kDoubtful.end()) return fmt::format("its name contains '{}'", *part);
  const std::string last = name.substr(name.rfind('.') + 1);
  const bool known = std::ranges::find(kHeadNames, last) != kHeadNames.end();
  return has_bias || known ? "" : "it has no bias";
}

bool has_shape(const OutsideTensor& tensor, const Shape& shape) {
  return tensor.tensor && tensor.tensor->shape() == shape;
}

}  // namespace

std::vector<LinearHead> find_linear_heads(const std::vector<OutsideTensor>& outside,
                                          const WeightsChoice& choice, std::int64_t features) {
  std::map<std::string_view, std::size_t> by_name;
  for (std::size_t i = 0; i < outside.size(); ++i) by_name.emplace(outside[i].full_name, i);
  std::vector<LinearHead> heads;
  for (std::size_t i = 0; i < outside.size(); ++i) {
    const OutsideTensor& weight = outside[i];
    const std::string& name = weight.full_name;
    const bool matrix = weight.tensor && weight.tensor->shape().size() == 2 &&
                        weight.tensor->shape()[0] > 0 && weight.tensor->shape()[1] == features;
    if (!matrix || !name.ends_with(kWeight)) continue;
    const std::string module = name.substr(0, name.size() - kWeight.size());
    std::size_t others = 0;
    for (auto next = by_name.lower_bound(module + "."); next != by_name.end(); ++next) {
      if (!next->first.starts_with(module + ".") || ++others > 2) break;
    }
    LinearHead head{module, i, std::nullopt, ""};
    const auto bias = by_name.find(module + ".bias");
    if (bias != by_name.end() &&
        has_shape(outside[bias->second], {weight.tensor->shape().front()})) {
      head.bias = bias->second;
    }
    if (others != (head.bias ? 2U : 1U)) continue;
    head.doubt = doubt_about(module, head.bias.has_value(), choice);
    heads.push_back(std::move(head));
  }
  return heads;
}

}  // namespace weightlift
