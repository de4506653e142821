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

/// The name of a folder's config, for transformers and for timm.
inline constexpr const char* kConfigFile = "config.json";

/// Maximum size of a config.json in bytes: ImageNet-21k's labels take 2 MB.
inline constexpr std::size_t kMaxConfigBytes = std::size_t{4} << 20U;

enum class LayerType : std::uint8_t { kBasic, kBottleneck };

/// "basic" or "bottleneck", as config.json's `layer_type`.
std::string_view to_string(LayerType type);

/// The layer on the pooled features: the classifier, or none (transformers' ResNetModel).
enum class Head : std::uint8_t { kClassifier, kNone };

/// The task of the logits, config.json's `problem_type`.
enum class ProblemType : std::uint8_t {
  kUnstated,     ///< no such key
  kRegression,   ///< "regression"
  kSingleLabel,  ///< "single_label_classification"
  kMultiLabel,   ///< "multi_label_classification"
};

/// transformers' ResNetConfig: the shape of a network and its labels. The defaults are those
/// of that class.
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
  /// Labels by class id, ascending; empty: transformers' LABEL_0, LABEL_1, ... The ids may
  /// have gaps.
  std::vector<std::pair<std::int64_t, std::string>> id2label = {};
  ProblemType problem_type = ProblemType::kUnstated;
  DType dtype = DType::F32;
  Head head = Head::kClassifier;  ///< `architectures`: ResNetForImageClassification or ResNetModel

  /// The label of a class: id2label's, or LABEL_i.
  std::string label(std::int64_t id) const;
  /// Whether the classes have names: one label differs from LABEL_i.
  bool has_labels() const;
};

/// Throws UsageError unless a network can have these sizes: as many depths as hidden_sizes, none of
/// them 0, at least 4 channels in a bottleneck.
void require_sizes(const ResNetConfig& config);

/// The release whose config.json to_config_json writes, byte for byte.
inline constexpr std::string_view kTransformersVersion = "5.23.0";

/// The config.json that transformers 5.23.0's save_pretrained writes for this network, byte for
/// byte.
std::string to_config_json(const ResNetConfig& config);

/// Reads transformers' config.json, of any version since 4.18. Throws FormatError for missing or
/// wrong values and impossible sizes, UnsupportedError for another model_type or an unsupported
/// hidden_act.
ResNetConfig parse_resnet_config(std::string_view text, const std::string& where);

/// Whether a config.json is transformers': it has `model_type`, of any model, and no
/// `architecture`. Throws FormatError where it is not JSON.
bool is_transformers_config(std::string_view text, const std::string& where);

}  // namespace weightlift
