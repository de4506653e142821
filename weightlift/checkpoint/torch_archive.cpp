#include "weightlift/checkpoint/torch_archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "weightlift/base/message.h"
#include "weightlift/progress.h"

// What torch.save puts into its zip, in this order, all below one root (the file's name at the
// time, or "archive"):
//
//   ROOT/data.pkl             the object, with references to storages
//   ROOT/.format_version      since torch 2.7: a promise on the order of records; not needed here
//   ROOT/.storage_alignment   since torch 2.7: where contents begin; not needed here
//   ROOT/byteorder            since torch 2.1: "little" or "big", without a line break
//   ROOT/data/KEY             the bytes of storage KEY, a counter
//   ROOT/version              "3" and a line break; readers take 1 to 10
//   ROOT/.data/serialization_id
//
// torch accepts names in any case, a root of "..", versions like " 3junk", and the last of two
// entries of one name. torch never writes these, and readers disagree on all of them, so they are
// refused.

namespace weightlift {

namespace {

constexpr int kLastVersion = 10;

class TorchArchiveReader {
 public:
  TorchArchiveReader(Zip zip, const std::string& where) : zip_(std::move(zip)), where_(where) {}

  TorchArchive read() {
    find_root();
    if (find("constants.pkl") != nullptr) {
      throw UnsupportedError(where_, "unsupported format: a TorchScript archive",
                             advice("save the model's state dict instead"));
    }
    const ZipEntry* pickle = find("data.pkl");
    if (pickle == nullptr) {
      throw FormatError(where_, "zip: data.pkl is missing: torch.save did not write this file");
    }
    require_version();
    require_byte_order();
    TorchArchive archive;
    archive.pickle = pickle->data;
    archive.has_checksums = zip_.has_checksums;
    archive.notes = std::move(zip_.notes);
    if (zip_.has_checksums) {
      require_crc(*pickle, where_);
    } else {
      archive.notes.push_back({NoteCode::kZipWithoutChecksums, where_});
    }
    find_storages(archive);
    return archive;
  }

 private:
  [[noreturn]] void refuse(std::string_view record, const std::string& what) const {
    throw FormatError(where_, fmt::format("zip: {}: {}", record, what));
  }

  void find_root();
  const ZipEntry* find(std::string_view name) const;
  void require_version() const;
  void require_byte_order() const;
  void find_storages(TorchArchive& archive) const;

  Zip zip_;
  const std::string& where_;
  std::string_view root_;  // with its '/'
};

void TorchArchiveReader::find_root() {
  if (zip_.entries.empty()) throw FormatError(where_, "zip: no files, only folders");
  const std::string_view first = zip_.entries.front().name;
  root_ = first.substr(0, first.find('/') + 1);
  for (const ZipEntry& entry : zip_.entries) {
    if (root_.empty() || !entry.name.starts_with(root_)) {
      refuse(fmt::format("entry '{}'", printable(entry.name)),
             root_.empty() ? "not in a folder: torch.save did not write this file"
                           : fmt::format("outside of '{}': torch.save did not write this file",
                                         printable(root_)));
    }
  }
}

const ZipEntry* TorchArchiveReader::find(std::string_view name) const {
  const auto found = std::ranges::find_if(
      zip_.entries, [&](const ZipEntry& entry) { return entry.name.substr(root_.size()) == name; });
  return found == zip_.entries.end() ? nullptr : &*found;
}

void TorchArchiveReader::require_version() const {
  bool present = false;
  for (const std::string_view name : {"version", ".data/version"}) {
    const ZipEntry* entry = find(name);
    if (entry == nullptr) continue;
    present = true;
    std::string_view text(reinterpret_cast<const char*>(entry->data.data()), entry->data.size());
    const std::string_view shown = text;
    if (text.ends_with('\n')) text.remove_suffix(1);
    const bool number = !text.empty() && text.size() <= 2 && text.front() != '0' &&
                        std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    if (!number || std::stoi(std::string(text)) > kLastVersion) {
      refuse(name, fmt::format("expected 1 to {}, got '{}'", kLastVersion, printable(shown, 40)));
    }
  }
  if (!present) throw FormatError(where_, "zip: version is missing");
}

void TorchArchiveReader::require_byte_order() const {
  const ZipEntry* entry = find("byteorder");
  if (entry == nullptr) return;  // older than the record: little
  const std::string_view text(reinterpret_cast<const char*>(entry->data.data()),
                              entry->data.size());
  if (text == "little") return;
  if (text == "big") {
    throw UnsupportedError(where_, "unsupported: tensors of a big-endian machine",
                           advice("load and save it with torch on a little-endian machine"));
  }
  refuse("byteorder", fmt::format("expected 'little', got '{}'", printable(text, 40)));
}

void TorchArchiveReader::find_storages(TorchArchive& archive) const {
  constexpr std::string_view kFolder = "data/";
  for (const ZipEntry& entry : zip_.entries) {
    const std::string_view name = entry.name.substr(root_.size());
    if (name.starts_with(kFolder)) archive.storages.emplace(name.substr(kFolder.size()), entry);
  }
}

}  // namespace

TorchArchive open_torch_archive(std::span<const std::byte> bytes, const std::string& where) {
  return TorchArchiveReader(parse_zip(bytes, where), where).read();
}

bool is_storage_key(std::string_view key) {
  constexpr std::size_t kMaxDigits = 20;  // of 2^64
  return !key.empty() && key.size() <= kMaxDigits && (key.size() == 1 || key.front() != '0') &&
         std::ranges::all_of(key, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace weightlift
