#include "weightlift/checkpoint/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "weightlift/base/error.h"
#include "weightlift/base/note.h"
#include "weightlift/base/posix.h"
#include "weightlift/checkpoint/safetensors.h"
#include "weightlift/checkpoint/shard_index.h"
#include "weightlift/checkpoint/torch_dicts.h"
#include "weightlift/checkpoint/torch_objects.h"
#include "weightlift/checkpoint/torch_tensor.h"

namespace weightlift {

namespace {

/// "epoch (int)" for each item of the top level, except tensors and the container that leads to
/// `path`.
std::vector<std::string> other_items(const Pickle& pickle, std::string_view path) {
  std::vector<std::string> others;
  for (const PickleItem& item : items_of(pickle, pickle.root)) {
    const PickleNode& value = pickle.at(item.value);
    const bool leads = path == item.part || path.starts_with(item.part + ".");
    const bool container = is_dict(value) || is_list(value);
    if ((leads && container) || value.kind == PickleKind::kRebuild) continue;
    others.push_back(fmt::format("{} ({})", item.part, type_of(value)));
  }
  return others;
}

/// The texts of the list at these keys, empty where there is no such list.
std::vector<std::string> texts_at(const Pickle& pickle,
                                  std::initializer_list<std::string_view> keys) {
  PickleId id = pickle.root;
  for (const std::string_view key : keys) {
    const auto item = find_item(pickle, id, key);
    if (!item) return {};
    id = *item;
  }
  const PickleNode& list = pickle.at(id);
  if (!is_list(list)) return {};
  std::vector<std::string> texts;
  for (const PickleId item : list.items) {
    const PickleNode& text = pickle.at(item);
    if (text.kind != PickleKind::kText) return {};
    texts.emplace_back(text.text);
  }
  return texts;
}

/// Where OpenMMLab's trainers keep the names of the classes: mmcls, then mmpretrain.
std::vector<std::string> find_class_names(const Pickle& pickle) {
  std::vector<std::string> names = texts_at(pickle, {"meta", "CLASSES"});
  if (names.empty()) names = texts_at(pickle, {"meta", "dataset_meta", "classes"});
  if (names.empty()) names = texts_at(pickle, {"meta", "dataset_meta", "CLASSES"});
  return names;
}

Checkpoint open_safetensors(std::shared_ptr<const MappedFile> file) {
  SafetensorsFile loaded = load_safetensors(file);
  Checkpoint checkpoint{CheckpointFormat::kSafetensors, file->path(), {std::move(file)}, {}};
  checkpoint.tensors = std::move(loaded.tensors);
  checkpoint.metadata = std::move(loaded.metadata);
  checkpoint.notes = std::move(loaded.notes);
  checkpoint.dicts = {name_tensors(checkpoint.tensors)};
  return checkpoint;
}

NamedDict name_dict(const TorchFile& file, const TorchDict& dict) {
  NamedDict named{dict.path, dict.level, {}};
  const PickleNode& node = file.pickle.at(dict.id);
  for (std::size_t i = 0; i + 1 < node.items.size(); i += 2) {
    const PickleNode& key = file.pickle.at(node.items[i]);
    const PickleNode& value = file.pickle.at(node.items[i + 1]);
    // Also unsupported kinds of tensors: load_dict refuses them by name.
    const bool tensor = value.kind == PickleKind::kRebuild || !foreign_tensor(value).empty();
    if (tensor && key.kind == PickleKind::kText) named.names.emplace_back(key.text);
  }
  return named;
}

/// Throws where the top level is neither a dict nor a container of dicts.
void require_dicts(const TorchFile& torch) {
  const PickleNode& top = torch.pickle.at(torch.pickle.root);
  if (is_dict(top) || !torch.dicts.empty()) return;
  const std::string message = fmt::format("expected a dict of tensors, got {}", describe(top));
  if (const auto obstacle = find_obstacle(torch)) {
    throw UnsupportedError(torch.where, obstacle->message, advice(obstacle->advice));
  }
  if (top.kind != PickleKind::kOpaque) throw FormatError(torch.where, message);
  throw UnsupportedError(torch.where, message,
                         advice("if it is a model, save its state_dict() instead"));
}

Checkpoint read_torch(CheckpointFormat format, std::shared_ptr<const MappedFile> file,
                      Reading reading) {
  const std::string where = shown(file->path());
  TorchFile torch = format == CheckpointFormat::kTorchZip
                        ? parse_torch_zip(file->bytes(), file, where)
                        : parse_torch_legacy(file->bytes(), file, where);
  require_dicts(torch);
  Checkpoint checkpoint{format, file->path(), {std::move(file)}, {}};
  checkpoint.obstacle = find_obstacle(torch);
  checkpoint.reading = reading;
  for (const TorchDict& dict : torch.dicts) checkpoint.dicts.push_back(name_dict(torch, dict));
  checkpoint.notes = std::move(torch.notes);
  checkpoint.globals = foreign_globals(torch.pickle);
  const auto arch = find_item(torch.pickle, torch.pickle.root, "arch");
  if (arch && torch.pickle.at(*arch).kind == PickleKind::kText) {
    checkpoint.arch = torch.pickle.at(*arch).text;
  }
  checkpoint.class_names = find_class_names(torch.pickle);
  checkpoint.keys_of_lists = torch.keys_of_lists;
  checkpoint.model_args = find_model_args(torch.pickle);
  for (const auto& [key, storage] : torch.storages) {
    if (storage.entry) checkpoint.checksums.push_back(*storage.entry);
  }
  checkpoint.torch = std::move(torch);
  return checkpoint;
}

Checkpoint open_torch(CheckpointFormat format, const std::shared_ptr<const MappedFile>& file,
                      Reading reading) {
  try {
    Checkpoint checkpoint = read_torch(format, file, reading);
    file->require_intact();
    return checkpoint;
  } catch (const Error&) {
    file->require_intact();  // a file that shrank meanwhile reads as zeros: report that instead
    throw;
  }
}

void require_dict(const Checkpoint& checkpoint, std::size_t index) {
  const std::size_t count = checkpoint.dicts.size();
  if (index < count) return;
  throw UsageError("index", fmt::format("{} has {} dicts, got the index {}", shown(checkpoint.path),
                                        count, index));
}

/// Readers differ on which of two items of one name they take.
void require_once(const Checkpoint& checkpoint, const std::string& path) {
  const auto count = std::ranges::count(checkpoint.dicts, path, &NamedDict::path);
  if (count > 1) {
    throw FormatError(shown(checkpoint.path),
                      fmt::format("dict '{}' appears {} times", path, count));
  }
}

Checkpoint open_one(const std::shared_ptr<const MappedFile>& file, Reading reading) {
  const std::filesystem::path& path = file->path();
  const CheckpointFormat format = detect_format(file->bytes(), shown(path));
  const bool safetensors = format == CheckpointFormat::kSafetensors;
  Checkpoint checkpoint = safetensors ? open_safetensors(file) : open_torch(format, file, reading);
  if (safetensors != (path.extension() == ".safetensors")) {
    checkpoint.notes.push_back(
        {NoteCode::kWrongExtension, shown(path), {{"format", std::string(to_string(format))}}});
  }
  return checkpoint;
}

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

/// An index begins as JSON does, which no other checkpoint does, and is the only JSON that has a
/// weight_map.
bool is_index(const MappedFile& file) {
  const std::string_view text = text_of(file);
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  return start != std::string_view::npos && text[start] == '{' &&
         text.substr(0, kMaxShardIndexBytes).find("\"weight_map\"") != std::string_view::npos;
}

/// Opens a shard and returns the tensors of its top level: trainers' wrappers come in one file.
StateDict open_shard(const std::filesystem::path& path, Reading reading, Checkpoint& whole) {
  Checkpoint shard = open_one(MappedFile::open(path), reading);
  const LoadedDict dict = load_dict(shard, 0);
  if (whole.files.size() > 1 && shard.format != whole.format) {
    throw MismatchError(shown(path), fmt::format("format is {}, but that of the other shards is {}",
                                                 to_string(shard.format), to_string(whole.format)));
  }
  whole.format = shard.format;
  whole.files.push_back(shard.files.front());
  whole.notes.insert(whole.notes.end(), shard.notes.begin(), shard.notes.end());
  whole.globals.insert(whole.globals.end(), shard.globals.begin(), shard.globals.end());
  whole.checksums.insert(whole.checksums.end(), shard.checksums.begin(), shard.checksums.end());
  return dict.tensors;
}

Checkpoint open_shards(const std::shared_ptr<const MappedFile>& file, Reading reading) {
  const std::string where = shown(file->path());
  const ShardIndex index = parse_shard_index(text_of(*file), where);
  file->require_intact();
  Checkpoint whole{CheckpointFormat::kSafetensors, file->path(), {file}, {}};
  whole.notes = index.notes;
  std::vector<StateDict> shards;
  for (const std::string& name : index.files) {
    shards.push_back(open_shard(file->path().parent_path() / name, reading, whole));
  }
  whole.tensors = join_shards(index, shards, where, whole.notes);
  whole.dicts = {name_tensors(whole.tensors)};
  return whole;
}

}  // namespace

Checkpoint open_checkpoint(const std::filesystem::path& path, Reading reading) {
  const auto file = MappedFile::open(path);
  return is_index(*file) ? open_shards(file, reading) : open_one(file, reading);
}

LoadedDict load_dict(const Checkpoint& checkpoint, std::size_t index) {
  require_dict(checkpoint, index);
  if (!checkpoint.torch) return {checkpoint.tensors, {}};
  const TorchFile& torch = *checkpoint.torch;
  const std::string& path = checkpoint.dicts[index].path;
  require_once(checkpoint, path);
  LoadedDict loaded;
  try {
    TorchStateDict dict = load_state_dict(torch, torch.dicts[index].id, checkpoint.reading);
    loaded.tensors = std::move(dict.tensors);
    if (!path.empty()) loaded.ignored = other_items(torch.pickle, path);
    for (const std::string& other : dict.others) {
      loaded.ignored.push_back(path.empty() ? other : path + "." + other);
    }
  } catch (const Error&) {
    require_intact(checkpoint);
    throw;
  }
  return loaded;
}

StateDict list_tensors(const Checkpoint& checkpoint, std::size_t index) {
  require_dict(checkpoint, index);
  if (!checkpoint.torch) return checkpoint.tensors;
  const TorchFile& torch = *checkpoint.torch;
  return load_state_dict(torch, torch.dicts[index].id, Reading::kMetadataOnly).tensors;
}

std::uint64_t size_bytes(const Checkpoint& checkpoint) {
  std::uint64_t bytes = 0;
  for (const auto& file : checkpoint.files) bytes += file->bytes().size();
  return bytes;
}

void require_intact(const Checkpoint& checkpoint) {
  for (const auto& file : checkpoint.files) file->require_intact();
}

void require_checksums(const Checkpoint& checkpoint) {
  try {
    for (const ZipEntry& entry : checkpoint.checksums) {
      require_crc(entry, shown(checkpoint.path));
    }
  } catch (const FormatError&) {
    require_intact(checkpoint);
    throw;
  }
}

}  // namespace weightlift
