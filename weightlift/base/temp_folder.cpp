#include "weightlift/base/temp_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/owner_tag.h"

namespace weightlift {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMark = ".weightlift-";
constexpr std::string_view kOld = "old";  // in place of a tag: a folder that publish() replaced
constexpr std::size_t kSuffixBytes = 6;
constexpr std::size_t kMaxNameBytes = 255;  // the longest file name of Linux
constexpr mode_t kByUmask = 0777;

std::optional<struct stat> look(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
  return status;
}

bool same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

Descriptor open_folder(const fs::path& path) {
  return Descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/// Whether `folder` is open and `path` still names it.
bool is_at(const Descriptor& folder, const fs::path& path) {
  struct stat status {};
  const auto there = look(path);
  return folder && ::fstat(folder.get(), &status) == 0 && there && same(*there, status);
}

/// Other runs create and remove the same folders. What one of them changed between two of our calls
/// is tried again until this time is over, not a number of times: on a busy machine many tries may
/// fail in a row.
class Retry {
 public:
  bool again() const { return std::chrono::steady_clock::now() < end_; }

 private:
  std::chrono::steady_clock::time_point end_ =
      std::chrono::steady_clock::now() + std::chrono::seconds(5);
};

/// Removes a folder and its content. It follows no symbolic link, nor does remove_all. Another run
/// may remove the same folder: its files can vanish at any moment.
std::error_code remove_folder(const fs::path& path) {
  std::error_code error;
  const Retry retry;
  do {
    fs::remove_all(path, error);
  } while (error == std::errc::no_such_file_or_directory && retry.again());
  return error;
}

/// "TAG" of ".NAME.weightlift-TAG-XXXXXX", also where it is empty or "old"; nothing for other
/// names.
std::optional<std::string_view> tag_in_name(std::string_view name) {
  const std::size_t mark = name.rfind(kMark);
  if (!name.starts_with('.') || mark == name.npos || mark < 2) return std::nullopt;
  name.remove_prefix(mark + kMark.size());
  const auto is_letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (name.size() < kSuffixBytes) return std::nullopt;
  const std::string_view suffix = name.substr(name.size() - kSuffixBytes);
  if (!std::ranges::all_of(suffix, is_letter_or_digit)) return std::nullopt;
  name.remove_suffix(kSuffixBytes);
  if (name.empty()) return name;  // as versions before 0.2 named them
  if (!name.ends_with('-')) return std::nullopt;
  name.remove_suffix(1);
  return name == kOld || is_owner_tag(name) ? std::optional(name) : std::nullopt;
}

/// ".NAME.weightlift-TAG-XXXXXX"
std::string temp_name(std::string_view name, std::string_view tag) {
  return hidden_name(name, fmt::format("{}{}-{}", kMark, tag, random_suffix()));
}

bool is_own_folder(const Descriptor& folder) {
  struct stat status {};
  return folder && ::fstat(folder.get(), &status) == 0 && status.st_uid == ::geteuid();
}

/// Throws unless `target` is free, or a folder that may be replaced.
void require_free(const fs::path& target, TempFolder::Existing existing) {
  const auto status = look(target);
  if (!status) return;
  const bool folder = S_ISDIR(status->st_mode);
  if (!folder || existing == TempFolder::Existing::kRefuse) {
    throw ExistsError(
        shown(target),
        folder ? "already exists" : fmt::format("already exists as {}", kind_of(status->st_mode)),
        {{folder ? HintCode::kReplace : HintCode::kChooseName, {}}});
  }
  if (::faccessat(AT_FDCWD, target.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    throw_io_error(target, "cannot replace the existing folder", errno);
  }
}

void require_name(const std::string& name) {
  const bool names_itself = !name.empty() && name != "." && name != ".." &&
                            name.find('/') == std::string::npos &&
                            name.find('\0') == std::string::npos;
  if (!names_itself || name.size() > kMaxNameBytes) {
    throw UsageError(
        name.empty() ? "''" : printable(name),
        fmt::format("not a folder name: expected one part of a path, 1 to {} bytes", kMaxNameBytes),
        {{HintCode::kChooseName, {}}});
  }
}

/// The nearest of `path` and its ancestors that exists.
fs::path nearest_existing(fs::path path) {
  while (!path.empty() && !look(path) && path != path.root_path()) path = path.parent_path();
  return path.empty() ? fs::path(".") : path;
}

/// Follows `path`. Returns errno's value, 0 for success; ENOENT only where nothing has that name,
/// ELOOP for a symbolic link that leads nowhere.
int follow(const fs::path& path, struct stat& status) {
  if (::lstat(path.c_str(), &status) != 0) return errno;
  if (!S_ISLNK(status.st_mode)) return 0;  // one look: a later one may find another state
  if (::stat(path.c_str(), &status) == 0) return 0;
  return errno == ENOENT ? ELOOP : errno;
}

/// Throws unless `parent` is a writable folder, or can be created in its nearest ancestor.
void require_parent(const fs::path& parent) {
  fs::path nearest;
  int error = 0;
  const Retry retry;
  do {
    nearest = nearest_existing(parent);
    struct stat status {};
    error = follow(nearest, status);
    if (error == ELOOP) {
      throw NotFoundError(shown(nearest), "broken symbolic link", {{HintCode::kChooseOutput, {}}});
    }
    if (error == 0 && !S_ISDIR(status.st_mode)) {
      throw IoError(shown(nearest),
                    fmt::format("expected a folder, got {}", kind_of(status.st_mode)),
                    {{HintCode::kChooseOutput, {}}});
    }
    if (error == 0 && ::faccessat(AT_FDCWD, nearest.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
      error = errno;
    }
  } while (error == ENOENT && retry.again());
  if (error != 0) throw_io_error(nearest, "cannot write to this folder", error);
}

/// The path without slashes at its end, so that parent_path() is its parent; "." for "".
fs::path without_final_slash(fs::path path) {
  while (!path.has_filename() && path.has_relative_path()) path = path.parent_path();
  return path.empty() ? fs::path(".") : path;
}

/// Whether the kernel or the file system does not know renameat2's flags.
bool cannot_do(int error) { return error == EINVAL || error == ENOSYS; }

// The renaming functions return errno's value, 0 for success.

int rename_plainly(const fs::path& from, const fs::path& to) {
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

int rename_by_flag(const fs::path& from, const fs::path& to, unsigned int flag) {
  return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flag) == 0 ? 0 : errno;
}

/// EEXIST where `to` is not free.
int rename_to_free(const fs::path& from, const fs::path& to) {
  const int error = rename_by_flag(from, to, RENAME_NOREPLACE);
  if (!cannot_do(error)) return error;
  return look(to) ? EEXIST : rename_plainly(from, to);
}

/// `from` gets the name `to`; the folder that had it gets the name `old`.
int rename_two(const fs::path& from, const fs::path& to, const fs::path& old) {
  int error = rename_plainly(to, old);
  if (error != 0) return error;
  error = rename_plainly(from, to);
  if (error == 0) return 0;
  // Another run may have taken the name: then its folder replaces the old one, which else must
  // stay.
  const int back = rename_plainly(old, to);
  if (back == EEXIST || back == ENOTEMPTY) remove_folder(old);
  return error;
}

/// Calls visit(path, folder, owner) for this user's temporary folders in `parent`. A folder that
/// cannot be listed or opened does not stop the job.
template <class Visit>
void visit_temp_folders(const fs::path& parent, const Visit& visit) {
  std::error_code error;
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    const auto tag = tag_in_name(name);
    if (!tag) continue;
    const Descriptor folder = open_folder(entry->path());
    if (is_own_folder(folder)) visit(entry->path(), folder, find_owner(*tag));
  }
}

/// The last change of a folder or of an entry below it, since the epoch.
std::chrono::nanoseconds last_change(const fs::path& folder) {
  std::int64_t last = 0;
  const auto add = [&](const fs::path& path) {
    if (const auto status = look(path)) last = std::max(last, modified_ns(*status));
  };
  add(folder);
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    add(entry->path());
  }
  return std::chrono::nanoseconds(last);
}

/// Whether it is a replaced folder, ".NAME.weightlift-old-XXXXXX", and no folder has the name NAME,
/// or NAME may have been shortened.
bool is_only_copy(const fs::path& folder) {
  const std::string name = folder.filename();
  if (tag_in_name(name) != kOld) return false;
  std::error_code ignored;
  return name.size() == kMaxNameBytes ||
         !fs::is_directory(folder.parent_path() / name.substr(1, name.rfind(kMark) - 1), ignored);
}

void sync(const fs::path& path) {
  const Descriptor opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!opened || ::fsync(opened.get()) != 0) throw_io_error(path, "cannot sync", errno);
}

}  // namespace

