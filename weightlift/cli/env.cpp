#include <fmt/format.h>
#include <sys/utsname.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "weightlift/base/cgroup.h"
#include "weightlift/base/posix.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/commit.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/results.h"
#include "weightlift/hub/settings.h"
#include "weightlift/models/model_config.h"
#include "weightlift/report/versions.h"
#include "weightlift/runtime/program.h"

namespace weightlift {

namespace {

using Json = nlohmann::ordered_json;

/// The value behind `key` in a file of "key : value" or KEY=value lines; empty where there is none.
std::string value_in(const char* file, std::string_view key, char separator) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key)) continue;
    const std::size_t at = line.find(separator);
    if (at == std::string::npos) continue;
    const std::size_t begin = line.find_first_not_of(" \t\"", at + 1);
    const std::size_t end = line.find_last_not_of(" \t\"");
    return begin == std::string::npos ? "" : line.substr(begin, end - begin + 1);
  }
  return "";
}

Json environment() {
  utsname system{};
  ::uname(&system);
  const HubSettings hub = read_hub_settings();
  Json json = versions_json();
  json["commit"] = commit();
  json["instruction_set"] = onednn_instruction_set();
  json["compiler"] = __VERSION__;
  json["system"] = value_in("/etc/os-release", "PRETTY_NAME", '=');
  json["kernel"] = fmt::format("{} {} {}", system.sysname, system.release, system.machine);
  json["processor"] = value_in("/proc/cpuinfo", "model name", ':');
  json["threads"] = available_processors();
  json["memory"] = value_in("/proc/meminfo", "MemTotal", ':');
  json["endpoint"] = hub.endpoint;
  json["cache"] = shown(hub.cache);
  json["token"] = hub.token.empty() ? "none" : "set";
  json["offline"] = hub.offline;
  return json;
}

}  // namespace

Action add_env(CLI::App& app) {
  auto* command = app.add_subcommand(
      "env", fmt::format("Show versions and settings, for bug reports; files match transformers {}",
                         kTransformersVersion));
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "One JSON object on one line");
  add_examples(*command, {"weightlift env", "weightlift env --json"});
  return [json] {
    return run_reporting({"env"}, *json, [&] {
      const Json facts = environment();
      if (*json) {
        Json object = begin_json({"env"}, "ok");
        object.update(facts);
        print_json(object);
        return 0;
      }
      for (const auto& [name, value] : facts.items()) {
        put("{}: {}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
      }
      return 0;
    });
  };
}

}  // namespace weightlift
