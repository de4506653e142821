#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/progress.h"
#include "weightlift/state_dict.h"

namespace weightlift {

/// Larger files are no index; this is also huggingface_hub's limit.
constexpr std::size_t kMaxShardIndexBytes = std::size_t{10} << 20U;

/// The file of each tensor, as a *.index.json lists them.
struct ShardIndex {
  std::vector<std::string> files;  ///< plain names, each once, in order of first use
  std::vector<std::pair<std::string, std::string>> weight_map;  ///< tensor and file, in its order
  std::optional<std::uint64_t> total_size;  ///< bytes of all tensors, where the index has it
  Notes notes;                              ///< on what was accepted
};

/// Reads the text of an index. `where` is its path and begins every message; its last part decides
/// on the extension of the shards (".safetensors" in model.safetensors.index.json). Throws
/// FormatError where the text is not an index, names a file outside of its folder, or exceeds the
/// limits in the .cpp. The shards are not read.
ShardIndex parse_shard_index(std::string_view text, const std::string& where);

/// Reads the file of an index, as parse_shard_index. Also throws what read_text_file throws.
ShardIndex read_shard_index(const std::filesystem::path& path);

/// Joins the tensors of `shards`, one for each of index.files: in the map's order, then those that
/// the map does not list. Notes the latter, and a wrong total_size. Throws MismatchError where a
/// tensor is not in the shard that the map names, or in two shards, and UsageError for another
/// number of shards.
StateDict join_shards(const ShardIndex& index, const std::vector<StateDict>& shards,
                      const std::string& where, Notes& notes);

}  // namespace weightlift
