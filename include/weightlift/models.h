#pragma once

// Layer: models

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/state_dict.h"

/// @file
/// What networks have in common, and timm's registry of pretrained names.

namespace WEIGHTLIFT_API weightlift {

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

/// What the configs of all networks have: transformers' PreTrainedConfig, with its defaults. The
/// sizes of the layers are not part of it. A plain value.
struct ModelConfig {
  std::int64_t num_channels = 3;
  std::int64_t num_labels = 2;

  /// Labels by class id, ascending; empty: transformers' LABEL_0, LABEL_1, ... The ids may have
  /// gaps.
  std::vector<std::pair<std::int64_t, std::string>> id2label = {};
  ProblemType problem_type = ProblemType::kUnstated;
  DType dtype = DType::F32;
  Head head = Head::kClassifier;  ///< `architectures`: ...ForImageClassification or ...Model

  /// The label of a class: that of id2label, or "LABEL_7" for class 7.
  std::string label(std::int64_t id) const;

  /// Whether the classes have names: one label differs from LABEL_i.
  bool has_labels() const;
};

/// What a tensor outside the chosen network is.
enum class OutsideKind : std::uint8_t {
  kOtherNetwork,  ///< part of another complete network, or belongs to one
  kTraining,      ///< only training reads it: a loss, a queue, a metric, optimizer state
  kUnknown,       ///< it may run before, inside or after the network
};

/// "other network", "training only", "unknown"
std::string_view to_string(OutsideKind kind);

/// What allows weightlift to ignore an unknown tensor.
enum class Consent : std::uint8_t {
  kNone,        ///< nothing: no consent is needed, or it is missing
  kPattern,     ///< a glob of SourceHints::ignore
  kWeightsKey,  ///< SourceHints::weights_key, which names the network without it
};

/// A tensor of a checkpoint that the chosen network does not have. Keeps the checkpoint's file
/// mapped by its handle.
struct OutsideTensor {
  std::size_t dict = 0;          ///< index into the checkpoint's dicts
  std::string name;              ///< in its dict
  std::string full_name;         ///< `name`, after the path of its dict where that is another dict
  std::optional<Tensor> tensor;  ///< for its dtype and shape; empty where it is unreadable
  bool in_list = false;          ///< stands for all tensors in lists under the key `name`
  OutsideKind kind = OutsideKind::kUnknown;
  std::string reason = {};           ///< kOtherNetwork: which; kTraining: what it is
  Consent consent = Consent::kNone;  ///< of kUnknown
};

/// timm's pretrained_cfg of one tag, with timm's names and values. Source:
/// timm.models.get_pretrained_cfg. A plain value; its texts live as long as the program.
struct PretrainedCfg {
  std::string_view architecture;  ///< "resnet50"
  std::string_view tag;           ///< "a1_in1k"
  std::string_view url_file;      ///< name of the weights file, empty where only the Hub has them
  std::array<int, 3> input_size;  ///< channels, height, width
  std::array<int, 3> test_input_size;  ///< all 0: timm names none
  double crop_pct;                     ///< side of the crop over the resized short side
  double test_crop_pct;                ///< 0: timm names none
  std::string_view interpolation;      ///< "bilinear" or "bicubic"
  std::string_view crop_mode;          ///< "center"
  std::array<double, 3> mean;          ///< per channel, of pixels scaled to 0..1
  std::array<double, 3> std;           ///< as mean
  int num_classes;                     ///< 0: the weights have no classifier
  std::string_view license;            ///< empty: timm states none
  std::string_view origin_url;         ///< empty: timm states none
  std::string_view paper_ids;          ///< "arXiv:2110.00476", empty: timm states none
  std::array<int, 2> pool_size;        ///< height, width of the last feature map at input_size
  bool is_default;                     ///< the tag of the bare architecture name
  std::int64_t parameters;             ///< of the architecture with num_classes classes
  std::string_view hash_prefix;  ///< leading 8 hex digits of the file's sha256, empty: none known
};

/// Every pretrained name that weightlift supports, by family, in the order of timm.list_pretrained.
/// Valid as long as the program runs.
std::span<const PretrainedCfg> pretrained_cfgs();

/// The full name of a tag: "resnet50.a1_in1k".
std::string full_name(const PretrainedCfg& cfg);

/// The repository of the Hub where timm keeps a tag's weights: "timm/resnet50.a1_in1k".
std::string repository_of(const PretrainedCfg& cfg);

/// The tag of a name, as timm resolves it: "resnet50.tv_in1k", "resnet50" (its default tag) or an
/// old name. Empty where pretrained_cfgs() has no such name.
std::optional<PretrainedCfg> find_pretrained(std::string_view name);

/// Why weightlift does not support a timm architecture ("vgg16", without tag). Empty where it does,
/// or timm has no such name. Valid as long as the program runs.
std::string_view reason_against(std::string_view architecture);

/// Up to three names of the registry with the nearest spelling, the nearest first.
std::vector<std::string> nearest_names(std::string_view name);

}  // namespace weightlift
