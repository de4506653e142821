#include "weightlift/models/families.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/base/text.h"
#include "weightlift/models/regnet/regnet_family.h"
#include "weightlift/models/resnet/resnet_family.h"

namespace weightlift {

namespace {

/// A size as messages show it: lists as Python writes them, texts without quotes.
std::string size_text(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : dump_json_line(value);
}

void require_equal(std::string_view key, const nlohmann::json& stated, const nlohmann::json& shown,
                   const std::string& where) {
  if (stated == shown) return;
  throw MismatchError(where, fmt::format("{} is {}, but the tensors have {}", key,
                                         size_text(stated), size_text(shown)));
}

}  // namespace

std::span<const Family* const> families() {
  static const std::array all = {&resnet_family(), &regnet_family()};
  return all;
}

const Family* find_family(std::string_view model_type) {
  const auto found = std::ranges::find(families(), model_type, &Family::model_type);
  return found == families().end() ? nullptr : *found;
}

const Family* family_of(std::string_view architecture) {
  const auto has = [&](const Family* family) {
    const std::vector<std::string_view> names = family->architectures();
    return std::ranges::find(names, architecture) != names.end();
  };
  const auto found = std::ranges::find_if(families(), has);
  return found == families().end() ? nullptr : *found;
}

std::string_view transformers_class(const Family& family, Head head) {
  return family.transformers_classes()[head == Head::kClassifier ? 0 : 1];
}

std::span<const std::string_view> default_names() {
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"resnet18", "resnet26", "resnet34", "resnet50", "resnet101", "resnet152"});
  return kNames;
}

Model parse_transformers_config(std::string_view text, const std::string& where) {
  const nlohmann::json json = parse_json(text, where);
  if (find_member(json, "model_type") == nullptr) {
    throw FormatError(where, "not a transformers config: 'model_type' is missing");
  }
  const std::string model_type = get_string(json, "model_type", where, "");
  if (const Family* family = find_family(model_type)) {
    return family->from_transformers_config(text, where);
  }
  std::vector<std::string_view> supported;
  for (const Family* family : families()) supported.push_back(family->model_type());
  throw UnsupportedError(where, fmt::format("unsupported model_type '{}' (supported: {})",
                                            printable(model_type), fmt::join(supported, ", ")));
}

void take_statements(const Model& stated, Model& shown, const std::string& where) {
  const Family& family = shown.network->family();
  require_equal("model_type", stated.network->family().model_type(), family.model_type(), where);
  const nlohmann::json shown_sizes = nlohmann::json::parse(shown.network->sizes_json());
  const auto sizes = nlohmann::ordered_json::parse(stated.network->sizes_json());
  for (const auto& [key, value] : sizes.items()) {
    require_equal(key, value, shown_sizes.at(key), where);
  }
  require_equal("num_channels", stated.config.num_channels, shown.config.num_channels, where);
  const bool classifies = stated.config.head == Head::kClassifier && shown.config.num_labels > 0;
  if (classifies) {
    require_equal("num_labels", stated.config.num_labels, shown.config.num_labels, where);
    shown.config.problem_type = stated.config.problem_type;
    shown.config.id2label = stated.config.id2label;
  }
  shown.network = family.merge(*stated.network, *shown.network);
}

}  // namespace weightlift
