#include "weightlift/convert/convert.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <memory>

#include "weightlift/base/digest.h"
#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/base/temp_folder.h"
#include "weightlift/base/text.h"
#include "weightlift/convert/labels.h"
#include "weightlift/convert/source.h"
#include "weightlift/convert/source_name.h"
#include "weightlift/export/model_card.h"
#include "weightlift/export/model_folder.h"
#include "weightlift/models/registry.h"
#include "weightlift/models/resnet.h"
#include "weightlift/models/timm_config.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

/// All that is decided before the first byte is written.
struct Plan {
  Source source;
  std::unique_ptr<Module> src, dest;
  Shape input;
  ModelFolder content;
  Labels labels;
  std::vector<std::string> processor_notes;
  std::string name;
  std::vector<PreparedPicture> pictures;
  std::string sha256_hex;  ///< of the weights, where it had to be known beforehand

  const ResNetConfig& config() const { return content.config; }
};

/// A processor that the user asked for, right or wrong.
ProcessorChoice given_processor(const ImageProcessor& processor, std::string note,
                                std::int64_t num_channels) {
  ProcessorChoice choice{processor, {std::move(note)}};
  const auto channels = static_cast<std::size_t>(num_channels);
  for (const auto* values : {&processor.image_mean, &processor.image_std}) {
    if (values->size() != channels) {
      choice.notes.push_back(
          fmt::format("image processor: it has a mean and std of {} and {} values, this network "
                      "takes {} channels: it will not work",
                      processor.image_mean.size(), processor.image_std.size(), channels));
      break;
    }
  }
  return choice;
}

/// What lies beside the weights in transformers' folders.
ProcessorChoice folder_processor(const Source& source) {
  const fs::path file = source.path / kProcessorFile;
  std::error_code ignored;
  if (!fs::exists(file, ignored))
    return {std::nullopt, {"no image processor: the source has none"}};
  return {load_image_processor(file), {}};
}

ProcessorChoice choose_processor(const Source& source, const ConversionRequest& request) {
  const std::string& which = request.image_processor;
  const std::int64_t channels = source.config.num_channels;
  if (which == "convnext-base-224-22k-1k") {
    return given_processor({},
                           "image processor: facebook/convnext-base-224-22k-1k's, as asked for; it "
                           "may not be what the weights were trained with",
                           channels);
  }
  if (which == "source" || which == "source-test") {
    if (source.timm) {
      return processor_from_claims(source.timm->pretrained_cfg, channels, which == "source-test");
    }
    if (source.kind == SourceKind::kTransformersFolder) return folder_processor(source);
    return {std::nullopt,
            {"no image processor: a weights file alone says nothing of its pictures"}};
  }
  const std::string& from = request.image_processor_from;
  return given_processor(load_image_processor(which),
                         fmt::format("image processor: from {}, as asked for",
                                     from.empty() ? fs::path(which).filename().string() : from),
                         channels);
}

/// What the source is called: by its path, without a weights file's ending, unless it was given.
std::string name_of_source(const ConversionRequest& request) {
  if (!request.source_name.empty()) return request.source_name;
  std::error_code ignored;
  std::string last = last_part_of(request.source);
  return fs::is_directory(request.source, ignored) ? last : strip_known_ending(last);
}

std::string folder_name(const ConversionRequest& request) {
  if (!request.name.empty()) return request.name;
  const std::string name = name_of_source(request);
  return request.to == Form::kTransformers ? checkpoint_name(name)
                                           : name;  // the old script's names
}

std::string require_folder_name(const ConversionRequest& request) {
  std::string name = folder_name(request);
  if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
    throw UsageError(fmt::format(
        "{}: expected a folder name of one part that does not begin with a dot, got "
        "'{}'; --name gives one",
        request.source_name.empty() ? request.source : request.source_name, printable(name)));
  }
  return name;
}

TempFolder::Existing existing(const ConversionRequest& request) {
  return request.force ? TempFolder::Existing::kReplace : TempFolder::Existing::kRefuse;
}

/// Replacing a folder that holds the source would delete what is converted.
void refuse_own_source(const Source& source, const fs::path& folder) {
  if (is_within(source.path, folder)) {
    throw IoError(fmt::format(
        "{}: destination: expected another folder than the source's own, got {}; --output or "
        "--name gives another",
        folder.string(), source.path.string()));
  }
}

