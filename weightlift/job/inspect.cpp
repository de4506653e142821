#include <algorithm>
#include <utility>

#include "weightlift/base/digest.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/checkpoint/checkpoint.h"
#include "weightlift/convert/labels.h"
#include "weightlift/convert/source.h"
#include "weightlift/convert/source_name.h"
#include "weightlift/job/run_with_fetcher.h"
#include "weightlift/jobs.h"
#include "weightlift/models/families.h"
#include "weightlift/models/registry.h"

namespace weightlift {

namespace {

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

/// The labels that a conversion would use.
ModelConfig config_with_labels(const Source& source) {
  ModelConfig config = source.config;
  if (source.kind != SourceKind::kTransformersFolder) {
    config.id2label = choose_labels(source, FromSource()).id2label;
  }
  return config;
}

NetworkFacts describe(const Source& source) {
  const Family& family = source.network->family();
  NetworkFacts facts;
  facts.form = form_of(source);
  if (source.kind == SourceKind::kTransformersFolder) {
    facts.architecture = transformers_class(family, source.config.head);
  } else if (source.timm) {
    facts.architecture = source.timm->architecture;
    facts.tag = source.timm->pretrained_cfg.tag;
  }
  facts.family = family.model_type();
  facts.family_name = family.name();
  facts.description = source.network->describe();
  facts.sizes_json = source.network->sizes_json();
  facts.config = config_with_labels(source);
  return facts;
}

/// Takes the content of the weights file.
void take_checkpoint(const Checkpoint& checkpoint, const WeightsChoice& choice, LoadedDict dict,
                     Inspection& found) {
  found.file = checkpoint.path;
  found.format = checkpoint.format;
  found.files = checkpoint.files.size();
  found.bytes = size_bytes(checkpoint);
  found.dicts = checkpoint.dicts;
  found.chosen = choice.dict;
  found.prefix = choice.prefix;
  found.naming = choice.dialect == nullptr ? "" : choice.dialect->name;
  found.parameters = count_parameters(dict.tensors);
  found.tensors = std::move(dict.tensors);
  found.ignored = std::move(dict.ignored);
  found.keys_of_lists = checkpoint.keys_of_lists;
  found.globals = checkpoint.globals;
  found.metadata = checkpoint.metadata;
}

void take_source(Source& source, Inspection& found) {
  found.network = describe(source);
  found.notes = source.notes;
  try {
    make_network(source, source.config.head);
    settle_outside(source, Head::kClassifier);
  } catch (const Error& error) {
    found.not_convertible = error;
  }
  found.outside = source.outside;
  take_checkpoint(source.checkpoint, source.choice, {source.tensors, source.ignored}, found);
}

/// Reads the content of a file that is not a source.
Checkpoint take_file(const std::string& path, const std::string& weights_key, Inspection& found) {
  Checkpoint checkpoint = open_checkpoint(find_source_weights(path), Reading::kMetadataOnly);
  const WeightsChoice choice = choose_any(checkpoint.dicts, weights_key, shown(checkpoint.path));
  found.notes = checkpoint.notes;
  take_checkpoint(checkpoint, choice, load_dict(checkpoint, choice.dict), found);
  return checkpoint;
}

/// Opens a source, or else a file that is not one.
Checkpoint inspect_local(const FetchedSource& here, const std::string& weights_key,
                         Inspection& found) {
  const std::string& path = here.local.path;
  try {
    Source source =
        open_source(path, {.as = here.as, .weights_key = weights_key}, Reading::kMetadataOnly);
    make_network(source, Head::kNone);
    take_source(source, found);
    return source.checkpoint;
  } catch (const Error& error) {
    found = {};
    found.not_convertible = error;
    return take_file(path, weights_key, found);
  }
}

}  // namespace

Inspection inspect(const InspectRequest& request, ProgressSink& progress, const HubSettings* hub) {
  return run_with_fetcher(progress, hub, [&](Fetcher& fetcher, ProgressSink& shared) {
    Inspection found{};
    const Checkpoint checkpoint =
        inspect_local(fetcher.fetch_source(parse_source_name(request.source), NetworkNeed::kAny),
                      request.weights_key, found);
    if (request.hash) {
      found.sha256 = sha256(checkpoint.files.front().bytes);
      // Different weights can share the eight digits of a hash in timm's file names, so the number
      // of parameters must also match.
      const auto cfg = find_by_sha256(found.sha256);
      if (cfg && found.parameters == cfg->parameters) found.known = full_name(*cfg);
    }
    for (const Note& note : found.notes) shared.note(note);
    return found;
  });
}

}  // namespace weightlift
