#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "weightlift/cli/convert_job.h"

namespace CLI {
class App;
}

namespace weightlift {

/// The command line of `convert`.
struct ConvertFlags {
  ConversionRequest request;
  JobSettings settings;
  std::vector<std::string> sources;
  std::string model_name;  // the old script's --model_name
  std::string as, head = "keep", dtype = "keep", to = "transformers", weights_format;
  std::string report;
  bool all = false, no_verify = false;
};

void add_convert_options(CLI::App& command, ConvertFlags& flags);

/// Translates the flags' values into the request. Throws UsageError where they contradict each
/// other.
void read_words(ConvertFlags& flags);

/// The options by their JSON names, defaults included: `options` of docs/json.md.
nlohmann::ordered_json options_json(const ConvertFlags& flags);

}  // namespace weightlift
