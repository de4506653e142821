#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "weightlift/conversion.h"

namespace CLI {
class App;
}

namespace weightlift {

/// The command line of `convert`.
struct ConvertFlags {
  ConversionRequest request;
  PublishOptions publish;
  std::vector<std::string> sources;
  std::string model_name;  // the old script's --model_name
  std::string as, head = "keep", dtype = "keep", to = "transformers", weights_format;
  std::string id2label, image_processor = "source";
  std::string report;
  bool all = false, no_verify = false, push = false, json = false;

  /// Whether to print results for people.
  bool text() const { return !json && report != "-"; }
};

void add_convert_options(CLI::App& command, ConvertFlags& flags);

/// Translates the flags' values into one request per SOURCE. Throws UsageError where they
/// contradict each other.
std::vector<ConversionRequest> read_words(ConvertFlags& flags);

/// The options by their JSON names, defaults included: `options` of docs/json.md.
nlohmann::ordered_json options_json(const ConvertFlags& flags);

}  // namespace weightlift
