#include "weightlift/predict/picture_files.h"

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

/// Whether the name says so, also of formats that are not read here.
bool is_named_as_picture(const fs::path& file) {
  constexpr std::array<std::string_view, 13> kEndings = {".jpg",  ".jpeg", ".png", ".webp", ".bmp",
                                                         ".ppm",  ".pgm",  ".pbm", ".gif",  ".tif",
                                                         ".tiff", ".avif", ".heic"};
  const std::string ending = ascii_lower(file.extension().string());
  return std::ranges::find(kEndings, ending) != kEndings.end();
}

/// Broken pictures, too: who reads them says what is wrong, where passing them over would be
/// silent.
bool is_picture(const fs::directory_entry& entry) {
  std::error_code ignored;
  const bool leads_nowhere = entry.is_symlink(ignored) && !entry.exists(ignored);
  if (!leads_nowhere && !entry.is_regular_file(ignored)) return false;
  if (is_named_as_picture(entry.path())) return true;
  if (leads_nowhere) return false;
  std::ifstream file(entry.path(), std::ios::binary);
  // What cannot be read may be a picture: reading it will say why.
  if (!file) return true;
  std::array<char, 16> start{};
  file.read(start.data(), start.size());
  const std::span<const char> read(start.data(), static_cast<std::size_t>(file.gcount()));
  return looks_like_picture(std::as_bytes(read));
}

}  // namespace

PictureFiles find_pictures(const fs::path& folder) {
  PictureFiles found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename().string().starts_with('.')) continue;
    if (is_picture(*entry)) {
      found.files.push_back(entry->path());
    } else {
      ++found.passed_over;
    }
  }
  if (error) throw_io_error(folder, "cannot be read", error.value());
  std::ranges::sort(found.files);
  return found;
}

}  // namespace weightlift
