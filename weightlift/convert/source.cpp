#include "weightlift/convert/source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/nearest.h"
#include "weightlift/base/snapshot.h"
#include "weightlift/base/text.h"
#include "weightlift/checkpoint/weights_file.h"
#include "weightlift/convert/source_name.h"
#include "weightlift/convert/source_weights.h"
#include "weightlift/convert/zero_tail.h"
#include "weightlift/error.h"
#include "weightlift/models/families.h"
#include "weightlift/models/registry.h"
#include "weightlift/nn/layers.h"
#include "weightlift/progress.h"
#include "weightlift/state_dict.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse_absent(const std::string& given) {
  throw NotFoundError(printable(given, 400), "no such file or folder");
}

/// What a folder without a model's config is, by an entry that it has: a name, or its ending.
struct FolderMark {
  std::string_view entry;
  std::string_view what;
  std::string_view advice;
};

constexpr std::array<FolderMark, 9> kFolderMarks = {{
    {".metadata", "a distributed checkpoint (torch.distributed.checkpoint)",
     "join it with python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER FILE"},
    {".distcp", "a distributed checkpoint (torch.distributed.checkpoint)",
     "join it with python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER FILE"},
    {"zero_to_fp32.py", "a DeepSpeed checkpoint",
     "join it with its own script: python zero_to_fp32.py . pytorch_model.bin"},
    {"data.pkl", "an unpacked torch file",
     "convert the original .pth, or pack the folder again with: zip -0 -r model.pth FOLDER"},
    {"saved_model.pb", "a TensorFlow SavedModel", ""},
    {".onnx", "an ONNX model", "convert the checkpoint that it was made from"},
    {".h5", "a Keras model", ""},
    {".keras", "a Keras model", ""},
    {".mlmodel", "a Core ML model", ""},
}};

/// Throws for a folder that is known not to be a model folder.
void refuse_known_folder(const fs::path& folder, const std::vector<std::string>& entries) {
  for (const FolderMark& mark : kFolderMarks) {
    const auto fits = [&](const std::string& name) { return name.ends_with(mark.entry); };
    if (std::ranges::none_of(entries, fits)) continue;
    throw UnsupportedError(shown(folder), fmt::format("unsupported: {}", mark.what),
                           mark.advice.empty() ? Hints() : advice(std::string(mark.advice)));
  }
}

/// Throws: the folder has no config.json. Names what it is, or the folders in it that have one.
[[noreturn]] void refuse_without_config(const fs::path& folder) {
  std::vector<std::string> entries;
  std::vector<std::string> models;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    entries.push_back(entry.path().filename().string());
    if (fs::exists(entry.path() / "config.json", error) || entries.back().starts_with("models--")) {
      models.push_back(printable(entries.back()));
    }
  }
  refuse_known_folder(folder, entries);
  std::ranges::sort(models);
  throw NotFoundError(
      shown(folder), "config.json not found",
      advice(models.empty()
                 ? "convert the weights file itself if there is no config"
                 : fmt::format("use one of the model folders in it: {}", first_of(models))));
}

/// Reads the config that the user gave for weights without one.
void read_given_config(Source& source, const std::string& file) {
  const std::string text = read_text_file(file, kMaxConfigBytes);
  if (is_transformers_config(text, shown(file))) {
    source.stated = parse_transformers_config(text, shown(file));
  } else {
    source.timm = parse_timm_config(text, shown(file));
  }
}

void describe_file(Source& source, const SourceHints& hints) {
  if (hints.as && !hints.config.empty()) {
    throw UsageError("config", "cannot be combined with a timm model name");
  }
  if (hints.as) {
    source.timm = timm_config_of(require_pretrained(*hints.as));
    return;
  }
  if (!hints.config.empty()) return read_given_config(source, hints.config);
  // timm's and torchvision's training scripts write `arch`. Nothing else in such a file shows
  // activations, pooling and strides.
  const std::string& arch = source.checkpoint.arch;
  const std::string_view reason = reason_against(arch);
  if (!reason.empty()) {
    throw UnsupportedError(shown(source.path), fmt::format("unsupported architecture '{}': {}",
                                                           printable(arch), reason));
  }
}