/// --force is for replacing what a conversion made, not somebody's photos.
void refuse_foreign_folder(const fs::path& folder) {
  std::error_code error;
  const fs::directory_iterator entries(folder, error);
  if (error || entries == fs::directory_iterator() || fs::exists(folder / "config.json", error)) {
    return;
  }
  throw IoError(fmt::format(
      "{}: destination: expected a model's folder to replace, got one without config.json that "
      "holds {}; remove it yourself or give another --name",
      folder.string(), printable(entries->path().filename().native())));
}

/// What the tag's registry entry says of the weights is true of them.
void state_facts(const PretrainedCfg& cfg, std::string known_by, Provenance& from) {
  from.known_by = std::move(known_by);
  from.architecture = cfg.architecture;
  from.tag = cfg.tag;
  from.license = cfg.license;
  from.origin_url = cfg.origin_url;
  from.base_model = repository_of(cfg);
  if (cfg.tag.ends_with("in1k")) from.datasets = {"imagenet-1k"};
}

/// Eight digits of a hash can be forged, and a repository can be another one's: what has not even
/// the tag's shape has none of its facts.
bool has_shape_of(const PretrainedCfg& cfg, const Source& source) {
  return source.config.num_labels == cfg.num_classes &&
         count_parameters(source.tensors) == cfg.parameters;
}

/// The tag whose own repository on the Hub the source is; nothing for any other, and for revisions
/// that anybody may have made (pull requests).
std::optional<PretrainedCfg> find_by_origin(const std::optional<SourceOrigin>& origin) {
  if (!origin || origin->revision != "main") return std::nullopt;
  return find_by_repository(origin->repo_id);
}

/// The tag that the weights are known to be of, by the user's word, their hash or their place.
std::optional<PretrainedCfg> find_known(const ConversionRequest& request, Plan& plan) {
  const Source& source = plan.source;
  const std::string where = source.checkpoint.path.string();
  if (request.hints.as) {
    const PretrainedCfg cfg = require_pretrained(*request.hints.as);
    require_agreement(timm_config_of(cfg), source.config, where);
    return cfg;
  }
  plan.sha256_hex = sha256(source.checkpoint.files.front()->bytes());
  for (const auto& cfg : {find_by_sha256(plan.sha256_hex), find_by_origin(request.origin)}) {
    if (cfg && has_shape_of(*cfg, source)) return cfg;
  }
  return std::nullopt;
}

/// timm's config of the target: the source's own where it is of timm, else what is known.
TimmConfig choose_timm_config(const ConversionRequest& request, Plan& plan) {
  const Source& source = plan.source;
  const ResNetConfig& config = plan.config();
  const bool of_timm = source.timm.has_value();
  const auto known = of_timm ? std::nullopt : find_known(request, plan);
  TimmConfig chosen = at(source.path.string(), [&] { return make_timm_config(config, known); });
  if (of_timm) {
    chosen.architecture = source.timm->architecture;
    chosen.layers = source.timm->layers;
    chosen.channels = source.timm->channels;
    chosen.pretrained_cfg = source.timm->pretrained_cfg;
  }
  const bool stated = of_timm && request.image_processor == "source";
  if (plan.content.processor && !stated &&
      !claim_processor(*plan.content.processor, config.num_channels, chosen.pretrained_cfg)) {
    plan.processor_notes.emplace_back(
        "timm's config cannot say this image processor (its resizing, rescaling, normalising or "
        "second crop): it says nothing of pictures, and timm would prepare others");
  }
  return chosen;
}

/// torchvision's class takes the number of classes and the blocks; all else is fixed in it.
void require_torchvisions_shape(const ResNetConfig& config) {
  if (make_timm_config(config).channels || config.num_channels != 3) {
    throw MismatchError(
        fmt::format("network: expected channels of 64, 128, 256, 512 for three input channels, as "
                    "torchvision's ResNet has, got [{}] for {}; --to timm can say that",
                    fmt::join(config.hidden_sizes, ", "), config.num_channels));
  }
}

