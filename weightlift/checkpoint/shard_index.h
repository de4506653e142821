#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/tensor/state_dict.h"

namespace weightlift {

/// Files of more bytes are no index: huggingface_hub's limit too.
constexpr std::size_t kMaxShardIndexBytes = std::size_t{10} << 20U;

/// Which of several files holds each tensor, as a *.index.json says.
struct ShardIndex {
  std::vector<std::string> files;  ///< plain names, each once, as they are first mentioned
  std::vector<std::pair<std::string, std::string>> weight_map;  ///< tensor and file, in its order
  std::optional<std::uint64_t> total_size;  ///< bytes of all tensors, where the index says so
  std::vector<std::string> notes;           ///< accepted, yet worth a warning: one line each
};

/// Reads the text of an index. `where` is its path, begins every message, and says by its last part
/// what the shards' names end in (".safetensors" in model.safetensors.index.json). Throws
/// FormatError where the text is no index, names a file that is no plain name beside it, or asks
/// for more than the limits in the .cpp. The shards are not looked at.
ShardIndex parse_shard_index(std::string_view text, const std::string& where);

/// The tensors of `shards`, one for each of index.files, as one: in the map's order, then those
/// that the map does not name, which are noted as is a total_size that is not theirs. Throws
/// FormatError where a tensor is not in the shard that the map says, or in two shards.
StateDict join_shards(const ShardIndex& index, const std::vector<StateDict>& shards,
                      const std::string& where, std::vector<std::string>& notes);

}  // namespace weightlift
