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

#include "weightlift/checkpoint/checkpoint.h"
#include "weightlift/checkpoint/pickle.h"
#include "weightlift/checkpoint/zip.h"
#include "weightlift/progress.h"
#include "weightlift/state_dict.h"

namespace weightlift {

enum class TorchForm : std::uint8_t { kZip, kLegacy };

/// The bytes that tensors share.
struct TorchStorage {
  const KnownGlobal* type = nullptr;  ///< torch.FloatStorage and so on
  std::int64_t numel = 0;             ///< elements of that type
  std::span<const std::byte> bytes;
  std::optional<ZipEntry> entry = std::nullopt;  ///< of a zip with checksums
};

/// A dict of tensors in the file.
struct TorchDict {
  std::string path;  ///< the keys that lead to it, joined by dots; "" for the top level itself
  PickleId id = 0;
  std::size_t tensors = 0;
  std::size_t level = 0;  ///< number of keys that lead to it
  bool layers = false;    ///< a tensor's name has a dot, as those of layers have
};

/// A file of torch.save: one value, and the storages of its tensors. The caller chooses one of the
/// dicts.
struct TorchFile {
  TorchForm form = TorchForm::kZip;
  std::string where;  ///< begins every message
  Pickle pickle;
  std::map<std::string_view, TorchStorage, std::less<>> storages;
  std::vector<TorchDict> dicts;  ///< in the file's order
  /// Keys of the top level below which tensors are that no dict of `dicts` names.
  std::vector<std::string> keys_of_lists;
  Notes notes;  ///< on what was accepted
  std::size_t size_bytes = 0;
  std::shared_ptr<const void> owner;  ///< keeps `pickle` and `storages` alive
};

/// Reads the pickle and the directory of a file of torch 1.6 and later, a zip. Throws FormatError
/// or UnsupportedError "where: ...".
TorchFile parse_torch_zip(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                          const std::string& where);

/// The same for a file of torch before 1.6: pickles, followed by the storages.
TorchFile parse_torch_legacy(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                             const std::string& where);

/// The tensors of one dict, and its other items.
struct TorchStateDict {
  StateDict tensors;                ///< in the dict's order
  std::vector<std::string> others;  ///< "epoch (an int)"
};

/// The tensors of a dict of the file. Contiguous ones are views of the file; others are copied into
/// row-major order. Throws UnsupportedError for tensors that are sparse, quantized, or of a class
/// that is not torch's, and FormatError where one exceeds its storage or a key is not a name.
TorchStateDict load_state_dict(const TorchFile& file, PickleId dict,
                               Reading reading = Reading::kAll);

/// The value at a key of a dict of the file, nothing where it is missing or `dict` is not a dict.
std::optional<PickleId> find_item(const Pickle& pickle, PickleId dict, std::string_view key);

/// Reads all storages. Throws FormatError where a checksum is wrong; files without checksums
/// (legacy ones, and some zips) pass.
void require_checksums(const TorchFile& file);

}  // namespace weightlift
