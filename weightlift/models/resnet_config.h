#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/nn/graph.h"
#include "weightlift/tensor/dtype.h"

namespace weightlift {

/// Of a config.json, which is read whole: ImageNet-21k's labels take 2 MB.
inline constexpr std::size_t kMaxConfigBytes = std::size_t{4} << 20U;

enum class LayerType : std::uint8_t { kBasic, kBottleneck };

/// "basic" or "bottleneck", as config.json's `layer_type`.
std::string_view to_string(LayerType type);

/// What sits on the pooled features: the classifier, or nothing (transformers' ResNetModel).
enum class Head : std::uint8_t { kKeep, kNone };

/// What the logits were trained for, as config.json's `problem_type`.
enum class ProblemType : std::uint8_t {
  kUnstated,     ///< no such key: one label of several, or a single one
  kRegression,   ///< "regression"
  kSingleLabel,  ///< "single_label_classification"
  kMultiLabel,   ///< "multi_label_classification"
};

/// transformers' ResNetConfig: the shape of a network and its labels. The defaults are the class's.
struct ResNetConfig {
  std::int64_t num_channels = 3;
  std::int64_t embedding_size = 64;
  std::vector<std::int64_t> hidden_sizes = {256, 512, 1024, 2048};
  std::vector<std::int64_t> depths = {3, 4, 6, 3};
  LayerType layer_type = LayerType::kBottleneck;
  Activation hidden_act = Activation::kRelu;
  bool downsample_in_first_stage = false;
  bool downsample_in_bottleneck = false;
  std::int64_t num_labels = 2;
  /// Labels by class id, ascending; empty means transformers' LABEL_0, LABEL_1, ... A file may
  /// leave gaps between the ids.
  std::vector<std::pair<std::int64_t, std::string>> id2label = {};
  ProblemType problem_type = ProblemType::kUnstated;
  DType dtype = DType::F32;
  Head head = Head::kKeep;  ///< `architectures`: ResNetForImageClassification or ResNetModel

  /// The label of a class: id2label's, or LABEL_i.
  std::string label(std::int64_t id) const;
};

/// The config.json that transformers 5.23.0's save_pretrained writes for this network, byte for
/// byte.
std::string to_config_json(const ResNetConfig& config);

/// Reads a config.json of transformers' form, of any version since 4.18. Throws FormatError
/// "where: key: expected X, got Y" for another model_type, impossible sizes, or an activation that
/// is not known here.
ResNetConfig parse_resnet_config(std::string_view text, const std::string& where);

/// True where the text of a config.json says `"model_type": "resnet"`.
bool is_transformers_config(std::string_view text, const std::string& where);

}  // namespace weightlift
