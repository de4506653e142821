#include "weightlift/models/config_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/base/text.h"
#include "weightlift/models/id2label.h"

namespace weightlift {

namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

/// transformers' names, in the order of ProblemType.
constexpr std::array<std::string_view, 4> kProblemTypes = {
    "", "regression", "single_label_classification", "multi_label_classification"};

/// Whether the labels equal PreTrainedConfig's default, two labels: save_pretrained omits those.
bool has_default_labels(const ModelConfig& config) {
  return config.num_labels == 2 && !config.has_labels();
}

void add_labels(OrderedJson& json, const ModelConfig& config) {
  OrderedJson id2label = OrderedJson::object();
  std::map<std::string, std::int64_t> ids;  // by code point, as Python sorts; the last id wins
  const auto add = [&](std::int64_t id, const std::string& label) {
    id2label[std::to_string(id)] = label;
    ids[label] = id;
  };
  if (config.id2label.empty()) {
    for (std::int64_t id = 0; id < config.num_labels; ++id) add(id, config.label(id));
  } else {
    for (const auto& [id, label] : config.id2label) add(id, label);
  }
  OrderedJson label2id = OrderedJson::object();
  for (const auto& [label, id] : ids) label2id.emplace(label, id);
  json["id2label"] = std::move(id2label);
  json["label2id"] = std::move(label2id);
}

Head parse_head(const Json& json, std::span<const std::string_view> classes,
                const std::string& where) {
  const Json* value = find_member(json, "architectures");
  if (value == nullptr) return Head::kClassifier;
  if (value->is_array() && value->size() == 1) {
    const auto named = std::ranges::find_if(
        classes, [&](std::string_view name) { return value->front() == name; });
    if (named == classes.begin()) return Head::kClassifier;
    if (named != classes.end()) return Head::kNone;
  }
  std::vector<std::string> lists;
  for (const std::string_view name : classes) lists.push_back(fmt::format("[\"{}\"]", name));
  const std::string last = lists.back();
  lists.pop_back();
  throw_wrong_json(where, "architectures", fmt::format("{} or {}", fmt::join(lists, ", "), last),
                   *value);
}

/// Reads the labels. Drops them where num_labels differs from their number, as transformers does.
void parse_labels(const Json& json, const std::string& where, ModelConfig& config) {
  if (const Json* id2label = find_member(json, "id2label")) {
    if (!id2label->is_object()) throw_wrong_json(where, "id2label", "an object", *id2label);
    config.id2label = parse_id2label(*id2label, LabelIds::kAny, "id2label", where);
    config.num_labels = static_cast<std::int64_t>(config.id2label.size());
  }
  const std::int64_t stated = get_int(json, "num_labels", where, config.num_labels);
  if (stated != config.num_labels) config.id2label.clear();
  config.num_labels = stated;
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

/// A list of 1 to kMaxStages integers from 1 to `largest`. `expected`: for the message.
std::vector<std::int64_t> integers(const Json& value, std::string_view key, std::int64_t largest,
                                   std::string_view expected, const std::string& where) {
  std::vector<std::int64_t> list;
  if (value.is_array() && !value.empty() && value.size() <= kMaxStages) {
    for (const Json& item : value) {
      if (item.is_number_integer() && item > 0 && item <= largest) {
        list.push_back(item.get<std::int64_t>());
      }
    }
  }
  if (list.empty() || list.size() != value.size()) throw_wrong_json(where, key, expected, value);
  return list;
}

}  // namespace

std::string write_config(const ModelConfig& config, std::string_view model_type,
                         std::string_view architecture, OrderedJson own) {
  // array(): since CWG 2311, clang takes braces around one value for the value itself.
  own["architectures"] = OrderedJson::array({architecture});
  own["dtype"] = torch_name(config.dtype);
  if (!has_default_labels(config)) add_labels(own, config);
  own["model_type"] = model_type;
  own["num_channels"] = config.num_channels;
  if (config.problem_type != ProblemType::kUnstated) {
    own["problem_type"] = kProblemTypes[static_cast<std::size_t>(config.problem_type)];
  }
  own["transformers_version"] = kTransformersVersion;
  std::map<std::string, OrderedJson> sorted;
  for (auto& [key, value] : own.items()) sorted.emplace(key, std::move(value));
  OrderedJson json = OrderedJson::object();
  for (auto& [key, value] : sorted) json.emplace(key, std::move(value));
  return dump_python_json(json) + "\n";
}

Json read_config_json(std::string_view text, std::string_view model_type,
                      const std::string& where) {
  Json json = parse_json(text, where);
  if (find_member(json, "model_type") == nullptr) {
    throw FormatError(where, "not a transformers config: 'model_type' is missing");
  }
  const std::string stated = get_string(json, "model_type", where, "");
  if (stated != model_type) {
    throw UnsupportedError(where, fmt::format("expected the model_type '{}', got '{}'", model_type,
                                              printable(stated)));
  }
  return json;
}

ModelConfig read_model_config(const Json& json, std::span<const std::string_view> classes,
                              const std::string& where) {
  ModelConfig config;
  config.num_channels = get_channels(json, "num_channels", where, config.num_channels);
  config.dtype = parse_torch_dtype(json, where);
  config.head = parse_head(json, classes, where);
  config.problem_type = parse_problem_type(json, where);
  parse_labels(json, where, config);
  return config;
}

void refuse_nulls(const Json& json, std::span<const std::string_view> keys,
                  const std::string& where) {
  for (const std::string_view key : keys) {
    const auto found = json.find(key);
    if (found != json.end() && found->is_null()) {
      throw_wrong_json(where, key, "a value other than null", *found);
    }
  }
}

std::vector<std::int64_t> get_sizes(const Json& json, const std::string& key,
                                    const std::string& where, std::int64_t largest,
                                    std::vector<std::int64_t> fallback) {
  const Json* value = find_member(json, key);
  if (value == nullptr) return fallback;
  return integers(*value, key, largest,
                  fmt::format("a list of 1 to {} integers from 1 to {}", kMaxStages, largest),
                  where);
}

std::int64_t get_channels(const Json& json, const char* key, const std::string& where,
                          std::int64_t fallback) {
  const std::int64_t channels = get_int(json, key, where, fallback);
  if (channels < 1 || channels > kMaxChannels) {
    throw_wrong_json(where, key, fmt::format("1 to {}", kMaxChannels), Json(channels));
  }
  return channels;
}

Activation get_activation(const Json& json, const std::string& where) {
  const std::string name = get_string(json, "hidden_act", where, "relu");
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

std::optional<std::vector<std::int64_t>> find_sizes(const Json& json, std::string_view key,
                                                    const std::string& where) {
  const Json* value = find_member(json, key);
  if (value == nullptr) return std::nullopt;
  constexpr std::int64_t kLargest = 1 << 24;
  return integers(*value, key, kLargest, "a list of positive integers", where);
}

void disagree(const std::string& where, std::string_view what, std::string_view stated,
              std::string_view shown) {
  throw MismatchError(where,
                      fmt::format("{}: expected {}, got {} in the tensors", what, stated, shown));
}

}  // namespace weightlift
