#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/base/file.h"
#include "weightlift/checkpoint/sniff.h"
#include "weightlift/checkpoint/torch.h"
#include "weightlift/checkpoint/zip.h"
#include "weightlift/tensor/state_dict.h"

namespace weightlift {

/// What from_pretrained looks for in a folder, in its order.
inline constexpr std::array<std::string_view, 4> kWeightsFiles = {
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
    "pytorch_model.bin.index.json"};

/// Weights in one file, or in the shards of an index, read as far as their names. Which of the
/// dicts inside is meant is for the caller to say.
struct Checkpoint {
  CheckpointFormat format;  ///< of an index: of its shards
  std::filesystem::path path;
  std::vector<std::shared_ptr<const MappedFile>> files;  ///< `path`, and the shards of an index
  std::vector<NamedDict> dicts;  ///< with tensors, or in the top level of a torch file
  /// Keys of the top level below which tensors lie in lists, tuples or dicts of numbers, where none
  /// of `dicts` has them.
  std::vector<std::string> keys_of_lists{};
  std::vector<std::pair<std::string, std::string>> metadata{};
  std::vector<std::string> notes{};        ///< accepted, yet worth a warning: one line each
  std::vector<std::string> globals{};      ///< of a torch file: what was named and never made
  std::string arch{};                      ///< of a training checkpoint: what it says it is
  std::vector<std::string> class_names{};  ///< the same of its classes, in order
  std::vector<ZipEntry> checksums{};       ///< of a torch zip: what require_checksums reads
  Reading reading = Reading::kAll;
  std::optional<TorchFile> torch{};  ///< of one torch file; not for callers
  StateDict tensors{};               ///< of anything else; not for callers
};

/// The tensors of one dict: views of the file, but for those of a torch file that do not lie there
/// in row-major order.
struct LoadedDict {
  StateDict tensors;                  ///< in the file's order
  std::vector<std::string> left_out;  ///< what else the file holds: "epoch (an int)"
};

/// Opens a weights file, or the index of a sharded one, whatever its name says it is. Throws
/// IoError where it cannot be opened, and FormatError where it is damaged or no checkpoint at all
/// (the message says what it looks like).
Checkpoint open_checkpoint(const std::filesystem::path& path, Reading reading = Reading::kAll);

/// The tensors of checkpoint.dicts[index]. Throws FormatError where one cannot be read.
LoadedDict load_dict(const Checkpoint& checkpoint, std::size_t index);

/// The same tensors as far as names, dtypes and shapes: nothing is copied, and elements may be
/// zeros. Throws FormatError where one cannot be read.
StateDict list_tensors(const Checkpoint& checkpoint, std::size_t index);

/// Bytes of all its files.
std::uint64_t size_bytes(const Checkpoint& checkpoint);

/// Throws FormatError where one of its files changed since it was opened.
void require_intact(const Checkpoint& checkpoint);

/// Reads all that the file has checksums for. Throws FormatError where one does not hold. To be
/// called before what was read is published; opening does not, so that it takes no time.
void require_checksums(const Checkpoint& checkpoint);

}  // namespace weightlift
