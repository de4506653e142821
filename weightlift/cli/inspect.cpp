#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "weightlift/base/digest.h"
#include "weightlift/base/error.h"
#include "weightlift/base/json.h"
#include "weightlift/base/posix.h"
#include "weightlift/base/text.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/exit_code.h"
#include "weightlift/cli/fetch.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/phrase.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/progress.h"
#include "weightlift/cli/results.h"
#include "weightlift/convert/labels.h"
#include "weightlift/convert/source.h"
#include "weightlift/models/families.h"
#include "weightlift/models/registry.h"
#include "weightlift/nn/layers.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// The facts about a SOURCE: always its file, and its network where it is a known one.
struct Inspection {
  Checkpoint checkpoint;
  WeightsChoice choice;
  LoadedDict dict;
  Notes notes;
  std::optional<Source> source;
  std::string reason;           ///< why there is no source, or no classifier
  std::string sha256_hex = {};  ///< of the file, with --hash
  std::string known = {};       ///< the tag whose weights have that hash
};

/// The dict that timm would take; of a file with other networks, several or none, the largest.
WeightsChoice choose_any(const std::vector<NamedDict>& dicts, const std::string& weights_key,
                         const std::string& where) {
  try {
    return choose_weights(dicts, weights_key, where);
  } catch (const Error&) {
    if (!weights_key.empty() || dicts.empty()) throw;
    const auto largest = std::ranges::max_element(
        dicts, {}, [](const NamedDict& dict) { return dict.names.size(); });
    return {.dict = static_cast<std::size_t>(largest - dicts.begin())};
  }
}

/// Reads the content of a file that is not a source.
void inspect_file(const fs::path& weights, const std::string& weights_key, Inspection& found) {
  found.checkpoint = open_checkpoint(weights, Reading::kMetadataOnly);
  found.notes = found.checkpoint.notes;
  found.choice = choose_any(found.checkpoint.dicts, weights_key, shown(weights));
  found.dict = load_dict(found.checkpoint, found.choice.dict);
}

void take_source(Inspection& found) {
  found.checkpoint = found.source->checkpoint;
  found.choice = found.source->choice;
  found.dict = {found.source->tensors, found.source->ignored};
  found.notes = found.source->notes;
  try {
    make_network(*found.source, found.source->config.head);
    settle_outside(*found.source, Head::kClassifier);
  } catch (const Error& error) {
    found.reason = phrase(error);
  }
}

/// Opens a source, or else a file that is not one.
Inspection inspect(const FetchedSource& here, const std::string& weights_key) {
  Inspection found{};
  try {
    found.source = open_source(
        here.path, {.as = here.as, .weights_key = weights_key, .reading = Reading::kMetadataOnly});
    make_network(*found.source, Head::kNone);
    take_source(found);
  } catch (const Error& error) {
    found.source.reset();
    found.reason = phrase(error);
    inspect_file(find_source_weights(here.path), weights_key, found);
  }
  return found;
}

std::string architecture_of(const Source& source) {
  if (source.kind == SourceKind::kTransformersFolder) {
    return std::string(transformers_class(source.network->family(), source.config.head));
  }
  return source.timm ? source.timm->architecture : "";
}

Json network_json(const Source& source) {
  const ModelConfig& config = source.config;
  const std::string architecture = architecture_of(source);
  Json json = {{"form", to_string(form_of(source))}};
  if (!architecture.empty()) json["architecture"] = architecture;
  if (source.timm && !source.timm->pretrained_cfg.tag.empty()) {
    json["tag"] = source.timm->pretrained_cfg.tag;
  }
  json["family"] = source.network->family().model_type();
  json.update(Json::parse(source.network->sizes_json()));
  json.update({{"num_channels", config.num_channels},
               {"num_labels", config.num_labels},
               {"dtype", torch_name(config.dtype)}});
  return json;
}

