#include <fmt/format.h>

#include <set>

#include "weightlift/base/bytes.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/sniff.h"
#include "weightlift/checkpoint/torch.h"
#include "weightlift/checkpoint/torch_dicts.h"
#include "weightlift/checkpoint/torch_storage.h"
#include "weightlift/progress.h"

// A file of torch before 1.6 (later ones write it when asked to):
//
//   offset 0      15
//   +-------------+---------+----------+--------+------+-------+---------+-------+---------+-----
//   | magic       | version | sys_info | object | keys | count | content | count | content | ...
//   +-------------+---------+----------+--------+------+-------+---------+-------+---------+-----
//    five pickles, one after the other                  i64, then count elements, for each key
//
//   magic     the number 0x1950A86A20F9469CFC6C, 80 02 8A 0A 6C FC 9C 46 F9 20 6A A8 50 19 2E in
//             protocol 2
//   version   1001
//   sys_info  a dict with the writer's sizes and byte order, which torch ignores: storages are
//             little-endian always
//   keys      the list of the storages' keys (addresses, as text), in the order of what follows
//
// The place of a storage depends on all storages before it, and its size on the object. Where the
// list lacks a storage, torch itself returns uninitialized memory; here every storage that the
// object names must appear exactly once, and no other.

namespace weightlift {

namespace {

using namespace std::string_view_literals;

constexpr std::int64_t kLegacyVersion = 1001;

class LegacyReader {
 public:
  LegacyReader(std::span<const std::byte> bytes, const std::string& where)
      : bytes_(bytes), where_(where) {}

  TorchFile read() {
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
    at_ = legacy_magic_bytes(text);
    if (at_ == 0) throw FormatError(where_, "wrong magic number for a file of torch before 1.6");
    const Pickle version = next();
    const PickleNode& number = version.at(version.root);
    if (number.kind != PickleKind::kInt || number.integer != kLegacyVersion) {
      refuse("version", fmt::format("expected {}, got {}", kLegacyVersion,
                                    number.kind == PickleKind::kInt ? std::to_string(number.integer)
                                                                    : describe(number)));
    }
    TorchFile file;
    file.form = TorchForm::kLegacy;
    file.where = where_;
    note_byte_order(next(), file);
    file.pickle = next();
    file.storages = list_storages(file.pickle, TorchForm::kLegacy, where_);
    read_storages(next(), file);
    if (at_ != bytes_.size()) {
      file.notes.push_back({NoteCode::kBytesAfterStorages,
                            where_,
                            {{"bytes", std::to_string(bytes_.size() - at_)}}});
    }
    find_dicts(file);
    file.size_bytes = bytes_.size();
    return file;
  }

 private:
  [[noreturn]] void refuse(std::string_view thing, const std::string& what) const {
    throw FormatError(where_, fmt::format("{}: {}", thing, what));
  }

  Pickle next() {
    Pickle pickle = parse_pickle(bytes_.subspan(at_), where_);
    at_ += pickle.size_bytes;
    return pickle;
  }

  void note_byte_order(const Pickle& pickle, TorchFile& file) const {
    const auto little = find_item(pickle, pickle.root, "little_endian");
    if (little && pickle.at(*little).kind == PickleKind::kBool && pickle.at(*little).integer == 0) {
      file.notes.push_back({NoteCode::kBigEndianMark, where_});
    }
  }

  void read_storages(const Pickle& keys, TorchFile& file);
  void require_typed(std::string_view key, const TorchStorage& storage) const;
  std::span<const std::byte> take(std::uint64_t size, std::string_view key);

  std::span<const std::byte> bytes_;
  const std::string& where_;
  std::size_t at_ = 0;
};

std::span<const std::byte> LegacyReader::take(std::uint64_t size, std::string_view key) {
  const std::size_t left = bytes_.size() - at_;
  if (size > left) {
    throw FormatError(
        where_,
        fmt::format("storage '{}' is truncated: expected {} bytes, got {}", key, size, left),
        advice("download the file again"));
  }
  const auto taken = bytes_.subspan(at_, narrow<std::size_t>(size));
  at_ += taken.size();
  return taken;
}

/// torch itself cannot read the others back from a legacy file.
void LegacyReader::require_typed(std::string_view key, const TorchStorage& storage) const {
  if (storage.type->name != "UntypedStorage") return;
  throw UnsupportedError(
      where_,
      fmt::format("storage '{}': an UntypedStorage (float8, uint16 and the like) is unsupported in "
                  "legacy files",
                  key),
      advice("save it without _use_new_zipfile_serialization=False"));
}

void LegacyReader::read_storages(const Pickle& keys, TorchFile& file) {
  const PickleNode& list = keys.at(keys.root);
  if (list.kind != PickleKind::kList) {
    refuse("storage keys", fmt::format("expected a list, got {}", describe(list)));
  }
  std::set<std::string_view> seen;
  for (const PickleId id : list.items) {
    const PickleNode& key = keys.at(id);
    const auto found =
        key.kind == PickleKind::kText ? file.storages.find(key.text) : file.storages.end();
    if (key.kind != PickleKind::kText) {
      refuse("storage keys", fmt::format("expected a str, got {}", describe(key)));
    }
    if (found == file.storages.end()) {
      refuse("storage keys", fmt::format("no tensor uses '{}'", printable(key.text, 40)));
    }
    if (!seen.insert(key.text).second) {
      refuse("storage keys", fmt::format("duplicate key '{}'", key.text));
    }
    TorchStorage& storage = found->second;
    require_typed(key.text, storage);
    const auto count = load_little_endian<std::uint64_t>(take(sizeof(std::uint64_t), key.text));
    if (std::cmp_not_equal(*count, storage.numel)) {
      refuse(fmt::format("storage '{}'", key.text),
             fmt::format("expected {} elements, got {}", storage.numel, *count));
    }
    storage.bytes = take(storage_bytes(key.text, storage, where_), key.text);
  }
  if (seen.size() != file.storages.size()) {
    refuse("storage keys", fmt::format("expected the {} storages that tensors use, got {}",
                                       file.storages.size(), seen.size()));
  }
}

}  // namespace

TorchFile parse_torch_legacy(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                             const std::string& where) {
  TorchFile file = LegacyReader(bytes, where).read();
  file.owner = std::move(owner);
  return file;
}

}  // namespace weightlift
