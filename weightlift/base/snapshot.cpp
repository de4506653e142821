#include "weightlift/base/snapshot.h"

#include <fmt/format.h>

#include <fstream>
#include <string_view>
#include <system_error>
#include <vector>

#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kModels = "models--";
constexpr std::string_view kSeparator = "--";

/// The commit that a cached repository's main points to, "" where that is no plain name.
std::string read_main(const fs::path& repository) {
  constexpr std::size_t kLongest = 100;  // a commit has 40
  std::ifstream file(repository / "refs" / "main");
  std::string commit(kLongest, '\0');
  file.read(commit.data(), kLongest);
  commit.resize(static_cast<std::size_t>(file.gcount()));
  while (!commit.empty() && (commit.back() == '\n' || commit.back() == '\r')) commit.pop_back();
  const bool plain = commit.find_first_not_of("0123456789abcdef") == std::string::npos;
  return plain ? commit : "";
}

std::vector<fs::path> list_folders(const fs::path& folder) {
  std::vector<fs::path> folders;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.is_directory(error)) folders.push_back(entry.path());
  }
  return folders;
}

/// NAME of "models--OWNER--NAME", "" for other names.
std::string name_in(const std::string& folder) {
  if (!folder.starts_with(kModels)) return "";
  const std::size_t last = folder.rfind(kSeparator);
  return folder.substr(last + kSeparator.size());
}

}  // namespace

fs::path resolve_snapshot(const fs::path& folder) {
  std::error_code error;
  const fs::path snapshots = folder / "snapshots";
  if (!fs::is_directory(snapshots, error) || fs::exists(folder / "config.json", error)) {
    return folder;
  }
  const std::string commit = read_main(folder);
  if (!commit.empty() && fs::is_directory(snapshots / commit, error)) return snapshots / commit;
  const std::vector<fs::path> all = list_folders(snapshots);
  if (all.size() == 1) return all.front();
  if (all.empty()) return folder;
  throw MismatchError(
      shown(folder),
      fmt::format("expected one snapshot of a cached repository, got {}", all.size()),
      advice(fmt::format("use one of the folders in {}", shown(snapshots))));
}

std::string name_of_cached(const fs::path& path) {
  std::error_code ignored;
  fs::path at = fs::absolute(path, ignored).lexically_normal();
  if (!at.has_filename()) at = at.parent_path();
  if (std::string name = name_in(at.filename().string()); !name.empty()) return name;
  const std::string file = at.filename().string();
  const bool unnamed = file.starts_with("model.") || file.starts_with("pytorch_model.");
  if (unnamed) at = at.parent_path();
  if (at.parent_path().filename() != "snapshots") return "";
  return name_in(at.parent_path().parent_path().filename().string());
}

}  // namespace weightlift
