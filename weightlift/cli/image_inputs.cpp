#include "weightlift/cli/image_inputs.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>

#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/signals.h"
#include "weightlift/image/decode.h"
#include "weightlift/predict/image_input.h"

namespace weightlift {

namespace {

/// Waits until there is input to read, or its end. Throws Interrupted soon after a signal, for
/// which read() alone would not stop: catch_signals has calls restarted.
void wait_for_standard_input() {
  constexpr int kPauseMs = 100;  // of a signal just before poll() begins
  while (true) {
    check_signals();
    pollfd input{STDIN_FILENO, POLLIN, 0};
    const int ready = ::poll(&input, 1, kPauseMs);
    if (ready > 0) return;
    if (ready < 0 && errno != EINTR) throw_io_error("standard input", "cannot read", errno);
  }
}

std::string read_standard_input() {
  constexpr std::size_t kMaxBytes = std::size_t{1} << 30;
  constexpr std::size_t kPiece = std::size_t{1} << 16;
  std::string bytes;
  while (true) {
    const std::size_t had = bytes.size();
    bytes.resize(had + kPiece);
    wait_for_standard_input();
    const ssize_t got = ::read(STDIN_FILENO, bytes.data() + had, kPiece);
    bytes.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return bytes;
    if (got < 0 && errno != EINTR) throw_io_error("standard input", "cannot read", errno);
    if (bytes.size() > kMaxBytes) {
      throw FormatError("standard input", "expected an image of at most 1 GiB, got more");
    }
  }
}

}  // namespace

std::vector<std::filesystem::path> image_files_of(const std::filesystem::path& image) {
  ImageFiles found = images_at(image);
  if (found.skipped > 0) {
    log_note(fmt::format("{}: skipped {}", shown(image),
                         found.skipped == 1
                             ? "1 entry that is not an image"
                             : fmt::format("{} entries that are not images", found.skipped)));
  }
  return std::move(found.files);
}

std::vector<ImageInput> find_inputs(const std::vector<std::string>& images) {
  std::vector<ImageInput> inputs;
  for (const std::string& image : images) {
    if (image == "-") {
      if (images.size() > 1) {
        throw UsageError("-", "standard input must be the only image");
      }
      inputs.push_back({.file = image, .bytes = read_standard_input()});
    } else {
      for (std::filesystem::path& file : image_files_of(image))
        inputs.push_back({.file = std::move(file)});
    }
  }
  return inputs;
}

int threads_logged(std::size_t images, int wanted, Notes& notes) {
  Notes refused;
  const int threads = threads_for(images, wanted, refused);
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
