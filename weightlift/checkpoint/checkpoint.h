#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/base/file.h"
#include "weightlift/base/note.h"
#include "weightlift/checkpoint/sniff.h"
#include "weightlift/checkpoint/torch.h"
#include "weightlift/checkpoint/torch_objects.h"
#include "weightlift/checkpoint/zip.h"
#include "weightlift/tensor/state_dict.h"

namespace weightlift {

/// Weights in one file, or in the shards of an index, of which only names are read. The caller
/// chooses one of the dicts.
struct Checkpoint {
  CheckpointFormat format;  ///< for an index, that of its shards
  std::filesystem::path path;
  std::vector<std::shared_ptr<const MappedFile>> files;  ///< `path`, and the shards of an index
  std::vector<NamedDict> dicts;  ///< with tensors, or in the top level of a torch file
  /// Keys of the top level below which tensors are that no dict of `dicts` names: those in lists,
  /// or in an optimizer's state.
  std::vector<std::string> keys_of_lists{};
  std::vector<std::pair<std::string, std::string>> metadata{};
  Notes notes{};  ///< on what was accepted
  std::vector<std::string>
      globals{};  ///< of a torch file: unknown classes and functions, by name; never created
  std::optional<TorchObstacle> obstacle{};  ///< what hides the tensors of a torch file
  std::string arch{};                       ///< the architecture that a training checkpoint names
  std::string model_args{};  ///< the arguments of its model, a JSON object; empty: not stated
  std::vector<std::string> class_names{};  ///< the classes that it names, in order
  std::vector<ZipEntry> checksums{};       ///< of a torch zip, for require_checksums
  Reading reading = Reading::kAll;
  std::optional<TorchFile> torch{};  ///< of one torch file; internal
  StateDict tensors{};               ///< of any other format; internal
};

/// The tensors of one dict: views of the file, except those of a torch file that are not stored in
/// row-major order.
struct LoadedDict {
  StateDict tensors;                 ///< in the file's order
  std::vector<std::string> ignored;  ///< the file's other items: "epoch (an int)"
};

/// Opens a weights file, or the index of a sharded one. The content decides on the format, not the
/// name. Throws NotFoundError or IoError where the file cannot be opened, FormatError where it is
/// damaged or not a checkpoint, UnsupportedError where it is of another known format (the message
/// names what it looks like), and MismatchError where shards and index disagree.
Checkpoint open_checkpoint(const std::filesystem::path& path, Reading reading = Reading::kAll);

/// The tensors of checkpoint.dicts[index]. Throws FormatError or UnsupportedError where one cannot
/// be read, and UsageError where there is no such dict.
LoadedDict load_dict(const Checkpoint& checkpoint, std::size_t index);

/// Names, dtypes and shapes of the same tensors: nothing is copied, and elements may be zeros.
/// Throws as load_dict.
StateDict list_tensors(const Checkpoint& checkpoint, std::size_t index);

/// Size of all its files, in bytes.
std::uint64_t size_bytes(const Checkpoint& checkpoint);

/// Throws FormatError where one of its files changed after it was opened.
void require_intact(const Checkpoint& checkpoint);

/// Reads all content that has checksums. Throws FormatError where one is wrong. Call it before the
/// content is published; open_checkpoint does not check them, so that it is fast.
void require_checksums(const Checkpoint& checkpoint);

}  // namespace weightlift