std::vector<std::string> labels_of(const Source& source) {
  ModelConfig config = source.config;
  if (source.kind != SourceKind::kTransformersFolder) {
    config.id2label = choose_labels(source, "").id2label;
  }
  std::vector<std::string> labels;
  if (config.id2label.empty()) return labels;
  for (std::int64_t id = 0; id < config.num_labels; ++id) labels.push_back(config.label(id));
  return labels;
}

Json outside_json(const Inspection& found) {
  Json list = Json::array();
  if (!found.source) return list;
  for (const OutsideTensor& tensor : found.source->outside) {
    Json json = {{"name", tensor.full_name}, {"kind", to_string(tensor.kind)}};
    if (!tensor.reason.empty()) json["reason"] = tensor.reason;
    list.push_back(std::move(json));
  }
  return list;
}

/// The chosen tensors of the file, and its other content.
Json contents_json(const Inspection& found) {
  Json dicts = Json::array();
  for (const NamedDict& dict : found.checkpoint.dicts) {
    if (!dict.names.empty()) dicts.push_back({{"path", dict.path}, {"tensors", dict.names.size()}});
  }
  return {{"state_dicts", dicts},
          {"state_dict", found.checkpoint.dicts[found.choice.dict].path},
          {"prefix", found.choice.prefix},
          {"naming", naming_of(found.choice)},
          {"outside", outside_json(found)},
          {"ignored", found.dict.ignored},
          {"globals", found.checkpoint.globals}};
}

void print_inspection_json(const Subject& subject, const Inspection& found) {
  Json json = begin_json(subject, "ok");
  json.update({{"file", found.checkpoint.path.string()},
               {"format", to_string(found.checkpoint.format)},
               {"files", found.checkpoint.files.size()},
               {"bytes", size_bytes(found.checkpoint)},
               {"parameters", count_parameters(found.dict.tensors)}});
  if (!found.sha256_hex.empty()) {
    json["sha256"] = found.sha256_hex;
    if (!found.known.empty()) json["known"] = found.known;
  }
  if (found.source) {
    json.update(network_json(*found.source));
    json["labels"] = labels_of(*found.source);
  }
  if (!found.reason.empty()) json["not_convertible"] = found.reason;
  json.update(contents_json(found));
  json["metadata"] = Json::object();
  for (const auto& [key, value] : found.checkpoint.metadata) json["metadata"][key] = value;
  Json tensors = Json::array();
  for (const auto& [name, tensor] : found.dict.tensors) {
    tensors.push_back({{"name", name},
                       {"dtype", to_string(tensor.dtype())},
                       {"shape", tensor.shape()},
                       {"bytes", tensor.bytes().size()}});
  }
  json["tensors"] = std::move(tensors);
  json["notes"] = to_json(found.notes);
  print_json(json);
}

