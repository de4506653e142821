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

/// @file
/// Checkpoints: weights files of any format, read and written.

namespace WEIGHTLIFT_API weightlift {

/// The format of a weights file.
enum class CheckpointFormat : std::uint8_t {
  kSafetensors,
  kTorchZip,     ///< torch.save since torch 1.6
  kTorchLegacy,  ///< torch.save before that
};

/// "safetensors", "torch zip", "torch legacy"
std::string_view to_string(CheckpointFormat format);

/// How much of the tensors to read.
enum class Reading : std::uint8_t {
  kAll,
  kMetadataOnly,  ///< name, dtype and shape: tensors that need a copy have zeros as elements
};

/// The bytes of one file of a checkpoint, mapped or in memory: a view. `owner` keeps them alive,
/// also after the Checkpoint is gone. Where it is null, the caller of open_checkpoint() does.
/// Several threads may read them.
struct CheckpointFile {
  std::string where;                  ///< its name in messages
  std::filesystem::path path;         ///< empty for bytes in memory
  std::span<const std::byte> bytes;   ///< all of them
  std::shared_ptr<const void> owner;  ///< also the owner of the tensors that are views of the bytes
};

/// What open_checkpoint() parsed; opaque.
struct CheckpointContent;

/// Weights in one file, in the shards of an index, or in memory: the result of open_checkpoint(),
/// which reads only names, dtypes and shapes. Choose one of `dicts` for load_dict().
///
/// Keeps its files mapped; copies share them. Tensors from it keep what they need, and outlive it.
/// All functions on one `const Checkpoint&` may overlap; a change of the object overlaps with no
/// other use of it.
struct Checkpoint {
  CheckpointFormat format{};            ///< for an index, that of its shards
  std::filesystem::path path{};         ///< empty for bytes in memory
  std::string where{};                  ///< begins every message: `path`, or the given name
  std::vector<CheckpointFile> files{};  ///< the file itself, then the shards of an index
  std::vector<NamedDict> dicts{};       ///< with tensors, or in the top level of a torch file
  /// Keys of the top level with tensors below them that no dict of `dicts` names: those in lists,
  /// or in an optimizer's state.
  std::vector<std::string> keys_of_lists{};
  std::vector<std::pair<std::string, std::string>> metadata{};  ///< __metadata__ of safetensors
  Notes notes{};  ///< on doubtful content that was accepted
  /// Classes and functions that the pickle of a torch file names and weightlift does not know:
  /// "argparse.Namespace". weightlift never creates or calls them.
  std::vector<std::string> globals{};
  std::string arch{};        ///< the architecture that a training checkpoint names
  std::string model_args{};  ///< the arguments of its model, a JSON object; empty: not stated
  std::vector<std::string> class_names{};              ///< the classes that it names, in order
  std::shared_ptr<const CheckpointContent> content{};  ///< for load_dict() and the others
};

/// The tensors of one dict: views of the file, except for copies of those that a torch file does
/// not store in row-major order. They keep their bytes alive, also after the Checkpoint is gone.
struct LoadedDict {
  StateDict tensors;                 ///< in the file's order
  std::vector<std::string> ignored;  ///< items that are no tensors: "epoch (int)"
};

/// Opens a weights file, or the index of a sharded one. The content decides the format, not the
/// name. Nothing in a pickle runs. Maps the file, and keeps it mapped.
///
/// Throws NotFoundError or IoError where the file cannot be opened, FormatError where it is damaged
/// or not a checkpoint, UnsupportedError where it is of another known format (the message names
/// it), and MismatchError where shards and index disagree.
Checkpoint open_checkpoint(const std::filesystem::path& path, Reading reading = Reading::kAll);

/// Opens the content of a weights file in memory, at any address; nothing is copied. `where` begins
/// every message. Throws as for a file, and UnsupportedError for an index, whose shards are other
/// files.
///
/// `owner` keeps the bytes alive: the Checkpoint and the tensors from it hold it. Where it is null,
/// the caller keeps them, as long as the Checkpoint, a copy of it, or a tensor from it lives. The
/// bytes must not change meanwhile.
Checkpoint open_checkpoint(std::span<const std::byte> bytes,
                           std::shared_ptr<const void> owner = nullptr,
                           const std::string& where = "bytes in memory",
                           Reading reading = Reading::kAll);

/// The tensors of checkpoint.dicts[index], in the file's order. Throws FormatError or
/// UnsupportedError where one cannot be read, and UsageError where there is no such dict.
LoadedDict load_dict(const Checkpoint& checkpoint, std::size_t index);

/// The tensors of load_dict() for their names, dtypes and shapes: nothing is copied, and elements
/// may be zeros. Throws as load_dict().
StateDict list_tensors(const Checkpoint& checkpoint, std::size_t index);

/// The size of all its files in bytes, the index of shards included.
std::uint64_t size_bytes(const Checkpoint& checkpoint);

/// Throws FormatError where the size or the time of one of its files changed after it was opened.
/// Call it after reading the elements, to know that they are the file's. Does not check bytes in
/// memory: their owner does not change them.
void require_intact(const Checkpoint& checkpoint);

/// Reads all content that has checksums, as the entries of a zip archive do. Throws FormatError
/// where one is wrong. open_checkpoint() and load_dict() do not check them, so that they are fast.
void require_checksums(const Checkpoint& checkpoint);

/// The formats that weightlift writes.
enum class WeightsFormat : std::uint8_t {
  kSafetensors,  ///< write_safetensors()
  kBin,          ///< write_torch()
};

/// Called after each piece with the bytes written so far and the total, on the thread that writes.
/// May throw, to stop writing: the exception reaches the caller.
using WriteProgress = std::function<void(std::uint64_t bytes_done, std::uint64_t bytes_total)>;

/// One tensor to write as `dtype`. A writer converts a tensor of another dtype piece by piece, with
/// the values of to_dtype(). Holds a handle: its bytes live as those of any Tensor.
struct OutputTensor {
  std::string name;
  Tensor tensor;
  DType dtype;
};

/// The list for a writer: all tensors, in their order. Floating ones (is_floating()) get `dtype`
/// where it is given, the others keep theirs.
std::vector<OutputTensor> output_tensors(const StateDict& tensors,
                                         std::optional<DType> dtype = std::nullopt);

/// The file's __metadata__: keys and values.
using SafetensorsMetadata = std::vector<std::pair<std::string, std::string>>;

/// The exact size in bytes of the file that write_safetensors() would write. Throws FormatError and
/// UnsupportedError as it does.
std::uint64_t safetensors_file_bytes(const std::vector<OutputTensor>& tensors,
                                     const SafetensorsMetadata& metadata = {});

/// Writes a new file, byte for byte as the safetensors package writes the same tensors: by dtype
/// (descending in DType's order), then by name. Metadata are sorted by key (the package writes them
/// in random order), and omitted where there are none. The same input gives the same bytes.
///
/// Streams from the tensors' own memory, and gives pages of mapped files back to the system while
/// it writes. It needs memory for the header, and buffers of a few MiB, also for conversions.
///
/// Before it creates the file, it throws FormatError for a duplicate name, or one that not every
/// reader accepts: empty, "__metadata__", with NUL, not UTF-8, or longer than 100,000 bytes. It
/// also throws FormatError where metadata have a duplicate key or are not UTF-8, or the header
/// would exceed 100,000,000 bytes. It throws UnsupportedError for a conversion from or to another
/// dtype than F16, BF16, F32 and F64.
///
/// Throws ExistsError where the file exists, NotFoundError where its folder does not, and IoError
/// where the system refuses ("Bad address" where a mapped source was shortened: call
/// require_intact() of its Checkpoint). After an exception a part of the file may remain.
void write_safetensors(const std::filesystem::path& path, const std::vector<OutputTensor>& tensors,
                       const SafetensorsMetadata& metadata = {},
                       const WriteProgress& progress = {});

/// Writes the same bytes to a stream, from its current position on, and flushes it; it never seeks.
/// Open the stream in binary mode. Throws before the first byte as for a file; "output stream" is
/// the place of its messages. Throws IoError where the stream fails or has failed before, whether
/// or not its exceptions() ask for std::ios_base::failure. Other exceptions that they let through,
/// those of the stream's buffer, reach the caller. After an exception a part may be written.
void write_safetensors(std::ostream& stream, const std::vector<OutputTensor>& tensors,
                       const SafetensorsMetadata& metadata = {},
                       const WriteProgress& progress = {});

/// The exact size of the file that write_torch would write. Throws FormatError and UnsupportedError
/// as it does.
std::uint64_t torch_file_bytes(const std::vector<OutputTensor>& tensors);

/// Writes a new file as torch.save writes an OrderedDict of these tensors, in their order: torch
/// (weights_only, mapped or not), timm and transformers load it. Each tensor has a storage of its
/// own, aligned to 64 bytes. The same tensors give the same bytes.
///
/// Streams from the tensors' own memory as write_safetensors(), but reads and converts each tensor
/// twice: its checksum comes first.
///
/// Before it creates the file, it throws FormatError for a name and UnsupportedError for a
/// conversion as write_safetensors(). It also throws UnsupportedError for a dtype without a storage
/// class of torch (float8, uint16, uint32, uint64). Throws ExistsError, NotFoundError and IoError
/// as write_safetensors(). After an exception a part of the file may remain.
void write_torch(const std::filesystem::path& path, const std::vector<OutputTensor>& tensors,
                 const WriteProgress& progress = {});

/// Writes the same bytes to a stream. Throws before the first byte as for a file, and for the
/// stream as write_safetensors().
void write_torch(std::ostream& stream, const std::vector<OutputTensor>& tensors,
                 const WriteProgress& progress = {});

}  // namespace weightlift
