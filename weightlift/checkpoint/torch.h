#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/checkpoint/pickle.h"
#include "weightlift/checkpoint/zip.h"
#include "weightlift/tensor/state_dict.h"

namespace weightlift {

enum class TorchForm : std::uint8_t { kZip, kLegacy };

/// What the tensors are wanted for.
enum class Reading : std::uint8_t {
  kAll,
  kListing,  ///< name, dtype and shape: those that would have to be copied have zeros for elements
};

/// The bytes that tensors share.
struct TorchStorage {
  const KnownGlobal* type = nullptr;  ///< torch.FloatStorage and so on
  std::int64_t numel = 0;             ///< elements of that type
  std::span<const std::byte> bytes;
  std::optional<ZipEntry> entry = std::nullopt;  ///< where it has a checksum
};

/// A dict in the file that holds tensors.
struct TorchDict {
  std::string path;  ///< the keys that lead to it, joined by dots; "" for the top level itself
  PickleId id = 0;
  std::size_t tensors = 0;
  std::size_t level = 0;  ///< number of keys that lead to it
};

/// What torch.save wrote: one value, and the storages that its tensors lie in. Nothing is chosen
/// here: which of the dicts is meant is for the caller to say.
struct TorchFile {
  TorchForm form = TorchForm::kZip;
  std::string where;  ///< begins every message
  Pickle pickle;
  std::map<std::string_view, TorchStorage, std::less<>> storages;
  std::vector<TorchDict> dicts;    ///< in the file's order, down to a few levels
  std::vector<std::string> notes;  ///< accepted, yet worth a warning: one line each
  std::size_t size_bytes = 0;
  std::shared_ptr<const void> owner;  ///< keeps `pickle` and `storages` alive
};

/// Reads a file of torch 1.6 and later, a zip, as far as its pickle and its directory. Throws
/// FormatError "where: ...".
TorchFile parse_torch_zip(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                          const std::string& where);

/// The same for a file of torch before 1.6: pickles, and the storages behind them.
TorchFile parse_torch_legacy(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                             const std::string& where);

/// The tensors of one dict, and what else it holds.
struct TorchStateDict {
  StateDict tensors;                ///< in the dict's order
  std::vector<std::string> others;  ///< "epoch (an int)"
};

/// The tensors of a dict of the file. Contiguous ones are views of the file; others are copied into
/// row-major order. Throws FormatError where one cannot be had: sparse, quantised, of a class that
/// is not torch's, beyond its storage, or where a key is no name.
TorchStateDict load_state_dict(const TorchFile& file, PickleId dict,
                               Reading reading = Reading::kAll);

/// The value at a key of a dict of the file, nothing where there is none or `dict` is no dict.
std::optional<PickleId> find_item(const Pickle& pickle, PickleId dict, std::string_view key);

/// Reads all storages. Throws FormatError where one does not have its checksum; files without
/// checksums (legacy ones, and zips that were saved without) pass.
void require_checksums(const TorchFile& file);

}  // namespace weightlift
