#include "weightlift/models/resnet_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "weightlift/base/error.h"
#include "weightlift/base/json.h"
#include "weightlift/models/id2label.h"

namespace weightlift {

namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

// No real network is larger. The limits keep products far from overflow, and a hostile config from
// creating a million modules.
constexpr std::int64_t kMaxStages = 64;
constexpr std::int64_t kMaxDepth = 10'000;
constexpr std::int64_t kMaxChannels = 1 << 20;

std::string default_label(std::int64_t id) { return fmt::format("LABEL_{}", id); }

/// transformers' names, in the order of ProblemType.
constexpr std::array<std::string_view, 4> kProblemTypes = {
    "", "regression", "single_label_classification", "multi_label_classification"};

/// Whether the labels equal PreTrainedConfig's default, two labels: save_pretrained omits those.
bool has_default_labels(const ResNetConfig& config) {
  return config.num_labels == 2 && !config.has_labels();
}

void add_labels(OrderedJson& json, const ResNetConfig& config) {
  OrderedJson id2label = OrderedJson::object();
  std::map<std::string, std::int64_t> ids;  // by code point, as Python sorts; the last id wins
  const auto add = [&](std::int64_t id, const std::string& label) {
    id2label[std::to_string(id)] = label;
    ids[label] = id;
  };
  if (config.id2label.empty()) {
    for (std::int64_t id = 0; id < config.num_labels; ++id) add(id, default_label(id));
  } else {
    for (const auto& [id, label] : config.id2label) add(id, label);
  }
  OrderedJson label2id = OrderedJson::object();
  for (const auto& [label, id] : ids) label2id.emplace(label, id);
  json["id2label"] = std::move(id2label);
  json["label2id"] = std::move(label2id);
}

std::vector<std::int64_t> get_sizes(const Json& json, const std::string& key,
                                    const std::string& where, std::int64_t largest,
                                    std::vector<std::int64_t> fallback) {
  const Json* value = find_member(json, key);
  if (value == nullptr) return fallback;
  std::vector<std::int64_t> sizes;
  if (value->is_array() && !value->empty() && value->size() <= kMaxStages) {
    for (const Json& item : *value) {
      if (item.is_number_integer() && item > 0 && item <= largest) {
        sizes.push_back(item.get<std::int64_t>());
      }
    }
  }
  if (sizes.empty() || sizes.size() != value->size()) {
    throw_wrong_json(where, key,
                     fmt::format("a list of 1 to {} integers from 1 to {}", kMaxStages, largest),
                     *value);
  }
  return sizes;
}

std::int64_t get_channels(const Json& json, const char* key, const std::string& where,
                          std::int64_t fallback) {
  const std::int64_t channels = get_int(json, key, where, fallback);
  if (channels < 1 || channels > kMaxChannels) {
    throw_wrong_json(where, key, fmt::format("1 to {}", kMaxChannels), Json(channels));
  }
  return channels;
}

Activation parse_activation(const std::string& name, const std::string& where) {
  struct Alias {
    std::string_view name;
    Activation activation;
  };
  constexpr std::array<Alias, 12> kNames = {{{"relu", Activation::kRelu},
                                             {"relu6", Activation::kRelu6},
                                             {"silu", Activation::kSilu},
                                             {"swish", Activation::kSilu},
                                             {"gelu", Activation::kGelu},
                                             {"gelu_pytorch_tanh", Activation::kGeluTanh},
                                             {"mish", Activation::kMish},
                                             {"hardswish", Activation::kHardswish},
                                             {"leaky_relu", Activation::kLeakyRelu},
                                             {"tanh", Activation::kTanh},
                                             {"sigmoid", Activation::kSigmoid},
                                             {"linear", Activation::kLinear}}};
  const auto* found = std::ranges::find(kNames, name, &Alias::name);
  if (found == kNames.end()) {
    throw UnsupportedError(
        where,
        fmt::format("unsupported hidden_act '{}' (supported: relu, relu6, silu, swish, gelu, "
                    "gelu_pytorch_tanh, mish, hardswish, leaky_relu, tanh, sigmoid, linear)",
                    printable(name)));
  }
  return found->activation;
}

Head parse_head(const Json& json, const std::string& where) {
  const Json* value = find_member(json, "architectures");
  if (value == nullptr) return Head::kClassifier;
  if (value->is_array() && value->size() == 1) {
    const Json& name = value->front();
    if (name == "ResNetForImageClassification") return Head::kClassifier;
    if (name == "ResNetModel" || name == "ResNetBackbone") return Head::kNone;
  }
  throw_wrong_json(where, "architectures",
                   R"(["ResNetForImageClassification"], ["ResNetModel"] or ["ResNetBackbone"])",
                   *value);
}

/// Reads the labels. Drops them where num_labels differs from their number, as transformers does.
void parse_labels(const Json& json, const std::string& where, ResNetConfig& config) {
  if (const Json* id2label = find_member(json, "id2label")) {
    if (!id2label->is_object()) throw_wrong_json(where, "id2label", "an object", *id2label);
    config.id2label = parse_id2label(*id2label, LabelIds::kAny, "id2label", where);
    config.num_labels = static_cast<std::int64_t>(config.id2label.size());
  }
  const std::int64_t stated = get_int(json, "num_labels", where, config.num_labels);
  if (stated != config.num_labels) config.id2label.clear();
  config.num_labels = stated;
}

/// transformers refuses a config with null in one of these.
void refuse_nulls(const Json& json, const std::string& where) {
  for (const char* key : {"num_channels", "embedding_size", "hidden_sizes", "depths", "layer_type",
                          "hidden_act", "downsample_in_first_stage", "downsample_in_bottleneck"}) {
    const auto found = json.find(key);
    if (found != json.end() && found->is_null()) {
      throw_wrong_json(where, key, "a value other than null", *found);
    }
  }
}

ProblemType parse_problem_type(const Json& json, const std::string& where) {
  const Json* value = find_member(json, "problem_type");
  if (value == nullptr) return ProblemType::kUnstated;
  for (std::size_t i = 1; i < kProblemTypes.size(); ++i) {
    if (*value == kProblemTypes[i]) return static_cast<ProblemType>(i);
  }
  throw_wrong_json(where, "problem_type",
                   "regression, single_label_classification or multi_label_classification", *value);
}

DType parse_torch_dtype(const Json& json, const std::string& where) {
  const std::string name =
      get_string(json, "dtype", where, get_string(json, "torch_dtype", where, "float32"));
  for (const DType dtype : {DType::F32, DType::F16, DType::BF16, DType::F64}) {
    if (name == torch_name(dtype)) return dtype;
  }
  throw_wrong_json(where, "dtype", "float32, float16, bfloat16 or float64", Json(name));
}

}  // namespace