TempFolder::TempFolder(fs::path parent, std::string name)
    : parent_(without_final_slash(std::move(parent))), name_(std::move(name)) {
  require_name(name_);
  require_parent(parent_);
  try {
    make_parents();
    make_folder();
  } catch (...) {
    remove_made_parents();
    throw;
  }
}

void TempFolder::make_parents() {
  std::vector<fs::path> missing;
  for (fs::path path = parent_; !path.empty() && !look(path); path = path.parent_path()) {
    missing.push_back(path);
  }
  std::ranges::reverse(missing);
  for (const fs::path& path : missing) {
    if (::mkdir(path.c_str(), kByUmask) == 0) {
      made_parents_.push_back(path);
    } else if (errno == ENOENT) {
      return;  // removed by another run that had created it: make_folder calls again
    } else if (errno != EEXIST) {
      throw_io_error(path, "cannot create the folder", errno);
    }
  }
}

void TempFolder::remove_made_parents() {
  for (; !made_parents_.empty(); made_parents_.pop_back()) ::rmdir(made_parents_.back().c_str());
}

void TempFolder::make_folder() {
  int error = 0;
  const std::string tag = owner_tag();
  const Retry retry;
  do {
    path_ = parent_ / temp_name(name_, tag);
    if (::mkdir(path_.c_str(), kByUmask) != 0) {
      error = errno;
      if (error == ENOENT) make_parents();
      if (error == ENOENT || error == EEXIST) continue;
      break;
    }
    lock_ = open_folder(path_);
    if (!lock_) {
      error = errno;
      if (error == ENOENT) continue;
      ::rmdir(path_.c_str());
      break;
    }
    ::flock(lock_.get(), LOCK_EX | LOCK_NB);  // a file system without locks may refuse
    if (is_at(lock_, path_)) return;
    error = ENOENT;
  } while (retry.again());
  throw_io_error(path_, "cannot create the folder", error);
}