/// The first note of a lone file, by what was read from it.
void note_assumption(Source& source) {
  Note note{NoteCode::kNoConfig, shown(source.path), {}, {}};
  note.parameters.emplace_back("family", source.network->family().name());
  const std::string& arch = source.checkpoint.arch;
  if (family_of(arch) != nullptr) note.parameters.emplace_back("arch", arch);
  std::error_code ignored;
  const fs::path config = source.path.parent_path() / kConfigFile;
  if (fs::exists(config, ignored)) note.parameters.emplace_back("config", shown(config));
  // A name of timm's registry has 1000 classes or more: none fits a network that was fine-tuned.
  constexpr std::int64_t kFewest = 1000;
  if (source.config.num_labels >= kFewest) note.hints = {{HintCode::kGiveArchitecture, {}}};
  source.notes.insert(source.notes.begin(), std::move(note));
}

/// Sets the kind of a folder, and reads its config or the given one.
void describe_folder(Source& source, const SourceHints& hints) {
  const fs::path file = source.path / kConfigFile;
  if (!hints.config.empty()) {
    if (is_there(file)) {
      throw UsageError("config", fmt::format("{} has its own config.json", shown(source.path)));
    }
    source.kind = SourceKind::kFile;
    return read_given_config(source, hints.config);
  }
  if (!is_there(file)) refuse_without_config(source.path);
  const std::string text = read_text_file(file, kMaxConfigBytes);
  if (is_transformers_config(text, file.string())) {
    source.kind = SourceKind::kTransformersFolder;
    Model stated = parse_transformers_config(text, file.string());
    source.network = std::move(stated.network);
    source.config = std::move(stated.config);
  } else {
    source.timm = parse_timm_config(text, file.string());
  }
  if (hints.as && source.kind == SourceKind::kTimmFolder) {
    throw UsageError("as", "expected a lone weights file, got a timm folder with config.json");
  }
}

void require_content(const fs::path& folder) {
  std::error_code error;
  const bool empty = fs::is_empty(folder, error);
  if (error) throw IoError(folder.string(), error.message());
  if (empty) {
    throw NotFoundError(shown(folder), "the folder is empty");
  }
}

/// Completes the counters, and adds notes on what changed.
void settle_counters(Source& source) {
  const CounterChanges changes = complete_counters(source.tensors);
  source.counters_added = changes.added;
  source.counters_mended = changes.mended;
  const auto note = [&](NoteCode code, std::int64_t count) {
    if (count == 0) return;
    source.notes.push_back(
        {code, shown(source.checkpoint.path), {{"count", std::to_string(count)}}});
  };
  note(NoteCode::kCountersAdded, changes.added);
  note(NoteCode::kCountersConverted, changes.mended);
}

void take(const TimmConfig& stated, Source& source, const std::string& where) {
  Model shown{source.network, source.config};
  take_statements(stated, shown, where);
  source.network = std::move(shown.network);
}

/// Refuses a file whose network is not the one that the user stated.
void take_named_network(const std::string& as, Source& source, const std::string& where) {
  TimmConfig named = *source.timm;
  const std::int64_t classes = named.num_classes.value_or(0), found = source.config.num_labels;
  if (found > 0) named.num_classes = found;  // reported below, with hints
  take(named, source, where);
  if (found == 0 || found == classes) return;
  throw MismatchError(
      where, fmt::format("{} has {} classes, the tensors have {}", printable(as), classes, found),
      {{HintCode::kOmitArchitecture, {}}, {HintCode::kGiveImageProcessor, {printable(as)}}});
}

/// Compares what configs, the user and the file itself state about the network with its tensors,
/// and takes what these do not show.
void take_all_statements(Source& source, const SourceHints& hints) {
  if (source.kind == SourceKind::kTransformersFolder) return;
  const std::string where = source.checkpoint.path.string();
  if (source.timm && hints.as) {
    take_named_network(*hints.as, source, where);
  } else if (source.timm) {
    const fs::path own = source.path / kConfigFile;
    take(*source.timm, source, hints.config.empty() ? own.string() : shown(hints.config));
  }
  if (!source.checkpoint.model_args.empty()) {
    Model shown{source.network, source.config};
    take_model_args(source.checkpoint.model_args, shown, where);
    source.network = std::move(shown.network);
  }
}

}  // namespace