std::string_view to_string(LayerType type) {
  return type == LayerType::kBasic ? "basic" : "bottleneck";
}

std::string ResNetConfig::label(std::int64_t id) const {
  const auto found = std::ranges::lower_bound(id2label, id, {}, &Id2Label::value_type::first);
  return found == id2label.end() || found->first != id ? default_label(id) : found->second;
}

bool ResNetConfig::has_labels() const {
  return std::ranges::any_of(
      id2label, [](const auto& entry) { return entry.second != default_label(entry.first); });
}

void require_sizes(const ResNetConfig& config) {
  const std::int64_t least = config.layer_type == LayerType::kBottleneck ? 4 : 1;
  const auto below = [](std::int64_t limit) {
    return [limit](std::int64_t size) { return size < limit; };
  };
  if (config.depths.empty() || config.depths.size() != config.hidden_sizes.size()) {
    throw UsageError("depths", fmt::format("expected one value per hidden size, got {} and {}",
                                           config.depths.size(), config.hidden_sizes.size()));
  }
  if (std::ranges::any_of(config.depths, below(1)) || config.num_channels < 1 ||
      std::ranges::any_of(config.hidden_sizes, below(least)) || config.embedding_size < 1 ||
      config.num_labels < 0) {
    throw UsageError("config", "expected positive sizes, and 4 channels or more in a bottleneck");
  }
}

