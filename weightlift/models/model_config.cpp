#include "weightlift/models/model_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "weightlift/base/json.h"

namespace weightlift {

namespace {

std::string default_label(std::int64_t id) { return fmt::format("LABEL_{}", id); }

}  // namespace

std::string_view to_string(Form form) {
  switch (form) {
    case Form::kTransformers:
      return "transformers";
    case Form::kTimm:
      return "timm";
    case Form::kTorchvision:
      return "torchvision";
  }
  return "unknown";
}

std::string ModelConfig::label(std::int64_t id) const {
  using Entry = std::pair<std::int64_t, std::string>;
  const auto found = std::ranges::lower_bound(id2label, id, {}, &Entry::first);
  return found == id2label.end() || found->first != id ? default_label(id) : found->second;
}

bool ModelConfig::has_labels() const {
  return std::ranges::any_of(
      id2label, [](const auto& entry) { return entry.second != default_label(entry.first); });
}

DType common_dtype(const std::vector<DType>& dtypes) {
  if (dtypes.empty()) return DType::F32;
  const bool equal = std::ranges::all_of(dtypes, [&](DType d) { return d == dtypes.front(); });
  return equal ? dtypes.front() : DType::F32;
}

bool is_transformers_config(std::string_view text, const std::string& where) {
  const nlohmann::json json = parse_json(text, where);
  return find_member(json, "model_type") != nullptr && find_member(json, "architecture") == nullptr;
}

}  // namespace weightlift
