#include "weightlift/convert/source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/convert/source_name.h"
#include "weightlift/models/infer.h"
#include "weightlift/models/registry.h"
#include "weightlift/models/resnet.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxConfigBytes = std::size_t{4} << 20;  // ImageNet-21k's labels take 2 MB

/// What is at the path, following links. Throws IoError where the system does not say.
fs::file_type type_of(const fs::path& path) {
  std::error_code error;
  const fs::file_type type = fs::status(path, error).type();
  if (type == fs::file_type::none) {
    throw IoError(fmt::format("{}: {}", path.string(), error.message()));
  }
  return type;
}

bool is_there(const fs::path& path) { return type_of(path) != fs::file_type::not_found; }

[[noreturn]] void refuse_absent(const std::string& given) {
  throw IoError(fmt::format("{}: no such file or folder", printable(given, 400)));
}

/// The weights of a folder, looked for in timm's order.
fs::path find_folder_weights(const fs::path& folder) {
  for (const char* name : {"model.safetensors", "pytorch_model.bin"}) {
    if (is_there(folder / name)) return folder / name;
  }
  std::vector<fs::path> others;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".index.json")) {
      throw FormatError(
          fmt::format("{}: expected one weights file, got the index of a sharded checkpoint; save "
                      "it in one file "
                      "(save_pretrained with max_shard_size=\"50GB\")",
                      entry.path().string()));
    }
    if (!known_ending(name).empty()) others.push_back(entry.path());
  }
  if (error) throw IoError(fmt::format("{}: {}", folder.string(), error.message()));
  if (others.size() == 1) return others.front();
  throw IoError(fmt::format("{}: expected model.safetensors or one other weights file, got {}",
                            folder.string(),
                            others.empty() ? "none" : fmt::format("{} of them", others.size())));
}

/// Files from before 2018 have no num_batches_tracked: torch takes it as 0 then.
void add_counters(Source& source, Module& network) {
  StateDict complete;
  std::int64_t present = 0;
  std::vector<std::string> absent;
  for (const Module::Slot& slot : network.slots()) {
    if (!slot.counter) continue;
    if (source.tensors.contains(slot.name)) {
      ++present;
    } else {
      absent.push_back(slot.name);
    }
  }
  if (absent.empty() || present != 0) return;  // some but not all: strict loading names them
  for (const auto& [name, tensor] : source.tensors) complete.insert(name, tensor);
  for (const std::string& name : absent) {
    complete.insert(name, Tensor::of(Shape{}, std::vector<std::int64_t>{0}));
  }
  source.tensors = std::move(complete);
  source.counters_added = static_cast<std::int64_t>(absent.size());
  source.notes.push_back(fmt::format(
      "{}: has no num_batches_tracked, as files from before 2018; {} counters are written as 0",
      source.checkpoint.path.string(), absent.size()));
}

/// A file was named, and only it is read; but its config may lie beside it.
std::string advice_on_config(const fs::path& file) {
  std::error_code ignored;
  return fs::exists(file.parent_path() / "config.json", ignored)
             ? ", or the folder, whose config.json was not read"
             : "";
}

void describe_file(Source& source, const std::optional<std::string>& as) {
  if (!as) {
    source.notes.push_back(
        fmt::format("{}: a weights file without config: assumed plain, ReLU, strides of timm; --as "
                    "NAME says what it is{}",
                    source.path.string(), advice_on_config(source.path)));
    return;
  }
  const auto cfg = find_pretrained(*as);
  if (!cfg) {
    throw UsageError(fmt::format(
        "--as {}: expected a name of timm's registry, got none; weightlift models lists "
        "them{}{}",
        printable(*as),
        nearest_names(*as).empty() ? "" : ", the nearest: ", fmt::join(nearest_names(*as), ", ")));
  }
  source.timm = timm_config_of(*cfg);
}