std::string to_config_json(const ResNetConfig& config) {
  const std::size_t stages = config.depths.size();
  OrderedJson stage_names = OrderedJson::array({"stem"});
  for (std::size_t i = 1; i <= stages; ++i) stage_names.push_back(fmt::format("stage{}", i));
  OrderedJson json;
  // array(): since CWG 2311, clang takes braces around one value for the value itself.
  json["architectures"] = OrderedJson::array(
      {config.head == Head::kClassifier ? "ResNetForImageClassification" : "ResNetModel"});
  json["depths"] = config.depths;
  json["downsample_in_bottleneck"] = config.downsample_in_bottleneck;
  json["downsample_in_first_stage"] = config.downsample_in_first_stage;
  json["dtype"] = torch_name(config.dtype);
  json["embedding_size"] = config.embedding_size;
  json["hidden_act"] = to_string(config.hidden_act);
  json["hidden_sizes"] = config.hidden_sizes;
  if (!has_default_labels(config)) add_labels(json, config);
  json["layer_type"] = to_string(config.layer_type);
  json["model_type"] = "resnet";
  json["num_channels"] = config.num_channels;
  json["out_features"] = OrderedJson::array({stage_names.back()});
  json["out_indices"] = OrderedJson::array({stages});
  if (config.problem_type != ProblemType::kUnstated) {
    json["problem_type"] = kProblemTypes[static_cast<std::size_t>(config.problem_type)];
  }
  json["stage_names"] = std::move(stage_names);
  json["transformers_version"] = kTransformersVersion;
  return dump_python_json(json) + "\n";
}

ResNetConfig parse_resnet_config(std::string_view text, const std::string& where) {
  const Json json = parse_json(text, where);
  if (find_member(json, "model_type") == nullptr) {
    throw FormatError(where, "not a transformers config: 'model_type' is missing");
  }
  const std::string model_type = get_string(json, "model_type", where, "");
  if (model_type != "resnet") {
    throw UnsupportedError(where, fmt::format("unsupported model_type '{}' (supported: resnet)",
                                              printable(model_type)));
  }
  refuse_nulls(json, where);
  ResNetConfig config;
  config.num_channels = get_channels(json, "num_channels", where, config.num_channels);
  config.embedding_size = get_channels(json, "embedding_size", where, config.embedding_size);
  config.hidden_sizes = get_sizes(json, "hidden_sizes", where, kMaxChannels, config.hidden_sizes);
  config.depths = get_sizes(json, "depths", where, kMaxDepth, config.depths);
  if (config.depths.size() != config.hidden_sizes.size()) {
    throw FormatError(where, fmt::format("depths: expected {} values, as in hidden_sizes, got {}",
                                         config.hidden_sizes.size(), config.depths.size()));
  }
  const std::string layer_type = get_string(json, "layer_type", where, "bottleneck");
  if (layer_type != "basic" && layer_type != "bottleneck") {
    throw_wrong_json(where, "layer_type", "basic or bottleneck", Json(layer_type));
  }
  config.layer_type = layer_type == "basic" ? LayerType::kBasic : LayerType::kBottleneck;
  if (config.layer_type == LayerType::kBottleneck && std::ranges::min(config.hidden_sizes) < 4) {
    throw FormatError(
        where, fmt::format("hidden_sizes: expected at least 4 in a bottleneck network, got {}",
                           std::ranges::min(config.hidden_sizes)));
  }
  config.hidden_act = parse_activation(get_string(json, "hidden_act", where, "relu"), where);
  config.downsample_in_first_stage = get_bool(json, "downsample_in_first_stage", where, false);
  config.downsample_in_bottleneck = get_bool(json, "downsample_in_bottleneck", where, false);
  config.dtype = parse_torch_dtype(json, where);
  config.head = parse_head(json, where);
  config.problem_type = parse_problem_type(json, where);
  parse_labels(json, where, config);
  return config;
}

bool is_transformers_config(std::string_view text, const std::string& where) {
  const Json json = parse_json(text, where);
  return find_member(json, "model_type") != nullptr && find_member(json, "architecture") == nullptr;
}

}  // namespace weightlift
