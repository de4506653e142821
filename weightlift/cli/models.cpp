#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "weightlift/base/error.h"
#include "weightlift/base/json.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/print.h"
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
  const auto text_or_null = [](std::string_view text) {
    return text.empty() ? Json() : Json(text);
  };
  const bool test = cfg.test_input_size[0] != 0;
  return {{"name", full_name(cfg)},
          {"default", cfg.is_default},
          {"input_size", cfg.input_size},
          {"test_input_size", test ? Json(cfg.test_input_size) : Json()},
          {"crop_pct", cfg.crop_pct},
          {"test_crop_pct", cfg.test_crop_pct > 0 ? Json(cfg.test_crop_pct) : Json()},
          {"interpolation", cfg.interpolation},
          {"crop_mode", cfg.crop_mode},
          {"mean", cfg.mean},
          {"std", cfg.std},
          {"num_classes", cfg.num_classes},
          {"license", text_or_null(cfg.license)},
          {"origin_url", text_or_null(cfg.origin_url)},
          {"parameters", cfg.parameters},
          {"file", text_or_null(cfg.url_file)},
          {"old_names", old_names(full_name(cfg))}};
}

std::string mean_name(const PretrainedCfg& cfg) {
  return cfg.mean[0] == 0.5 ? "0.5/0.5" : "imagenet";
}

void print_table(const std::vector<PretrainedCfg>& rows) {
  fmt::print("{:<34} {:>5} {:>5} {:>6} {:<9} {:<8} {:<13} {:>11}\n", "name (* default)", "input",
             "test", "crop", "interp", "mean/std", "licence", "parameters");
  for (const PretrainedCfg& cfg : rows) {
    fmt::print("{:<34} {:>5} {:>5} {:>6} {:<9} {:<8} {:<13} {:>11}\n",
               full_name(cfg) + (cfg.is_default ? " *" : ""), cfg.input_size[1],
               cfg.test_input_size[1] == 0 ? "-" : std::to_string(cfg.test_input_size[1]),
               cfg.crop_pct, cfg.interpolation, mean_name(cfg),
               cfg.license.empty() ? "-" : cfg.license, with_commas(cfg.parameters));
  }
}

int run_models(const std::string& glob, bool json) {
  std::vector<PretrainedCfg> rows;
  const auto named = find_pretrained(glob);
  for (const PretrainedCfg& cfg : pretrained_cfgs()) {
    const std::string name = full_name(cfg);
    const bool bare = std::string(cfg.architecture) == glob;
    const bool old = named && full_name(*named) == name;
    if (bare || old || fnmatch(glob.c_str(), name.c_str(), 0) == 0) rows.push_back(cfg);
  }
  if (rows.empty()) {
    const auto near = nearest_names(glob);
    throw UsageError(
        fmt::format("models {}: expected a name or pattern of timm's registry, got none that "
                    "matches{}",
                    printable(glob),
                    near.empty() ? "" : fmt::format("; did you mean {}?", fmt::join(near, ", "))));
  }
  if (!json) {
    print_table(rows);
    return 0;
  }
  for (const PretrainedCfg& cfg : rows) fmt::print("{}\n", dump_json_line(to_json(cfg)));
  return 0;
}

}  // namespace

Action add_models(CLI::App& app) {
  auto* command = app.add_subcommand("models", "List timm's pretrained plain ResNets");
  auto glob = std::make_shared<std::string>("*");
  auto json = std::make_shared<bool>(false);
  command->add_option("GLOB", *glob, "Names to list: resnet50, 'resnet50.*', tv_resnet50");
  command->add_flag("--json", *json, "One JSON object per line");
  return [glob, json] { return run_models(*glob, *json); };
}

}  // namespace weightlift
