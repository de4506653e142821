#include "weightlift/checkpoint/shard_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <unordered_set>

#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/tensor_name.h"
#include "weightlift/progress.h"

// An index as transformers and huggingface_hub write it:
//
//   {"metadata": {"total_parameters": 11689512, "total_size": 46837800},
//    "weight_map": {"fc.weight": "model-00002-of-00002.safetensors", ...}}
//
// It is read as a stream of events (SAX), to keep its order and to find duplicates: other readers
// take the last one, or any. The names of files are untrusted, and will be opened; transformers
// follows "../x" and "/etc/x".

namespace weightlift {

namespace {

using namespace std::string_view_literals;
using Json = nlohmann::json;

/// As for other JSON (base/json.h); an index needs two levels.
constexpr int kMaxIndexDepth = 64;
/// The largest published models have hundreds of files and tens of thousands of tensors.
constexpr std::size_t kMaxShards = 10'000;
constexpr std::size_t kMaxMappedTensors = 100'000;
/// Linux's limit for one part of a path.
constexpr std::size_t kMaxFileNameBytes = 255;

/// The extension of the shards by the index's own name, empty where the name does not show it.
std::string_view extension_in(std::string_view where) {
  const std::string_view name = where.substr(where.find_last_of('/') + 1);
  for (const std::string_view extension : {".safetensors"sv, ".bin"sv}) {
    if (name.find(fmt::format("{}.index.", extension)) != std::string_view::npos) return extension;
  }
  return "";
}

class IndexMachine final : public Json::json_sax_t {
 public:
  explicit IndexMachine(const std::string& where) : where_(where), wanted_(extension_in(where)) {}

  ShardIndex take() {
    if (!seen_weight_map_) throw FormatError(where_, "'weight_map' is missing");
    if (index_.weight_map.empty()) throw FormatError(where_, "'weight_map' is empty");
    if (!is_metadata_object_) {
      index_.notes.push_back({NoteCode::kIndexMetadataMissing, where_});
    }
    return std::move(index_);
  }

  bool start_object(std::size_t /*unknown*/) override {
    if (depth_ == 0) section_ = Section::kTop;
    if (depth_ == 1 && section_ == Section::kMetadata) is_metadata_object_ = true;
    if (depth_ == 2 && section_ == Section::kWeightMap) refuse_value("an object");
    return open();
  }
  bool end_object() override { return close(); }

  bool start_array(std::size_t /*unknown*/) override {
    refuse_value("an array");
    return open();
  }
  bool end_array() override { return close(); }

  bool key(std::string& text) override {
    if (depth_ == 1) return begin_section(text);
    if (depth_ == 2) key_ = std::move(text);
    return true;
  }

  bool string(std::string& text) override {
    if (depth_ == 2 && section_ == Section::kWeightMap) return add(text);
    return scalar(fmt::format("'{}'", printable(text, 40)));
  }
  bool number_unsigned(std::uint64_t value) override {
    if (is_total_size()) {
      index_.total_size = value;
      return true;
    }
    return scalar(std::to_string(value));
  }
  bool number_integer(std::int64_t value) override { return scalar(std::to_string(value)); }
  bool number_float(double /*value*/, const std::string& text) override {
    return scalar(printable(text, 40));
  }
  bool boolean(bool value) override { return scalar(value ? "true" : "false"); }
  bool null() override { return scalar("null"); }
  bool binary(Json::binary_t& /*value*/) override { return true; }  // never in JSON text

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& error) override {
    throw FormatError(where_, json_fault(position, error.what()));
  }

 private:
  enum class Section : std::uint8_t { kTop, kMetadata, kWeightMap, kOther };

  [[noreturn]] void refuse(std::string_view thing, const std::string& what) const {
    throw FormatError(where_, fmt::format("{}: {}", thing, what));
  }

  bool open() {
    if (++depth_ > kMaxIndexDepth) {
      throw FormatError(where_,
                        fmt::format("JSON is nested deeper than {} levels", kMaxIndexDepth));
    }
    return true;
  }
  bool close() {
    --depth_;
    return true;
  }

  bool begin_section(std::string_view name) {
    section_ = name == "metadata"     ? Section::kMetadata
               : name == "weight_map" ? Section::kWeightMap
                                      : Section::kOther;
    if (section_ == Section::kOther) return true;
    bool& seen = section_ == Section::kMetadata ? seen_metadata_ : seen_weight_map_;
    if (seen) throw FormatError(where_, fmt::format("duplicate key '{}'", name));
    seen = true;
    return true;
  }

  bool is_total_size() const {
    return depth_ == 2 && section_ == Section::kMetadata && key_ == "total_size";
  }

  /// Refuses a value of the wrong type. Values that the reader ignores can have any type.
  void refuse_value(std::string_view got) const {
    if (depth_ == 0) {
      throw FormatError(where_, fmt::format("expected an object, got {}", got));
    }
    if (section_ != Section::kWeightMap) return;
    if (depth_ == 1) {
      refuse("weight_map", fmt::format("expected an object, got {}", got));
    }
    refuse(fmt::format("weight_map: '{}'", printable(key_)),
           fmt::format("expected a file name, got {}", got));
  }

