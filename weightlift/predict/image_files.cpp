#include "weightlift/predict/image_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/image/decode.h"
#include "weightlift/predict/ascii.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

constexpr const char* kCannotRead = "cannot be read";

/// Whether the name ends like an image's, also of formats that are unsupported.
bool is_named_as_image(const fs::path& file) {
  constexpr std::array<std::string_view, 13> kEndings = {".jpg",  ".jpeg", ".png", ".webp", ".bmp",
                                                         ".ppm",  ".pgm",  ".pbm", ".gif",  ".tif",
                                                         ".tiff", ".avif", ".heic"};
  const std::string ending = ascii_lower(file.extension().string());
  return std::ranges::find(kEndings, ending) != kEndings.end();
}

/// Whether the entry is an image, even a broken one: reading it then reports the fault.
bool is_image(const fs::directory_entry& entry) {
  std::error_code ignored;
  const bool leads_nowhere = entry.is_symlink(ignored) && !entry.exists(ignored);
  if (!leads_nowhere && !entry.is_regular_file(ignored)) return false;
  if (is_named_as_image(entry.path())) return true;
  if (leads_nowhere) return false;
  std::ifstream file(entry.path(), std::ios::binary);
  // A file that cannot be opened may be an image: reading it reports the reason.
  if (!file) return true;
  std::array<char, 16> start{};
  file.read(start.data(), start.size());
  const std::span<const char> read(start.data(), static_cast<std::size_t>(file.gcount()));
  return looks_like_image(std::as_bytes(read));
}

/// A folder that is being read, and those above it.
struct Place {
  fs::path path;
  dev_t device = 0;
  ino_t inode = 0;
  std::shared_ptr<const Place> above;
};

std::shared_ptr<const Place> place_of(const fs::path& folder, std::shared_ptr<const Place> above) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) throw_io_error(folder, kCannotRead, errno);
  return std::make_shared<const Place>(
      Place{folder, status.st_dev, status.st_ino, std::move(above)});
}

/// Whether the folder is also one of those above it: a link leads back.
bool is_loop(const Place& place) {
  for (const Place* above = place.above.get(); above != nullptr; above = above->above.get()) {
    if (above->device == place.device && above->inode == place.inode) return true;
  }
  return false;
}

/// Adds the images of one folder, and returns the folders in it.
std::vector<fs::path> read_folder(const fs::path& folder, ImageFiles& found) {
  std::vector<fs::path> folders;
  std::vector<fs::path> files;
  for_each_visible(folder, [&](const fs::directory_entry& entry) {
    std::error_code ignored;
    if (entry.is_directory(ignored)) {
      folders.push_back(entry.path());
    } else if (is_image(entry)) {
      files.push_back(entry.path());
    } else {
      ++found.skipped;
    }
  });
  std::ranges::sort(files);
  found.files.insert(found.files.end(), files.begin(), files.end());
  return folders;
}

}  // namespace

void for_each_visible(const fs::path& folder,
                      const std::function<void(const fs::directory_entry&)>& use) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!entry->path().filename().string().starts_with('.')) use(*entry);
  }
  if (error) throw_io_error(folder, kCannotRead, error.value());
}

ImageFiles find_images(const fs::path& folder) {
  ImageFiles found;
  for_each_visible(folder, [&](const fs::directory_entry& entry) {
    if (is_image(entry)) {
      found.files.push_back(entry.path());
    } else {
      ++found.skipped;
    }
  });
  std::ranges::sort(found.files);
  return found;
}

ImageFiles find_images_below(const fs::path& folder) {
  // ImageNet-21k has 21,841 folders of classes. Links can make a few folders look like any number.
  constexpr std::size_t kMaxFolders = 1'000'000;
  std::map<std::string, ImageFiles> by_folder;  // of one folder each
  std::vector<std::shared_ptr<const Place>> waiting = {place_of(folder, nullptr)};
  std::size_t loops = 0;
  while (!waiting.empty()) {
    const std::shared_ptr<const Place> place = std::move(waiting.back());
    waiting.pop_back();
    if (is_loop(*place)) {
      ++loops;
      continue;
    }
    if (by_folder.size() == kMaxFolders) {
      throw UnsupportedError(shown(folder), "more than a million folders in it",
                             advice("check its symbolic links"));
    }
    for (const fs::path& next : read_folder(place->path, by_folder[place->path.string()])) {
      waiting.push_back(place_of(next, place));
    }
  }
  ImageFiles found{.skipped = loops};
  for (auto& [path, images] : by_folder) {
    found.files.insert(found.files.end(), images.files.begin(), images.files.end());
    found.skipped += images.skipped;
  }
  return found;
}

}  // namespace weightlift
