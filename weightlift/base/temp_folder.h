#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/base/posix.h"

namespace weightlift {

/// A folder that appears complete or not at all. It is built as
/// `parent/.NAME.weightlift-BOOT-NAMESPACE-PID-START-XXXXXX` (owner_tag.h), which is locked (flock)
/// while its process lives, then renamed to `parent/NAME`. The umask decides on its mode, as with
/// mkdir.
class TempFolder {
 public:
  /// Creates the folder, and `parent` where it is missing. Throws UsageError for a bad name, else
  /// NotFoundError or IoError.
  TempFolder(std::filesystem::path parent, std::string name);

  /// Removes the folder unless it was published, and those parents that this object created and
  /// that are empty.
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// What to do where a folder of that name exists.
  enum class Existing { kRefuse, kReplace };

  /// Gives the folder its name and returns `parent/NAME`. An existing folder is refused
  /// (ExistsError), or exchanged in one step (RENAME_EXCHANGE) and then removed: at every moment
  /// the name belongs to one of the two, complete. Anything else of that name is refused
  /// (ExistsError).
  ///
  /// Without such an exchange in the file system, the old folder first moves to
  /// `parent/.NAME.weightlift-old-XXXXXX`. For that moment no folder has the name, and a process
  /// that is killed then leaves the old folder there; no later run removes it. Without
  /// RENAME_NOREPLACE the check comes before the renaming: a folder that another program creates
  /// in between is replaced if it is empty, refused if not.
  std::filesystem::path publish(Existing existing);

 private:
  void make_parents();
  void remove_made_parents();
  void make_folder();

  std::filesystem::path parent_;
  std::string name_;
  std::filesystem::path path_;
  Descriptor lock_;
  std::vector<std::filesystem::path> made_parents_;  ///< outermost first
  bool published_ = false;
};

/// Removes the dot-folders that dead processes of this user left in `parent`: processes of this
/// boot and PID namespace that are gone, and whose lock is free. A file system may not share locks
/// between machines, so the lock alone decides nothing. Returns the names of those that may belong
/// to processes of other machines or containers, or hold a replaced folder (TempFolder::publish);
/// it keeps these. Does nothing where `parent` cannot be listed. Takes milliseconds where it has
/// thousands of entries: call it once per run, not per folder.
std::vector<std::string> remove_stale_folders(const std::filesystem::path& parent);

/// The dot-folders that remove_stale_folders() keeps.
struct AbandonedFolders {
  std::vector<std::string> removed, kept;  ///< sorted names
};

/// Removes those of `parent` in which nothing changed for `age`: no process works on one that long.
/// Keeps a replaced folder whose name is free: it is the only copy. With no age only lists them.
AbandonedFolders remove_abandoned_folders(const std::filesystem::path& parent,
                                          std::optional<std::chrono::hours> age);

/// Checks, without writing, that `parent/NAME` can be created: `parent` is a writable folder or can
/// be created, and the name is free (or a writable folder's, with kReplace). Throws UsageError for
/// a bad name, ExistsError where it is taken, else NotFoundError or IoError.
void require_place(const std::filesystem::path& parent, const std::string& name,
                   TempFolder::Existing existing);

/// Calls fsync on every file of a folder, then on the folder and its parent. Throws NotFoundError
/// or IoError. To survive a power cut, call it before the folder is published, and sync_names for
/// its parent after.
void sync_folder(const std::filesystem::path& folder);

/// Calls fsync on the folder alone: on the names in it. Throws as sync_folder.
void sync_names(const std::filesystem::path& folder);

}  // namespace weightlift
