#include "weightlift/checkpoint/torch_storage.h"

#include <fmt/format.h>

#include "weightlift/base/bytes.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/torch_archive.h"

// A reference to a storage is a tuple:
//
//   ("storage", torch.FloatStorage, key, location, numel)                   in a zip
//   ("storage", torch.FloatStorage, key, location, numel, view)             in a legacy file
//   ("module", class, its source file, its source)                         in a legacy file
//
// location is the device of the storage ("cpu", "cuda:0") and is ignored. numel counts elements of
// the class; an UntypedStorage has bytes. view is None, or (its key, offset, numel) of a part, in
// files of torch 0.x. Each of several tensors that share a storage names it again: torch takes the
// first reference, here all must agree.

namespace weightlift {

namespace {

class ReferenceReader {
 public:
  ReferenceReader(const Pickle& pickle, PickleId persistent, const std::string& where)
      : pickle_(pickle), name_(pickle.at(pickle.at(persistent).items.front())), where_(where) {}

  StorageReference read(TorchForm form) const {
    const std::size_t fields = form == TorchForm::kZip ? 5 : 6;
    if (name_.kind == PickleKind::kTuple && !name_.items.empty() && is_text(0, "module")) {
      throw UnsupportedError(where_, "unsupported: the file holds a whole model",
                             advice("save its state_dict() instead"));
    }
    if (name_.kind != PickleKind::kTuple || name_.items.size() != fields ||
        !is_text(0, "storage")) {
      refuse(fmt::format("expected a tuple of 'storage' and {} values, got {}", fields - 1,
                         describe(name_)));
    }
    StorageReference reference;
    reference.type = type();
    reference.key = key();
    if (field(3).kind != PickleKind::kText) {
      refuse(fmt::format("location: expected a str, got {}", describe(field(3))));
    }
    reference.numel = count(field(4), "numel");
    reference.end = reference.numel;
    if (form == TorchForm::kLegacy) read_view(reference);
    return reference;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw FormatError(where_, fmt::format("storage: {}", what));
  }
  const PickleNode& field(std::size_t i) const { return pickle_.at(name_.items[i]); }
  bool is_text(std::size_t i, std::string_view wanted) const {
    return field(i).kind == PickleKind::kText && field(i).text == wanted;
  }

  const KnownGlobal* type() const {
    const PickleNode& type = field(1);
    if (type.kind != PickleKind::kGlobal || type.known == nullptr ||
        type.known->kind != GlobalKind::kStorage) {
      refuse(fmt::format("class: expected a storage class of torch, got {}", describe(type)));
    }
    return type.known;
  }

  std::string_view key() const {
    const PickleNode& key = field(2);
    if (key.kind != PickleKind::kText || !is_storage_key(key.text)) {
      refuse(fmt::format("key: expected a number as text, got {}",
                         key.kind == PickleKind::kText
                             ? fmt::format("'{}'", printable(key.text, 40))
                             : describe(key)));
    }
    return key.text;
  }

  std::int64_t count(const PickleNode& number, std::string_view what) const {
    if (number.kind != PickleKind::kInt || number.integer < 0) {
      refuse(fmt::format(
          "{}: expected an int from 0 to 2^63 - 1, got {}", what,
          number.kind == PickleKind::kInt ? std::to_string(number.integer) : describe(number)));
    }
    return number.integer;
  }

  void read_view(StorageReference& reference) const {
    const PickleNode& view = field(5);
    if (view.kind == PickleKind::kNone) return;
    if (view.kind != PickleKind::kTuple || view.items.size() != 3) {
      refuse(fmt::format("view: expected None or a tuple of 3, got {}", describe(view)));
    }
    reference.begin = count(pickle_.at(view.items[1]), "view offset");
    const auto end = checked_add(reference.begin, count(pickle_.at(view.items[2]), "view numel"));
    if (!end || *end > reference.numel) {
      refuse(fmt::format("view: exceeds the {} elements of storage '{}'", reference.numel,
                         reference.key));
    }
    reference.end = *end;
  }

  const Pickle& pickle_;
  const PickleNode& name_;
  const std::string& where_;
};

}  // namespace

StorageReference read_storage_reference(const Pickle& pickle, PickleId persistent, TorchForm form,
                                        const std::string& where) {
  return ReferenceReader(pickle, persistent, where).read(form);
}

std::map<std::string_view, TorchStorage, std::less<>> list_storages(const Pickle& pickle,
                                                                    TorchForm form,
                                                                    const std::string& where) {
  std::map<std::string_view, TorchStorage, std::less<>> storages;
  for (PickleId id = 0; id < pickle.nodes.size(); ++id) {
    if (pickle.at(id).kind != PickleKind::kPersistent) continue;
    const StorageReference reference = read_storage_reference(pickle, id, form, where);
    const auto [found, added] = storages.try_emplace(
        reference.key, TorchStorage{reference.type, reference.numel, {}, std::nullopt});
    const TorchStorage& first = found->second;
    if (first.type != reference.type || first.numel != reference.numel) {
      throw FormatError(
          where, fmt::format("storage '{}': two references differ, {} of {} elements and {} of {}",
                             reference.key, first.type->name, first.numel, reference.type->name,
                             reference.numel));
    }
  }
  return storages;
}

std::uint64_t storage_bytes(std::string_view key, const TorchStorage& storage,
                            const std::string& where) {
  const auto bytes =
      checked_mul(narrow<std::uint64_t>(storage.numel), std::uint64_t{storage.type->item_bytes});
  if (!bytes) {
    throw FormatError(
        where, fmt::format("storage '{}': size exceeds 64 bits: {} elements of {} bytes", key,
                           storage.numel, storage.type->item_bytes));
  }
  return *bytes;
}

}  // namespace weightlift
