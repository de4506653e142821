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
#include "weightlift/report/models_json.h"

namespace weightlift {

namespace {

using Json = nlohmann::ordered_json;

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

int run_models(const std::string& glob, const std::string& family, bool json) {
  const std::vector<PretrainedCfg> rows = select_models(glob, family);
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
    return run_reporting({"models"}, *json, [&] { return run_models(*glob, *family, *json); });
  };
}

}  // namespace weightlift
