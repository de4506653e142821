#include "weightlift/cli/preprocess_places.h"

#include <fmt/format.h>

#include <string_view>
#include <system_error>
#include <vector>

#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/checkpoint/weights_file.h"
#include "weightlift/export/model_folder.h"
#include "weightlift/image/processor.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

/// Whether two paths name one file, which need not exist.
bool is_same_file(const fs::path& one, const fs::path& other) {
  std::error_code ignored;
  const auto place = [&](const fs::path& file) {
    return fs::weakly_canonical(fs::absolute(file, ignored), ignored);
  };
  return fs::equivalent(one, other, ignored) || place(one) == place(other);
}

/// Refuses a result that would overwrite an image or a file of the model.
void require_free(const char* option, const fs::path& result, const fs::path& folder,
                  std::span<const fs::path> images) {
  for (const fs::path& image : images) {
    if (is_same_file(result, image)) {
      throw ExistsError(shown(result), fmt::format("{} would overwrite an image", option));
    }
  }
  std::vector<std::string_view> names = {kConfigFile, kProcessorFile, kCardFile};
  names.insert(names.end(), kWeightsFiles.begin(), kWeightsFiles.end());
  for (const std::string_view name : names) {
    if (is_same_file(result, folder / name)) {
      throw ExistsError(shown(result),
                        fmt::format("{} would overwrite the model's {}", option, name));
    }
  }
}

}  // namespace

void require_no_streams(const PreprocessPlaces& places, std::span<const fs::path> images) {
  std::vector<fs::path> paths(images.begin(), images.end());
  paths.insert(paths.end(), {places.output, places.show});
  for (const fs::path& path : paths) {
    if (path == "-")
      throw UsageError("-", "standard input and output are unsupported",
                       advice("write ./- for a file of that name"));
  }
}

void require_distinct(const PreprocessPlaces& places, std::span<const fs::path> images) {
  require_free("-o", places.output, places.folder, images);
  if (places.show.empty()) return;
  require_free("--show", places.show, places.folder, images);
  if (is_same_file(places.output, places.show)) {
    throw UsageError(shown(places.show), "-o and --show name the same file");
  }
}

}  // namespace weightlift