void read_folder_config(Source& source) {
  const fs::path file = source.path / "config.json";
  if (!is_there(file)) {
    throw IoError(fmt::format(
        "{}: expected config.json beside the weights, got none; give the weights file itself to "
        "convert it without",
        source.path.string()));
  }
  const std::string text = read_text_file(file, kMaxConfigBytes);
  if (is_transformers_config(text, file.string())) {
    source.kind = SourceKind::kTransformersFolder;
    source.config = parse_resnet_config(text, file.string());
  } else {
    source.timm = parse_timm_config(text, file.string());
  }
}

}  // namespace

fs::path find_source_weights(const std::string& given) {
  const fs::file_type type = type_of(given);
  if (type == fs::file_type::not_found) refuse_absent(given);
  return type == fs::file_type::directory ? find_folder_weights(given) : fs::path(given);
}

Source open_source(const std::string& given, const std::optional<std::string>& as) {
  const fs::path path = given;
  const fs::file_type type = type_of(path);
  if (type == fs::file_type::not_found) refuse_absent(given);
  Source source{};
  source.path = path;
  const bool folder = type == fs::file_type::directory;
  source.kind = folder ? SourceKind::kTimmFolder : SourceKind::kFile;
  if (folder) {
    std::error_code error;
    const bool empty = fs::is_empty(path, error);
    if (error) throw IoError(fmt::format("{}: {}", given, error.message()));
    if (empty) {
      throw IoError(
          fmt::format("{}: expected config.json and weights, got an empty folder", given));
    }
    if (as) throw UsageError("--as: expected a lone weights file, got a folder with a config");
    read_folder_config(source);
  } else {
    describe_file(source, as);
  }
  source.checkpoint = open_checkpoint(find_source_weights(given));
  source.notes.insert(source.notes.end(), source.checkpoint.notes.begin(),
                      source.checkpoint.notes.end());
  source.tensors = source.checkpoint.tensors;
  const std::string where = source.checkpoint.path.string();
  if (source.kind != SourceKind::kTransformersFolder) {
    source.config = infer_resnet_config(source.tensors, where);
    if (source.timm) {
      require_agreement(*source.timm, source.config,
                        folder ? (path / "config.json").string() : where);
    }
    add_counters(source, *make_timm_resnet(source.config));
  }
  return source;
}

std::unique_ptr<Module> make_network(const Source& source, Head head) {
  const bool hf = source.kind == SourceKind::kTransformersFolder;
  auto network = hf ? make_hf_resnet(source.config, source.config.head)
                    : make_timm_resnet(source.config, head);
  StateDict tensors;
  for (const auto& [name, tensor] : source.tensors) {
    const bool left_out = !hf && head == Head::kNone && name.starts_with("fc.");
    if (!left_out) tensors.insert(name, tensor);
  }
  try {
    network->load_state_dict(tensors);
  } catch (const MismatchError& error) {
    throw MismatchError(fmt::format("{}: {}", source.checkpoint.path.string(), error.what()));
  }
  return network;
}

std::int64_t count_parameters(const StateDict& tensors) {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : tensors) {
    const bool buffer = name.ends_with("num_batches_tracked") || name.ends_with("running_mean") ||
                        name.ends_with("running_var");
    if (!buffer) count += tensor.numel();
  }
  return count;
}

Shape input_shape(const Source& source) {
  constexpr std::int64_t kDefaultSize = 224;
  constexpr std::int64_t kLargestSize = 1024;  // beyond, two runs would need gigabytes
  Shape shape = {1, source.config.num_channels, kDefaultSize, kDefaultSize};
  if (source.timm && !source.timm->pretrained_cfg.input_size.empty()) {
    shape[2] = std::min(source.timm->pretrained_cfg.input_size[1], kLargestSize);
    shape[3] = std::min(source.timm->pretrained_cfg.input_size[2], kLargestSize);
  }
  return shape;
}

}  // namespace weightlift
