#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace weightlift {

/// A folder that appears complete or not at all: built as `parent/.NAME.weightlift-XXXXXX`, which
/// is locked as long as its maker lives, then renamed to `parent/NAME`.
class TempFolder {
 public:
  /// Makes the folder, and `parent` where it is missing. First removes the dot-folders that dead
  /// processes left in `parent` (those whose lock is free). Throws IoError.
  TempFolder(std::filesystem::path parent, std::string name);

  /// Removes the folder unless it was published, and `parent` if this object made it and it is
  /// empty.
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  enum class Existing { kRefuse, kReplace };

  /// Gives the folder its name and returns `parent/NAME`. An existing one is refused (IoError), or
  /// exchanged in one step (RENAME_EXCHANGE) and then removed. Where the file system cannot
  /// exchange, the old folder is moved aside first: for that moment no folder has the name.
  std::filesystem::path publish(Existing existing);

 private:
  std::filesystem::path parent_;
  std::string name_;
  std::filesystem::path path_;
  int lock_ = -1;
  bool made_parent_ = false;
  bool published_ = false;
};

/// Throws IoError unless `name` can be a new folder's name in `parent`: the parent exists or can be
/// made, is a folder and writable, the name is free (or a folder, with kReplace). Writes nothing.
void require_place(const std::filesystem::path& parent, const std::string& name,
                   TempFolder::Existing existing);

/// fsync of every file of a folder, then of the folder and its parent. Throws IoError.
void sync_folder(const std::filesystem::path& folder);

}  // namespace weightlift
