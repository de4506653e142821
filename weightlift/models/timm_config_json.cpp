#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/models/family.h"
#include "weightlift/models/timm_config.h"

namespace weightlift {

namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson json_of(const Number& number) {
  if (number.integer) return static_cast<std::int64_t>(number.value);
  return number.value;
}

OrderedJson json_of(const std::vector<Number>& numbers) {
  OrderedJson list = OrderedJson::array();
  for (const Number& number : numbers) list.push_back(json_of(number));
  return list;
}

/// Adds a value where it is stated.
void add(OrderedJson& json, const char* key, const std::string& value) {
  if (!value.empty()) json[key] = value;
}

void add(OrderedJson& json, const char* key, const std::vector<std::int64_t>& value) {
  if (!value.empty()) json[key] = value;
}

void add(OrderedJson& json, const char* key, const std::optional<Number>& value) {
  if (value) json[key] = json_of(*value);
}

void add(OrderedJson& json, const char* key, const std::vector<Number>& value) {
  if (!value.empty()) json[key] = json_of(value);
}

OrderedJson claims_json(const PretrainedClaims& claims, const Family& family,
                        std::int64_t num_classes) {
  OrderedJson json = OrderedJson::object();
  add(json, "tag", claims.tag);
  json["custom_load"] = false;
  add(json, "input_size", claims.input_size);
  add(json, "test_input_size", claims.test_input_size);
  json["fixed_input_size"] = false;
  add(json, "interpolation", claims.interpolation);
  add(json, "crop_pct", claims.crop_pct);
  add(json, "test_crop_pct", claims.test_crop_pct);
  add(json, "crop_mode", claims.crop_mode);
  add(json, "mean", claims.mean);
  add(json, "std", claims.std);
  json["num_classes"] = num_classes;
  if (!claims.input_size.empty()) {
    constexpr std::int64_t kStride = 32;
    const auto pooled = [&](std::size_t i) {
      return (claims.input_size[i] + kStride - 1) / kStride;
    };
    json["pool_size"] = {pooled(1), pooled(2)};
  }
  json["first_conv"] = family.first_convolution();
  json["classifier"] = family.head(Form::kTimm);
  add(json, "license", claims.license);
  add(json, "origin_url", claims.origin_url);
  if (claims.paper_ids.size() == 1) json["paper_ids"] = claims.paper_ids.front();
  if (claims.paper_ids.size() > 1) json["paper_ids"] = claims.paper_ids;
  return json;
}

}  // namespace

TimmConfig make_timm_config(const Model& model, const std::optional<PretrainedCfg>& known) {
  const ModelConfig& config = model.config;
  TimmConfig made = model.network->timm_config();
  if (known) made = timm_config_of(*known);
  made.in_chans = config.num_channels;
  made.num_classes = config.head == Head::kClassifier ? config.num_labels : 0;
  made.labels.clear();
  if (!config.id2label.empty() && config.head == Head::kClassifier) {
    for (std::int64_t id = 0; id < config.num_labels; ++id) made.labels.push_back(config.label(id));
  }
  return made;
}

std::string to_timm_json(const TimmConfig& config, const Model& model) {
  const std::int64_t classes = config.num_classes.value_or(model.config.num_labels);
  OrderedJson json;
  json["architecture"] = config.architecture;
  json["num_classes"] = classes;
  json["num_features"] = model.network->features();
  json["global_pool"] = "avg";
  if (!config.labels.empty()) json["label_names"] = config.labels;
  OrderedJson& args = json["model_args"] = OrderedJson::parse(config.model_args);
  args["in_chans"] = model.config.num_channels;
  args["num_classes"] = classes;
  args["global_pool"] = "avg";
  json["pretrained_cfg"] = claims_json(config.pretrained_cfg, model.network->family(), classes);
  return dump_python_json(json);
}

}  // namespace weightlift
