#pragma once

#include <string>
#include <vector>

#include "weightlift/report/convert_options.h"

namespace CLI {
class App;
}

namespace weightlift {

/// The command line of `convert`.
struct ConvertFlags : ConvertOptions {
  std::vector<std::string> sources;
  std::string model_name;  // the old script's --model_name
  bool all = false, json = false;

  /// Whether to print results for people.
  bool text() const { return !json && report != "-"; }
};

void add_convert_options(CLI::App& command, ConvertFlags& flags);

/// Those that `batch` also has, as the defaults of its items.
void add_item_options(CLI::App& command, ConvertFlags& flags);

/// Throws UsageError where they contradict each other.
void refuse_item_contradictions(const ConvertFlags& flags);

/// Translates the flags' values into one request per SOURCE. Throws UsageError where they
/// contradict each other.
std::vector<ConversionRequest> read_words(ConvertFlags& flags);

}  // namespace weightlift
