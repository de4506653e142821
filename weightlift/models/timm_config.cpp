#include "weightlift/models/timm_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/error.h"
#include "weightlift/models/config_json.h"
#include "weightlift/models/families.h"
#include "weightlift/models/id2label.h"

namespace weightlift {

namespace {

using Json = nlohmann::json;

using OrderedJson = nlohmann::ordered_json;

/// Arguments that all families have; the tensors show them.
constexpr auto kCommonArguments = std::to_array<std::string_view>({"in_chans", "num_classes"});

bool is_harmless(const ModelArgument& argument, const Json& value) {
  if (argument.values == "*") return true;
  const std::string text = value.dump();
  std::string_view rest = argument.values;
  while (!rest.empty()) {
    const std::size_t space = rest.find(' ');
    if (rest.substr(0, space) == text) return true;
    rest = space == std::string_view::npos ? "" : rest.substr(space + 1);
  }
  return false;
}

std::string expected_values(const ModelArgument& argument) {
  std::string text(argument.values);
  for (std::size_t at = 0; (at = text.find(' ', at)) != std::string::npos; at += 4) {
    text.replace(at, 1, " or ");
  }
  return text;
}

[[noreturn]] void refuse_argument(const ModelArgument* known, std::string_view key,
                                  const Json& value, std::string_view of,
                                  const std::string& where) {
  const std::string got = printable(value.dump(-1, ' ', true), 60);
  if (known == nullptr) {
    throw UnsupportedError(
        where, fmt::format("{}.{}: unsupported argument, got {}", of, printable(key), got));
  }
  throw UnsupportedError(where, fmt::format("{}.{}: expected {}, got {}{}{}", of, printable(key),
                                            expected_values(*known), got,
                                            known->reason.empty() ? "" : "; ", known->reason));
}

/// The arguments that change the network, in the order of the family's table. Refuses those that
/// transformers' class does not have.
std::string take_model_args(const Json& model_args, const Family& family, std::string_view of,
                            const std::string& where) {
  for (const auto& [key, value] : model_args.items()) {
    if (std::ranges::find(kCommonArguments, key) != kCommonArguments.end()) continue;
    const auto known = std::ranges::find(family.arguments(), key, &ModelArgument::key);
    const bool listed = known != family.arguments().end();
    const bool used = listed && known->use != ModelArgument::Use::kHarmless;
    if (used || (listed && is_harmless(*known, value))) continue;
    refuse_argument(listed ? &*known : nullptr, key, value, of, where);
  }
  OrderedJson taken = OrderedJson::object();
  for (const ModelArgument& argument : family.arguments()) {
    const Json* value = find_member(model_args, argument.key);
    if (value == nullptr || argument.use == ModelArgument::Use::kHarmless) continue;
    taken[std::string(argument.key)] = *value;
  }
  return dump_json_line(taken);
}

std::string resolve_architecture(const std::string& name, const std::string& where) {
  const auto deprecated = std::ranges::find(deprecated_names(), name, &DeprecatedName::old_name);
  const std::string known =
      deprecated == deprecated_names().end() ? name : std::string(deprecated->name);
  const std::string architecture = known.substr(0, known.find('.'));
  if (family_of(architecture) != nullptr) return architecture;
  const std::string_view reason = reason_against(architecture);
  if (reason.empty()) {
    throw UnsupportedError(
        where,
        fmt::format("unsupported architecture '{}', which timm does not have either",
                    printable(architecture)),
        {{HintCode::kListModels, {}}});
  }
  throw UnsupportedError(
      where, fmt::format("unsupported architecture '{}': {}", printable(architecture), reason));
}

std::optional<std::int64_t> find_int(const Json& json, std::string_view key,
                                     const std::string& where) {
  if (find_member(json, key) == nullptr) return std::nullopt;
  return get_int(json, key, where);
}

std::optional<Number> find_number(const Json& json, std::string_view key,
                                  const std::string& where) {
  const Json* value = find_member(json, key);
  if (value == nullptr) return std::nullopt;
  return to_number(*value, key, where);
}

std::vector<Number> find_numbers(const Json& json, std::string_view key, const std::string& where) {
  const Json* value = find_member(json, key);
  if (value == nullptr) return {};
  constexpr std::size_t kLongest = 1024;
  if (!value->is_array() || value->size() > kLongest) {
    throw_wrong_json(where, key, "a list of numbers, one per channel", *value);
  }
  std::vector<Number> numbers;
  for (const Json& item : *value) numbers.push_back(to_number(item, key, where));
  return numbers;
}

std::vector<std::string> find_strings(const Json& json, std::string_view key,
                                      const std::string& where) {
  const Json* value = find_member(json, key);
  if (value == nullptr) return {};
  if (value->is_string()) return {value->get<std::string>()};
  if (!value->is_array()) throw_wrong_json(where, key, "a string or a list of strings", *value);
  std::vector<std::string> strings;
  for (const Json& item : *value) {
    if (!item.is_string()) throw_wrong_json(where, key, "a string or a list of strings", *value);
    strings.push_back(item.get<std::string>());
  }
  return strings;
}

PretrainedClaims parse_claims(const Json& json, const std::string& where) {
  if (const std::int64_t offset = get_int(json, "label_offset", where, 0); offset != 0) {
    throw UnsupportedError(
        where, fmt::format("unsupported label_offset {}: timm removes rows of fc for it", offset),
        advice("convert a checkpoint without label_offset"));
  }
  PretrainedClaims claims;
  claims.tag = get_string(json, "tag", where, "");
  claims.input_size = find_sizes(json, "input_size", where).value_or(std::vector<std::int64_t>{});
  claims.test_input_size =
      find_sizes(json, "test_input_size", where).value_or(std::vector<std::int64_t>{});
  for (const auto* size : {&claims.input_size, &claims.test_input_size}) {
    if (size->empty()) continue;
    // Verification runs on inputs of this size: a hostile size must not take all memory.
    constexpr std::int64_t kLargestSide = 4096;
    if (size->size() != 3 || std::ranges::max(*size) > kLargestSide) {
      throw_wrong_json(where, "input_size", "three integers (C, H, W), none above 4096",
                       Json(*size));
    }
  }
  claims.crop_pct = find_number(json, "crop_pct", where);
  claims.test_crop_pct = find_number(json, "test_crop_pct", where);
  claims.interpolation = get_string(json, "interpolation", where, "");
  claims.crop_mode = get_string(json, "crop_mode", where, "");
  claims.mean = find_numbers(json, "mean", where);
  claims.std = find_numbers(json, "std", where);
  claims.num_classes = find_int(json, "num_classes", where);
  claims.license = get_string(json, "license", where, "");
  claims.origin_url = get_string(json, "origin_url", where, "");
  claims.paper_ids = find_strings(json, "paper_ids", where);
  return claims;
}

std::vector<std::string> parse_label_names(const Json& value, const std::string& where) {
  std::vector<std::string> names;
  for (auto& [id, name] : parse_id2label(value, LabelIds::kFromZero, "label_names", where)) {
    names.push_back(std::move(name));
  }
  return names;
}

/// The labels: descriptions where every class has one, else names.
std::vector<std::string> parse_labels(const Json& root, const Json& pretrained_cfg,
                                      const std::string& where) {
  const auto find = [&](std::string_view key) {
    const Json* value = find_member(root, key);
    return value != nullptr ? value : find_member(pretrained_cfg, key);
  };
  const Json* names_json = find("label_names");
  if (names_json == nullptr) names_json = find_member(root, "labels");  // the old spelling
  if (names_json == nullptr) return {};
  std::vector<std::string> names = parse_label_names(*names_json, where);
  const Json* descriptions = find("label_descriptions");
  if (descriptions == nullptr) return names;
  if (!descriptions->is_object()) {
    throw_wrong_json(where, "label_descriptions", "an object from names to texts", *descriptions);
  }
  std::vector<std::string> texts;
  for (const std::string& name : names) {
    const Json* text = find_member(*descriptions, name);
    if (text == nullptr) return names;
    if (!text->is_string()) throw_wrong_json(where, "label_descriptions", "texts", *text);
    texts.push_back(text->get<std::string>());
  }
  return texts;
}

void require_count(std::string_view what, std::int64_t promised, std::int64_t shown,
                   const std::string& where) {
  if (promised != shown) {
    disagree(where, what, std::to_string(promised), std::to_string(shown));
  }
}

}  // namespace

TimmConfig parse_timm_config(std::string_view text, const std::string& where) {
  const Json root = parse_json(text, where);
  if (!root.is_object()) throw_wrong_json(where, "config", "an object", root);
  const std::string name = get_string(root, "architecture", where, "");
  if (name.empty()) {
    throw FormatError(where,
                      "neither a timm config nor a transformers config: 'architecture' and "
                      "'model_type' are missing (PyTorchModelHubMixin writes such files)",
                      advice("convert the weights file itself"));
  }
  TimmConfig config;
  config.architecture = resolve_architecture(name, where);
  static const Json no_args = Json::object();
  const Json* args = find_member(root, "model_args");
  const Json& model_args = args != nullptr ? *args : no_args;
  if (!model_args.is_object()) throw_wrong_json(where, "model_args", "an object", model_args);
  config.model_args =
      take_model_args(model_args, *family_of(config.architecture), "model_args", where);
  config.in_chans = find_int(model_args, "in_chans", where);
  // Before timm 0.9 the keys of pretrained_cfg were at the top level.
  const Json* nested = find_member(root, "pretrained_cfg");
  const Json& pretrained_cfg = nested != nullptr ? *nested : root;
  if (!pretrained_cfg.is_object()) {
    throw_wrong_json(where, "pretrained_cfg", "an object", pretrained_cfg);
  }
  config.pretrained_cfg = parse_claims(pretrained_cfg, where);
  if (config.pretrained_cfg.tag.empty() && name.find('.') != std::string::npos) {
    config.pretrained_cfg.tag = name.substr(name.find('.') + 1);
  }
  const auto of_args = find_int(model_args, "num_classes", where);
  const auto of_root = find_int(root, "num_classes", where);
  if (of_args && of_root && *of_args != *of_root) {
    throw MismatchError(where, fmt::format("num_classes is {} in model_args and {} at the top "
                                           "level, so timm would drop fc",
                                           *of_args, *of_root));
  }
  config.num_classes = of_args ? of_args : of_root ? of_root : config.pretrained_cfg.num_classes;
  if (!config.in_chans && !config.pretrained_cfg.input_size.empty()) {
    config.in_chans = config.pretrained_cfg.input_size[0];
  }
  config.labels = parse_labels(root, pretrained_cfg, where);
  return config;
}

TimmConfig timm_config_of(const PretrainedCfg& cfg) {
  const auto numbers = [](const std::array<double, 3>& values) {
    return std::vector<Number>{{values[0]}, {values[1]}, {values[2]}};
  };
  TimmConfig config;
  config.architecture = cfg.architecture;
  config.in_chans = cfg.input_size[0];
  config.num_classes = cfg.num_classes;
  PretrainedClaims& claims = config.pretrained_cfg;
  claims.tag = cfg.tag;
  claims.input_size.assign(cfg.input_size.begin(), cfg.input_size.end());
  if (cfg.test_input_size[0] != 0) {
    claims.test_input_size.assign(cfg.test_input_size.begin(), cfg.test_input_size.end());
  }
  claims.crop_pct = Number{cfg.crop_pct};
  if (cfg.test_crop_pct > 0) claims.test_crop_pct = Number{cfg.test_crop_pct};
  claims.interpolation = cfg.interpolation;
  claims.crop_mode = cfg.crop_mode;
  claims.mean = numbers(cfg.mean);
  claims.std = numbers(cfg.std);
  claims.num_classes = cfg.num_classes;
  claims.license = cfg.license;
  claims.origin_url = cfg.origin_url;
  if (!cfg.paper_ids.empty()) claims.paper_ids = {std::string(cfg.paper_ids)};
  return config;
}

void take_model_args(std::string_view json, Model& shown, const std::string& where) {
  const Json args = parse_json(json, where);
  const Family& family = shown.network->family();
  const std::string taken = take_model_args(args, family, "args.model_kwargs", where);
  shown.network = family.merge_timm("", taken, shown.network, where);
  if (const auto channels = find_int(args, "in_chans", where)) {
    require_count("input channels (in_chans)", *channels, shown.config.num_channels, where);
  }
  const auto classes = find_int(args, "num_classes", where);
  if (classes && shown.config.num_labels > 0) {
    require_count("classes (num_classes)", *classes, shown.config.num_labels, where);
  }
}

void take_statements(const TimmConfig& stated, Model& shown, const std::string& where) {
  const Family& family = shown.network->family();
  if (const Family* promised = family_of(stated.architecture); promised != &family) {
    disagree(where, fmt::format("family of {}", stated.architecture),
             promised == nullptr ? "unknown" : promised->name(), family.name());
  }
  shown.network = family.merge_timm(stated.architecture, stated.model_args, shown.network, where);
  require_count("input channels (in_chans)", stated.in_chans.value_or(3), shown.config.num_channels,
                where);
  require_count("classes (num_classes)", stated.num_classes.value_or(1000), shown.config.num_labels,
                where);
  if (!stated.labels.empty() &&
      static_cast<std::int64_t>(stated.labels.size()) != shown.config.num_labels) {
    disagree(where, "label_names", fmt::format("{} labels", stated.labels.size()),
             fmt::format("{} classes", shown.config.num_labels));
  }
}

}  // namespace weightlift
