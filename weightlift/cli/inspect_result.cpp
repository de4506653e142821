#include "weightlift/cli/inspect_result.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "weightlift/base/message.h"
#include "weightlift/base/text.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/results.h"
#include "weightlift/models/outside.h"
#include "weightlift/nn/layers.h"
#include "weightlift/report/inspection_json.h"
#include "weightlift/report/phrase.h"

namespace weightlift {

namespace {

void print_network(const NetworkFacts& network) {
  const ModelConfig& config = network.config;
  put("network: {} {}, {}, {} input channel{}, {} classes, {}\n", to_string(network.form),
      network.architecture.empty()
          ? fmt::format("{} (no config; assuming a standard one)", network.family_name)
          : network.architecture,
      network.description, config.num_channels, config.num_channels == 1 ? "" : "s",
      config.num_labels, torch_name(config.dtype));
  const std::vector<std::string> labels = labels_of(config);
  constexpr std::size_t kShown = 3;
  if (!labels.empty()) {
    put("labels: {}:", labels.size());
    for (std::size_t i = 0; i < std::min(kShown, labels.size()); ++i) {
      put(" {}={}{}", i, printable(labels[i]), i + 1 < std::min(kShown, labels.size()) ? "," : "");
    }
    put("{}\n", labels.size() > kShown ? ", ..." : "");
  }
}

void print_tensors(const StateDict& tensors) {
  std::size_t width = 0;
  for (const auto& [name, tensor] : tensors) width = std::max(width, printable(name).size());
  // Counters come last: there are as many as layers, and readers look for weights.
  for (const bool counters : {false, true}) {
    for (const auto& [name, tensor] : tensors) {
      if (is_batch_norm_counter(name) != counters) continue;
      put("{:<{}}  {:<5} {:<20} {:>12}\n", printable(name), width, to_string(tensor.dtype()),
          to_string(tensor.shape()), with_commas(static_cast<std::int64_t>(tensor.bytes().size())));
    }
  }
}

void print_dicts(const Inspection& found) {
  const NamedDict& taken = found.dicts[found.chosen];
  if (!taken.path.empty()) put("state dict: {}\n", printable(taken.path));
  if (!found.prefix.empty()) put("prefix: {}\n", printable(found.prefix));
  if (!found.naming.empty()) put("names: {}\n", found.naming);
  for (const NamedDict& dict : found.dicts) {
    if (&dict == &taken || dict.names.empty()) continue;
    put("other state dict: {} ({} tensors)\n",
        dict.path.empty() ? "the top level" : printable(dict.path), dict.names.size());
  }
}

void print_outside(const std::vector<OutsideTensor>& outside) {
  for (const OutsideTensor& tensor : outside) {
    if (tensor.kind == OutsideKind::kOtherNetwork) continue;
    put("outside: {}: {}{}\n", describe(tensor), to_string(tensor.kind),
        tensor.reason.empty() ? "" : fmt::format(" ({})", tensor.reason));
  }
  for (const std::string& line : summarize_networks(outside)) put("other network: {}\n", line);
}

void print_contents(const Inspection& found) {
  print_dicts(found);
  print_outside(found.outside);
  if (!found.network && !found.keys_of_lists.empty()) {
    put("tensors without names below: {}\n", first_of(found.keys_of_lists));
  }
  for (const std::string& other : found.ignored) put("ignored: {}\n", other);
  for (const std::string& name : found.globals) put("Python object, not loaded: {}\n", name);
  for (const auto& [key, value] : found.metadata) {
    put("metadata: {}={}\n", printable(key), printable(value));
  }
}

}  // namespace

void print_inspection(const Inspection& found) {
  const std::size_t shards = found.files - 1;
  put("file: {}, {}{}, {}, {} tensors, {} parameters\n", printable(found.file.string(), 400),
      to_string(found.format), shards == 0 ? "" : fmt::format(" in {} shards", shards),
      readable_bytes(found.bytes), found.tensors.size(), with_commas(found.parameters));
  const std::string reason = found.not_convertible ? phrase(*found.not_convertible) : "";
  if (found.network) {
    print_network(*found.network);
    if (!reason.empty()) put("classifier: not convertible: {}\n", reason);
  } else {
    put("network: not convertible: {}\n", reason);
  }
  if (!found.sha256.empty()) {
    put("sha256: {}{}\n", found.sha256,
        found.known.empty() ? "" : fmt::format(" ({})", found.known));
  }
  print_contents(found);
  print_tensors(found.tensors);
}

}  // namespace weightlift
