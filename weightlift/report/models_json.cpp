#include "weightlift/report/models_json.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "weightlift/base/message.h"
#include "weightlift/base/nearest.h"
#include "weightlift/models/families.h"
#include "weightlift/models/registry.h"
#include "weightlift/report/json_object.h"

namespace weightlift {

namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> old_names(const std::string& name) {
  std::vector<std::string> names;
  for (const DeprecatedName& deprecated : deprecated_names()) {
    if (deprecated.name == name) names.emplace_back(deprecated.old_name);
  }
  return names;
}

/// Throws: no supported model matches.
[[noreturn]] void refuse_pattern(const std::string& glob) {
  const std::string_view reason = reason_against(glob.substr(0, glob.find('.')));
  if (!reason.empty()) {
    throw UnsupportedError(printable(glob),
                           fmt::format("known to timm, not supported: {}", reason));
  }
  std::vector<std::string> near = nearest_names(glob);
  std::erase(near, glob);  // a name without pretrained weights, or of another family
  throw NotFoundError(printable(glob), "no supported timm model matches",
                      near.empty() ? Hints{{HintCode::kListModels, {}}} : did_you_mean(near));
}

}  // namespace

std::vector<PretrainedCfg> select_models(const std::string& glob, const std::string& family) {
  std::vector<PretrainedCfg> rows;
  const auto named = find_pretrained(glob);
  for (const PretrainedCfg& cfg : pretrained_cfgs()) {
    if (!family.empty() && family_of(cfg.architecture)->model_type() != family) continue;
    const std::string name = full_name(cfg);
    const bool bare = std::string(cfg.architecture) == glob;
    const bool old = named && full_name(*named) == name;
    if (bare || old || fnmatch(glob.c_str(), name.c_str(), 0) == 0) rows.push_back(cfg);
  }
  if (rows.empty()) refuse_pattern(glob);
  return rows;
}

Json to_json(const PretrainedCfg& cfg) {
  Json json = begin_json({"models"}, "ok");
  json["name"] = full_name(cfg);
  json["family"] = family_of(cfg.architecture)->model_type();
  json["default"] = cfg.is_default;
  json["input_size"] = cfg.input_size;
  if (cfg.test_input_size[0] != 0) json["test_input_size"] = cfg.test_input_size;
  json["crop_pct"] = cfg.crop_pct;
  if (cfg.test_crop_pct > 0) json["test_crop_pct"] = cfg.test_crop_pct;
  json["interpolation"] = cfg.interpolation;
  json["crop_mode"] = cfg.crop_mode;
  json["mean"] = cfg.mean;
  json["std"] = cfg.std;
  json["num_classes"] = cfg.num_classes;
  if (!cfg.license.empty()) json["license"] = cfg.license;
  if (!cfg.origin_url.empty()) json["origin_url"] = cfg.origin_url;
  json["parameters"] = cfg.parameters;
  if (!cfg.url_file.empty()) json["file"] = cfg.url_file;
  json["old_names"] = old_names(full_name(cfg));
  return json;
}

}  // namespace weightlift
