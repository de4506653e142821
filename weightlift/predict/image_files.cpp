#include "weightlift/predict/image_files.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <string>
#include <string_view>

#include "weightlift/base/posix.h"
#include "weightlift/image/decode.h"
#include "weightlift/predict/ascii.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

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

}  // namespace

ImageFiles find_images(const fs::path& folder) {
  ImageFiles found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename().string().starts_with('.')) continue;
    if (is_image(*entry)) {
      found.files.push_back(entry->path());
    } else {
      ++found.skipped;
    }
  }
  if (error) throw_io_error(folder, "cannot be read", error.value());
  std::ranges::sort(found.files);
  return found;
}

}  // namespace weightlift