void print_network(const Source& source) {
  const ModelConfig& config = source.config;
  const std::string architecture = architecture_of(source);
  put("network: {} {}, {}, {} input channel{}, {} classes, {}\n", to_string(form_of(source)),
      architecture.empty()
          ? fmt::format("{} (no config; assuming a standard one)", source.network->family().name())
          : architecture,
      source.network->describe(), config.num_channels, config.num_channels == 1 ? "" : "s",
      config.num_labels, torch_name(config.dtype));
  const std::vector<std::string> labels = labels_of(source);
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

void print_contents(const Inspection& found) {
  const std::vector<NamedDict>& dicts = found.checkpoint.dicts;
  const NamedDict& taken = dicts[found.choice.dict];
  if (!taken.path.empty()) put("state dict: {}\n", printable(taken.path));
  if (!found.choice.prefix.empty()) put("prefix: {}\n", printable(found.choice.prefix));
  if (found.choice.dialect != nullptr) {
    put("names: {}\n", naming_of(found.choice));
  }
  for (const NamedDict& dict : dicts) {
    if (&dict == &taken || dict.names.empty()) continue;
    put("other state dict: {} ({} tensors)\n",
        dict.path.empty() ? "the top level" : printable(dict.path), dict.names.size());
  }
  if (found.source) {
    for (const OutsideTensor& tensor : found.source->outside) {
      if (tensor.kind == OutsideKind::kOtherNetwork) continue;
      put("outside: {}: {}{}\n", describe(tensor), to_string(tensor.kind),
          tensor.reason.empty() ? "" : fmt::format(" ({})", tensor.reason));
    }
    for (const std::string& line : summarize_networks(found.source->outside)) {
      put("other network: {}\n", line);
    }
  }
  if (!found.source && !found.checkpoint.keys_of_lists.empty()) {
    put("tensors without names below: {}\n", first_of(found.checkpoint.keys_of_lists));
  }
  for (const std::string& other : found.dict.ignored) put("ignored: {}\n", other);
  for (const std::string& name : found.checkpoint.globals)
    put("Python object, not loaded: {}\n", name);
  for (const auto& [key, value] : found.checkpoint.metadata) {
    put("metadata: {}={}\n", printable(key), printable(value));
  }
}

void print_text(const Inspection& found) {
  const Checkpoint& checkpoint = found.checkpoint;
  const std::size_t shards = checkpoint.files.size() - 1;
  put("file: {}, {}{}, {}, {} tensors, {} parameters\n", printable(checkpoint.path.string(), 400),
      to_string(checkpoint.format), shards == 0 ? "" : fmt::format(" in {} shards", shards),
      readable_bytes(size_bytes(checkpoint)), found.dict.tensors.size(),
      with_commas(count_parameters(found.dict.tensors)));
  if (found.source) {
    print_network(*found.source);
    if (!found.reason.empty()) put("classifier: not convertible: {}\n", found.reason);
  } else {
    put("network: not convertible: {}\n", found.reason);
  }
  if (!found.sha256_hex.empty()) {
    put("sha256: {}{}\n", found.sha256_hex,
        found.known.empty() ? "" : fmt::format(" ({})", found.known));
  }
  print_contents(found);
  print_tensors(found.dict.tensors);
}

/// Finds known weights by the eight digits of a hash in timm's file names. Different weights can
/// share these digits, so the number of parameters must also match.
void identify(Inspection& found) {
  found.sha256_hex = sha256(found.checkpoint.files.front().bytes);
  const auto cfg = find_by_sha256(found.sha256_hex);
  if (cfg && count_parameters(found.dict.tensors) == cfg->parameters) found.known = full_name(*cfg);
}

struct InspectFlags {
  std::string source, weights_key;
  bool json = false, hash = false;
  Subject subject() const { return {"inspect", source, json}; }
};

int run_inspect(const InspectFlags& flags) {
  catch_signals();
  TerminalProgress progress;
  Inspection found =
      inspect(fetch_one(flags.source, NetworkNeed::kAny, progress), flags.weights_key);
  if (flags.hash) identify(found);
  for (const Note& note : found.notes) progress.note(note);
  progress.clear();
  if (flags.json) {
    print_inspection_json(flags.subject(), found);
  } else {
    print_text(found);
  }
  return 0;
}

}  // namespace

Action add_inspect(CLI::App& app) {
  auto* command =
      app.add_subcommand("inspect", "Show what a checkpoint contains, without reading its weights");
  auto flags = std::make_shared<InspectFlags>();
  command->add_option("SOURCE", flags->source, "Folder, weights file, name or repository")
      ->required();
  add_weights_key(*command, flags->weights_key);
  command->add_flag("--hash", flags->hash,
                    "Hash the whole file (SHA-256), and name the weights where they are known");
  command->add_flag("--json", flags->json, "One JSON object on one line");
  add_examples(*command, {"weightlift inspect examples/digits",
                          "weightlift inspect model_best.pth.tar --json"});
  return [flags] { return run_reporting(flags->subject(), [&] { return run_inspect(*flags); }); };
}

}  // namespace weightlift
