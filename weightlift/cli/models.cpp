#include <fmt/format.h>
#include <fnmatch.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "weightlift/base/message.h"
#include "weightlift/base/nearest.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/exit_code.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/results.h"
#include "weightlift/models/families.h"
#include "weightlift/models/registry.h"

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

std::string mean_name(const PretrainedCfg& cfg) {
  return cfg.mean[0] == 0.5 ? "0.5/0.5" : "imagenet";
}

std::vector<std::string> family_names() {
  std::vector<std::string> names;
  for (const Family* family : families()) names.emplace_back(family->model_type());
  return names;
}

void print_table(const std::vector<PretrainedCfg>& rows) {
  put("{:<34} {:>5} {:>5} {:>6} {:<9} {:<8} {:<13} {:>11}\n", "name (* default)", "input", "test",
      "crop", "interp", "mean/std", "license", "parameters");
  for (const PretrainedCfg& cfg : rows) {
    put("{:<34} {:>5} {:>5} {:>6} {:<9} {:<8} {:<13} {:>11}\n",
        full_name(cfg) + (cfg.is_default ? " *" : ""), cfg.input_size[1],
        cfg.test_input_size[1] == 0 ? "-" : std::to_string(cfg.test_input_size[1]), cfg.crop_pct,
        cfg.interpolation, mean_name(cfg), cfg.license.empty() ? "-" : cfg.license,
        with_commas(cfg.parameters));
  }
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

int run_models(const std::string& glob, const std::string& family, bool json) {
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
  if (!json) {
    print_table(rows);
    return 0;
  }
  for (const PretrainedCfg& cfg : rows) print_json(to_json(cfg));
  return 0;
}

}  // namespace

Action add_models(CLI::App& app) {
  auto* command =
      app.add_subcommand("models", "List the pretrained timm models that weightlift knows");
  auto glob = std::make_shared<std::string>("*");
  auto family = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  command->add_option(
      "GLOB", *glob,
      fmt::format("Name or pattern: {0}, '{0}.*', {1}", kExampleName, kExampleOldName));
  command->add_option("--family", *family, "Only this family")
      ->check(CLI::IsMember(family_names()));
  command->add_flag("--json", *json, "One JSON object per line");
  add_examples(*command,
               {"weightlift models", fmt::format("weightlift models '{}.*' --json", kExampleName)});
  return [glob, family, json] {
    return run_reporting({"models", "", *json}, [&] { return run_models(*glob, *family, *json); });
  };
}

}  // namespace weightlift
