#include <fmt/format.h>

#include <initializer_list>
#include <memory>
#include <string_view>
#include <utility>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/checkpoint/checkpoint.h"
#include "weightlift/checkpoint/checkpoint_content.h"
#include "weightlift/checkpoint/safetensors.h"
#include "weightlift/checkpoint/shard_index.h"
#include "weightlift/checkpoint/sniff.h"
#include "weightlift/checkpoint/torch.h"
#include "weightlift/checkpoint/torch_dicts.h"
#include "weightlift/checkpoint/torch_objects.h"
#include "weightlift/checkpoint/torch_tensor.h"
#include "weightlift/progress.h"

// One way in for both sources: a file is mapped, and then is bytes as those in memory are. What
// differs is in `Input`: only a file can change under its reader, has a name with an ending, and
// can be the index of others.

namespace weightlift {

namespace {

struct Input {
  CheckpointFile file;
  std::shared_ptr<const MappedFile> mapped;  // null for bytes in memory

  void require_intact() const {
    if (mapped) mapped->require_intact();
  }
};

Input map_file(const std::filesystem::path& path) {
  auto mapped = MappedFile::open(path);
  return {{shown(path), path, mapped->bytes(), mapped}, mapped};
}

/// A Checkpoint of this input alone, without anything that its bytes state.
Checkpoint begin_checkpoint(CheckpointFormat format, const Input& input,
                            CheckpointContent& content) {
  if (input.mapped) content.mapped.push_back(input.mapped);
  return {
      .format = format, .path = input.file.path, .where = input.file.where, .files = {input.file}};
}

void set_content(CheckpointContent content, Checkpoint& checkpoint) {
  checkpoint.content = std::make_shared<const CheckpointContent>(std::move(content));
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

Checkpoint read_safetensors(const Input& input, CheckpointContent content) {
  SafetensorsFile loaded = parse_safetensors(input.file.bytes, input.file.owner, input.file.where);
  Checkpoint checkpoint = begin_checkpoint(CheckpointFormat::kSafetensors, input, content);
  checkpoint.metadata = std::move(loaded.metadata);
  checkpoint.notes = std::move(loaded.notes);
  checkpoint.dicts = {name_tensors(loaded.tensors)};
  content.tensors = std::move(loaded.tensors);
  set_content(std::move(content), checkpoint);
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

/// What a training checkpoint states beside its tensors.
void take_statements(const TorchFile& torch, Checkpoint& checkpoint) {
  const Pickle& pickle = torch.pickle;
  checkpoint.globals = foreign_globals(pickle);
  const auto arch = find_item(pickle, pickle.root, "arch");
  if (arch && pickle.at(*arch).kind == PickleKind::kText) checkpoint.arch = pickle.at(*arch).text;
  checkpoint.class_names = find_class_names(pickle);
  checkpoint.keys_of_lists = torch.keys_of_lists;
  checkpoint.model_args = find_model_args(pickle);
}

Checkpoint read_torch(CheckpointFormat format, const Input& input, CheckpointContent content) {
  const auto& [where, path, bytes, owner] = input.file;
  TorchFile torch = format == CheckpointFormat::kTorchZip ? parse_torch_zip(bytes, owner, where)
                                                          : parse_torch_legacy(bytes, owner, where);
  require_dicts(torch);
  Checkpoint checkpoint = begin_checkpoint(format, input, content);
  for (const TorchDict& dict : torch.dicts) checkpoint.dicts.push_back(name_dict(torch, dict));
  checkpoint.notes = std::move(torch.notes);
  take_statements(torch, checkpoint);
  content.obstacle = find_obstacle(torch);
  for (const auto& [key, storage] : torch.storages) {
    if (storage.entry) content.checksums.push_back(*storage.entry);
  }
  content.torch = std::move(torch);
  set_content(std::move(content), checkpoint);
  return checkpoint;
}

Checkpoint read_one(const Input& input, Reading reading) {
  const auto& [where, path, bytes, owner] = input.file;
  const CheckpointFormat format = detect_format(bytes, where);
  const bool safetensors = format == CheckpointFormat::kSafetensors;
  Checkpoint checkpoint = safetensors ? read_safetensors(input, {.reading = reading})
                                      : read_torch(format, input, {.reading = reading});
  if (!path.empty() && safetensors != (path.extension() == ".safetensors")) {
    checkpoint.notes.push_back(
        {NoteCode::kWrongExtension, where, {{"format", std::string(to_string(format))}}});
  }
  return checkpoint;
}

Checkpoint open_one(const Input& input, Reading reading) {
  try {
    Checkpoint checkpoint = read_one(input, reading);
    input.require_intact();
    return checkpoint;
  } catch (const Error&) {
    input.require_intact();  // a file that shrank meanwhile reads as zeros: report that instead
    throw;
  }
}

std::string_view text_of(const Input& input) {
  const std::span<const std::byte> bytes = input.file.bytes;
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// An index begins as JSON does, which no other checkpoint does, and is the only JSON that has a
/// weight_map.
bool is_index(const Input& input) {
  const std::string_view text = text_of(input);
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  return start != std::string_view::npos && text[start] == '{' &&
         text.substr(0, kMaxShardIndexBytes).find("\"weight_map\"") != std::string_view::npos;
}

template <class T>
void append_all(const std::vector<T>& more, std::vector<T>& all) {
  all.insert(all.end(), more.begin(), more.end());
}

/// Opens a shard, adds it to the whole, and returns the tensors of its top level: trainers'
/// wrappers come in one file.
StateDict open_shard(const std::filesystem::path& path, Checkpoint& whole,
                     CheckpointContent& content) {
  const Checkpoint shard = open_one(map_file(path), content.reading);
  LoadedDict dict = load_dict(shard, 0);
  if (whole.files.size() > 1 && shard.format != whole.format) {
    throw MismatchError(shard.where, fmt::format("format is {}, but that of the other shards is {}",
                                                 to_string(shard.format), to_string(whole.format)));
  }
  whole.format = shard.format;
  append_all(shard.files, whole.files);
  append_all(shard.notes, whole.notes);
  append_all(shard.globals, whole.globals);
  append_all(shard.content->mapped, content.mapped);
  append_all(shard.content->checksums, content.checksums);
  return std::move(dict.tensors);
}

Checkpoint open_shards(const Input& input, Reading reading) {
  const ShardIndex index = parse_shard_index(text_of(input), input.file.where);
  input.require_intact();
  CheckpointContent content{.reading = reading};
  Checkpoint whole = begin_checkpoint(CheckpointFormat::kSafetensors, input, content);
  whole.notes = index.notes;
  std::vector<StateDict> shards;
  for (const std::string& name : index.files) {
    shards.push_back(open_shard(whole.path.parent_path() / name, whole, content));
  }
  content.tensors = join_shards(index, shards, whole.where, whole.notes);
  whole.dicts = {name_tensors(content.tensors)};
  set_content(std::move(content), whole);
  return whole;
}

}  // namespace

Checkpoint open_checkpoint(const std::filesystem::path& path, Reading reading) {
  const Input input = map_file(path);
  return is_index(input) ? open_shards(input, reading) : open_one(input, reading);
}

Checkpoint open_checkpoint(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                           const std::string& where, Reading reading) {
  const Input input{{shown(where), {}, bytes, std::move(owner)}, nullptr};
  if (is_index(input)) {
    throw UnsupportedError(input.file.where, "unsupported: an index of shards in memory",
                           advice("open the index by its path, or each shard by its bytes"));
  }
  return open_one(input, reading);
}

}  // namespace weightlift