Form form_of(const Source& source) {
  switch (source.kind) {
    case SourceKind::kTimmFolder:
      return Form::kTimm;
    case SourceKind::kTransformersFolder:
      return Form::kTransformers;
    case SourceKind::kFile:
      return Form::kTorchvision;
  }
  return Form::kTorchvision;
}

WeightsFormat wanted_format(const ConversionRequest& request) {
  return request.weights_format.value_or(
      request.to == Form::kTorchvision ? WeightsFormat::kBin : WeightsFormat::kSafetensors);
}

/// Whether the new folder would say no more than the source does.
bool states_nothing(const ConversionRequest& request) {
  return request.name.empty() && request.license.empty() && request.base_model.empty() &&
         request.datasets.empty();
}

/// Whether the source is what is asked for, file for file.
bool is_already(const ConversionRequest& request, const Source& source) {
  const WeightsFormat format = wanted_format(request);
  const Checkpoint& checkpoint = source.checkpoint;
  const bool same_format =
      checkpoint.files.size() == 1 &&
      checkpoint.format == (format == WeightsFormat::kSafetensors ? CheckpointFormat::kSafetensors
                                                                  : CheckpointFormat::kTorchZip);
  const bool plain =
      source.choice.prefix.empty() && source.left_out.empty() && source.choice.dict == 0 &&
      source.counters_added == 0 &&
      (source.choice.naming == Naming::kTimm || source.kind == SourceKind::kTransformersFolder);
  return form_of(source) == request.to && same_format && plain &&
         request.dtype.value_or(source.config.dtype) == source.config.dtype &&
         (request.head == Head::kKeep || source.config.head == Head::kNone) &&
         request.id2label.empty() && request.image_processor == "source" && !request.hints.as &&
         request.images.empty() && states_nothing(request);
}

/// Whether all that the source's config says is true of the new folder, known to this program or
/// not.
bool keeps_config(const ConversionRequest& request, const Source& source) {
  return source.kind == SourceKind::kTimmFolder && request.head == Head::kKeep &&
         request.id2label.empty() &&
         request.dtype.value_or(source.config.dtype) == source.config.dtype &&
         request.image_processor == "source";
}

/// What other forms have no place for, and are not troubled by.
void forget_transformers_notes(Plan& plan) {
  plan.processor_notes.clear();
  plan.labels.notes.clear();
  const ResNetConfig& config = plan.config();
  if (config.problem_type != ProblemType::kUnstated) {
    plan.labels.notes.emplace_back(
        "the config's problem_type has no place in this form: scores are the caller's to make");
  }
  const bool gaps = std::ranges::any_of(config.id2label, [&](const auto& entry) {
    return entry.first < 0 || entry.first >= config.num_labels;
  });
  if (gaps) {
    plan.labels.notes.emplace_back(
        "id2label has ids beyond the classes: these labels are left out, and classes without one "
        "are "
        "named LABEL_i");
  }
}

/// Before anything is written: a picture that cannot be read, or that nobody can judge.
std::vector<PreparedPicture> plan_pictures(const ConversionRequest& request,
                                           const ModelFolder& content) {
  if (content.config.head == Head::kNone || content.config.num_labels == 0) {
    throw MismatchError("--image: expected a network with classes, got a backbone");
  }
  if (!content.processor) {
    throw MismatchError(
        "--image: expected an image processor, got none; --image-processor gives one");
  }
  return prepare_pictures(request.images, *content.processor, content.config);
}

void plan_content(const ConversionRequest& request, Plan& plan) {
  const Source& source = plan.source;
  ModelFolder& content = plan.content;
  content.form = request.to;
  content.weights_format = wanted_format(request);
  plan.labels = choose_labels(source, request.id2label, request.id2label_from);
  ProcessorChoice processor = choose_processor(source, request);
  content.processor = std::move(processor.processor);
  plan.processor_notes = std::move(processor.notes);
  content.config = source.config;
  if (request.head == Head::kNone) content.config.head = Head::kNone;
  if (content.config.head == Head::kNone) plan.labels.notes.clear();
  content.config.id2label = plan.labels.id2label;
  if (request.dtype) content.config.dtype = *request.dtype;
  if (!request.images.empty()) plan.pictures = plan_pictures(request, content);
  if (request.to != Form::kTransformers) forget_transformers_notes(plan);
  if (request.to == form_of(source) && keeps_config(request, source)) {
    content.config_text = read_text_file(source.path / kConfigFile, kMaxConfigBytes);
  }
  if (request.to == Form::kTimm) content.timm = choose_timm_config(request, plan);
  if (request.to == Form::kTorchvision)
    at(source.path.string(), [&] { require_torchvisions_shape(content.config); });
}