  bool scalar(const std::string& got) {
    refuse_value(got);
    if (is_total_size()) {
      index_.notes.push_back({NoteCode::kIndexTotalSizeInvalid, where_, {{"got", got}}});
    }
    return true;
  }

  bool add(const std::string& file) {
    if (const std::string missing = missing_in_tensor_name(key_); !missing.empty()) {
      refuse("weight_map",
             fmt::format("tensor '{}': expected a name {}", printable(key_), missing));
    }
    if (!tensors_.insert(key_).second) {
      refuse("weight_map", fmt::format("duplicate tensor '{}'", printable(key_)));
    }
    if (index_.weight_map.size() == kMaxMappedTensors) {
      refuse("weight_map", fmt::format("more than {} tensors", kMaxMappedTensors));
    }
    if (files_.insert(file).second) add_file(file);
    index_.weight_map.emplace_back(std::move(key_), file);
    return true;
  }

  void add_file(const std::string& file) {
    require_plain(file);
    if (index_.files.size() == kMaxShards) {
      refuse("weight_map", fmt::format("more than {} files", kMaxShards));
    }
    index_.files.push_back(file);
  }

  /// Refuses all but names in the folder of the index, on any system, with the right extension.
  void require_plain(std::string_view file) {
    const bool plain = file.size() <= kMaxFileNameBytes && !file.starts_with('.') &&
                       file.find_first_of("/\\:\0"sv) == std::string_view::npos;
    if (wanted_.empty()) wanted_ = file.ends_with(".bin") ? ".bin"sv : ".safetensors"sv;
    if (!plain || !file.ends_with(wanted_)) {
      refuse(fmt::format("weight_map: '{}'", printable(key_)),
             fmt::format("expected a {} file in the folder of the index, got '{}'", wanted_,
                         printable(file)));
    }
  }

  const std::string& where_;
  std::string_view wanted_;  // the extension of the files, once it is known
  Section section_ = Section::kTop;
  int depth_ = 0;
  std::string key_;
  bool seen_metadata_ = false;
  bool seen_weight_map_ = false;
  bool is_metadata_object_ = false;
  std::unordered_set<std::string> tensors_;
  std::unordered_set<std::string> files_;
  ShardIndex index_;
};

/// For every tensor, the number of the only shard that contains it.
std::unordered_map<std::string_view, std::size_t> holders(const ShardIndex& index,
                                                          const std::vector<StateDict>& shards,
                                                          const std::string& where) {
  std::unordered_map<std::string_view, std::size_t> found;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    for (const auto& [name, tensor] : shards[i]) {
      const auto [first, added] = found.try_emplace(name, i);
      if (!added) {
        throw MismatchError(fmt::format("{}: tensor '{}'", where, printable(name)),
                            fmt::format("two shards contain it, {} and {}",
                                        index.files.at(first->second), index.files.at(i)));
      }
    }
  }
  return found;
}

}  // namespace

ShardIndex parse_shard_index(std::string_view text, const std::string& where) {
  if (text.size() > kMaxShardIndexBytes) {
    throw FormatError(
        where, fmt::format("expected at most {} bytes, got {}", kMaxShardIndexBytes, text.size()));
  }
  // nlohmann ends the text at a NUL, and skips a byte order mark. JSON has neither.
  if (text.starts_with("\xEF\xBB\xBF") || text.find('\0') != std::string_view::npos) {
    throw FormatError(where, "invalid JSON: it contains a byte order mark or a NUL byte");
  }
  IndexMachine machine(where);
  Json::sax_parse(text.begin(), text.end(), &machine);
  return machine.take();
}

ShardIndex read_shard_index(const std::filesystem::path& path) {
  return parse_shard_index(read_text_file(path, kMaxShardIndexBytes), shown(path));
}

StateDict join_shards(const ShardIndex& index, const std::vector<StateDict>& shards,
                      const std::string& where, Notes& notes) {
  if (shards.size() != index.files.size()) {
    throw UsageError("shards",
                     fmt::format("expected {}, got {}", index.files.size(), shards.size()));
  }
  const auto holder = holders(index, shards, where);
  StateDict joined;
  for (const auto& [name, file] : index.weight_map) {
    const auto found = holder.find(name);
    if (found == holder.end() || index.files.at(found->second) != file) {
      throw MismatchError(fmt::format("{}: tensor '{}'", where, printable(name)),
                          found == holder.end()
                              ? fmt::format("not found in {}", file)
                              : fmt::format("the index names {}, but {} contains it", file,
                                            index.files[found->second]));
    }
    joined.insert(name, shards[found->second].at(name));
  }
  for (std::size_t i = 0; i < shards.size(); ++i) {
    for (const auto& [name, tensor] : shards[i]) {
      if (joined.contains(name)) continue;
      notes.push_back({NoteCode::kIndexUnlistedTensor,
                       where,
                       {{"tensor", printable(name)}, {"file", index.files.at(i)}}});
      joined.insert(name, tensor);
    }
  }
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : joined) bytes += tensor.bytes().size();
  if (index.total_size && *index.total_size != bytes) {
    notes.push_back(
        {NoteCode::kIndexTotalSizeWrong,
         where,
         {{"expected", std::to_string(bytes)}, {"got", fmt::format("{}", *index.total_size)}}});
  }
  return joined;
}

}  // namespace weightlift
