// Manifests, the records and plans of a batch, and the record of a folder: whatever their bytes
// are, reading them ends, and only with an Error.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>

#include "fuzz/round_trip.h"
#include "weightlift/batch/ledger.h"
#include "weightlift/batch/manifest.h"
#include "weightlift/batch/summary.h"
#include "weightlift/convert/folder_record.h"
#include "weightlift/error.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using fuzzing::require;

/// A folder of this process.
const fs::path& room() {
  static const fs::path folder = [] {
    std::string name = fs::temp_directory_path() / "weightlift-fuzz-XXXXXX";
    require(::mkdtemp(name.data()) != nullptr);
    std::atexit([] { fs::remove_all(room()); });
    return fs::path(name);
  }();
  return folder;
}

void write(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary)
      .write(text.data(), static_cast<std::streamsize>(text.size()));
}

void read_as_manifest(std::string_view text, ManifestKind kind, const std::string& name_template) {
  const fs::path file = room() / "manifest";
  write(file, text);
  try {
    const Manifest manifest = read_manifest({file, kind, name_template});
    std::set<std::string> names;
    std::size_t line = 0;
    for (const BatchItem& item : manifest.items) {
      require(item.line > line);
      line = item.line;
      require(item.name.empty() || names.insert(item.name).second);
      try {
        require(parse_item(item, kind, {}).request.source == item.source);
      } catch (const Error&) {
        continue;
      }
    }
  } catch (const UsageError&) {
    return;  // two lines for one folder
  }
}

/// A record, with a plan of the same bytes beside it.
void read_as_records(std::string_view text) {
  const fs::path out = room() / "out", record = out / ".batch/00000-of-00001.jsonl";
  write(record, text);
  write(out / ".batch/00000-of-00001.plan.json", text);
  write(out / ".batch/manifest.json", text);
  try {
    merge_batch(out, std::nullopt);
  } catch (const NotFoundError&) {
    require(true);  // no plan
  }
  Manifest manifest;
  manifest.items.push_back({1, "s", "s", "s"});
  std::size_t lines = 0;
  read_ledger(record, [&](LedgerLine&& line) {
    require(!line.key.empty() && !line.time.empty() && !line.status.empty());
    ++lines;
  });
  { const Ledger ledger(out, manifest, {}); }
  std::size_t again = 0;
  read_ledger(record, [&](LedgerLine&&) { ++again; });
  require(again == lines);
  require(fs::file_size(record) == (text.rfind('\n') == text.npos ? 0 : text.rfind('\n') + 1));
  require(merge_batch(out, std::nullopt).items == 1);
}

void read_as_folder_record(std::string_view text) {
  const fs::path folder = room() / "folder";
  write(folder / kRecordFile, text);
  const auto record = read_record(folder);
  if (record) require(find_change(folder, *record, *record).empty() || !record->sizes.empty());
}

}  // namespace
}  // namespace weightlift

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weightlift;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (*data) {
    case 'm':
      read_as_manifest(text, ManifestKind::kJsonLines, "");
      break;
    case 'l':
      read_as_manifest(text, ManifestKind::kList, "");
      break;
    case 't':
      read_as_manifest(text, ManifestKind::kList, "{grandparent}-{parent}-{stem}");
      break;
    case 'r':
      read_as_records(text);
      break;
    default:
      read_as_folder_record(text);
  }
  return 0;
}