/// Nothing where the source is what is asked for.
Plan make_plan(const ConversionRequest& request) {
  Plan plan{open_source(request.source, request.hints), {}, {}, {}, {}, {}, {}, {}, {}, {}};
  const Source& source = plan.source;
  if (request.hints.as && source.kind == SourceKind::kTransformersFolder &&
      request.to != Form::kTimm) {
    throw UsageError(
        "--as: expected a source that does not say what it is, got a folder of transformers");
  }
  if (is_already(request, source)) {
    make_network(source, source.config.head);  // throws where the weights are not the config's
    return plan;
  }
  if (request.head == Head::kKeep) require_head(source);
  plan.name = require_folder_name(request);
  refuse_own_source(source, request.output / plan.name);
  require_destination(request);
  plan_content(request, plan);
  const Head head = plan.config().head;
  plan.input = input_shape(source);
  if (source.kind == SourceKind::kTransformersFolder && plan.content.processor) {
    const std::int64_t edge = std::min(plan.content.processor->shortest_edge, kLargestInput);
    plan.input[2] = plan.input[3] = edge;
  }
  plan.src = make_network(source, head);
  plan.dest = request.to == Form::kTransformers ? make_hf_resnet(plan.config(), head)
                                                : make_timm_resnet(plan.config(), head);
  return plan;
}

Provenance make_provenance(const ConversionRequest& request, const Plan& plan,
                           const std::string& sha256_hex) {
  Provenance from;
  from.source_name = request.origin ? request.origin->repo_id : last_part_of(request.source);
  from.commit = request.origin ? request.origin->commit : "";
  from.source_file = plan.source.checkpoint.path.filename().string();
  from.source_sha256 = sha256_hex;
  from.form = form_of(plan.source);
  if (const auto& timm = plan.source.timm) {
    from.architecture = timm->architecture;
    from.tag = timm->pretrained_cfg.tag;
    from.named_by_user = plan.source.kind == SourceKind::kFile;
    from.claimed_license = timm->pretrained_cfg.license;
    from.claimed_origin_url = timm->pretrained_cfg.origin_url;
    from.paper_ids = timm->pretrained_cfg.paper_ids;
  }
  const auto known = find_by_sha256(sha256_hex);
  const auto published = find_by_origin(request.origin);
  if (known && has_shape_of(*known, plan.source)) {
    state_facts(*known, "by the file's sha256", from);
  } else if (published && has_shape_of(*published, plan.source)) {
    state_facts(*published, "from their own repository", from);
  }
  if (!request.license.empty()) from.license = request.license;
  if (!request.base_model.empty()) from.base_model = request.base_model;
  if (!request.datasets.empty()) from.datasets = request.datasets;
  return from;
}

VerifiedFacts make_verified_facts(const std::optional<Verification>& verification) {
  VerifiedFacts facts;
  if (!verification) return facts;
  facts.verified = verification->verified();
  facts.tensors = verification->tensors;
  facts.operations = verification->operations;
  facts.samples = verification->options.samples;
  facts.seed = verification->options.seed;
  facts.input_shape = verification->input_shape;
  for (const OutputComparison& output : verification->outputs) {
    facts.max_abs = std::max(facts.max_abs, static_cast<double>(output.difference.max_abs));
    facts.mean_abs = std::max(facts.mean_abs, output.mean_abs());
  }
  facts.outputs =
      verification->outputs.size() == 1 ? "logits" : "last_hidden_state and pooler_output";
  return facts;
}

/// One sentence where the source's weights hold NaN or infinities, else nothing.
std::string non_finite_note(const Verification& verification) {
  if (verification.non_finite_tensors == 0) return "";
  return fmt::format(
      "the source's weights hold {} NaN and {} infinities in {} tensors; they are kept as they are",
      verification.nan_count, verification.inf_count, verification.non_finite_tensors);
}