PretrainedCfg require_pretrained(const std::string& as) {
  if (const auto cfg = find_pretrained(as)) return *cfg;
  if (const std::string_view reason = reason_against(as.substr(0, as.find('.'))); !reason.empty()) {
    throw UnsupportedError(printable(as), fmt::format("known to timm, not supported: {}", reason));
  }
  const std::vector<std::string> nearest = nearest_names(as);
  Hints hints = did_you_mean(nearest);
  hints.push_back({HintCode::kListModels, {}});
  throw UsageError("as", fmt::format("unknown timm model '{}'", printable(as)), std::move(hints));
}

fs::path find_source_weights(const std::string& given) {
  const fs::file_type type = type_at(given);
  if (type == fs::file_type::not_found) refuse_absent(given);
  return type == fs::file_type::directory
             ? find_weights_file(resolve_snapshot(given), Loader::kTimm)
             : fs::path(given);
}

Source open_source(const std::string& given, const SourceHints& hints, Reading reading) {
  const fs::file_type type = type_at(given);
  if (type == fs::file_type::not_found) refuse_absent(given);
  Source source{};
  const bool folder = type == fs::file_type::directory;
  source.path = folder ? resolve_snapshot(given) : fs::path(given);
  source.kind = folder ? SourceKind::kTimmFolder : SourceKind::kFile;
  if (folder) {
    require_content(source.path);
    describe_folder(source, hints);
  }
  const Loader loader =
      source.kind == SourceKind::kTransformersFolder ? Loader::kTransformers : Loader::kTimm;
  source.checkpoint =
      open_checkpoint(folder ? find_weights_file(source.path, loader) : source.path, reading);
  if (!folder) describe_file(source, hints);
  read_weights(source, hints);
  take_all_statements(source, hints);
  const bool described = folder || hints.as || !hints.config.empty();
  if (!described) note_assumption(source);
  settle_counters(source);
  if (auto note = find_zero_tail(source.checkpoint, source.tensors)) {
    source.notes.push_back(std::move(*note));
  }
  return source;
}

Form tree_of(const Source& source) {
  return source.kind == SourceKind::kTransformersFolder ? Form::kTransformers : Form::kTimm;
}

Form form_of(const Source& source) {
  if (source.kind == SourceKind::kTransformersFolder) return Form::kTransformers;
  if (source.timm) return Form::kTimm;
  const Dialect* dialect = source.choice.dialect;
  const bool of_timm = dialect != nullptr && dialect->form == Form::kTimm;
  return of_timm ? Form::kTimm : Form::kTorchvision;
}

std::string head_tensor(const Source& source, std::string_view last) {
  return fmt::format("{}.{}", source.network->family().head(Form::kTimm), last);
}

std::unique_ptr<Module> make_network(const Source& source, Head head) {
  const Form tree = tree_of(source);
  const Family& family = source.network->family();
  ModelConfig config = source.config;
  config.head = head;
  auto network = source.network->make(tree, config);
  const bool beheaded = head == Head::kNone && source.config.head == Head::kClassifier;
  const bool prefixed = beheaded && tree == Form::kTransformers;
  const std::string prefix = prefixed ? fmt::format("{}.", family.model_type()) : "";
  const std::string head_prefix = fmt::format("{}.", family.head(tree));
  StateDict tensors;
  for (const auto& [name, tensor] : source.tensors) {
    if (beheaded && name.starts_with(head_prefix)) continue;
    tensors.insert(name.starts_with(prefix) ? name.substr(prefix.size()) : name, tensor);
  }
  with_context(shown(source.checkpoint.path), [&] { network->load_state_dict(tensors); });
  return network;
}

std::int64_t count_parameters(const StateDict& tensors) {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : tensors) {
    if (!is_batch_norm_buffer(name)) count += tensor.numel();
  }
  return count;
}

Shape input_shape(const Source& source) {
  constexpr std::int64_t kDefaultSize = 224;
  Shape shape = {1, source.config.num_channels, kDefaultSize, kDefaultSize};
  if (source.timm && !source.timm->pretrained_cfg.input_size.empty()) {
    shape[2] = std::min(source.timm->pretrained_cfg.input_size[1], kLargestInput);
    shape[3] = std::min(source.timm->pretrained_cfg.input_size[2], kLargestInput);
  }
  return shape;
}

}  // namespace weightlift
