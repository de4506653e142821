#pragma once

// Layer: checkpoint

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/progress.h"
#include "weightlift/state_dict.h"

namespace WEIGHTLIFT_API weightlift {

enum class CheckpointFormat : std::uint8_t { kSafetensors, kTorchZip, kTorchLegacy };

/// "safetensors", "torch zip", "torch legacy"
std::string_view to_string(CheckpointFormat format);

/// How much of the tensors to read.
enum class Reading : std::uint8_t {
  kAll,
  kMetadataOnly,  ///< name, dtype and shape: tensors that need a copy have zeros as elements
};

/// The bytes of one file of a checkpoint, mapped or in memory. A view that `owner` keeps alive,
/// also after the Checkpoint is gone; bytes in memory that were opened without an owner live as
/// long as the caller keeps them. Reading them from several threads is safe.
struct CheckpointFile {
  std::string where;                  ///< its name in messages
  std::filesystem::path path;         ///< empty for bytes in memory
  std::span<const std::byte> bytes;   ///< all of them
  std::shared_ptr<const void> owner;  ///< also that of the tensors which are views of the bytes
};

/// What weightlift parsed of the files; only the library sees inside.
struct CheckpointContent;

/// Weights in one file, in the shards of an index, or in memory. Opening reads only names, dtypes
/// and shapes; the caller chooses one of the dicts.
///
/// Holds views of its files and keeps them open; copies share them. Tensors from it keep what they
/// need, and outlive it. All functions on one `const Checkpoint&` may overlap; a change of the
/// object overlaps with no other use of it.
struct Checkpoint {
  CheckpointFormat format{};            ///< for an index, that of its shards
  std::filesystem::path path{};         ///< empty for bytes in memory
  std::string where{};                  ///< begins every message: `path`, or the given name
  std::vector<CheckpointFile> files{};  ///< the file itself, then the shards of an index
  std::vector<NamedDict> dicts{};       ///< with tensors, or in the top level of a torch file
  /// Keys of the top level below which tensors are that no dict of `dicts` names: those in lists,
  /// or in an optimizer's state.
  std::vector<std::string> keys_of_lists{};
  std::vector<std::pair<std::string, std::string>> metadata{};
  Notes notes{};  ///< on what was accepted
  std::vector<std::string>
      globals{};       ///< of a torch file: unknown classes and functions, by name; never created
  std::string arch{};  ///< the architecture that a training checkpoint names
  std::string model_args{};  ///< the arguments of its model, a JSON object; empty: not stated
  std::vector<std::string> class_names{};              ///< the classes that it names, in order
  std::shared_ptr<const CheckpointContent> content{};  ///< for the functions below
};

/// The tensors of one dict, as handles: views of the file, except those of a torch file that are
/// not stored in row-major order. They keep their bytes alive, as StateDict and Tensor state, also
/// after the Checkpoint is gone.
struct LoadedDict {
  StateDict tensors;                 ///< in the file's order
  std::vector<std::string> ignored;  ///< the file's other items: "epoch (an int)"
};

/// Opens a weights file, or the index of a sharded one. The content decides on the format, not the
/// name. Throws NotFoundError or IoError where the file cannot be opened, FormatError where it is
/// damaged or not a checkpoint, UnsupportedError where it is of another known format (the message
/// names what it looks like), and MismatchError where shards and index disagree.
Checkpoint open_checkpoint(const std::filesystem::path& path, Reading reading = Reading::kAll);

/// Opens the content of a weights file in memory, at any address; nothing is copied. `owner` keeps
/// the bytes alive: the Checkpoint and the tensors from it hold it. Where it is null, the caller
/// keeps them, as long as the Checkpoint, a copy of it, or a tensor from it lives. The bytes must
/// not change meanwhile. `where` begins every message. Throws as for a file, and UnsupportedError
/// for an index, whose shards are other files.
Checkpoint open_checkpoint(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                           const std::string& where = "bytes in memory",
                           Reading reading = Reading::kAll);

/// The tensors of checkpoint.dicts[index]. Throws FormatError or UnsupportedError where one cannot
/// be read, and UsageError where there is no such dict.
LoadedDict load_dict(const Checkpoint& checkpoint, std::size_t index);

/// Names, dtypes and shapes of the same tensors: nothing is copied, and elements may be zeros.
/// Throws as load_dict.
StateDict list_tensors(const Checkpoint& checkpoint, std::size_t index);

/// Size of all its files, in bytes.
std::uint64_t size_bytes(const Checkpoint& checkpoint);

/// Throws FormatError where one of its files changed after it was opened. Bytes in memory pass:
/// their owner answers for them.
void require_intact(const Checkpoint& checkpoint);

/// Reads all content that has checksums. Throws FormatError where one is wrong. Call it before the
/// content is published; open_checkpoint does not check them, so that it is fast.
void require_checksums(const Checkpoint& checkpoint);

/// The formats that weightlift writes.
enum class WeightsFormat : std::uint8_t { kSafetensors, kBin };

/// Called after each piece with the bytes written so far and the total, on the thread that writes.
/// May throw, to stop writing.
using WriteProgress = std::function<void(std::uint64_t bytes_done, std::uint64_t bytes_total)>;

/// One tensor to write as `dtype`: converted while it is written where it has another (convert.h).
/// A handle: its bytes live as those of any Tensor, and it is as safe between threads.
struct OutputTensor {
  std::string name;
  Tensor tensor;
  DType dtype;
};

/// All tensors, in their order. Floating ones (is_floating) get `dtype` where it is given, the
/// others keep theirs.
std::vector<OutputTensor> output_tensors(const StateDict& tensors,
                                         std::optional<DType> dtype = std::nullopt);

/// The file's __metadata__: keys and values.
using SafetensorsMetadata = std::vector<std::pair<std::string, std::string>>;

/// The exact size of the file that write_safetensors would write. Throws FormatError and
/// UnsupportedError as it does.
std::uint64_t safetensors_file_bytes(const std::vector<OutputTensor>& tensors,
                                     const SafetensorsMetadata& metadata);

/// Writes a new file, byte for byte as the safetensors package writes the same tensors: by dtype
/// (descending in DType's order), then by name. Metadata are sorted by key (the package writes them
/// in random order), and omitted where there are none. The same input gives the same bytes.
///
/// Streams from the tensors' own memory and releases mapped pages while it writes. It needs the
/// header and buffers of a few MiB, also for conversions. Before it creates the file it throws
/// FormatError where a name is a duplicate or not one that every reader accepts (tensor_name.h), or
/// where the header would exceed 100,000,000 bytes, and UnsupportedError for a conversion that
/// convert.h does not have. Throws ExistsError where the file exists, and IoError where the system
/// refuses ("Bad address" where a mapped source was shortened: call its require_intact()). After an
/// exception a part of the file may remain: the caller owns the folder.
void write_safetensors(const std::filesystem::path& path, const std::vector<OutputTensor>& tensors,
                       const SafetensorsMetadata& metadata, const WriteProgress& progress = {});

/// Writes the same bytes to a stream, from its current position on, and flushes it; it never seeks.
/// Open the stream in binary mode. Throws before the first byte as the function above; "output
/// stream" is the place of its messages. Throws IoError where the stream fails or has failed
/// before, whether or not its exceptions() ask for std::ios_base::failure. Other exceptions that
/// they let through, those of the stream's buffer, reach the caller. After an exception a part may
/// be written.
void write_safetensors(std::ostream& stream, const std::vector<OutputTensor>& tensors,
                       const SafetensorsMetadata& metadata, const WriteProgress& progress = {});

/// Writes a new file as torch.save writes an OrderedDict of these tensors, in their order: torch
/// (weights_only, mapped or not), timm and transformers load it. Each tensor has a storage of its
/// own, aligned to 64 bytes. The same tensors give the same bytes.
///
/// Streams from the tensors' own memory, which it reads and converts twice (the checksum comes
/// first), and releases mapped pages while it writes. Before it creates the file it throws
/// FormatError for a duplicate name or one that not every reader accepts (tensor_name.h), and
/// UnsupportedError for a conversion that convert.h does not have or a dtype without a storage
/// class of torch (float8, uint16, uint32, uint64). Throws ExistsError and IoError as
/// write_safetensors. After an exception a part of the file may remain: the caller owns the folder.
void write_torch(const std::filesystem::path& path, const std::vector<OutputTensor>& tensors,
                 const WriteProgress& progress = {});

/// Writes the same bytes to a stream; throws as write_torch, and for the stream as
/// write_safetensors.
void write_torch(std::ostream& stream, const std::vector<OutputTensor>& tensors,
                 const WriteProgress& progress = {});

}  // namespace weightlift