/// One sentence where a change of dtype made infinities of what was none.
std::string overflow_note(const Verification& verification) {
  const bool infinite = std::ranges::any_of(verification.outputs, [](const auto& output) {
    return std::isinf(output.difference.max_abs);
  });
  return verification.same_dtype || !infinite || verification.non_finite_tensors > 0
             ? ""
             : "the new dtype cannot hold some of the weights: they overflow to infinity, and the "
               "network is of no use";
}

std::string make_card(const Plan& plan, const ConversionResult& result) {
  CardFacts facts;
  facts.name = plan.name;
  facts.folder = plan.content;
  facts.parameters = result.parameters;
  facts.source_dtype = plan.source.config.dtype;
  facts.provenance = result.provenance;
  facts.verified = make_verified_facts(result.verification);
  facts.labels_from = plan.labels.from;
  facts.notes = plan.processor_notes;
  if (plan.source.counters_added > 0) {
    facts.notes.push_back(fmt::format("{} num_batches_tracked were absent in the source and are 0",
                                      plan.source.counters_added));
  }
  if (result.verification && result.verification->non_finite_tensors > 0) {
    facts.notes.push_back(non_finite_note(*result.verification));
  }
  return make_model_card(facts);
}

/// Maps the written folder back and holds it against the source: what lies on disk is what runs.
Verification verify_written(const ConversionRequest& request, Plan& plan, const Graph& src_graph,
                            const fs::path& folder, std::vector<PictureComparison>& pictures,
                            ProgressSink& progress) {
  const bool alone = plan.content.form == Form::kTorchvision;
  const Source written =
      open_source((alone ? folder / weights_file(plan.content) : folder).string());
  const auto network = make_network(written, plan.config().head);
  const Graph graph = trace(*network, plan.input);
  Verification verification =
      verify_networks({*plan.src, src_graph}, {*network, graph}, request.verify_options, [&] {
        progress.check();
        require_intact(plan.source.checkpoint);
      });
  for (const PreparedPicture& picture : plan.pictures) {
    pictures.push_back(compare_on_picture(*plan.src, *network, plan.config(), picture));
  }
  require_intact(written.checkpoint);
  return verification;
}

/// What the cache holds may have been damaged since it was fetched.
void require_hash_of_origin(const ConversionRequest& request, const Plan& plan,
                            const std::string& sha256_hex) {
  if (!request.origin || request.origin->weights_sha256.empty()) return;
  if (request.origin->weights_sha256 == sha256_hex) return;
  throw FormatError(
      fmt::format("{}: sha256: expected {}, as {} has it, got {}; the cache's copy is damaged: "
                  "remove it, and it is fetched anew",
                  plan.source.checkpoint.path.string(), request.origin->weights_sha256,
                  request.origin->repo_id, sha256_hex));
}

/// Where the source was shortened meanwhile, write(2) only says "Bad address".
void write_folder(const Plan& plan, const fs::path& folder, ProgressSink& progress) {
  progress.step("write", size_bytes(plan.source.checkpoint));
  try {
    write_model_folder(folder, plan.content, plan.dest->state_dict(),
                       [&progress](std::uint64_t done, std::uint64_t) {
                         progress.check();
                         progress.advance(done);
                       });
  } catch (const IoError&) {
    require_intact(plan.source.checkpoint);
    throw;
  }
}

void add_note(const std::string& note, ConversionResult& result, ProgressSink& progress) {
  if (note.empty()) return;
  result.notes.push_back(note);
  progress.note(note);
}

void collect_notes(const Plan& plan, ConversionResult& result, ProgressSink& progress) {
  for (const auto* notes : {&plan.source.notes, &plan.labels.notes, &plan.processor_notes}) {
    for (const std::string& note : *notes) add_note(note, result, progress);
  }
}

/// Of two networks that are held against each other. Only transformers' folders say whether they
/// are backbones; timm's are what they are asked to be.
Head shared_head(const Source& from, const Source& to) {
  // A backbone beside a network without classes: the latter's folder cannot say that it is one.
  if (from.config.head == Head::kNone && to.config.num_labels == 0) return Head::kNone;
  for (const Source* source : {&to, &from}) {
    if (source->kind == SourceKind::kTransformersFolder) return source->config.head;
  }
  return Head::kKeep;
}

