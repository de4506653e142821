#include "weightlift/checkpoint/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "weightlift/base/message.h"
#include "weightlift/checkpoint/checkpoint_content.h"
#include "weightlift/checkpoint/torch.h"
#include "weightlift/checkpoint/torch_dicts.h"
#include "weightlift/checkpoint/torch_objects.h"
#include "weightlift/checkpoint/zip.h"

// What an open checkpoint can do; open_checkpoint.cpp opens it.

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

void require_dict(const Checkpoint& checkpoint, std::size_t index) {
  const std::size_t count = checkpoint.dicts.size();
  if (index < count && checkpoint.content) return;
  throw UsageError(
      "index", fmt::format("{} has {} dicts, got the index {}", checkpoint.where, count, index));
}

/// Readers differ on which of two items of one name they take.
void require_once(const Checkpoint& checkpoint, const std::string& path) {
  const auto count = std::ranges::count(checkpoint.dicts, path, &NamedDict::path);
  if (count > 1) {
    throw FormatError(checkpoint.where, fmt::format("dict '{}' appears {} times", path, count));
  }
}

}  // namespace

std::string_view to_string(CheckpointFormat format) {
  switch (format) {
    case CheckpointFormat::kSafetensors:
      return "safetensors";
    case CheckpointFormat::kTorchZip:
      return "torch zip";
    case CheckpointFormat::kTorchLegacy:
      return "torch legacy";
  }
  return "unknown";
}

LoadedDict load_dict(const Checkpoint& checkpoint, std::size_t index) {
  require_dict(checkpoint, index);
  const CheckpointContent& content = *checkpoint.content;
  if (!content.torch) return {content.tensors, {}};
  const TorchFile& torch = *content.torch;
  const std::string& path = checkpoint.dicts[index].path;
  require_once(checkpoint, path);
  LoadedDict loaded;
  try {
    TorchStateDict dict = load_state_dict(torch, torch.dicts[index].id, content.reading);
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
  const CheckpointContent& content = *checkpoint.content;
  if (!content.torch) return content.tensors;
  const TorchFile& torch = *content.torch;
  return load_state_dict(torch, torch.dicts[index].id, Reading::kMetadataOnly).tensors;
}

std::uint64_t size_bytes(const Checkpoint& checkpoint) {
  std::uint64_t bytes = 0;
  for (const CheckpointFile& file : checkpoint.files) bytes += file.bytes.size();
  return bytes;
}

void require_layer_tensors(const Checkpoint& checkpoint) {
  if (!checkpoint.content || !checkpoint.content->obstacle) return;
  const TorchObstacle& obstacle = *checkpoint.content->obstacle;
  throw UnsupportedError(checkpoint.where, obstacle.message, advice(obstacle.advice));
}

void require_intact(const Checkpoint& checkpoint) {
  if (!checkpoint.content) return;
  for (const auto& file : checkpoint.content->mapped) file->require_intact();
}

void require_checksums(const Checkpoint& checkpoint) {
  if (!checkpoint.content) return;
  try {
    for (const ZipEntry& entry : checkpoint.content->checksums) {
      require_crc(entry, checkpoint.where);
    }
  } catch (const FormatError&) {
    require_intact(checkpoint);
    throw;
  }
}

}  // namespace weightlift
