#pragma once

#include <optional>
#include <string_view>

#include "weightlift/checkpoint/torch.h"

namespace weightlift {

/// A pickle's reference to a storage.
struct StorageReference {
  std::string_view key;
  const KnownGlobal* type = nullptr;
  std::int64_t numel = 0;  ///< of the storage, in elements of `type`
  std::int64_t begin = 0;  ///< of the part referred to; the whole, except in old legacy files
  std::int64_t end = 0;
};

/// Reads the tuple that names a storage. Throws FormatError "where: storage: ..." where its fields
/// or types are wrong, and UnsupportedError where a whole model was saved.
StorageReference read_storage_reference(const Pickle& pickle, PickleId persistent, TorchForm form,
                                        const std::string& where);

/// Every storage that the pickle refers to, without bytes yet. Throws FormatError where two
/// references to one differ, else as read_storage_reference.
std::map<std::string_view, TorchStorage, std::less<>> list_storages(const Pickle& pickle,
                                                                    TorchForm form,
                                                                    const std::string& where);

/// numel times the item size. Throws FormatError on overflow.
std::uint64_t storage_bytes(std::string_view key, const TorchStorage& storage,
                            const std::string& where);

}  // namespace weightlift