/// The source is what was asked for.
ConversionResult already(const Plan& plan, ConversionResult result) {
  const Source& source = plan.source;
  result.already = true;
  result.folder = source.path;
  result.content.form = form_of(source);
  result.content.config = source.config;
  result.parameters = count_parameters(source.tensors);
  result.notes.push_back(fmt::format("{}: is in the form of {} already; nothing is done",
                                     source.path.string(), to_string(form_of(source))));
  return result;
}

}  // namespace

bool is_verified(const ConversionResult& result) {
  if (!result.verification || !result.verification->verified()) return false;
  return !result.verification->same_dtype ||
         std::ranges::all_of(result.pictures, &PictureComparison::bit_equal);
}

fs::path planned_folder(const ConversionRequest& request) {
  return request.output / folder_name(request);
}

void require_destination(const ConversionRequest& request) {
  const std::string name = require_folder_name(request);
  require_place(request.output, name, existing(request));
  if (request.force) refuse_foreign_folder(request.output / name);
}

ConversionResult convert(const ConversionRequest& request, ProgressSink& progress) {
  progress.step("read", 0);
  Plan plan = make_plan(request);
  const MappedFile& file = *plan.source.checkpoint.files.front();
  ConversionResult result;
  result.source_file = plan.source.checkpoint.path.string();
  if (!plan.src) return already(plan, std::move(result));
  result.folder = request.output / plan.name;
  result.content = plan.content;
  result.labels_from = plan.labels.from;
  result.parameters = count_parameters(plan.src->state_dict());
  collect_notes(plan, result, progress);

  const Graph src_graph = trace(*plan.src, plan.input);
  const Graph dest_graph = trace(*plan.dest, plan.input);
  result.transfer = ModuleTransfer{*plan.src, *plan.dest}(plan.input);
  require_equal_graphs(src_graph, dest_graph);
  result.logits_shape = src_graph.node(src_graph.outputs().back()).shape;
  result.provenance = make_provenance(request, plan, "");
  if (request.dry_run) return result;

  TempFolder folder(request.output, plan.name);
  auto hashing = std::async(std::launch::async, [&plan, &file] {
    require_checksums(plan.source.checkpoint);
    return plan.sha256_hex.empty() ? sha256(file.bytes()) : plan.sha256_hex;
  });
  write_folder(plan, folder.path(), progress);
  if (request.verify) {
    progress.step("verify", 0);
    result.verification =
        verify_written(request, plan, src_graph, folder.path(), result.pictures, progress);
    add_note(non_finite_note(*result.verification), result, progress);
    add_note(overflow_note(*result.verification), result, progress);
  }
  const std::string digest = hashing.get();
  require_hash_of_origin(request, plan, digest);
  result.provenance = make_provenance(request, plan, digest);
  require_intact(plan.source.checkpoint);
  progress.check();
  if (result.verification && !is_verified(result)) return result;
  result.card = make_card(plan, result);
  write_atomically(folder.path() / kCardFile, result.card);
  if (request.fsync) sync_folder(folder.path());
  progress.check();
  result.folder = folder.publish(existing(request));
  result.written = true;
  if (request.fsync) sync_folder(result.folder);  // the new name, too
  return result;
}

Verification verify_folder(const std::string& source, const SourceHints& hints,
                           const std::string& folder, const VerifyOptions& options,
                           ProgressSink& progress) {
  progress.step("verify", 0);
  const Source from = open_source(source, hints);
  const Source to = open_source(folder);
  for (const std::string& note : from.notes) progress.note(note);
  const Head head = shared_head(from, to);
  const auto src = make_network(from, head);
  const auto dest = make_network(to, head);
  const Shape input = input_shape(from);
  const Graph src_graph = trace(*src, input);
  const Graph dest_graph = trace(*dest, {1, to.config.num_channels, input[2], input[3]});
  const auto require_both_intact = [&] {
    require_intact(from.checkpoint);
    require_intact(to.checkpoint);
  };
  Verification verification = verify_networks({*src, src_graph}, {*dest, dest_graph}, options, [&] {
    progress.check();
    require_both_intact();
  });
  require_checksums(from.checkpoint);
  require_checksums(to.checkpoint);
  require_both_intact();
  const std::string note = non_finite_note(verification);
  if (!note.empty()) progress.note(note);
  return verification;
}

}  // namespace weightlift
