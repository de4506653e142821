#include "weightlift/cli/image_inputs.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <thread>

#include "weightlift/base/error.h"
#include "weightlift/base/posix.h"
#include "weightlift/base/threads.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/log.h"
#include "weightlift/image/decode.h"
#include "weightlift/predict/image_files.h"

namespace weightlift {

std::vector<std::filesystem::path> image_files_of(const std::filesystem::path& image) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(image, ignored)) return {image};
  ImageFiles found = find_images(image);
  if (found.files.empty()) {
    throw NotFoundError(shown(image),
                        fmt::format("no images in this folder, {} other {}", found.skipped,
                                    found.skipped == 1 ? "entry" : "entries"));
  }
  if (found.skipped > 0) {
    log_note(fmt::format("{}: skipped {}", shown(image),
                         found.skipped == 1
                             ? "1 entry that is not an image"
                             : fmt::format("{} entries that are not images", found.skipped)));
  }
  return std::move(found.files);
}

int threads_for(std::size_t images, int wanted, Notes& notes) {
  const std::size_t most = wanted > 0 ? static_cast<std::size_t>(wanted)
                                      : std::max(1U, std::thread::hardware_concurrency());
  Notes refused;
  const int threads =
      usable_threads(static_cast<int>(std::clamp<std::size_t>(images, 1, most)), 1, refused);
  for (const Note& note : refused) {
    log_note(note);
    notes.push_back(note);
  }
  return threads;
}

void add_max_pixels(CLI::App& command, DecodeLimits& limits) {
  constexpr std::int64_t kMost = 1 << 30;
  command
      .add_option("--max-pixels", limits.max_pixels,
                  "Refuse images with more pixels; a small file may declare many")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{1}, kMost));
}

}  // namespace weightlift
