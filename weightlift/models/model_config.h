#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/tensor/dtype.h"

namespace weightlift {

/// The name of a folder's config, for transformers and for timm.
inline constexpr const char* kConfigFile = "config.json";

/// Maximum size of a config.json in bytes: ImageNet-21k's labels take 2 MB.
inline constexpr std::size_t kMaxConfigBytes = std::size_t{4} << 20U;

/// The release whose config.json weightlift writes, byte for byte.
inline constexpr std::string_view kTransformersVersion = "5.23.0";

/// The library that loads a folder, and whose tree of modules a network has.
enum class Form : std::uint8_t {
  kTransformers,  ///< loads with from_pretrained
  kTimm,          ///< loads with create_model("local-dir:...")
  kTorchvision,   ///< a state dict alone, for load_state_dict
};

/// "transformers", "timm", "torchvision"
std::string_view to_string(Form form);

/// The layer on the pooled features: the classifier, or none (transformers' ResNetModel).
enum class Head : std::uint8_t { kClassifier, kNone };

/// The task of the logits, config.json's `problem_type`.
enum class ProblemType : std::uint8_t {
  kUnstated,     ///< no such key
  kRegression,   ///< "regression"
  kSingleLabel,  ///< "single_label_classification"
  kMultiLabel,   ///< "multi_label_classification"
};

/// What the configs of all families have: transformers' PreTrainedConfig, with its defaults. A
/// Network holds the sizes of the layers.
struct ModelConfig {
  std::int64_t num_channels = 3;
  std::int64_t num_labels = 2;
  /// Labels by class id, ascending; empty: transformers' LABEL_0, LABEL_1, ... The ids may
  /// have gaps.
  std::vector<std::pair<std::int64_t, std::string>> id2label = {};
  ProblemType problem_type = ProblemType::kUnstated;
  DType dtype = DType::F32;
  Head head = Head::kClassifier;  ///< `architectures`: ...ForImageClassification or ...Model

  /// The label of a class: id2label's, or LABEL_i.
  std::string label(std::int64_t id) const;
  /// Whether the classes have names: one label differs from LABEL_i.
  bool has_labels() const;
};

/// The dtype that weights of several floating dtypes get: their own where they have one, else F32.
/// It holds F16 and BF16 exactly. F64 among others is rounded, as torch does where it loads such
/// weights into a network. F32 for none.
DType common_dtype(const std::vector<DType>& dtypes);

/// Whether a config.json is transformers': it has `model_type`, of any model, and no
/// `architecture`. Throws FormatError where it is not JSON.
bool is_transformers_config(std::string_view text, const std::string& where);

}  // namespace weightlift
