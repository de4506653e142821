#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "weightlift/base/error.h"
#include "weightlift/base/json.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/fetch.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/progress.h"
#include "weightlift/convert/labels.h"
#include "weightlift/convert/source.h"

namespace weightlift {

namespace {

using Json = nlohmann::ordered_json;

/// What can be said of a SOURCE: its file always, the network where it is a ResNet.
struct Inspection {
  Checkpoint checkpoint;
  std::optional<Source> source;
  std::string reason;  ///< why there is no source
};

/// Opened once where it is a ResNet: tensors of a torch file may have to be copied.
Inspection inspect(const FetchedSource& here) {
  Inspection result{};
  try {
    result.source = open_source(here.path, here.as);
    result.checkpoint = result.source->checkpoint;
  } catch (const Error& error) {
    result.reason = error.what();
    result.checkpoint = open_checkpoint(find_source_weights(here.path));
  }
  return result;
}

std::string_view form_of(const Source& source) {
  return source.kind == SourceKind::kTransformersFolder ? "transformers" : "timm";
}

std::string architecture_of(const Source& source) {
  if (source.kind == SourceKind::kTransformersFolder) {
    return source.config.head == Head::kKeep ? "ResNetForImageClassification" : "ResNetModel";
  }
  return source.timm ? source.timm->architecture : "";
}

Json network_json(const Source& source) {
  const ResNetConfig& config = source.config;
  const std::string architecture = architecture_of(source);
  return {{"form", form_of(source)},
          {"architecture", architecture.empty() ? Json() : Json(architecture)},
          {"tag", source.timm ? Json(source.timm->pretrained_cfg.tag) : Json()},
          {"layer_type", to_string(config.layer_type)},
          {"depths", config.depths},
          {"hidden_sizes", config.hidden_sizes},
          {"embedding_size", config.embedding_size},
          {"num_channels", config.num_channels},
          {"num_labels", config.num_labels},
          {"dtype", torch_name(config.dtype)}};
}

std::vector<std::string> labels_of(const Source& source) {
  std::vector<std::string> labels;
  const auto id2label = source.kind == SourceKind::kTransformersFolder
                            ? source.config.id2label
                            : choose_labels(source, "").id2label;
  for (const auto& [id, label] : id2label) labels.push_back(label);
  return labels;
}

void print_json(const std::string& given, const Inspection& found) {
  Json json = {{"source", given},
               {"file", found.checkpoint.path.string()},
               {"format", to_string(found.checkpoint.format)},
               {"bytes", found.checkpoint.file->bytes().size()},
               {"parameters", count_parameters(found.checkpoint.tensors)}};
  if (found.source) {
    json.update(network_json(*found.source));
    json["labels"] = labels_of(*found.source);
  } else {
    json["not_convertible"] = found.reason;
  }
  if (found.checkpoint.format != CheckpointFormat::kSafetensors) {
    json["state_dict"] = found.checkpoint.state_dict;
    json["left_out"] = found.checkpoint.left_out;
    json["globals"] = found.checkpoint.globals;
  }
  json["metadata"] = Json::object();
  for (const auto& [key, value] : found.checkpoint.metadata) json["metadata"][key] = value;
  Json tensors = Json::array();
  for (const auto& [name, tensor] : found.checkpoint.tensors) {
    tensors.push_back({{"name", name},
                       {"dtype", to_string(tensor.dtype())},
                       {"shape", tensor.shape()},
                       {"bytes", tensor.bytes().size()}});
  }
  json["tensors"] = std::move(tensors);
  fmt::print("{}\n", dump_json_line(json));
}

void print_network(const Source& source) {
  const ResNetConfig& config = source.config;
  const std::string architecture = architecture_of(source);
  fmt::print("network: {} {}, {} blocks [{}], channels [{}], {} input channel{}, {} classes, {}\n",
             form_of(source),
             architecture.empty() ? "ResNet (no config: assumed plain)" : architecture,
             to_string(config.layer_type), fmt::join(config.depths, ", "),
             fmt::join(config.hidden_sizes, ", "), config.num_channels,
             config.num_channels == 1 ? "" : "s", config.num_labels, torch_name(config.dtype));
  const std::vector<std::string> labels = labels_of(source);
  constexpr std::size_t kShown = 3;
  if (!labels.empty()) {
    fmt::print("labels: {} of them:", labels.size());
    for (std::size_t i = 0; i < std::min(kShown, labels.size()); ++i) {
      fmt::print(" {}={}{}", i, printable(labels[i]),
                 i + 1 < std::min(kShown, labels.size()) ? "," : "");
    }
    fmt::print("{}\n", labels.size() > kShown ? ", ..." : "");
  }
}

void print_text(const Inspection& found) {
  const Checkpoint& checkpoint = found.checkpoint;
  fmt::print("file: {}, {}, {}, {} tensors, {} parameters\n",
             printable(checkpoint.path.string(), 400), to_string(checkpoint.format),
             readable_bytes(checkpoint.file->bytes().size()), checkpoint.tensors.size(),
             with_commas(count_parameters(checkpoint.tensors)));
  if (found.source) {
    print_network(*found.source);
  } else {
    fmt::print("network: cannot be converted: {}\n", found.reason);
  }
  if (!checkpoint.state_dict.empty()) {
    fmt::print("state dict: {}\n", printable(checkpoint.state_dict));
  }
  for (const std::string& other : checkpoint.left_out) fmt::print("left out: {}\n", other);
  for (const std::string& name : checkpoint.globals) fmt::print("never made: {}\n", name);
  for (const auto& [key, value] : checkpoint.metadata) {
    fmt::print("metadata: {}={}\n", printable(key), printable(value));
  }
  std::size_t width = 0;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    width = std::max(width, printable(name).size());
  }
  // Counters last: there are as many as layers, and nobody looks for them.
  for (const bool counters : {false, true}) {
    for (const auto& [name, tensor] : checkpoint.tensors) {
      if (name.ends_with("num_batches_tracked") != counters) continue;
      fmt::print("{:<{}}  {:<5} {:<20} {:>12}\n", printable(name), width, to_string(tensor.dtype()),
                 to_string(tensor.shape()),
                 with_commas(static_cast<std::int64_t>(tensor.bytes().size())));
    }
  }
}

int run_inspect(const std::string& given, bool json) {
  catch_signals();
  const Inspection found = inspect(fetch_one(given, Network::kAny));
  for (const std::string& note : found.checkpoint.notes) log_warning(note);
  if (json) {
    print_json(given, found);
  } else {
    print_text(found);
  }
  return 0;
}

}  // namespace

Action add_inspect(CLI::App& app) {
  auto* command =
      app.add_subcommand("inspect", "Show what a checkpoint holds, without its weights");
  auto source = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  command->add_option("SOURCE", *source, "Folder, weights file, name or repository")->required();
  command->add_flag("--json", *json, "One JSON object on one line");
  return [source, json] { return run_inspect(*source, *json); };
}

}  // namespace weightlift
