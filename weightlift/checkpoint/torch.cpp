#include "weightlift/checkpoint/torch.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "weightlift/base/bytes.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/tensor_name.h"
#include "weightlift/checkpoint/torch_archive.h"
#include "weightlift/checkpoint/torch_dicts.h"
#include "weightlift/checkpoint/torch_storage.h"
#include "weightlift/checkpoint/torch_tensor.h"
#include "weightlift/progress.h"

namespace weightlift {

namespace {

/// The least limit on copies, for small files.
constexpr std::uint64_t kLeastCopyBudget = std::uint64_t{1} << 20U;

std::string_view name_of(const TorchFile& file, PickleId key) {
  const PickleNode& node = file.pickle.at(key);
  const bool text = node.kind == PickleKind::kText;
  if (!text || !missing_in_tensor_name(node.text).empty()) {
    throw FormatError(
        file.where,
        fmt::format("tensor name: expected 1 to {} bytes of UTF-8 without NUL, got {}",
                    kMaxTensorNameBytes,
                    text ? fmt::format("'{}'", printable(node.text, 40)) : describe(node)));
  }
  return node.text;
}

/// Describes an item that is not a tensor. Refuses tensors of unsupported kinds.
std::string ignored(const TorchFile& file, std::string_view name, const PickleNode& value) {
  if (const std::string what = foreign_tensor(value); !what.empty()) {
    throw UnsupportedError(fmt::format("{}: tensor '{}'", file.where, printable(name)),
                           fmt::format("unsupported: {} ({}.{})", what, value.text, value.name));
  }
  return fmt::format("{} ({})", printable(name), type_of(value));
}

void note_unused(const TorchArchive& archive, TorchFile& file) {
  std::size_t count = 0;
  for (const auto& [key, entry] : archive.storages) count += file.storages.contains(key) ? 0U : 1U;
  if (count != 0) {
    file.notes.push_back(
        {NoteCode::kZipUnusedStorages, file.where, {{"count", std::to_string(count)}}});
  }
}

}  // namespace

TorchFile parse_torch_zip(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                          const std::string& where) {
  TorchArchive archive = open_torch_archive(bytes, where);
  TorchFile file;
  file.where = where;
  file.pickle = parse_pickle(archive.pickle, where);
  if (file.pickle.size_bytes != archive.pickle.size()) {
    throw FormatError(where, fmt::format("data.pkl: {} bytes follow the end of the pickle",
                                         archive.pickle.size() - file.pickle.size_bytes));
  }
  file.storages = list_storages(file.pickle, TorchForm::kZip, where);
  file.size_bytes = bytes.size();
  file.owner = std::move(owner);
  file.notes = std::move(archive.notes);
  for (auto& [key, storage] : file.storages) {
    const auto found = archive.storages.find(key);
    const std::uint64_t needed = storage_bytes(key, storage, where);
    if (found == archive.storages.end()) {
      throw FormatError(where, fmt::format("storage '{}' is missing", key));
    }
    if (found->second.data.size() != needed) {
      throw FormatError(where, fmt::format("storage '{}': expected {} bytes, got {}", key, needed,
                                           found->second.data.size()));
    }
    storage.bytes = found->second.data;
    if (archive.has_checksums) storage.entry = found->second;
  }
  note_unused(archive, file);
  find_dicts(file);
  return file;
}

TorchStateDict load_state_dict(const TorchFile& file, PickleId dict, Reading reading) {
  const PickleNode& node = file.pickle.at(dict);
  if (!is_dict(node)) {
    throw FormatError(file.where,
                      fmt::format("expected a dict of tensors, got {}", describe(node)));
  }
  TorchStateDict loaded;
  std::set<std::string_view> seen;
  std::uint64_t copy_budget = std::max(kLeastCopyBudget, std::uint64_t{file.size_bytes} * 4);
  for (std::size_t i = 0; i < node.items.size(); i += 2) {
    const std::string_view name = name_of(file, node.items[i]);
    if (!seen.insert(name).second) {
      throw FormatError(fmt::format("{}: tensor '{}'", file.where, printable(name)),
                        "duplicate name");
    }
    const PickleNode& value = file.pickle.at(node.items[i + 1]);
    if (value.kind == PickleKind::kRebuild) {
      loaded.tensors.insert(std::string(name),
                            read_torch_tensor(file, node.items[i + 1], name, reading, copy_budget));
    } else {
      loaded.others.push_back(ignored(file, name, value));
    }
  }
  return loaded;
}

std::optional<PickleId> find_item(const Pickle& pickle, PickleId dict, std::string_view key) {
  const PickleNode& node = pickle.at(dict);
  if (!is_dict(node)) return std::nullopt;
  for (std::size_t i = node.items.size(); i > 0; i -= 2) {  // the last counts, as in Python
    const PickleNode& name = pickle.at(node.items[i - 2]);
    if (name.kind == PickleKind::kText && name.text == key) return node.items[i - 1];
  }
  return std::nullopt;
}

void require_checksums(const TorchFile& file) {
  for (const auto& [key, storage] : file.storages) {
    if (storage.entry) require_crc(*storage.entry, file.where);
  }
}

}  // namespace weightlift
