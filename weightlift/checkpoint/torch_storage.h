#pragma once

#include <optional>
#include <string_view>

#include "weightlift/checkpoint/torch.h"

namespace weightlift {

/// What a pickle says when it refers to a storage.
struct StorageReference {
  std::string_view key;
  const KnownGlobal* type = nullptr;
  std::int64_t numel = 0;  ///< of the storage, in elements of `type`
  std::int64_t begin = 0;  ///< the part that is meant; all of it but in old legacy files
  std::int64_t end = 0;
};

/// Reads the tuple that names a storage. Throws FormatError "where: storage: ..." where it has not
/// the form's fields and types.
StorageReference read_storage_reference(const Pickle& pickle, PickleId persistent, TorchForm form,
                                        const std::string& where);

/// Every storage that the pickle refers to, without bytes yet. Throws where two references to one
/// disagree.
std::map<std::string_view, TorchStorage, std::less<>> list_storages(const Pickle& pickle,
                                                                    TorchForm form,
                                                                    const std::string& where);

/// numel x item size. Throws where no file can hold them.
std::uint64_t storage_bytes(std::string_view key, const TorchStorage& storage,
                            const std::string& where);

/// The dicts that text keys lead to: those of the top level, and deeper ones that hold tensors.
std::vector<TorchDict> list_dicts(const Pickle& pickle);

}  // namespace weightlift
