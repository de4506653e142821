// Any text is refused by a FormatError or read as an index of shards. The index names only files in
// its folder, and each tensor once; written as JSON again, it reads back equal.
#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "fuzz/round_trip.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/shard_index.h"

namespace {

using namespace weightlift;
using fuzzing::require;

std::optional<ShardIndex> parse(std::string_view text) {
  try {
    return parse_shard_index(text, "model.safetensors.index.json");
  } catch (const FormatError&) {
    return std::nullopt;
  }
}

void check(const ShardIndex& index) {
  std::set<std::string> tensors;
  std::set<std::string> files(index.files.begin(), index.files.end());
  require(files.size() == index.files.size());
  for (const auto& [tensor, file] : index.weight_map) {
    require(tensors.insert(tensor).second);
    require(files.contains(file));
  }
  for (const std::string& file : files) {
    require(std::filesystem::path(file).filename() == file && file.ends_with(".safetensors"));
  }
}

std::string to_json(const ShardIndex& index) {
  std::string map;
  for (const auto& [tensor, file] : index.weight_map) {
    map += (map.empty() ? "" : ",") + nlohmann::json(tensor).dump() + ":" +
           nlohmann::json(file).dump();
  }
  const std::string size =
      index.total_size ? "\"total_size\":" + std::to_string(*index.total_size) : "";
  return "{\"metadata\":{" + size + "},\"weight_map\":{" + map + "}}";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto index = parse({reinterpret_cast<const char*>(data), size});
  if (!index) return 0;
  check(*index);
  const auto again = parse(to_json(*index));
  require(again && again->weight_map == index->weight_map && again->files == index->files &&
          again->total_size == index->total_size && again->notes.empty());
  return 0;
}
