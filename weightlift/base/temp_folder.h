#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "weightlift/base/posix.h"

namespace weightlift {

/// A folder that appears complete or not at all: built as `parent/.NAME.weightlift-XXXXXX`, which
/// is locked (flock) as long as its maker lives, then renamed to `parent/NAME`. Modes are what the
/// umask makes of them, as with mkdir.
class TempFolder {
 public:
  /// Makes the folder, and `parent` where it is missing. First removes the dot-folders that dead
  /// processes of the same user left in `parent`: those whose lock is free. Throws IoError. Where
  /// the file system has no locks, everything works but that such folders stay.
  TempFolder(std::filesystem::path parent, std::string name);

  /// Removes the folder unless it was published, and the parents that this object made, as far as
  /// they are empty.
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// What to do where a folder has the name already.
  enum class Existing { kRefuse, kReplace };

  /// Gives the folder its name and returns `parent/NAME`. An existing folder is refused (IoError),
  /// or exchanged in one step (RENAME_EXCHANGE) and then removed: at every moment the name belongs
  /// to one of the two, complete. Anything else that has the name is refused.
  ///
  /// Where the file system has no such exchange, the old folder is first moved aside, to
  /// `parent/.NAME.weightlift-old-XXXXXX`: for that moment no folder has the name, and a process
  /// killed then leaves the old one there, which no later run removes. Where it cannot refuse an
  /// existing name in the same step either (RENAME_NOREPLACE), a look before has to do: a folder
  /// that somebody else makes meanwhile is replaced if it is empty, refused if not.
  std::filesystem::path publish(Existing existing);

 private:
  void make_parents();
  void remove_made_parents();
  void make_folder();

  std::filesystem::path parent_;
  std::string name_;
  std::filesystem::path path_;
  Descriptor lock_;
  std::vector<std::filesystem::path> made_parents_;  ///< from the outermost in
  bool published_ = false;
};

/// Throws IoError unless `name` can be a new folder's name in `parent`: the parent is a writable
/// folder or can be made, and the name is free (or a writable folder's, with kReplace). Writes
/// nothing.
void require_place(const std::filesystem::path& parent, const std::string& name,
                   TempFolder::Existing existing);

/// fsync of every file of a folder, then of the folder and its parent. Throws IoError. To survive a
/// power cut, a folder wants this before it is published, and its new name once more after.
void sync_folder(const std::filesystem::path& folder);

}  // namespace weightlift
