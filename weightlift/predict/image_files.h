#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <vector>

namespace weightlift {

/// The images in a folder. Images are files whose first bytes or names are those of an image (.jpg,
/// .gif, ..., whether or not they can be decoded), and broken links with such names.
struct ImageFiles {
  std::vector<std::filesystem::path> files = {};  ///< sorted by name
  std::size_t skipped = 0;  ///< ignored entries, also folders; hidden ones do not count
};

/// Calls use(entry) for each entry of a folder but hidden ones, in the system's order. Throws
/// NotFoundError or IoError where the folder cannot be read.
void for_each_visible(const std::filesystem::path& folder,
                      const std::function<void(const std::filesystem::directory_entry&)>& use);

/// Finds the images of this folder, not of folders in it. Throws NotFoundError or IoError where it
/// cannot be read.
ImageFiles find_images(const std::filesystem::path& folder);

/// Finds the images of this folder and of all folders in it, in the order of torchvision's
/// ImageFolder: by the path of their folder as text, then by name. Follows links to folders, except
/// those that lead back to a folder above them: they count as skipped. Folders do not count. Throws
/// as find_images, and UnsupportedError for more than a million folders.
ImageFiles find_images_below(const std::filesystem::path& folder);

}  // namespace weightlift
