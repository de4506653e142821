#include "weightlift/cli/picture_inputs.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "weightlift/base/error.h"
#include "weightlift/base/posix.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/log.h"
#include "weightlift/image/decode.h"
#include "weightlift/predict/picture_files.h"

namespace weightlift {

std::vector<std::filesystem::path> picture_files_of(const std::filesystem::path& image) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(image, ignored)) return {image};
  PictureFiles found = find_pictures(image);
  const std::string passed_over = fmt::format("{} other {} passed over", found.passed_over,
                                              found.passed_over == 1 ? "thing" : "things");
  if (found.files.empty()) {
    throw IoError(fmt::format("{}: expected pictures in this folder, got none; {}", shown(image),
                              passed_over));
  }
  if (found.passed_over > 0) log_warning(fmt::format("{}: {}", shown(image), passed_over));
  return std::move(found.files);
}

void add_max_pixels(CLI::App& command, DecodeLimits& limits) {
  constexpr std::int64_t kMost = 1 << 30;
  command
      .add_option("--max-pixels", limits.max_pixels,
                  "Refuse pictures of more pixels: a small file may declare many")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{1}, kMost));
}

}  // namespace weightlift
