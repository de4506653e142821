#include "weightlift/job/folder_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/checkpoint/checkpoint.h"
#include "weightlift/checkpoint/shard_index.h"
#include "weightlift/checkpoint/weights_file.h"
#include "weightlift/convert/source.h"
#include "weightlift/models/families.h"
#include "weightlift/models/registry.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

bool has_ending(std::string_view name, const std::vector<std::string_view>& endings) {
  return std::ranges::any_of(endings, [&](std::string_view end) { return name.ends_with(end); });
}

bool is_safetensors(std::string_view name) { return name.ends_with(".safetensors"); }

bool is_weights(std::string_view name) {
  return !weights_ending(name).empty() || has_ending(name, {".h5", ".msgpack", ".onnx", ".gguf"});
}

bool contains(const std::vector<std::string>& files, std::string_view name) {
  return std::ranges::find(files, name) != files.end();
}

/// Whether timm and weightlift find weights in the folder.
bool is_readable(const fs::path& folder) {
  try {
    find_source_weights(folder.string());
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// Whether weightlift supports the config's network, by its name alone: a config that contradicts
/// its name is a fault.
bool is_supported(const nlohmann::json& config) {
  const nlohmann::json* architecture = find_member(config, "architecture");
  if (architecture == nullptr) {
    const nlohmann::json* type = find_member(config, "model_type");
    return type != nullptr && type->is_string() && find_family(type->get<std::string>()) != nullptr;
  }
  if (!architecture->is_string()) return true;  // an invalid timm config
  const std::string name = architecture->get<std::string>();
  return family_of(name.substr(0, name.find('.'))) != nullptr || find_pretrained(name);
}

/// Why the weights cannot be compared with the folder's config.json; empty where they can.
std::string reason_against_config(const fs::path& folder, const std::vector<std::string>& files) {
  if (!contains(files, kConfigFile)) {
    throw NotFoundError(shown(folder), "not a model folder: config.json not found");
  }
  const std::string where = shown(folder / kConfigFile);
  const std::string text = read_text_file(folder / kConfigFile, kMaxConfigBytes);
  const nlohmann::json config = parse_json(text, where);
  if (!is_supported(config)) return "weightlift does not support the network";
  return is_readable(folder) ? "" : "the folder has several weights files without an index";
}

/// Throws FormatError unless the folder has every file that an index of shards names.
void check_index(const fs::path& folder, const std::string& index,
                 const std::vector<std::string>& files) {
  for (const std::string& shard : read_shard_index(folder / index).files) {
    if (contains(files, (fs::path(index).parent_path() / shard).generic_string())) continue;
    throw FormatError(shown(folder / index),
                      fmt::format("weight_map: file not found: {}", printable(shard)));
  }
}

std::string check_what_can_be_read(const fs::path& folder, const std::vector<std::string>& files,
                                   const std::string& reason) {
  std::size_t whole = 0, unread = 0;
  for (const std::string& file : files) {
    if (is_safetensors(file)) {
      open_checkpoint(folder / file);
      ++whole;
    } else if (is_weights(file)) {
      ++unread;
    } else if (has_ending(file, {".safetensors.index.json", ".bin.index.json"})) {
      check_index(folder, file, files);
    }
  }
  if (whole + unread == 0) {
    throw NotFoundError(shown(folder), "no weights file found");
  }
  return fmt::format(
      "weights not compared with the config: {}; whole safetensors files: {}, unchecked weights "
      "files: {}",
      reason, whole, unread);
}

}  // namespace

std::string check_model_folder(const fs::path& folder, const std::vector<std::string>& files) {
  const std::string reason = reason_against_config(folder, files);
  if (!reason.empty()) return check_what_can_be_read(folder, files, reason);
  const Source source = open_source(folder.string());
  make_network(source, source.config.head);
  require_checksums(source.checkpoint);
  return fmt::format("names and shapes in {} match config.json: {} tensors",
                     source.checkpoint.path.filename().string(), source.tensors.size());
}

}  // namespace weightlift
