#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "weightlift/base/error.h"
#include "weightlift/base/json.h"
#include "weightlift/base/posix.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/picture_inputs.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/progress.h"
#include "weightlift/predict/classifier.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct ClassifyFlags {
  fs::path folder;
  std::vector<std::string> images;
  std::size_t top_k = 5;
  bool json = false;
  ClassifyOptions options;
};

/// Waits until there is input to read, or its end. Throws Interrupted soon after a signal, for
/// which read() alone would not stop: catch_signals has calls restarted.
void wait_for_standard_input() {
  constexpr int kPauseMs = 100;  // of a signal just before poll() begins
  while (true) {
    check_signals();
    pollfd input{STDIN_FILENO, POLLIN, 0};
    const int ready = ::poll(&input, 1, kPauseMs);
    if (ready > 0) return;
    if (ready < 0 && errno != EINTR) throw_io_error("-", "standard input", errno);
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
    if (got < 0 && errno != EINTR) throw_io_error("-", "standard input", errno);
    if (bytes.size() > kMaxBytes) {
      throw FormatError("-: standard input: expected at most 1 GiB of a picture, got more");
    }
  }
}

std::vector<PictureInput> find_inputs(const std::vector<std::string>& images) {
  std::vector<PictureInput> inputs;
  for (const std::string& image : images) {
    if (image == "-") {
      if (images.size() > 1) {
        throw UsageError("-: expected standard input to be the only picture, got others beside it");
      }
      inputs.push_back({.file = image, .bytes = read_standard_input()});
    } else {
      for (fs::path& file : picture_files_of(image)) inputs.push_back({.file = std::move(file)});
    }
  }
  return inputs;
}

Json to_json(const PictureInput& input, const Classified& result,
             const std::vector<Prediction>& predictions) {
  Json json = {{"image", input.file.string()}};
  if (!result.error.empty()) {
    json["error"] = result.error;
    return json;
  }
  json["predictions"] = Json::array();
  for (const Prediction& prediction : predictions) {
    json["predictions"].push_back({{"id", prediction.id},
                                   {"label", prediction.label},
                                   {"score", static_cast<double>(prediction.score)}});
  }
  return json;
}

/// Bold on a terminal alone.
std::string bold(const std::string& text) {
  static const bool terminal = isatty(STDOUT_FILENO) == 1;
  return terminal ? fmt::format("\033[1m{}\033[0m", text) : text;
}

void print_rows(const PictureInput& input, const std::vector<Prediction>& predictions) {
  constexpr float kWidth = 20;
  fmt::print("{}\n", bold(shown(input.file)));
  bool first = true;
  for (const Prediction& prediction : predictions) {
    const float part = std::clamp(prediction.score, 0.0F, 1.0F);  // a regression's may be anything
    const std::string bar(static_cast<std::size_t>(std::lround(part * kWidth)), '#');
    const std::string row =
        fmt::format("{:.4f}  {:<20}  {}", prediction.score, bar, printable(prediction.label, 200));
    fmt::print("  {}\n", first ? bold(row) : row);
    first = false;
  }
}

int run_classify(const ClassifyFlags& flags) {
  catch_signals();
  const Classifier classifier = Classifier::open(flags.folder);
  for (const std::string& note : classifier.notes()) log_warning(note);
  const std::vector<PictureInput> inputs = find_inputs(flags.images);
  int code = 0;
  classifier.classify(inputs, flags.options, [&](std::size_t i, const Classified& result) {
    check_signals();
    const std::vector<Prediction> predictions = classifier.best(result.scores, flags.top_k);
    for (const std::string& note : result.notes) {
      log_warning(fmt::format("{}: {}", shown(inputs[i].file), note));
    }
    if (flags.json) {
      fmt::print("{}\n", dump_json_line(to_json(inputs[i], result, predictions)));
    } else if (result.error.empty()) {
      print_rows(inputs[i], predictions);
    }
    if (!result.error.empty()) {
      log_error(result.error);
      code = static_cast<int>(ExitCode::kBadInput);
    }
    flush_results();
  });
  return code;
}

}  // namespace

void add_classify_options(CLI::App& command, ClassifyOptions& options) {
  command.add_option("--threads", options.threads, "Pictures computed at a time; 0: one per core")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  add_max_pixels(command, options.limits);
}

Action add_classify(CLI::App& app) {
  auto* command = app.add_subcommand("classify", "Say what pictures show, with scores");
  auto flags = std::make_shared<ClassifyFlags>();
  command->add_option("FOLDER", flags->folder, "Folder of transformers with an image processor")
      ->required();
  command
      ->add_option(
          "IMAGE", flags->images,
          "Pictures (JPEG, PNG, WebP, BMP, PPM), folders of them, or - for one on standard "
          "input")
      ->required();
  command->add_option("--top-k", flags->top_k, "Labels per picture, of the highest scores")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 20U));
  command->add_flag("--json", flags->json, "One JSON object per picture");
  add_classify_options(*command, flags->options);
  return [flags] { return run_classify(*flags); };
}

}  // namespace weightlift