TempFolder::~TempFolder() {
  if (published_) return;
  remove_folder(path_);
  remove_made_parents();
}

fs::path TempFolder::publish(Existing existing) {
  const fs::path target = parent_ / name_;
  int error = 0;
  fs::path old;
  const Retry retry;
  do {
    require_free(target, existing);
    error = rename_to_free(path_, target);
    if (error == EEXIST && existing == Existing::kReplace) {
      old = path_;
      error = rename_by_flag(path_, target, RENAME_EXCHANGE);
      if (cannot_do(error)) {
        old = parent_ / temp_name(name_, kOld);
        error = rename_two(path_, target, old);
      }
    }
    // Meanwhile a free name was taken, or the reverse: check again.
  } while ((error == EEXIST || error == ENOTEMPTY || error == ENOENT) && retry.again());
  if (error != 0) throw_io_error(target, "cannot rename the new folder to this name", error);
  published_ = true;
  if (!old.empty()) {
    if (const std::error_code kept = remove_folder(old)) {
      throw_io_error(old, "cannot remove the replaced folder", kept.value());
    }
  }
  return target;
}

std::vector<std::string> remove_stale_folders(const fs::path& parent) {
  std::vector<std::string> others;
  visit_temp_folders(parent, [&](const fs::path& path, const Descriptor& folder, Owner owner) {
    if (owner == Owner::kForeign) others.push_back(path.filename());
    if (owner != Owner::kGone || ::flock(folder.get(), LOCK_EX | LOCK_NB) != 0) return;
    // A folder that was published since it was opened has another name now.
    if (is_at(folder, path)) remove_folder(path);
  });
  std::ranges::sort(others);
  return others;
}

AbandonedFolders remove_abandoned_folders(const fs::path& parent,
                                          std::optional<std::chrono::hours> age) {
  AbandonedFolders found;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  visit_temp_folders(parent, [&](const fs::path& path, const Descriptor&, Owner owner) {
    if (owner != Owner::kForeign) return;
    // A name without a tag, of versions before 0.2, may be a user's.
    const bool tagged = !tag_in_name(path.filename().native())->empty();
    const bool old = age && tagged && now - last_change(path) > *age && !is_only_copy(path);
    const bool removed = old && !remove_folder(path);
    (removed ? found.removed : found.kept).push_back(path.filename());
  });
  std::ranges::sort(found.removed);
  std::ranges::sort(found.kept);
  return found;
}

void require_place(const fs::path& parent, const std::string& name, TempFolder::Existing existing) {
  require_no_nul(parent);
  require_name(name);
  require_parent(without_final_slash(parent));
  require_free(parent / name, existing);
}

void sync_folder(const fs::path& folder) {
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (!entry->is_symlink()) sync(entry->path());
  }
  if (error) throw_io_error(folder, "cannot list", error.value());
  sync(folder);
  sync_names(folder / "..");
}

void sync_names(const fs::path& folder) { sync(folder); }

}  // namespace weightlift
